//! The broker's socket: in a private folder, and nobody else's.
//!
//! Bound by the daemon itself it has a lock that lasts as long as the daemon, and is removed at the
//! end. One that was passed belongs to the service manager, which serves it again with the next
//! daemon; it has to be as private. `folder` has the rules for what lies in the folder.

mod folder;
#[cfg(test)]
mod tests;

use std::{
    io,
    os::unix::{fs::MetadataExt as _, net},
    path::{Path, PathBuf},
};

use tokio::net::UnixListener;
use tracing::warn;

use self::folder::{Bound, Folder};

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
    /// Something that is not ucssod, or was started by a service manager, listens there.
    #[error("another program already listens at `{}`", .0.display())]
    Foreign(PathBuf),
    /// Something else is in the place.
    #[error("`{}` exists and is not {wanted}", .path.display())]
    InTheWay {
        /// The place.
        path: PathBuf,
        /// What belongs there.
        wanted: &'static str,
    },
    /// The service manager's socket can be reached by others.
    #[error("the socket `{}` that the service manager passed is not private: {why}", .path.display())]
    PassedOpen {
        /// Its path.
        path: PathBuf,
        /// Who could reach it.
        why: &'static str,
    },
    /// The service manager's socket has no path, so nothing says who may connect.
    #[error("the socket that the service manager passed is not at a path")]
    PassedNowhere,
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

impl Error {
    /// What mends it; empty where the error says so itself.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        match self {
            Self::AlreadyRunning(_) => "see `ucssoctl status`, or end it first",
            Self::Foreign(_) => {
                "if that is `ucssod.socket`, run `systemctl --user start ucssod.service` instead; \
                 `ss -xlp` names it"
            }
            Self::PassedOpen { .. } => {
                "set `SocketMode=0600` and `DirectoryMode=0700` in `ucssod.socket`, and restart that"
            }
            Self::PassedNowhere => {
                "set `ListenStream=%t/ucsso/broker.sock` in `ucssod.socket`, and restart that"
            }
            Self::NoFolder(_)
            | Self::NotPrivate { .. }
            | Self::InTheWay { .. }
            | Self::Io { .. } => "",
        }
    }
}

/// Where the socket comes from.
#[derive(Debug)]
pub enum Origin {
    /// It is to be bound at this path.
    Path(PathBuf),
    /// The service manager listens already. Clients look for it where `told` says.
    Passed {
        /// The socket.
        listener: net::UnixListener,
        /// Where else it was said to be.
        told: Option<PathBuf>,
    },
}

/// A socket that is ours, until it is dropped.
#[derive(Debug)]
pub struct Socket {
    path: PathBuf,
    /// What is to be removed at the end.
    _bound: Option<Bound>,
}

impl Socket {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Has the socket listen. Must be called inside a tokio runtime.
pub fn open(origin: Origin) -> Result<(UnixListener, Socket), Error> {
    let (listener, socket) = match origin {
        Origin::Path(path) => {
            let (listener, bound) = bind(&path)?;
            (listener, Socket { path, _bound: Some(bound) })
        }
        Origin::Passed { listener, told } => {
            let path = path_of(&listener)?;
            check_passed(&path)?;
            if let Some(told) = told.filter(|told| !is_same(told, &path)) {
                let (served, told) = (path.display(), told.display());
                warn!(
                    "the service manager listens at `{served}`: that is served, not `{told}`, \
                     where clients look for it"
                );
            }
            (listener, Socket { path, _bound: None })
        }
    };
    let listening = listener.set_nonblocking(true).and_then(|()| UnixListener::from_std(listener));
    Ok((listening.map_err(at(&socket.path))?, socket))
}

fn bind(path: &Path) -> Result<(net::UnixListener, Bound), Error> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(Error::NoFolder(path.to_owned()));
    };
    if folder.as_os_str().is_empty() {
        return Err(Error::NoFolder(path.to_owned()));
    }
    Folder::open(folder)?.bind(name)
}

fn path_of(listener: &net::UnixListener) -> Result<PathBuf, Error> {
    let addr = listener.local_addr().ok();
    addr.and_then(|addr| addr.as_pathname().map(Path::to_owned)).ok_or(Error::PassedNowhere)
}

/// Holds the path of the service manager's socket to what we would have made ourselves.
fn check_passed(path: &Path) -> Result<(), Error> {
    let found = path.symlink_metadata().map_err(at(path))?;
    let open = |why| Error::PassedOpen { path: path.to_owned(), why };
    if found.uid() != rustix::process::getuid().as_raw() {
        return Err(open("it belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        return Err(open("others may connect to it"));
    }
    let folder = path.parent().ok_or(Error::PassedNowhere)?;
    match Folder::existing(folder) {
        Err(Error::NotPrivate { .. }) => Err(open("its folder is not this user's alone")),
        other => other.map(drop),
    }
}

/// Whether two paths lead to one file.
fn is_same(one: &Path, other: &Path) -> bool {
    let file = |path: &Path| path.metadata().map(|found| (found.dev(), found.ino())).ok();
    one == other || file(one).is_some_and(|one| Some(one) == file(other))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::Io { path, source }
}
