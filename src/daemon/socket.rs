//! The broker's socket: in a private folder, with a lock that lasts as long as the daemon.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{
        DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
        PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
    process::getuid,
};
use tokio::net::UnixListener;

/// Why the socket cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The path has no folder.
    #[error("`{}` is not a path in a folder", .0.display())]
    NoFolder(PathBuf),
    /// The folder is not private.
    #[error("the folder `{}` is not private: {why}", .folder.display())]
    NotPrivate {
        /// The folder.
        folder: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Another ucssod has the socket.
    #[error("another ucssod is already serving `{}`", .0.display())]
    AlreadyRunning(PathBuf),
    /// Something else is in the place.
    #[error("`{}` exists and is not a socket", .0.display())]
    InTheWay(PathBuf),
    /// The file system does not play along.
    #[error("`{}` cannot be used", .path.display())]
    Io {
        /// What was tried.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// A socket that is ours, until it is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    _lock: File,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Nobody is left to tell; the next daemon removes what remains.
        let _ = fs::remove_file(&self.path);
    }
}

/// Binds the socket. Must be called inside a tokio runtime.
pub fn bind(path: &Path) -> Result<(UnixListener, Socket), Error> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .ok_or_else(|| Error::NoFolder(path.to_owned()))?;
    make_private(folder)?;
    let lock = lock(&path.with_extension("lock"), path)?;
    remove_stale(path)?;
    let listener = UnixListener::bind(path).map_err(at(path))?;
    let socket = Socket { path: path.to_owned(), _lock: lock };
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(at(path))?;
    Ok((listener, socket))
}

fn make_private(folder: &Path) -> Result<(), Error> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(at(folder)(error)),
    }
    let found = fs::symlink_metadata(folder).map_err(at(folder))?;
    let why = if !found.is_dir() {
        "it is not a folder"
    } else if found.uid() != getuid().as_raw() {
        "it belongs to another user"
    } else if found.mode() & 0o077 != 0 {
        "others have access to it; `chmod 700` it"
    } else {
        return Ok(());
    };
    Err(Error::NotPrivate { folder: folder.to_owned(), why })
}

/// The lock is never removed: whoever waits for a removed file locks nothing.
fn lock(path: &Path, socket: &Path) -> Result<File, Error> {
    let no_follow = i32::try_from(OFlags::NOFOLLOW.bits()).expect("the flag is a small number");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .custom_flags(no_follow)
        .open(path)
        .map_err(at(path))?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(Error::AlreadyRunning(socket.to_owned())),
        Err(error) => Err(at(path)(error.into())),
    }
}

/// Removes what a daemon left that did not end well. The lock says that none is running.
fn remove_stale(path: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path).map_err(at(path)),
        Ok(_) => Err(Error::InTheWay(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(path)(error)),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("ucsso").join("broker.sock");
        (folder, socket)
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[tokio::test]
    async fn the_socket_and_its_folder_are_private() {
        let (_folder, path) = folder();

        let (_listener, socket) = bind(&path).unwrap();

        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(mode(&path.with_extension("lock")), 0o600);
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_second_daemon_is_told_of_the_first() {
        let (_folder, path) = folder();
        let _first = bind(&path).unwrap();

        assert!(matches!(bind(&path), Err(Error::AlreadyRunning(_))));
        assert!(path.exists(), "the first keeps its socket");
    }

    #[tokio::test]
    async fn what_a_crash_left_is_replaced() {
        let (_folder, path) = folder();
        make_private(path.parent().unwrap()).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());

        assert!(bind(&path).is_ok());
    }

    #[tokio::test]
    async fn obstacles_are_named_and_not_removed() {
        type Plant = fn(&Path);
        let plants: [(Plant, &str); 5] = [
            (|path| fs::write(path, "x").unwrap(), "is not a socket"),
            (|path| fs::create_dir(path).unwrap(), "is not a socket"),
            (|path| symlink("/dev/null", path).unwrap(), "is not a socket"),
            (|path| symlink("/dev/null", path.with_extension("lock")).unwrap(), "cannot be used"),
            (
                |path| {
                    let open = Permissions::from_mode(0o755);
                    fs::set_permissions(path.parent().unwrap(), open).unwrap();
                },
                "others have access",
            ),
        ];
        for (plant, sentence) in plants {
            let (_folder, path) = folder();
            make_private(path.parent().unwrap()).unwrap();
            plant(&path);

            let error = bind(&path).unwrap_err().to_string();

            assert!(error.contains(sentence), "{error}");
        }
        let (outside, path) = folder();
        symlink(outside.path(), path.parent().unwrap()).unwrap();
        assert!(matches!(bind(&path), Err(Error::NotPrivate { why: "it is not a folder", .. })));
        assert!(matches!(bind(Path::new("broker.sock")), Err(Error::NoFolder(_))));
    }
}
