//! Processes of another user of this machine.

use std::path::Path;

use tokio::process::Command;

use crate::components::require;

/// Nobody: a user who owns nothing here, and under whom no test runs.
pub(crate) const UID: u32 = 65_534;

/// Python with this program, run as [`UID`].
pub(crate) fn python(program: &str) -> Command {
    // Not the one on the path, which may lie where nobody else can read.
    let mut command = command(&require("/usr/bin/python3", "apt-get install python3"));
    command.args(["-u", "-c", program]);
    command
}

/// A program, run as [`UID`].
///
/// # Panics
///
/// If this process may not start one of another user.
pub(crate) fn command(program: &Path) -> Command {
    let root = rustix::process::geteuid().is_root();
    assert!(root, "only root can start a process of another user: `sudo tests/scorecard` does");
    let uid = UID.to_string();
    let mut command = Command::new(require("setpriv", "apt-get install util-linux"));
    command
        .args(["--reuid", &uid, "--regid", &uid, "--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}
