//! Where the key of the file comes from: a credential that systemd hands over, else the keyring.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{
    binding::Binding,
    key::{Key, SECRET_BYTES, new_secret},
    keyring::{Fault, Keyring},
};
use crate::private;

/// The largest credential that is read, in bytes: systemd takes none above it (systemd.exec(5)).
const MAX_BYTES: u64 = 1024 * 1024;

/// Where the key comes from.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file of the credential; it need not be there.
    pub credential: Option<PathBuf>,
    /// What is asked where there is no credential.
    pub keyring: Keyring,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The credential cannot be had.
    #[error("the credential `ucsso-store-key` is not used")]
    Credential(#[source] private::Error),
    /// The credential is no key.
    #[error(
        "the credential `ucsso-store-key` has {0} bytes, and a key has at least {SECRET_BYTES}"
    )]
    TooShort(usize),
    /// The keyring gives none.
    #[error(transparent)]
    Keyring(#[from] Fault),
}

/// A key, and whether it can be changed.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) key: Key,
    /// Where another one can be put in its place.
    pub(super) keyring: Option<Keyring>,
}

impl Source {
    /// Gets the key, within two seconds.
    pub(super) async fn key(&self, binding: &Binding) -> Result<Current, NoKey> {
        if let Some(path) = &self.credential
            && let Some(secret) = credential(path)?
        {
            return Ok(Current { key: Key::of(&secret), keyring: None });
        }
        let secret = self.keyring.secret(binding).await?;
        Ok(Current { key: Key::of(&secret), keyring: Some(self.keyring.clone()) })
    }
}

impl Current {
    /// Puts a new key in the place of this one, and says whether that can be. Whatever was sealed
    /// with this one never opens again then.
    pub(super) async fn change(&mut self, binding: &Binding) -> Result<bool, Fault> {
        let Some(keyring) = &self.keyring else { return Ok(false) };
        let secret = new_secret();
        keyring.replace(binding, &*secret).await?;
        self.key = Key::of(&*secret);
        Ok(true)
    }
}

impl NoKey {
    /// What mends it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Credential(_) => "see who may read it",
            Self::TooShort(_) => "make one: `head -c 32 /dev/urandom`, as ucssod.service says",
            Self::Keyring(fault) => fault.advice(),
        }
    }
}

/// The secret in the file of a credential, which lives in memory: no disk is waited for.
fn credential(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, NoKey> {
    match private::read(path, MAX_BYTES) {
        Ok(secret) if secret.len() < SECRET_BYTES => Err(NoKey::TooShort(secret.len())),
        Ok(secret) => Ok(Some(secret)),
        Err(private::Error::Missing) => Ok(None),
        Err(error) => Err(NoKey::Credential(error)),
    }
}
