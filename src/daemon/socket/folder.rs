//! The private folder of the socket, and what may lie in it.
//!
//! The folder is opened once, and everything after that goes through its descriptor: whoever swaps
//! a part of the path afterwards swaps nothing of ours. Nothing in the folder is followed, and
//! nothing removed but a socket at which nobody listens.

use std::{
    ffi::{OsStr, OsString},
    os::{
        fd::{AsRawFd as _, OwnedFd},
        unix::net::UnixListener,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, Stat, chmodat, flock, fstat, mkdirat,
        openat, statat, unlinkat,
    },
    io::Errno,
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
    process::getuid,
};

use super::{Error, at};

/// A folder that nobody but this user has access to.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    fd: OwnedFd,
}

/// A socket in its folder that nobody else removes, and its lock.
#[derive(Debug)]
pub(super) struct Bound {
    folder: Folder,
    name: OsString,
    file: (u64, u64),
    _lock: OwnedFd,
}

impl Drop for Bound {
    fn drop(&mut self) {
        // Nobody is left to tell; the next daemon removes what remains.
        if let Ok(Some(found)) = self.folder.find(&self.name)
            && (found.st_dev, found.st_ino) == self.file
        {
            let _ = unlinkat(&self.folder.fd, &self.name, AtFlags::empty());
        }
    }
}

impl Folder {
    /// Opens it; makes it first if it is not there.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        match mkdirat(CWD, path, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => Self::existing(path),
            Err(error) => Err(at(path)(error.into())),
        }
    }

    /// Opens it, if it is there and private.
    pub(super) fn existing(path: &Path) -> Result<Self, Error> {
        let refused = |why| Error::NotPrivate { folder: path.to_owned(), why };
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(CWD, path, flags, Mode::empty()).map_err(|error| match error {
            Errno::NOTDIR | Errno::LOOP => refused("it is not a folder"),
            error => at(path)(error.into()),
        })?;
        let found = fstat(&fd).map_err(|error| at(path)(error.into()))?;
        if found.st_uid != getuid().as_raw() {
            return Err(refused("it belongs to another user"));
        }
        if found.st_mode & 0o077 != 0 {
            return Err(refused("others have access to it; `chmod 700` it"));
        }
        Ok(Self { path: path.to_owned(), fd })
    }

    /// Binds a socket of this name.
    pub(super) fn bind(self, name: &OsStr) -> Result<(UnixListener, Bound), Error> {
        let lock = self.lock(name)?;
        self.remove_stale(name)?;
        let path = self.path.join(name);
        let listener = UnixListener::bind(self.door(name)).map_err(at(&path))?;
        let failed = |error: Errno| at(&path)(error.into());
        let found = self.find(name).map_err(failed)?.ok_or(Errno::NOENT).map_err(failed)?;
        let file = (found.st_dev, found.st_ino);
        chmodat(&self.fd, name, Mode::RUSR | Mode::WUSR, AtFlags::empty()).map_err(failed)?;
        Ok((listener, Bound { folder: self, name: name.to_owned(), file, _lock: lock }))
    }

    /// Locks the file beside the socket. It is never removed: whoever waits for a removed file
    /// locks nothing.
    fn lock(&self, socket: &OsStr) -> Result<OwnedFd, Error> {
        let name = Path::new(socket).with_extension("lock");
        let path = self.path.join(&name);
        let failed = |error: Errno| at(&path)(error.into());
        let private = Mode::RUSR | Mode::WUSR;
        let in_the_way = || Error::InTheWay { path: path.clone(), wanted: "a lock file of ours" };
        // Without a wait for the reader of a pipe.
        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.fd, &name, flags, private).map_err(|error| match error {
            Errno::LOOP | Errno::ISDIR | Errno::NXIO => in_the_way(),
            error => failed(error),
        })?;
        let found = fstat(&file).map_err(failed)?;
        let ours = is(&found, FileType::RegularFile) && found.st_uid == getuid().as_raw();
        if !ours || found.st_nlink != 1 {
            return Err(in_the_way());
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => Err(Error::AlreadyRunning(self.path.join(socket))),
            Err(error) => Err(failed(error)),
        }
    }

    /// Removes what a daemon left that did not end well. The lock says that none is running; but
    /// a service manager listens without it.
    fn remove_stale(&self, name: &OsStr) -> Result<(), Error> {
        let path = self.path.join(name);
        let failed = |error: Errno| at(&path)(error.into());
        match self.find(name).map_err(failed)? {
            None => Ok(()),
            Some(found) if !is(&found, FileType::Socket) => {
                Err(Error::InTheWay { path, wanted: "a socket" })
            }
            Some(_) if !self.is_abandoned(name).map_err(failed)? => Err(Error::Foreign(path)),
            Some(_) => unlinkat(&self.fd, name, AtFlags::empty()).map_err(failed),
        }
    }

    /// Whether nobody listens at a socket any more. Only a refusal says so: a full queue, or a
    /// socket of another kind, is somebody's.
    fn is_abandoned(&self, name: &OsStr) -> Result<bool, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let probe = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let answer = connect(&probe, &SocketAddrUnix::new(self.door(name))?);
        Ok(answer == Err(Errno::CONNREFUSED))
    }

    /// A file in this folder, by a path that leads nowhere else.
    fn door(&self, name: &OsStr) -> PathBuf {
        Path::new("/proc/self/fd").join(self.fd.as_raw_fd().to_string()).join(name)
    }

    fn find(&self, name: &OsStr) -> Result<Option<Stat>, Errno> {
        match statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => Ok(Some(found)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is(found: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(found.st_mode) == kind
}
