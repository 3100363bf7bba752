//! Where the certificate is kept: a private folder with two files, each written whole or not.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{Flaw, Identity, Minted};

/// The largest file, in bytes: a key and two certificates fit three times over.
const MAX_BYTES: u64 = 16 * 1024;

/// The folder of one user's certificate.
#[derive(Debug, Clone)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// Those in this folder, which may not be there yet.
    #[must_use]
    pub const fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What the daemon reads: the key, its certificate, and the authority.
    #[must_use]
    pub fn identity(&self) -> PathBuf {
        self.folder.join("identity.pem")
    }

    /// What browsers are to trust.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// Reads the certificate and its key.
    ///
    /// # Errors
    ///
    /// All but [`Flaw::Expired`].
    pub fn load(&self) -> Result<Identity, Flaw> {
        let path = self.identity();
        let text = read(&path)?;
        Identity::parse(&text).ok_or(Flaw::Damaged { path })
    }

    /// Writes a certificate; over another one only if it is to be `renewed`.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] if there is one, or why nothing can be written.
    pub fn store(&self, minted: &Minted, renewed: bool) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // A folder that was there keeps its mode when it is made.
        fs::set_permissions(&self.folder, Permissions::from_mode(0o700))?;
        put(&self.identity(), minted.identity.as_bytes(), renewed)?;
        // Whatever was there before, it is not the authority of this certificate.
        put(&self.authority(), minted.authority.as_bytes(), true)
    }
}

/// Writes a file for this user's eyes only, so that others see all of it or nothing.
fn put(path: &Path, text: &[u8], replace: bool) -> io::Result<()> {
    let draft = path.with_extension(format!("{}.new", std::process::id()));
    let written = write(&draft, text).and_then(|()| {
        // A name that is taken stops a link, and not a renaming.
        if replace { fs::rename(&draft, path) } else { fs::hard_link(&draft, path) }
    });
    // After a renaming there is none.
    let _ = fs::remove_file(&draft);
    written
}

fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text)?;
    file.sync_all()
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Flaw> {
    let unreadable = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => Flaw::Missing,
        _ => Flaw::Unreadable { path: path.to_owned(), source },
    };
    // A link may lead anywhere, and opening a pipe would wait for its writer.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    let flags = i32::try_from(flags).expect("open(2) takes an int");
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let why = not_private(&file).map_err(unreadable)?;
    if let Some(why) = why {
        return Err(Flaw::NotPrivate { path: path.to_owned(), why });
    }
    let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
    file.take(MAX_BYTES).read_to_end(&mut text).map_err(unreadable)?;
    Ok(text)
}

/// What keeps a file from being this user's own secret.
fn not_private(file: &File) -> io::Result<Option<String>> {
    let found = file.metadata()?;
    let mode = found.mode() & 0o7777;
    Ok(if !found.is_file() {
        Some("it is not a regular file".to_owned())
    } else if found.uid() != rustix::process::geteuid().as_raw() {
        Some(format!("it belongs to the user with the id {}", found.uid()))
    } else if mode & 0o077 != 0 {
        Some(format!("its mode is {mode:03o}, so that others have access to it"))
    } else {
        None
    })
}
