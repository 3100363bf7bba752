//! The request that a node sends along with the browser (SAML Core 3.4.1, Bindings 3.4).

use std::{
    io::{Read as _, Write as _},
    time::SystemTime,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use url::form_urlencoded;

use super::{super::random, ASSERTION, PROTOCOL, TRANSIENT, value, written, xml};

/// An `AuthnRequest`.
#[derive(Debug)]
pub(in super::super) struct AuthnRequest {
    /// An `s` and 40 hexadecimal digits, as Unified CM has it.
    pub(in super::super) id: String,
    /// The entity id of the service provider: the host of the node.
    pub(in super::super) issuer: String,
    destination: String,
    xml: String,
}

/// The text is not a request that can be answered.
#[derive(Debug, thiserror::Error)]
#[error("not a SAML request")]
pub(in super::super) struct RequestError;

/// An honest request is under a KiB.
const LONGEST: u64 = 64 << 10;

impl AuthnRequest {
    /// A request of `host` as Unified CM 11.5 and later write it: the consumer service by index,
    /// and none of it signed (Cisco, *Troubleshoot SSO in CUCM*).
    pub(in super::super) fn new(host: &str, destination: &str, now: SystemTime) -> Self {
        let id = format!("s{}", random::hex::<20>());
        let xml = format!(
            "<samlp:AuthnRequest xmlns:samlp=\"{PROTOCOL}\" ID=\"{id}\" Version=\"2.0\" \
             IssueInstant=\"{}\" Destination=\"{}\" ForceAuthn=\"false\" IsPassive=\"false\" \
             AssertionConsumerServiceIndex=\"0\"><saml:Issuer xmlns:saml=\"{ASSERTION}\">{host}\
             </saml:Issuer><samlp:NameIDPolicy Format=\"{TRANSIENT}\" SPNameQualifier=\"{host}\" \
             AllowCreate=\"true\"></samlp:NameIDPolicy></samlp:AuthnRequest>",
            written(now),
            value(destination),
        );
        Self { id, issuer: host.to_owned(), destination: destination.to_owned(), xml }
    }

    /// Where the browser takes it. `RelayState` is the id: longer ones are not allowed
    /// (SAML Bindings 3.4.3), and what it stands for is the node's own business.
    pub(in super::super) fn redirect_url(&self) -> String {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(self.xml.as_bytes()).expect("a buffer takes what is written");
        let deflated = deflated.finish().expect("a buffer takes what is written");
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("SAMLRequest", &BASE64_STANDARD.encode(deflated))
            .append_pair("RelayState", &self.id)
            .finish();
        let mark = if self.destination.contains('?') { '&' } else { '?' };
        format!("{}{mark}{query}", self.destination)
    }

    /// Reads the parameter `SAMLRequest` of the redirect binding.
    pub(in super::super) fn read(parameter: &str) -> Result<Self, RequestError> {
        let deflated = BASE64_STANDARD.decode(parameter).map_err(|_| RequestError)?;
        let mut xml = String::new();
        DeflateDecoder::new(deflated.as_slice())
            .take(LONGEST)
            .read_to_string(&mut xml)
            .map_err(|_| RequestError)?;
        let root = xml::parse(&xml).map_err(|_| RequestError)?;
        if !root.is(PROTOCOL, "AuthnRequest") {
            return Err(RequestError);
        }
        let id = root.attribute("ID").ok_or(RequestError)?.to_owned();
        let issuer = root.only(ASSERTION, "Issuer").ok_or(RequestError)?.text.trim().to_owned();
        let destination = root.attribute("Destination").unwrap_or_default().to_owned();
        Ok(Self { id, issuer, destination, xml })
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::*;

    #[test]
    fn a_request_survives_the_redirect() {
        let request =
            AuthnRequest::new("cucm-pub", "https://idp/sso?x=1&y=2", SystemTime::UNIX_EPOCH);

        let url = Url::parse(&request.redirect_url()).unwrap();
        let parameter =
            url.query_pairs().find(|(key, _)| key == "SAMLRequest").unwrap().1.into_owned();
        let read = AuthnRequest::read(&parameter).unwrap();

        assert_eq!(read.xml, request.xml);
        assert_eq!(read.id, request.id);
        assert_eq!(read.issuer, "cucm-pub");
        assert_eq!(read.id.len(), 41);
    }

    #[test]
    fn nonsense_is_no_request() {
        assert!(AuthnRequest::read("?").is_err());
        assert!(AuthnRequest::read(&BASE64_STANDARD.encode("text")).is_err());
    }
}
