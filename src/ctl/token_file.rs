//! A token in a file, for one program and as long as that runs.
//!
//! Each has a folder of its own in the user's runtime folder, which is in memory and goes when the
//! user does. The folder is locked while somebody keeps it; one that is not is what a program left
//! that was killed, and is cleared away by the next. Called by `exec`.

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use super::{error::Error, terminal};
use crate::private::{self, Earlier};

/// How the name of a folder begins that has its lock.
const PREFIX: &str = "exec-";
/// The file in it.
const FILE: &str = "token";

/// The file. Dropping it removes it.
#[derive(Debug)]
pub(super) struct TokenFile {
    folder: PathBuf,
    /// Locked for as long as it is open.
    _lock: File,
}

impl TokenFile {
    /// A place for a token in the runtime folder of `ucsso`.
    pub(super) fn create(runtime: &Path) -> Result<Self, Error> {
        let unwritable = |source| Error::Unwritable { path: runtime.to_owned(), source };
        match builder().create(runtime) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(unwritable(error));
            }
            _ => {}
        }
        if !is_private(runtime).map_err(unwritable)? {
            return Err(Error::NotPrivate { folder: runtime.to_owned() });
        }
        clear_away(runtime);
        Self::locked_in(runtime).map_err(unwritable)
    }

    /// It gets its name once it is locked: nobody clears it away before.
    fn locked_in(runtime: &Path) -> io::Result<Self> {
        let nanos = terminal::now().timestamp().as_nanosecond();
        let name = format!("{PREFIX}{}-{nanos}", std::process::id());
        let (unnamed, folder) = (runtime.join(format!(".{name}")), runtime.join(name));
        builder().create(&unnamed)?;
        let lock = File::open(&unnamed)?;
        lock.lock()?;
        fs::rename(&unnamed, &folder)?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where the token is.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// Puts a token in the place of the one before: whoever reads has the one or the other.
    pub(super) fn put(&self, token: &str) -> io::Result<()> {
        private::put(&self.path(), token.as_bytes(), Earlier::Goes)
    }

    /// Takes the token away.
    pub(super) fn clear(&self) -> io::Result<()> {
        private::remove(&self.path())
    }
}

impl Drop for TokenFile {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// A folder for its user alone.
fn builder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.mode(0o700);
    builder
}

/// Whether a folder is ours, and nobody else can put anything into it.
fn is_private(folder: &Path) -> io::Result<bool> {
    let found = fs::symlink_metadata(folder)?;
    let ours = found.uid() == rustix::process::geteuid().as_raw();
    Ok(found.is_dir() && ours && found.mode() & 0o022 == 0)
}

/// Removes what programs left that were killed. What cannot be removed is left to the next.
fn clear_away(runtime: &Path) {
    let entries = fs::read_dir(runtime).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let lock = File::open(entry.path()).ok().filter(|_| is_folder);
        if lock.is_some_and(|lock| lock.try_lock().is_ok()) {
            remove(&entry.path());
        }
    }
}

fn remove(folder: &Path) {
    let _ = private::remove(&folder.join(FILE));
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn folders(runtime: &Path) -> usize {
        fs::read_dir(runtime).unwrap().count()
    }

    #[test]
    fn a_token_is_for_its_user_alone_and_gone_with_its_file() {
        let home = tempfile::tempdir().unwrap();
        let runtime = home.path().join("ucsso");
        let file = TokenFile::create(&runtime).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;

        file.put("first").unwrap();
        let reader = File::open(file.path()).unwrap();
        file.put("second").unwrap();

        assert_eq!(io::read_to_string(reader).unwrap(), "first", "as a whole, or not at all");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), "second");
        assert_eq!((mode(&file.path()), mode(&file.folder), mode(&runtime)), (0o600, 0o700, 0o700));
        file.clear().unwrap();
        file.clear().unwrap();
        assert!(!file.path().exists());
        file.put("third").unwrap();
        drop(file);
        assert_eq!(folders(&runtime), 0);
    }

    #[test]
    fn what_a_program_left_that_was_killed_goes_and_what_is_in_use_stays() {
        let home = tempfile::tempdir().unwrap();
        let left = home.path().join("exec-1-1");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("token"), "left").unwrap();
        let kept = TokenFile::create(home.path()).unwrap();
        kept.put("kept").unwrap();

        let _another = TokenFile::create(home.path()).unwrap();

        assert!(!left.exists());
        assert_eq!(fs::read_to_string(kept.path()).unwrap(), "kept");
    }

    #[test]
    fn a_folder_that_others_can_write_to_or_that_is_elsewhere_gets_no_token() {
        let home = tempfile::tempdir().unwrap();
        let (open, link) = (home.path().join("open"), home.path().join("link"));
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, fs::Permissions::from_mode(0o720)).unwrap();
        symlink(home.path(), &link).unwrap();

        for folder in [open, link] {
            let refused = TokenFile::create(&folder).unwrap_err();

            assert!(matches!(refused, Error::NotPrivate { .. }), "{refused:?}");
        }
    }
}
