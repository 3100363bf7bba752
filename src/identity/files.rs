//! Where the certificate is kept: a private folder with two files, each written whole or not.

use std::{
    io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{Flaw, Identity, Minted};
use crate::private::{self, Earlier};

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
        let earlier = if renewed { Earlier::Goes } else { Earlier::Stays };
        private::put(&self.identity(), minted.identity.as_bytes(), earlier)?;
        // Whatever was there before, it is not the authority of this certificate.
        private::put(&self.authority(), minted.authority.as_bytes(), Earlier::Goes)
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Flaw> {
    private::read(path, MAX_BYTES).map_err(|error| {
        let path = path.to_owned();
        match error {
            private::Error::Missing => Flaw::Missing,
            private::Error::NotPrivate(why) => Flaw::NotPrivate { path, why },
            private::Error::TooLarge(_) => Flaw::Damaged { path },
            private::Error::Unreadable(source) => Flaw::Unreadable { path, source },
        }
    })
}
