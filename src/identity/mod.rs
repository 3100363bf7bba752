//! Who the redirect listener is where it is reached by https: a certificate of this user's own.
//!
//! A certificate authority that may vouch for this machine's loopback and nothing else signs one
//! certificate, and its key is thrown away before anything is written; what browsers are asked to
//! trust can never sign another. One file has what the daemon shows, its key with it, so that
//! there is no half of it; a second one has the authority for browsers. Made by `ctl`, read by
//! `browser`, looked at by `daemon`. Asks no clock.

mod files;
mod mint;

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use rustls::{
    CertificateError, ClientConfig, RootCertStore, ServerConfig,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject as _},
};

pub use files::Files;
pub use mint::{Minted, mint};

/// What this machine is called in the certificate.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A time at which every certificate has expired: the last one that X.509 can write (RFC 5280
/// 4.1.2.5).
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);

/// The certificate, its key, and the authority that signed it.
pub struct Identity {
    certificate: CertificateDer<'static>,
    authority: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    ends_at: Duration,
}

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// Nobody has made one.
    #[error("there is no certificate for it yet")]
    Missing,
    /// Its time has passed.
    #[error("its certificate has expired")]
    Expired,
    /// The file cannot be read.
    #[error("`{}` cannot be read", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Somebody else may have read the key or put it there.
    #[error("`{}` is not private: {why}", .path.display())]
    NotPrivate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// It is not what was written.
    #[error("`{}` is damaged", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl Flaw {
    /// What mends it.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        match self {
            Self::Missing => "run `ucssoctl trust redirect`",
            Self::Unreadable { .. } => "see who may read it",
            Self::NotPrivate { .. } | Self::Expired | Self::Damaged { .. } => {
                "run `ucssoctl trust redirect --renew`"
            }
        }
    }
}

impl Identity {
    /// Reads the text of the file; nothing where it does not hold together.
    fn parse(text: &[u8]) -> Option<Self> {
        let key = PrivateKeyDer::from_pem_slice(text).ok()?;
        let chain: Vec<_> = CertificateDer::pem_slice_iter(text).collect::<Result<_, _>>().ok()?;
        let [certificate, authority] = <[_; 2]>::try_from(chain).ok()?;
        let ends_at = ends_at(&certificate, &authority)?;
        let identity = Self { certificate, authority, key, ends_at };
        identity.server().ok().map(|_| identity)
    }

    /// When its certificate expires, counted from 1970-01-01 UTC.
    #[must_use]
    pub const fn ends_at(&self) -> Duration {
        self.ends_at
    }

    /// Whether it is good at this time.
    ///
    /// # Errors
    ///
    /// [`Flaw::Expired`].
    pub fn check(&self, now: Duration) -> Result<(), Flaw> {
        if now < self.ends_at { Ok(()) } else { Err(Flaw::Expired) }
    }

    /// The SHA-256 digest of the authority, as browsers show it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = digest(&SHA256, &self.authority);
        digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// What the listener speaks with.
    ///
    /// # Errors
    ///
    /// If the key does not fit the certificate.
    pub fn server(&self) -> Result<ServerConfig, rustls::Error> {
        let chain = vec![self.certificate.clone(), self.authority.clone()];
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, self.key.clone_key())?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }

    /// What a browser speaks with that was told to trust the authority.
    ///
    /// # Errors
    ///
    /// If the authority is none.
    pub fn client(&self) -> Result<ClientConfig, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone())?;
        Ok(ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

/// When a certificate expires, if this authority signed it for all our names. The verifier names
/// the time where it is asked about a later one.
fn ends_at(certificate: &CertificateDer<'_>, authority: &CertificateDer<'_>) -> Option<Duration> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone().into_owned()).ok()?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(default_provider()));
    let verifier = verifier.build().ok()?;
    let judge = |name: &'static str, at| {
        let name = ServerName::try_from(name).expect("a loopback name is a name");
        verifier.verify_server_cert(certificate, &[], &name, &[], UnixTime::since_unix_epoch(at))
    };
    let Err(rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
        not_after, ..
    })) = judge(NAMES[0], END_OF_TIME)
    else {
        return None;
    };
    let last = Duration::from_secs(not_after.as_secs());
    NAMES.iter().all(|name| judge(name, last).is_ok()).then_some(last)
}

#[cfg(test)]
mod tests;
