//! The wall clock of a daemon, moved under its feet: `tests/support/clock_shim.c` in front of the
//! system's C library.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::PathBuf,
    process::Command as Build,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;
use tokio::process::Command;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/clock_shim.c");

pub(crate) struct ClockShim {
    folder: TempDir,
    offset: File,
}

impl ClockShim {
    /// Builds it. It moves nothing at first.
    pub(crate) fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("clock_shim.so");
        let mut cc = Build::new("cc");
        cc.args(["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o"]).arg(library).arg(SOURCE);
        assert!(cc.status().unwrap().success(), "cc cannot build {SOURCE}");
        fs::write(folder.path().join("offset"), 0i64.to_ne_bytes()).unwrap();
        let offset = File::options().write(true).open(folder.path().join("offset")).unwrap();
        Self { folder, offset }
    }

    /// The same program with its wall clock in our hand.
    pub(crate) fn before(&self, mut program: Command) -> Command {
        program.env("LD_PRELOAD", self.file("clock_shim.so"));
        program.env("CLOCK_SHIM", self.file("offset"));
        program
    }

    /// Has that wall clock be this many seconds ahead of ours, or behind.
    pub(crate) fn set(&self, seconds: i64) {
        let nanos = seconds * 1_000_000_000;
        self.offset.write_all_at(&nanos.to_ne_bytes(), 0).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Seconds since the Unix epoch, by the wall clock of this machine.
pub(crate) fn wall_seconds() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "what the real daemon tells is compared with it")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(Duration::as_secs(&now)).unwrap()
}
