//! A unit file of this command's: recognised as long as nobody changed it, and then written anew
//! or removed.
//!
//! The first lines say who wrote the file and have the digest of what follows, so that a file of
//! another version is known for ours and a file with the user's changes for theirs.

use std::{
    fmt::Write as _,
    fs::{self, DirBuilder},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};

use super::Error;

const HEAD: &str = "\
# Written by `ucssoctl service install`, which replaces this file as long as nobody changes it.
# sha256 ";

/// What is at the place of a unit file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// What is wanted there.
    Wanted,
    /// What an earlier run wrote.
    Ours,
    /// What somebody else wrote, or changed.
    Changed,
}

/// A unit file, and the text that it should have; none if it should not be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnitFile {
    pub(super) path: PathBuf,
    pub(super) text: Option<String>,
}

impl UnitFile {
    /// Looks at what is there.
    pub(super) fn find(&self) -> Result<Found, Error> {
        let there = match fs::read(&self.path) {
            Ok(bytes) => String::from_utf8(bytes).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(if self.text.is_none() { Found::Wanted } else { Found::Nothing });
            }
            Err(source) => return Err(self.failed("read", source)),
        };
        let wanted = self.text.as_deref().map(sealed);
        Ok(if wanted.as_deref() == Some(&*there) {
            Found::Wanted
        } else if is_sealed(&there) {
            Found::Ours
        } else {
            Found::Changed
        })
    }

    /// Writes it, or removes it if it should not be there. A unit is read by nobody while it is
    /// written: the manager reads it when it is told to.
    pub(super) fn put(&self) -> Result<(), Error> {
        let Some(text) = &self.text else {
            return match fs::remove_file(&self.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    Err(self.failed("removed", error))
                }
                _ => Ok(()),
            };
        };
        let write = || {
            let folder = self.path.parent().unwrap_or(Path::new("/"));
            DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
            // A link to `/dev/null` masks a unit: what is written does not go through it.
            let mut file = tempfile_in(folder)?;
            file.1.write_all(sealed(text).as_bytes())?;
            file.1.sync_all()?;
            fs::rename(&file.0, &self.path)
        };
        write().map_err(|source| self.failed("written", source))
    }

    fn failed(&self, what: &'static str, source: io::Error) -> Error {
        Error::File { path: self.path.clone(), what, source }
    }
}

/// A new file beside those that the manager reads, by a name that it does not.
fn tempfile_in(folder: &Path) -> io::Result<(PathBuf, fs::File)> {
    let path = folder.join(format!(".ucssoctl-{}", std::process::id()));
    let file = fs::File::create(&path)?;
    Ok((path, file))
}

/// The text under a head that has its digest.
fn sealed(text: &str) -> String {
    format!("{HEAD}{}\n{text}", hex(text))
}

fn is_sealed(text: &str) -> bool {
    let rest = text.strip_prefix(HEAD).and_then(|rest| rest.split_once('\n'));
    rest.is_some_and(|(digest, text)| digest == hex(text))
}

fn hex(text: &str) -> String {
    let mut digits = String::new();
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        write!(digits, "{byte:02x}").expect("a string takes what is written");
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(folder: &tempfile::TempDir, text: Option<&str>) -> UnitFile {
        let path = folder.path().join("systemd/user/x.service");
        UnitFile { path, text: text.map(str::to_owned) }
    }

    #[test]
    fn a_file_that_nobody_changed_is_known_by_a_later_version() {
        let folder = tempfile::tempdir().unwrap();
        let earlier = unit(&folder, Some("[Service]\nUMask=0077\n"));
        let later = unit(&folder, Some("[Service]\nUMask=0027\n"));

        assert_eq!(earlier.find().unwrap(), Found::Nothing);
        earlier.put().unwrap();

        assert_eq!(earlier.find().unwrap(), Found::Wanted);
        assert_eq!(later.find().unwrap(), Found::Ours);
        assert_eq!(unit(&folder, None).find().unwrap(), Found::Ours);
    }

    #[test]
    fn a_file_with_a_change_in_it_is_the_users() {
        let folder = tempfile::tempdir().unwrap();
        let unit = unit(&folder, Some("[Service]\nUMask=0077\n"));
        unit.put().unwrap();
        let text = fs::read_to_string(&unit.path).unwrap();

        for changed in [text.replace("0077", "0000"), format!("{text}\n"), String::new()] {
            fs::write(&unit.path, changed).unwrap();

            assert_eq!(unit.find().unwrap(), Found::Changed);
        }
    }

    #[test]
    fn a_mask_is_the_users_and_is_not_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let unit = unit(&folder, Some("[Service]\n"));
        fs::create_dir_all(unit.path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/dev/null", &unit.path).unwrap();

        assert_eq!(unit.find().unwrap(), Found::Changed);
        unit.put().unwrap();

        assert_eq!(unit.find().unwrap(), Found::Wanted);
    }

    #[test]
    fn what_should_not_be_there_is_removed_and_may_be_gone() {
        let folder = tempfile::tempdir().unwrap();
        unit(&folder, Some("[Service]\n")).put().unwrap();
        let gone = unit(&folder, None);

        gone.put().unwrap();
        gone.put().unwrap();

        assert_eq!(gone.find().unwrap(), Found::Wanted);
    }
}
