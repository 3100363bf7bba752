//! This user's own files: the one way to open one, and the one way to write one, whole.
//!
//! What is read is a regular file of this user that nobody else has access to, and what is written
//! is that from its first byte on: others see all of it or nothing, after a power cut too. Both go
//! through an open folder, so that no path is looked up twice. Knows nothing of what is in the
//! files. Called by whoever keeps a secret on disk, or the wishes of its human.

use std::{
    ffi::OsStr,
    fs::{DirBuilder, File, Permissions},
    io::{self, Read as _, Write as _},
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt as _,
            fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, CWD, Dir, Mode, OFlags, linkat, openat, renameat, unlinkat},
    process::{Pid, test_kill_process},
};
use zeroize::Zeroizing;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there.
    #[error("it is not there")]
    Missing,
    /// Somebody else may have read it or put it there: what is wrong with it.
    #[error("it is not private: {0}")]
    NotPrivate(String),
    /// It is larger than any that was written.
    #[error("it has more than {0} bytes")]
    TooLarge(u64),
    /// The system does not let us read it.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
}

/// What becomes of a file whose place another one is to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Earlier<'a> {
    /// It stays, and nothing is written.
    Stays,
    /// It is gone.
    Goes,
    /// It is kept beside it under this name.
    KeptAs(&'a OsStr),
}

/// Reads a file of this user that nobody else has access to. What was read is cleared when it is
/// dropped.
pub fn read(path: &Path, max: u64) -> Result<Zeroizing<Vec<u8>>, Error> {
    let file = open(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Error::Missing,
        _ => Error::Unreadable(error),
    })?;
    let found = file.metadata().map_err(Error::Unreadable)?;
    let mode = found.mode() & 0o7777;
    if !found.is_file() {
        return Err(Error::NotPrivate("it is not a regular file".to_owned()));
    }
    if found.uid() != own_uid() {
        return Err(Error::NotPrivate(format!(
            "it belongs to the user with the id {}",
            found.uid()
        )));
    }
    if mode & 0o077 != 0 {
        let why = format!("its mode is {mode:03o}, so that others have access to it");
        return Err(Error::NotPrivate(why));
    }
    if found.len() > max {
        return Err(Error::TooLarge(max));
    }
    // As large as it will be, so that no copy is left behind while it grows.
    let room = usize::try_from(found.len()).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(max).read_to_end(&mut bytes).map_err(Error::Unreadable)?;
    Ok(bytes)
}

fn open(path: &Path) -> io::Result<File> {
    // A link may lead anywhere, and opening a pipe would wait for its writer.
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    Ok(File::from(openat(CWD, path, flags, Mode::empty())?))
}

/// Writes a file that nobody else has access to, in a folder of the same kind, which is made where
/// it is missing. It is on the disk when this returns.
///
/// # Errors
///
/// [`io::ErrorKind::AlreadyExists`] if there is one that stays, or why nothing can be written. The
/// one that was there is still there then, or kept under its other name.
pub fn put(path: &Path, bytes: &[u8], earlier: Earlier<'_>) -> io::Result<()> {
    let (folder, name) = parted(path)?;
    make(folder)?;
    let folder = Folder::open(folder)?;
    folder.sweep(name)?;
    let draft = draft_of(name, std::process::id());
    let written = folder.write(&draft, bytes).and_then(|()| folder.place(&draft, name, earlier));
    // After a renaming there is none.
    let _ = folder.remove(&draft);
    written?;
    folder.sync()
}

/// Removes a file, with what is left of writing it, and is done when the disk knows. One that is
/// not there is removed already.
pub fn remove(path: &Path) -> io::Result<()> {
    let (folder, name) = parted(path)?;
    match Folder::open(folder) {
        Ok(folder) => {
            folder.remove(name)?;
            folder.sweep(name)?;
            folder.sync()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn parted(path: &Path) -> io::Result<(&Path, &OsStr)> {
    path.parent().zip(path.file_name()).ok_or_else(|| io::Error::other("it is in no folder"))
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// The name under which this process writes a file before it takes its place.
fn draft_of(name: &OsStr, pid: u32) -> PathBuf {
    let name = [b".", name.as_bytes(), format!(".{pid}{DRAFT}").as_bytes()].concat();
    PathBuf::from(OsStr::from_bytes(&name))
}

/// Who writes the file of this name under that one.
fn writer_of(draft: &[u8], name: &OsStr) -> Option<Pid> {
    let rest = draft.strip_prefix(b".")?.strip_prefix(name.as_bytes())?.strip_prefix(b".")?;
    let pid = std::str::from_utf8(rest.strip_suffix(DRAFT.as_bytes())?).ok()?;
    Pid::from_raw(pid.parse().ok()?)
}

/// What the name of a file ends with that is not finished.
const DRAFT: &str = ".new";

/// A folder of this user that nobody else has access to.
struct Folder(File);

impl Folder {
    /// Opens it, and closes it to others.
    fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = File::from(openat(CWD, path, flags, Mode::empty())?);
        let found = folder.metadata()?;
        if found.uid() != own_uid() {
            return Err(io::Error::other(format!(
                "its folder belongs to the user with the id {}",
                found.uid()
            )));
        }
        // One that was there keeps its mode when it is made.
        if found.mode() & 0o077 != 0 {
            folder.set_permissions(Permissions::from_mode(0o700))?;
        }
        Ok(Self(folder))
    }

    /// Removes what processes left that died while they wrote the file of this name.
    fn sweep(&self, name: &OsStr) -> io::Result<()> {
        for entry in Dir::read_from(&self.0)? {
            let entry = entry?;
            let own = std::process::id().cast_signed();
            let left = writer_of(entry.file_name().to_bytes(), name).is_some_and(|pid| {
                let gone = || test_kill_process(pid) == Err(rustix::io::Errno::SRCH);
                pid.as_raw_nonzero().get() == own || gone()
            });
            if left {
                self.remove(OsStr::from_bytes(entry.file_name().to_bytes()))?;
            }
        }
        Ok(())
    }

    fn write(&self, draft: &Path, bytes: &[u8]) -> io::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created: OwnedFd = openat(&self.0, draft, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(created);
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn place(&self, draft: &Path, name: &OsStr, earlier: Earlier<'_>) -> io::Result<()> {
        match earlier {
            // A name that is taken stops a link, and not a renaming.
            Earlier::Stays => linkat(&self.0, draft, &self.0, name, AtFlags::empty())?,
            Earlier::Goes => renameat(&self.0, draft, &self.0, name)?,
            Earlier::KeptAs(other) => {
                match renameat(&self.0, name, &self.0, other) {
                    Ok(()) | Err(rustix::io::Errno::NOENT) => {}
                    Err(error) => return Err(error.into()),
                }
                renameat(&self.0, draft, &self.0, name)?;
            }
        }
        Ok(())
    }

    fn remove(&self, name: impl AsRef<Path>) -> io::Result<()> {
        match unlinkat(&self.0, name.as_ref(), AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

#[cfg(test)]
mod tests;
