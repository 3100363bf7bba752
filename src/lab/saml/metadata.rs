//! What identity providers and service providers say of themselves (SAML Metadata).

use super::{
    METADATA, POST, PROTOCOL, REDIRECT, SIGNATURE, TRANSIENT, text, value,
    xml::{self, Element},
};

/// An identity provider that somebody else wrote.
#[derive(Debug)]
pub(in super::super) struct ForeignIdp {
    pub(super) entity_id: String,
    pub(super) sso_url: String,
    /// Base64 of the DER.
    certificate: String,
}

/// Why metadata is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// It is not plain XML; a document type is not.
    #[error("it is not plain XML; a document type or a comment is not taken")]
    NotXml,
    /// It does not describe exactly one identity provider.
    #[error("it does not describe exactly one SAML 2.0 identity provider")]
    NoIdp,
    /// There is nowhere to send a request.
    #[error("it names no http or https address for the redirect binding")]
    NoSsoUrl,
    /// Unified CM takes one signing certificate (bug `CSCuj66703`), and so does the lab.
    #[error("it does not have exactly one signing certificate")]
    NoCertificate,
}

impl ForeignIdp {
    /// Reads the metadata of an identity provider.
    pub(in super::super) fn read(document: &str) -> Result<Self, MetadataError> {
        let document = document.trim_start_matches('\u{feff}').trim();
        let root = xml::parse(document).map_err(|_| MetadataError::NotXml)?;
        let mut providers = root
            .descendants()
            .into_iter()
            .filter(|element| element.is(METADATA, "EntityDescriptor"))
            .filter_map(|entity| Some((entity, entity.only(METADATA, "IDPSSODescriptor")?)));
        let (Some((entity, idp)), None) = (providers.next(), providers.next()) else {
            return Err(MetadataError::NoIdp);
        };
        let entity_id = entity.attribute("entityID").ok_or(MetadataError::NoIdp)?.to_owned();
        let sso_url = idp
            .all(METADATA, "SingleSignOnService")
            .filter(|service| service.attribute("Binding") == Some(REDIRECT))
            .find_map(|service| service.attribute("Location"))
            .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
            .ok_or(MetadataError::NoSsoUrl)?
            .to_owned();
        let certificate = signing_certificate(idp).ok_or(MetadataError::NoCertificate)?;
        Ok(Self { entity_id, sso_url, certificate })
    }

    /// Its certificate, for `xmlsec1`.
    pub(super) fn certificate_pem(&self) -> String {
        let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
        for line in self.certificate.as_bytes().chunks(64) {
            pem.extend(line.iter().copied().map(char::from));
            pem.push('\n');
        }
        pem.push_str("-----END CERTIFICATE-----\n");
        pem
    }
}

fn signing_certificate(idp: &Element) -> Option<String> {
    let mut certificates: Vec<String> = idp
        .all(METADATA, "KeyDescriptor")
        .filter(|key| key.attribute("use").is_none_or(|purpose| purpose == "signing"))
        .flat_map(Element::descendants)
        .filter(|element| element.is(SIGNATURE, "X509Certificate"))
        .map(|element| element.text.split_ascii_whitespace().collect())
        .collect();
    certificates.sort();
    certificates.dedup();
    let certificate = certificates.pop()?;
    let is_base64 = |b: u8| b.is_ascii_alphanumeric() || b"+/=".contains(&b);
    (certificates.is_empty() && certificate.bytes().all(is_base64)).then_some(certificate)
}

/// The metadata of the lab's identity provider.
pub(in super::super) fn idp_metadata(entity_id: &str, sso_url: &str, certificate: &str) -> String {
    format!(
        "{DECLARATION}<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{}\">\
         <md:IDPSSODescriptor WantAuthnRequestsSigned=\"false\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">{}<md:NameIDFormat>{TRANSIENT}\
         </md:NameIDFormat><md:SingleSignOnService Binding=\"{REDIRECT}\" Location=\"{}\"/>\
         </md:IDPSSODescriptor></md:EntityDescriptor>",
        value(entity_id),
        key_descriptor(certificate),
        value(sso_url),
    )
}

/// The metadata of service providers: of each its entity id, its consumer service and its
/// certificate. One of them makes an `EntityDescriptor`, several an `EntitiesDescriptor`.
pub(in super::super) fn sp_metadata(providers: &[(&str, String, &str)]) -> String {
    let entities: String = providers
        .iter()
        .map(|(entity_id, acs_url, certificate)| entity(entity_id, acs_url, certificate))
        .collect();
    if providers.len() == 1 {
        return format!("{DECLARATION}{entities}");
    }
    format!(
        "{DECLARATION}<md:EntitiesDescriptor xmlns:md=\"{METADATA}\">{entities}\
         </md:EntitiesDescriptor>"
    )
}

/// Unified CM also offers a key for encryption; the lab does not read encrypted assertions, so it
/// offers none.
fn entity(entity_id: &str, acs_url: &str, certificate: &str) -> String {
    format!(
        "<md:EntityDescriptor xmlns:md=\"{METADATA}\" entityID=\"{}\"><md:SPSSODescriptor \
         AuthnRequestsSigned=\"false\" WantAssertionsSigned=\"false\" \
         protocolSupportEnumeration=\"{PROTOCOL}\">{}<md:NameIDFormat>{TRANSIENT}\
         </md:NameIDFormat><md:AssertionConsumerService Binding=\"{POST}\" Location=\"{}\" \
         index=\"0\"/><md:AttributeConsumingService index=\"0\"><md:ServiceName xml:lang=\"en\">\
         {}</md:ServiceName><md:RequestedAttribute Name=\"uid\" isRequired=\"true\"/>\
         </md:AttributeConsumingService></md:SPSSODescriptor></md:EntityDescriptor>",
        value(entity_id),
        key_descriptor(certificate),
        value(acs_url),
        text(entity_id),
    )
}

fn key_descriptor(certificate: &str) -> String {
    format!(
        "<md:KeyDescriptor use=\"signing\"><ds:KeyInfo xmlns:ds=\"{SIGNATURE}\"><ds:X509Data>\
         <ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
         </md:KeyDescriptor>"
    )
}

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_metadata_is_read_as_anybodys() {
        let metadata = idp_metadata("urn:idp", "http://idp/sso?a=1&b=2", "QUJD");

        let idp = ForeignIdp::read(&metadata).unwrap();

        assert_eq!(idp.entity_id, "urn:idp");
        assert_eq!(idp.sso_url, "http://idp/sso?a=1&b=2");
        assert_eq!(
            idp.certificate_pem(),
            "-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n"
        );
    }

    #[test]
    fn useless_metadata_is_refused_with_its_reason() {
        let good = idp_metadata("urn:idp", "https://idp/sso", "QUJD");
        let second_key = format!("{}<md:NameIDFormat>", key_descriptor("REVG"));
        let cases = [
            (good.replace("?>", "?><!DOCTYPE x>"), MetadataError::NotXml),
            (sp_metadata(&[("sp", "https://sp/acs".to_owned(), "QUJD")]), MetadataError::NoIdp),
            (good.replace("https://idp/sso", "ftp://idp/sso"), MetadataError::NoSsoUrl),
            (good.replace("QUJD", "-----"), MetadataError::NoCertificate),
            (good.replace("<md:NameIDFormat>", &second_key), MetadataError::NoCertificate),
        ];

        for (metadata, reason) in cases {
            assert_eq!(ForeignIdp::read(&metadata).unwrap_err(), reason);
        }
    }
}
