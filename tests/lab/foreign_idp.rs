//! An identity provider that somebody else wrote: here a template that `xmlsec1` signs, so that
//! nothing of the lab's own signing is in it.

use std::{fs, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize};
use reqwest::{Client, Response, StatusCode};
use tempfile::TempDir;
use ucsso::lab::{Error, IdpChoice, Lab, LabConfig, MetadataError};

use super::support::{at, authorize_url, lab_of, location, post_form, xmlsec1};

const RESPONSE_SIGNATURE: &str = "/*/*[local-name()='Signature']";
const ASSERTION_SIGNATURE: &str = "/*/*[local-name()='Assertion']/*[local-name()='Signature']";

/// A key, a certificate for it, and a place to work.
struct Stranger {
    folder: TempDir,
    certificate: String,
}

impl Stranger {
    fn new() -> Self {
        let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        let certificate = CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        Self { folder, certificate: BASE64_STANDARD.encode(certificate.der()) }
    }

    /// A lab that trusts this identity provider.
    async fn lab(&self) -> (Lab, Client) {
        let idp = IdpChoice::Foreign { metadata_xml: self.metadata() };
        lab_of(LabConfig { idp, ..LabConfig::default() }).await
    }

    fn metadata(&self) -> String {
        format!(
            "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" \
             entityID=\"urn:stranger\"><IDPSSODescriptor \
             protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor>\
             <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>\n{}\n\
             </X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService \
             Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect\" \
             Location=\"http://stranger.localhost/sso\"/></IDPSSODescriptor></EntityDescriptor>",
            self.certificate
        )
    }

    /// `xml` with the signature at `path` filled in.
    fn signed(&self, xml: &str, path: &str) -> String {
        let file = |name: &str| self.folder.path().join(name).to_str().unwrap().to_owned();
        let (key, unsigned, signed) = (file("key.pem"), file("unsigned.xml"), file("signed.xml"));
        fs::write(&unsigned, xml).unwrap();
        assert!(xmlsec1(&[
            "--sign",
            "--privkey-pem",
            &key,
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:protocol:Response",
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
            "--node-xpath",
            path,
            "--output",
            &signed,
            &unsigned,
        ]));
        fs::read_to_string(signed).unwrap()
    }
}

/// A login that waits for its response.
struct Waiting {
    request: String,
    host: String,
    acs_url: String,
    /// Five minutes from now, as SAML writes it.
    later: String,
}

impl Waiting {
    async fn begin(lab: &Lab, client: &Client) -> Self {
        let begun = client.get(authorize_url(lab, "cucm-pub", "hq")).send().await.unwrap();
        let url = location(&begun).unwrap();
        assert!(url.as_str().starts_with("http://stranger.localhost/sso?SAMLRequest="));
        let (_, request) = url.query_pairs().find(|(name, _)| name == "RelayState").unwrap();
        let (host, _) = lab.node("cucm-pub");
        let acs_url = at(lab, "cucm-pub", &format!("/ssosp/saml/SSO/alias/{host}")).to_string();
        let later = jiff::Timestamp::try_from(lab.now() + Duration::from_mins(5)).unwrap();
        Self { request: request.into_owned(), host, acs_url, later: later.to_string() }
    }

    /// A response for `user`, with a place for a signature in both elements.
    fn response(&self, user: &str) -> String {
        format!(
            "<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" ID=\"r1\" \
             Version=\"2.0\" InResponseTo=\"{request}\" Destination=\"{acs}\">\n\
             <saml:Issuer xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\">urn:stranger\
             </saml:Issuer>{response_signature}<samlp:Status><samlp:StatusCode \
             Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"/></samlp:Status>{assertion}\
             </samlp:Response>",
            request = self.request,
            acs = self.acs_url,
            response_signature = signature_place("r1"),
            assertion = self.assertion(user, "a1"),
        )
    }

    fn assertion(&self, user: &str, id: &str) -> String {
        let later = &self.later;
        format!(
            "<Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" \
             Version=\"2.0\"><Issuer>urn:stranger</Issuer>{signature}<Subject>\
             <SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">\
             <SubjectConfirmationData InResponseTo=\"{request}\" Recipient=\"{acs}\" \
             NotOnOrAfter=\"{later}\"/></SubjectConfirmation></Subject>\
             <Conditions NotOnOrAfter=\"{later}\"><AudienceRestriction><Audience>{host}</Audience>\
             </AudienceRestriction></Conditions><AttributeStatement><Attribute Name=\"uid\">\
             <AttributeValue>{user}</AttributeValue></Attribute></AttributeStatement></Assertion>",
            signature = signature_place(id),
            request = self.request,
            acs = self.acs_url,
            host = self.host,
        )
    }

    async fn deliver(&self, client: &Client, response: &str) -> Response {
        let encoded = BASE64_STANDARD.encode(response);
        let fields = [("SAMLResponse", &*encoded), ("RelayState", &*self.request)];
        post_form(client, &self.acs_url, &fields).send().await.unwrap()
    }
}

/// What `xmlsec1` fills in: digest, value, and the key that it signed with.
fn signature_place(id: &str) -> String {
    format!(
        "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:SignedInfo>\
         <ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>\
         <ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"/>\
         <ds:Reference URI=\"#{id}\"><ds:Transforms><ds:Transform \
         Algorithm=\"http://www.w3.org/2000/09/xmldsig#enveloped-signature\"/><ds:Transform \
         Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></ds:Transforms><ds:DigestMethod \
         Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/><ds:DigestValue/></ds:Reference>\
         </ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:KeyValue/></ds:KeyInfo></ds:Signature>"
    )
}

fn without(xml: &str, signature: &str) -> String {
    xml.replacen(signature, "", 1)
}

#[tokio::test]
async fn a_signed_assertion_is_enough() {
    let stranger = Stranger::new();
    let (lab, client) = stranger.lab().await;
    let login = Waiting::begin(&lab, &client).await;
    let response = without(&login.response("alice"), &signature_place("r1"));

    let answer = login.deliver(&client, &stranger.signed(&response, ASSERTION_SIGNATURE)).await;

    assert_eq!(answer.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_signed_response_is_enough() {
    let stranger = Stranger::new();
    let (lab, client) = stranger.lab().await;
    let login = Waiting::begin(&lab, &client).await;
    let response = without(&login.response("alice"), &signature_place("a1"));

    let answer = login.deliver(&client, &stranger.signed(&response, RESPONSE_SIGNATURE)).await;

    assert_eq!(answer.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_user_whom_the_cluster_does_not_know_is_forbidden() {
    let stranger = Stranger::new();
    let (lab, client) = stranger.lab().await;
    let login = Waiting::begin(&lab, &client).await;
    let response = without(&login.response("carol"), &signature_place("r1"));

    let answer = login.deliver(&client, &stranger.signed(&response, ASSERTION_SIGNATURE)).await;

    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_not_signed_or_was_changed_is_refused() {
    let stranger = Stranger::new();
    let (lab, client) = stranger.lab().await;
    let login = Waiting::begin(&lab, &client).await;
    let response = without(&login.response("alice"), &signature_place("r1"));
    let unsigned = without(&response, &signature_place("a1"));
    let changed = stranger.signed(&response, ASSERTION_SIGNATURE).replace(">alice<", ">bob<");

    for forged in [unsigned, response, changed] {
        let answer = login.deliver(&client, &forged).await;

        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(location(&answer), None);
    }
}

#[tokio::test]
async fn a_key_that_comes_with_the_response_counts_for_nothing() {
    let (stranger, attacker) = (Stranger::new(), Stranger::new());
    let (lab, client) = stranger.lab().await;
    let login = Waiting::begin(&lab, &client).await;
    let response = without(&login.response("alice"), &signature_place("r1"));

    let forged = attacker.signed(&response, ASSERTION_SIGNATURE);
    let answer = login.deliver(&client, &forged).await;

    assert!(forged.contains("<ds:RSAKeyValue>"));
    assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn a_signature_covers_its_parent_or_nothing() {
    let stranger = Stranger::new();
    let (lab, client) = stranger.lab().await;
    let login = Waiting::begin(&lab, &client).await;
    // The root carries a good signature, but of the assertion; the rest could be anybody's.
    let elsewhere = without(&login.response("alice"), &signature_place("a1"))
        .replace(&signature_place("r1"), &signature_place("a1"));
    let elsewhere = stranger.signed(&elsewhere, RESPONSE_SIGNATURE);
    // A good assertion, put aside, and a forged one in its place.
    let good = without(&login.response("alice"), &signature_place("r1"));
    let good = stranger.signed(&good, ASSERTION_SIGNATURE);
    let begin = good.find("<Assertion").unwrap();
    let end = good.find("</samlp:Response>").unwrap();
    let aside = format!("<samlp:Extensions>{}</samlp:Extensions>", &good[begin..end]);
    let forged = without(&login.assertion("bob", "b1"), &signature_place("b1"));
    let wrapped = format!("{}{aside}{forged}{}", &good[..begin], &good[end..]);
    // The same, with the signature of the good one in the forged one.
    let signature_begin = good.find("<ds:Signature ").unwrap();
    let signature_end = good.find("<Subject>").unwrap();
    let stolen = &good[signature_begin..signature_end];
    let moved = login.assertion("bob", "b1").replace(&signature_place("b1"), stolen);
    let moved = format!("{}{moved}{}", &good[..begin], &good[end..]);

    for attack in [elsewhere, wrapped, moved] {
        let answer = login.deliver(&client, &attack).await;

        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{attack}");
    }
    assert_eq!(login.deliver(&client, &good).await.status(), StatusCode::FOUND);
}

#[tokio::test]
async fn a_lab_does_not_start_with_metadata_that_is_of_no_use() {
    let idp = IdpChoice::Foreign { metadata_xml: "<!DOCTYPE a><a/>".to_owned() };

    let refused = Lab::start(LabConfig { idp, ..LabConfig::default() }).await.err();

    assert!(matches!(refused, Some(Error::IdpMetadata(MetadataError::NotXml))), "{refused:?}");
}
