//! Why a lab does not start.

use std::io;

use super::{ca, saml};

/// Why a lab did not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A port belongs to another program.
    #[error("port {port} of 127.0.0.1 is not free for {host}")]
    PortTaken {
        /// The host that was to answer there.
        host: &'static str,
        /// The port.
        port: u16,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A key or a certificate could not be made.
    #[error("no certificate could be made")]
    Certificate(#[from] ca::CertificateError),
    /// The metadata of the foreign identity provider is of no use.
    #[error("the metadata of the identity provider cannot be used")]
    IdpMetadata(#[from] saml::MetadataError),
}
