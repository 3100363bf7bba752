//! The configuration file on disk: whether it may be believed, and its text.
//!
//! Whoever can write the file can send the user to a login page of their own, so a file that
//! another user could have written is refused.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::{Config, Problems};

/// The largest file, in bytes. 64 clusters with every key written fit ten times over.
const MAX_BYTES: u64 = 256 * 1024;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such file.
    #[error("there is no configuration at `{}`", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another user could have written the file, or it is no file.
    #[error("`{}` is not to be trusted: {why}", .path.display())]
    Untrusted {
        /// The file.
        path: PathBuf,
        /// Why.
        why: Untrusted,
    },
    /// The file is larger than a configuration can be.
    #[error("`{}` is larger than 256 KiB", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The text is wrong.
    #[error(transparent)]
    Wrong(#[from] Problems),
}

/// Why a file is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// It is a folder, a pipe or a device.
    #[error("it is not a regular file")]
    NotAFile,
    /// Its owner is neither this user nor root.
    #[error("it belongs to the user with the id {owner}")]
    ForeignOwner {
        /// Whose it is.
        owner: u32,
    },
    /// Its group or everybody may write it.
    #[error("its mode is {mode:03o}, so that others can write it")]
    WritableByOthers {
        /// The permission bits.
        mode: u32,
    },
}

impl Error {
    /// What mends it; empty where the error says so itself.
    #[must_use]
    pub fn advice(&self) -> String {
        match self {
            Self::Missing { .. } => "write one with `ucssoctl config init`".to_owned(),
            Self::Untrusted { path, why: Untrusted::WritableByOthers { .. } } => {
                format!("run `chmod go-w '{}'`", path.display())
            }
            Self::Untrusted { path, why: Untrusted::ForeignOwner { .. } } => {
                format!("look at what is in it, then run `sudo chown $USER '{}'`", path.display())
            }
            Self::Untrusted { .. }
            | Self::Unreadable { .. }
            | Self::TooLarge { .. }
            | Self::Wrong(_) => String::new(),
        }
    }
}

impl Config {
    /// Loads the configuration from a file of this user or of root that nobody else can write.
    ///
    /// # Errors
    ///
    /// [`Error::Wrong`] with all problems of the text, or why there is no text.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = read(path)?;
        Ok(Self::parse(&text, path)?)
    }
}

fn read(path: &Path) -> Result<String, Error> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { path: path.to_owned() },
        _ => Error::Unreadable { path: path.to_owned(), source },
    };
    // Opening a pipe would wait for its writer.
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("open(2) takes an int");
    let file =
        OpenOptions::new().read(true).custom_flags(no_wait).open(path).map_err(unreadable)?;
    let us = rustix::process::geteuid().as_raw();
    let metadata = file.metadata().map_err(unreadable)?;
    trusted(metadata.is_file(), metadata.uid(), metadata.mode() & 0o7777, us)
        .map_err(|why| Error::Untrusted { path: path.to_owned(), why })?;
    text(&file).map_err(unreadable)?.ok_or_else(|| Error::TooLarge { path: path.to_owned() })
}

/// Judges a file by its kind, owner and permission bits; `us` is who is asking.
fn trusted(is_file: bool, owner: u32, mode: u32, us: u32) -> Result<(), Untrusted> {
    if !is_file {
        return Err(Untrusted::NotAFile);
    }
    if owner != us && owner != 0 {
        return Err(Untrusted::ForeignOwner { owner });
    }
    if mode & 0o022 != 0 {
        return Err(Untrusted::WritableByOthers { mode });
    }
    Ok(())
}

/// The text of the file; nothing if it is too large.
fn text(file: &File) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_BYTES) {
        return Ok(None);
    }
    let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8");
    String::from_utf8(bytes).map(Some).map_err(not_text)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    const GOOD: &str = "[clusters.hq]\nnodes = [\"cucm\"]\nuser = \"alice\"\n";

    fn file(text: &str, mode: u32) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        file
    }

    #[test]
    fn a_file_that_only_its_owner_can_write_is_loaded() {
        for mode in [0o600, 0o644, 0o755] {
            assert!(Config::load(file(GOOD, mode).path()).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_others_can_write_is_refused() {
        for mode in [0o620, 0o602, 0o666] {
            let file = file(GOOD, mode);

            let error = Config::load(file.path()).unwrap_err();

            let path = file.path().display();
            assert_eq!(
                error.to_string(),
                format!(
                    "`{path}` is not to be trusted: its mode is {mode:o}, so that others can write it"
                )
            );
            assert_eq!(error.advice(), format!("run `chmod go-w '{path}'`"));
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused_and_one_of_root_is_not() {
        assert_eq!(trusted(true, 1000, 0o600, 1000), Ok(()));
        assert_eq!(trusted(true, 0, 0o644, 1000), Ok(()));
        assert_eq!(trusted(true, 1001, 0o600, 1000), Err(Untrusted::ForeignOwner { owner: 1001 }));
    }

    #[test]
    fn a_folder_and_a_pipe_are_refused_without_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();

        for path in [folder.path(), &pipe] {
            let error = Config::load(path).unwrap_err();

            assert!(matches!(error, Error::Untrusted { why: Untrusted::NotAFile, .. }), "{error}");
        }
    }

    #[test]
    fn a_file_of_256_kib_is_read_and_a_larger_one_is_not() {
        let padded = |bytes: usize| format!("{GOOD}#{}", "x".repeat(bytes - GOOD.len() - 1));

        assert!(Config::load(file(&padded(256 * 1024), 0o600).path()).is_ok());
        let error = Config::load(file(&padded(256 * 1024 + 1), 0o600).path()).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    }

    #[test]
    fn a_missing_file_is_told_apart_and_has_a_remedy() {
        let folder = tempfile::tempdir().unwrap();

        let error = Config::load(&folder.path().join("config.toml")).unwrap_err();

        assert!(matches!(error, Error::Missing { .. }), "{error}");
        assert_eq!(error.advice(), "write one with `ucssoctl config init`");
    }
}
