//! The throw-away certificate authority of the lab, and the TLS side of its hosts.
//!
//! Keys live in memory and die with the lab; the authority's certificate is all that leaves.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use rustls::{
    ServerConfig, SupportedProtocolVersion, crypto,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    version::{TLS12, TLS13},
};
use tokio_rustls::TlsAcceptor;

use super::{
    clock::machine_time,
    plan::{Certificates, TlsVersions},
};

/// Signs the certificates of the hosts.
pub(super) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(super) pem: String,
    pub(super) spki_sha256: [u8; 32],
}

/// What a host needs to speak TLS, and what others may know of it.
pub(super) struct Identity {
    pub(super) acceptor: TlsAcceptor,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) spki_sha256: [u8; 32],
}

/// Why a key or a certificate was not made.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It could not be made.
    #[error("making it failed")]
    Make(#[from] rcgen::Error),
    /// It could not be served.
    #[error("serving it failed")]
    Serve(#[from] rustls::Error),
}

impl Authority {
    pub(super) fn new() -> Result<Self, CertificateError> {
        let mut params = params("ucsso lab authority", &[], LIFETIME)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let spki_sha256 = spki_sha256(&key);
        let issuer = CertifiedIssuer::self_signed(params, key)?;
        Ok(Self { pem: issuer.pem(), issuer, spki_sha256 })
    }

    /// An identity for `host`, which is also reached as `localhost` and 127.0.0.1.
    ///
    /// The authority's own certificate is sent along, though clients do not need it: Chromium's
    /// `--ignore-certificate-errors-spki-list` looks for a known key in what the host sends.
    pub(super) fn identity(
        &self,
        host: &str,
        kind: Certificates,
        versions: TlsVersions,
    ) -> Result<Identity, CertificateError> {
        let key = KeyPair::generate()?;
        let mut params = match kind {
            Certificates::Signed | Certificates::SelfSigned => {
                params(host, &[host, "localhost", "127.0.0.1"], LIFETIME)?
            }
            Certificates::Expired => {
                params(host, &[host, "localhost", "127.0.0.1"], Duration::ZERO)?
            }
            Certificates::WrongHost => {
                params("other.lab.localhost", &["other.lab.localhost"], LIFETIME)?
            }
        };
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let mut chain = Vec::new();
        let certificate = if kind == Certificates::SelfSigned {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages.push(KeyUsagePurpose::KeyCertSign);
            params.self_signed(&key)?
        } else {
            params.use_authority_key_identifier_extension = true;
            chain.push(self.issuer.der().clone());
            params.signed_by(&key, &self.issuer)?
        };
        let certificate = certificate.der().clone();
        chain.insert(0, certificate.clone());
        Ok(Identity {
            spki_sha256: spki_sha256(&key),
            acceptor: acceptor(chain, &key, versions)?,
            certificate,
        })
    }
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: &KeyPair,
    versions: TlsVersions,
) -> Result<TlsAcceptor, rustls::Error> {
    let versions: &[&SupportedProtocolVersion] = match versions {
        TlsVersions::UpTo13 => &[&TLS12, &TLS13],
        TlsVersions::Only12 => &[&TLS12],
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(crypto::aws_lc_rs::default_provider()))
            .with_protocol_versions(versions)?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A certificate for `name`, valid since `LIFETIME` ago and until `lifetime` after yesterday.
pub(super) fn params(
    name: &str,
    alternatives: &[&str],
    lifetime: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = alternatives.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "ucsso lab");
    let since_epoch = machine_time().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let yesterday = rcgen::date_time_ymd(1970, 1, 1) + since_epoch - DAY;
    params.not_before = yesterday - LIFETIME;
    params.not_after = yesterday + lifetime;
    Ok(params)
}

/// The SHA-256 digest of a public key, as pins have it (RFC 7469 2.4).
fn spki_sha256(key: &KeyPair) -> [u8; 32] {
    let mut spki = [0; 32];
    spki.copy_from_slice(digest(&SHA256, &key.subject_public_key_info()).as_ref());
    spki
}

const DAY: Duration = Duration::from_hours(24);

/// Longer than a lab runs, shorter than browsers refuse.
pub(super) const LIFETIME: Duration = Duration::from_hours(24 * 60);
