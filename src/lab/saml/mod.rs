//! SAML 2.0 as far as a login needs it: requests, responses, metadata and signatures.
//!
//! What is written here is written in exclusive canonical form (W3C, *Exclusive XML
//! Canonicalization 1.0*) from the start, so that it can be signed as it stands. What is read
//! here is read strictly: no document type, no comment, no processing instruction, because two
//! parsers may disagree on them. Called by `sp` and `idp`; knows neither HTTP nor sessions.

mod foreign;
mod metadata;
mod request;
mod response;
mod sign;
mod verdict;
mod xml;

use std::time::SystemTime;

pub use metadata::MetadataError;
pub(super) use metadata::{ForeignIdp, idp_metadata, sp_metadata};
pub(super) use request::AuthnRequest;
pub(super) use response::{Login, denial, response};
pub(super) use sign::Signer;
pub(super) use verdict::{Expected, Refusal, judge};

use sign::PublicKey;

/// How the clusters know a response of their identity provider.
pub(super) enum Trust {
    /// By the key of the lab's own.
    Own {
        /// The name in its responses.
        entity_id: String,
        /// Where it takes requests.
        sso_url: String,
        /// The key that it signs with.
        key: PublicKey,
    },
    /// By the certificate in the metadata of a foreign one.
    Foreign(ForeignIdp),
}

impl Trust {
    pub(super) fn entity_id(&self) -> &str {
        match self {
            Self::Own { entity_id, .. } => entity_id,
            Self::Foreign(idp) => &idp.entity_id,
        }
    }

    /// Where the browser takes a request to.
    pub(super) fn sso_url(&self) -> &str {
        match self {
            Self::Own { sso_url, .. } => sso_url,
            Self::Foreign(idp) => &idp.sso_url,
        }
    }
}

/// A time as SAML writes it: UTC, whole seconds (SAML Core 1.3.3).
fn written(time: SystemTime) -> String {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The time that SAML wrote.
fn read(text: &str) -> Option<SystemTime> {
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

/// Text between tags in canonical form (W3C, *Canonical XML 1.0*, 2.3).
fn text(raw: &str) -> String {
    raw.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#xD;")
}

/// The value of an attribute in canonical form (W3C, *Canonical XML 1.0*, 2.3).
fn value(raw: &str) -> String {
    raw.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
        .replace('\t', "&#x9;")
        .replace('\n', "&#xA;")
        .replace('\r', "&#xD;")
}

/// Namespaces (SAML Core 1.1, SAML Metadata 1.1, XML Signature 1.2).
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

const TRANSIENT: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const REDIRECT: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect";
const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_read_as_it_was_written() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);

        assert_eq!(written(time), "2023-11-14T22:13:20Z");
        assert_eq!(read(&written(time)), Some(time));
        assert_eq!(read("2023-11-14T22:13:20.000Z"), Some(time));
        assert_eq!(read("yesterday"), None);
    }
}
