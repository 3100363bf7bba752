//! The text of a cluster's `ca_file`.
//!
//! What is in it is as much a setting as its path. Read for `trust`, and by `daemon` where the
//! configuration is read again, so it must not wait: a pipe in its place is an error.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;

use super::Error;
use crate::{cisco::CaFileFlaw, config::ClusterConfig};

/// The largest file, in bytes. The authorities of all the world fit ten times over.
const LARGEST: u64 = 4 * 1024 * 1024;

/// What is in the `ca_file` of a cluster now; nothing, if it has none.
///
/// # Errors
///
/// If it cannot be read.
pub fn ca_text(config: &ClusterConfig) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = &config.ca_file else { return Ok(None) };
    let unreadable = |flaw| Error::CaFile { path: path.clone(), source: flaw };
    read(path).map(Some).map_err(|error| unreadable(CaFileFlaw::Unreadable(error)))
}

pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();

        for path in [folder.path(), &pipe] {
            assert!(read(path).is_err());
        }
    }
}
