//! Where the sealed file is, and the one before it.
//!
//! The file is replaced as a whole, and the one before stays beside it: it is used where this one
//! turns out to be damaged. Everything in here waits for disks.

use std::{io, path::PathBuf};

use zeroize::Zeroizing;

use super::{
    binding::Binding,
    envelope::{self, Flaw},
    key::Key,
};
use crate::private::{self, Earlier};

/// The largest file that is read, in bytes: 64 clusters with tokens of 16 KiB, twice over.
const MAX_BYTES: u64 = 2 * 1024 * 1024;

/// The name of the file before this one.
const BEFORE: &str = "tokens.sealed.old";

/// The sealed file and the one before it.
#[derive(Debug)]
pub(super) struct Files {
    path: PathBuf,
    /// Whether what is there is worth keeping when it is replaced.
    sound: bool,
}

/// Why a file gives nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unopened {
    #[error(transparent)]
    File(#[from] private::Error),
    #[error(transparent)]
    Seal(#[from] Flaw),
}

impl Unopened {
    /// Whether nobody knows what is in it.
    pub(super) const fn is_unreadable(&self) -> bool {
        matches!(self, Self::File(private::Error::Unreadable(_)))
    }
}

/// What the files gave.
pub(super) struct Found {
    /// What was sealed.
    pub(super) plain: Option<Zeroizing<Vec<u8>>>,
    /// What was wrong with the file, if it is there.
    pub(super) wrong: Option<Unopened>,
}

impl Files {
    pub(super) const fn at(path: PathBuf) -> Self {
        Self { path, sound: true }
    }

    /// Opens the file, or the one before it.
    ///
    /// # Errors
    ///
    /// The version, where another one of this program wrote the file: it is not to be touched.
    pub(super) fn load(&mut self, key: &Key, binding: &Binding) -> Result<Found, u16> {
        let open = |path| -> Result<_, Unopened> {
            let file = private::read(path, MAX_BYTES)?;
            Ok(envelope::open(&file, key, binding)?)
        };
        // A disk that stutters is asked twice: a file that is not read is not written either.
        let opened = match open(&self.path) {
            Err(wrong) if wrong.is_unreadable() => open(&self.path),
            opened => opened,
        };
        match opened {
            Ok(plain) => Ok(Found { plain: Some(plain), wrong: None }),
            Err(Unopened::Seal(Flaw::OtherVersion(version))) => Err(version),
            Err(wrong) => {
                let missing = matches!(wrong, Unopened::File(private::Error::Missing));
                // A key may come back: what it gives then is worth keeping.
                self.sound = matches!(wrong, Unopened::Seal(Flaw::OtherKey));
                let plain = open(&self.path.with_file_name(BEFORE)).ok();
                Ok(Found { plain, wrong: Some(wrong).filter(|_| !missing) })
            }
        }
    }

    /// Puts sealed bytes in the place of the file.
    pub(super) fn save(&mut self, sealed: &[u8]) -> io::Result<()> {
        // What is damaged does not take the place of what is not.
        let earlier = if self.sound { Earlier::KeptAs(BEFORE.as_ref()) } else { Earlier::Goes };
        private::put(&self.path, sealed, earlier)?;
        self.sound = true;
        Ok(())
    }

    /// Removes both. Where it fails, what is there does not outlive the next that is written.
    pub(super) fn erase(&mut self) -> io::Result<()> {
        self.sound = false;
        let removed = private::remove(&self.path);
        private::remove(&self.path.with_file_name(BEFORE))?;
        removed
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const HERE: Binding = Binding::new(1000, [7; 16]);

    struct Rig {
        folder: tempfile::TempDir,
        key: Key,
    }

    impl Rig {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), key: Key::of(&[1; 32]) }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join("ucsso").join(name)
        }

        /// The files, as a daemon that starts has them.
        fn files(&self) -> Files {
            Files::at(self.path("tokens.sealed"))
        }

        fn save(&self, files: &mut Files, plain: &str) {
            files.save(&envelope::seal(plain.as_bytes(), &self.key, &HERE)).unwrap();
        }

        fn load(&self, files: &mut Files) -> (Option<String>, Option<String>) {
            let Found { plain, wrong } = files.load(&self.key, &HERE).unwrap();
            let text = |plain: Zeroizing<Vec<u8>>| String::from_utf8(plain.to_vec()).unwrap();
            (plain.map(text), wrong.map(|wrong| wrong.to_string()))
        }

        fn damage(&self, name: &str) {
            let mut bytes = fs::read(self.path(name)).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(self.path(name), bytes).unwrap();
        }
    }

    #[test]
    fn the_latest_is_found_and_the_one_before_it_where_that_is_damaged_or_gone() {
        let rig = Rig::new();
        let mut files = rig.files();
        assert_eq!(rig.load(&mut files), (None, None));

        for plain in ["1", "2", "3"] {
            rig.save(&mut files, plain);
        }

        assert_eq!(rig.load(&mut rig.files()), (Some("3".into()), None));
        rig.damage("tokens.sealed");
        assert_eq!(rig.load(&mut rig.files()), (Some("2".into()), Some("it is damaged".into())));
        fs::remove_file(rig.path("tokens.sealed")).unwrap();
        assert_eq!(rig.load(&mut rig.files()), (Some("2".into()), None));
    }

    #[test]
    fn what_is_damaged_does_not_take_the_place_of_what_is_not() {
        let rig = Rig::new();
        let mut files = rig.files();
        rig.save(&mut files, "1");
        rig.save(&mut files, "2");
        rig.damage("tokens.sealed");

        let mut files = rig.files();
        rig.load(&mut files);
        rig.save(&mut files, "3");

        rig.damage("tokens.sealed");
        assert_eq!(rig.load(&mut rig.files()).0, Some("1".into()));
    }

    #[test]
    fn a_file_of_another_key_gives_nothing_and_is_kept_for_that_key() {
        let rig = Rig::new();
        rig.save(&mut rig.files(), "1");
        let other = Rig { key: Key::of(&[2; 32]), ..rig };

        let mut files = other.files();
        let wrong = "it was sealed with another key".to_owned();
        assert_eq!(other.load(&mut files), (None, Some(wrong)));
        other.save(&mut files, "2");

        assert_eq!(other.load(&mut other.files()).0, Some("2".into()));
        let back = Rig { key: Key::of(&[1; 32]), ..other };
        assert_eq!(back.load(&mut back.files()).0, Some("1".into()));
    }

    #[test]
    fn the_file_of_another_version_is_told_and_left() {
        let rig = Rig::new();
        rig.save(&mut rig.files(), "1");
        let mut bytes = fs::read(rig.path("tokens.sealed")).unwrap();
        bytes[9] = 2;
        fs::write(rig.path("tokens.sealed"), &bytes).unwrap();

        assert_eq!(rig.files().load(&rig.key, &HERE).err(), Some(2));

        assert_eq!(fs::read(rig.path("tokens.sealed")).unwrap(), bytes);
    }

    #[test]
    fn what_is_erased_is_gone_with_the_one_before() {
        let rig = Rig::new();
        let mut files = rig.files();
        rig.save(&mut files, "1");
        rig.save(&mut files, "2");

        files.erase().unwrap();

        assert_eq!(rig.load(&mut rig.files()), (None, None));
        assert_eq!(fs::read_dir(rig.path("")).unwrap().count(), 0);
        files.erase().unwrap();
    }
}
