//! How it stands with the sealed file, for whoever asks.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use tracing::{info, warn};

use super::{envelope::VERSION, keyring::Fault, source::NoKey};
use crate::{chain, private, store::Flaw};

/// Whether tokens outlive the daemon as they should. A clone says the same.
#[derive(Debug, Clone)]
pub struct Standing {
    wanted: bool,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

/// Why they do not.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The machine has no id to which the file could be tied.
    #[error("tokens are in memory only: this machine has no `/etc/machine-id`")]
    NoMachine,
    /// There is no key.
    #[error("tokens are in memory only")]
    NoKey(#[from] NoKey),
    /// The disk does not answer.
    #[error("tokens are in memory only: the disk of `{}` does not answer", .path.display())]
    Silent {
        /// The file.
        path: PathBuf,
    },
    /// The disk does not give the file.
    #[error("tokens are in memory only: `{}` is not read", .path.display())]
    NotRead {
        /// The file.
        path: PathBuf,
        /// Why.
        source: private::Error,
    },
    /// Another version of this program wrote the file, and it is left to that.
    #[error(
        "tokens are in memory only: `{}` is of version {version}, and this program knows {VERSION}",
        .path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u16,
    },
    /// A later version of this program wrote what is in the file, and it is left to that.
    #[error("tokens are in memory only: `{}` is not read", .path.display())]
    LaterRecord {
        /// The file.
        path: PathBuf,
        /// Its version.
        #[source]
        flaw: Flaw,
    },
    /// The file cannot be written now.
    #[error("what changed lately is in memory only: `{}` cannot be written", .path.display())]
    NotWritten {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody logged out, and the file cannot be removed.
    #[error("a logout may not outlive the daemon: `{}` cannot be removed", .path.display())]
    NotErased {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody logged out, and the key cannot be changed.
    #[error(
        "a copy of the sealed file from before the last logout still opens: the key is as it was"
    )]
    KeyNotChanged(#[source] Fault),
}

impl Standing {
    /// Tokens are to be sealed.
    pub(super) fn sealed() -> Self {
        Self { wanted: true, trouble: Arc::default() }
    }

    /// Tokens are to be in memory only.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { wanted: false, trouble: Arc::default() }
    }

    /// `memory` or `sealed`, as the configuration spells it; where that is not so, `not sealed: ` and
    /// why.
    #[must_use]
    pub fn word(&self) -> String {
        match self.trouble() {
            Some(trouble) => format!("not sealed: {trouble}"),
            None if self.wanted => "sealed".to_owned(),
            None => "memory".to_owned(),
        }
    }

    /// What is wrong, and what mends it.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble
            .as_ref()
            .map(|trouble| format!("{}; {}", chain::one_line(trouble), trouble.advice()))
    }

    /// Takes that something is wrong, or right again. The log has it once.
    pub(super) fn set(&self, trouble: Option<Trouble>) {
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*known, &trouble) {
            (None, Some(trouble)) => {
                warn!(advice = trouble.advice(), "{}", chain::one_line(trouble));
            }
            (Some(_), None) => info!("the sealed file is up to date again"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        *known = trouble;
    }
}

impl Trouble {
    /// What mends it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::NoMachine => "make one with `systemd-machine-id-setup`",
            Self::NoKey(no_key) => no_key.advice(),
            Self::OtherVersion { .. } | Self::LaterRecord { .. } => {
                "start that version again, or remove the file"
            }
            Self::Silent { .. } | Self::NotRead { .. } => {
                "see to the disk, then `systemctl --user restart ucssod`"
            }
            Self::NotWritten { .. } | Self::NotErased { .. } => {
                "see to the disk; it is tried again by itself"
            }
            Self::KeyNotChanged(_) => "see to the keyring; it is tried again by itself",
        }
    }
}
