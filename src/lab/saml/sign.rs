//! Enveloped signatures of what is already canonical: SHA-256, RSA of 2048 bits.
//!
//! Text in exclusive canonical form needs no canonicalization, so a signature is a digest and
//! two fixed strings. For the same reason it is checked byte by byte: a response that another
//! program has reformatted is refused, even if its meaning is the same.

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize, SigningKey as _};

use super::{
    super::ca::{CertificateError, LIFETIME, params},
    SIGNATURE,
    xml::Element,
};

/// The key of the lab's identity provider.
pub(in super::super) struct Signer {
    key: KeyPair,
    /// Its certificate, base64 of the DER.
    pub(in super::super) certificate: String,
}

/// The other half of it.
pub(in super::super) struct PublicKey(Vec<u8>);

impl Signer {
    pub(in super::super) fn new(name: &str) -> Result<Self, CertificateError> {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
        let certificate = params(name, &[], LIFETIME)?.self_signed(&key)?;
        Ok(Self { certificate: BASE64_STANDARD.encode(certificate.der()), key })
    }

    pub(in super::super) fn public_key(&self) -> PublicKey {
        PublicKey(self.key.der_bytes().to_vec())
    }

    /// The signature of the element whose canonical form is `canonical` and whose `ID` is `id`,
    /// to be put inside it.
    pub(super) fn signature(&self, canonical: &str, id: &str) -> String {
        let signed = signed_info(id, canonical);
        let signature =
            self.key.sign(canonical_signed_info(&signed).as_bytes()).expect("an RSA key signs");
        format!(
            "<ds:Signature xmlns:ds=\"{SIGNATURE}\">{signed}<ds:SignatureValue>{}\
             </ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}\
             </ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
            BASE64_STANDARD.encode(signature),
            self.certificate,
        )
    }
}

impl PublicKey {
    /// Whether the root of `document` has been signed with this key: the whole of it, as it
    /// stands.
    pub(super) fn signed(&self, document: &str, root: &Element) -> bool {
        self.check(document, root).is_some()
    }

    fn check(&self, document: &str, root: &Element) -> Option<()> {
        let signature = root.only(SIGNATURE, "Signature")?;
        let claimed = &signature.only(SIGNATURE, "SignatureValue")?.text;
        let claimed = BASE64_STANDARD.decode(claimed).ok()?;
        let canonical =
            [&document[..signature.span.start], &document[signature.span.end..]].concat();
        // What was signed is made again from the document, never taken from it: there is no
        // reference that could point elsewhere.
        let signed = signed_info(root.attribute("ID")?, &canonical);
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(canonical_signed_info(&signed).as_bytes(), &claimed)
            .ok()
    }
}

/// `SignedInfo` as it stands in the document, where `Signature` declares the namespace.
fn signed_info(id: &str, canonical: &str) -> String {
    let digest = BASE64_STANDARD.encode(digest(&SHA256, canonical.as_bytes()));
    format!(
        "<ds:SignedInfo><ds:CanonicalizationMethod \
         Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\">\
         </ds:SignatureMethod><ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform \
         Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"></ds:Transform>\
         <ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform>\
         </ds:Transforms><ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\">\
         </ds:DigestMethod><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>\
         </ds:SignedInfo>"
    )
}

/// `SignedInfo` as it is signed: alone, so that it declares the namespace itself.
fn canonical_signed_info(in_document: &str) -> String {
    in_document.replacen("<ds:SignedInfo>", &format!("<ds:SignedInfo xmlns:ds=\"{SIGNATURE}\">"), 1)
}

#[cfg(test)]
mod tests {
    use super::{super::xml, *};

    #[test]
    fn a_signature_holds_for_every_byte() {
        let signer = Signer::new("test").unwrap();
        let canonical = r#"<a ID="x"><b>text</b></a>"#;
        let signature = signer.signature(canonical, "x");
        let document = format!(r#"<a ID="x">{signature}<b>text</b></a>"#);
        let key = signer.public_key();

        assert!(key.signed(&document, &xml::parse(&document).unwrap()));
        for (from, to) in [("text", "test"), ("ID=\"x\"", "ID=\"y\""), ("<b>", "<b >")] {
            let changed = document.replacen(from, to, 1);
            assert!(!key.signed(&changed, &xml::parse(&changed).unwrap()), "{from}");
        }
    }

    #[test]
    fn another_key_signs_nothing() {
        let signer = Signer::new("test").unwrap();
        let signature = signer.signature(r#"<a ID="x"></a>"#, "x");
        let document = format!(r#"<a ID="x">{signature}</a>"#);
        let other = Signer::new("test").unwrap().public_key();

        assert!(!other.signed(&document, &xml::parse(&document).unwrap()));
    }
}
