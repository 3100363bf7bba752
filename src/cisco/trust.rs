//! Which certificates a node may show.
//!
//! On a node with pins its keys are pinned: one of them is trusted whatever the certificate says,
//! for UC servers ship self-signed certificates with CA:TRUE, which no root store accepts for a
//! server; any other key is refused, whoever vouches for it. A node without pins has to satisfy
//! the cluster's own authorities, or the system's. There is no third way and no switch that turns
//! this off. The handshake signature is checked in every case. Called by `edge`.

use std::{fmt, io, path::Path, sync::Arc};

use aws_lc_rs::digest;
use rustls::{
    CertificateError, DigitallySignedStruct, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, aws_lc_rs as provider, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{
        CertificateDer, ServerName, UnixTime,
        pem::{self, PemObject as _},
    },
};

use super::ca_file;
use crate::config::SpkiPin;

/// A certificate that is not trusted, with what it takes to trust it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its certificate {reason}")]
pub struct Distrust {
    /// What is wrong.
    pub reason: DistrustReason,
    /// The digest of its key; `None` if the certificate could not be read.
    pub pin: Option<SpkiPin>,
}

/// What is wrong with a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DistrustReason {
    /// No authority that is trusted vouches for it.
    UnknownIssuer,
    /// It is self-signed as an authority, and only a pin can trust such a one.
    SelfSigned,
    /// It has a key that is not pinned, on a node whose keys are.
    OtherKey,
    /// It is for another host.
    WrongName,
    /// Its time has passed.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It has been withdrawn.
    Revoked,
    /// Whoever shows it does not have its key.
    Unproven,
    /// It is damaged, too old a format, or signed with something that is not accepted.
    Unusable,
}

impl fmt::Display for DistrustReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownIssuer => "is signed by an authority that is not trusted",
            Self::SelfSigned => "is self-signed",
            Self::OtherKey => "has another key than the pinned one",
            Self::WrongName => "is for another host name",
            Self::Expired => "has expired",
            Self::NotYetValid => "is not valid yet",
            Self::Revoked => "has been revoked",
            Self::Unproven => "is shown by somebody who does not have its key",
            Self::Unusable => "is damaged or of a kind that is not accepted",
        })
    }
}

/// Why a file of authorities is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CaFileFlaw {
    /// It cannot be read, or is not PEM.
    #[error("it cannot be read")]
    Unreadable(#[source] io::Error),
    /// It holds text that begins like PEM and is none.
    #[error("it is not PEM")]
    NotPem(#[source] pem::Error),
    /// It has no certificate that could be an authority's.
    #[error("it holds no certificate of an authority")]
    Empty,
}

/// The authorities of a cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Authorities(Option<Arc<WebPkiServerVerifier>>);

impl Authorities {
    /// Those in a PEM file, and no others.
    pub(super) fn from_file(path: &Path) -> Result<Self, CaFileFlaw> {
        let text = ca_file::read(path).map_err(CaFileFlaw::Unreadable)?;
        let certificates = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<Vec<_>, _>>()
            .map_err(CaFileFlaw::NotPem)?;
        match Self::of(certificates) {
            Self(None) => Err(CaFileFlaw::Empty),
            authorities => Ok(authorities),
        }
    }

    /// Those of the system. If there are none, only pinned keys are trusted.
    pub(super) fn of_the_system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's authorities cannot be read");
        }
        Self::of(found.certs)
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        let verifier = WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::new(provider::default_provider()),
        );
        Self(verifier.build().ok())
    }
}

/// Judges what one node shows.
#[derive(Debug)]
pub(super) struct NodeVerifier {
    pins: Vec<SpkiPin>,
    authorities: Authorities,
    provider: Arc<CryptoProvider>,
}

impl NodeVerifier {
    pub(super) const fn new(
        pins: Vec<SpkiPin>,
        authorities: Authorities,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { pins, authorities, provider }
    }
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let pin = spki_pin(certificate);
        let distrusted = |reason| {
            let distrust = Distrust { reason, pin };
            rustls::Error::from(CertificateError::Other(OtherError(Arc::new(distrust))))
        };
        if !self.pins.is_empty() {
            return match pin {
                Some(shown) if self.pins.contains(&shown) => Ok(ServerCertVerified::assertion()),
                Some(_) => Err(distrusted(DistrustReason::OtherKey)),
                None => Err(distrusted(DistrustReason::Unusable)),
            };
        }
        let judged = match &self.authorities.0 {
            Some(verifier) => {
                verifier.verify_server_cert(certificate, intermediates, name, ocsp, now)
            }
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        judged.map_err(|error| distrusted(reason(&error)))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The distrust inside a TLS error, if that is what it is.
pub(super) fn distrust_in(error: &rustls::Error) -> Option<Distrust> {
    let rustls::Error::InvalidCertificate(certificate) = error else { return None };
    Some(match certificate {
        CertificateError::Other(OtherError(ours)) if ours.is::<Distrust>() => {
            ours.downcast_ref().copied()?
        }
        // Ours names the reason itself, so this one is about the signature of the handshake.
        CertificateError::BadSignature => Distrust { reason: DistrustReason::Unproven, pin: None },
        _ => Distrust { reason: DistrustReason::Unusable, pin: None },
    })
}

fn spki_pin(certificate: &CertificateDer<'_>) -> Option<SpkiPin> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    let digest = digest::digest(&digest::SHA256, &parsed.subject_public_key_info());
    digest.as_ref().try_into().ok().map(SpkiPin)
}

fn reason(error: &rustls::Error) -> DistrustReason {
    use CertificateError as E;
    let rustls::Error::InvalidCertificate(certificate) = error else {
        return DistrustReason::Unusable;
    };
    match certificate {
        // A bad signature here is that of another authority with the same name.
        E::UnknownIssuer | E::BadSignature => DistrustReason::UnknownIssuer,
        E::NotValidForName | E::NotValidForNameContext { .. } => DistrustReason::WrongName,
        E::Expired | E::ExpiredContext { .. } => DistrustReason::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => DistrustReason::NotYetValid,
        E::Revoked => DistrustReason::Revoked,
        E::Other(OtherError(other)) => match other.downcast_ref::<webpki::Error>() {
            Some(webpki::Error::CaUsedAsEndEntity) => DistrustReason::SelfSigned,
            _ => DistrustReason::Unusable,
        },
        _ => DistrustReason::Unusable,
    }
}

#[cfg(test)]
mod tests;
