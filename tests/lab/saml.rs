//! The SAML side: what the identity provider signs, and what a node refuses.

use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::{Client, Response, StatusCode};
use ucsso::lab::{
    Lab,
    faults::IdpMood,
    walk::{Walk, WalkError},
};
use url::Url;

use super::support::{alice, authorize_url, header, lab, location, post_form, xmlsec1};

/// A response of the identity provider on its way to a node.
struct Delivery {
    acs_url: String,
    xml: String,
    relay_state: String,
}

impl Delivery {
    async fn to_node(&self, client: &Client) -> Response {
        let encoded = BASE64_STANDARD.encode(&self.xml);
        let fields = [("SAMLResponse", &*encoded), ("RelayState", &*self.relay_state)];
        post_form(client, &self.acs_url, &fields).send().await.unwrap()
    }
}

/// Takes a request to the identity provider, fills in alice's password, and stops.
async fn delivery_for(lab: &Lab, client: &Client, request_url: &Url) -> Delivery {
    let value =
        |name: &str| request_url.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
    let (request, relay_state) = (value("SAMLRequest"), value("RelayState"));
    let login = lab.idp_url().join("/idp/login").unwrap();
    let fields = [
        ("SAMLRequest", &*request),
        ("RelayState", &*relay_state),
        ("username", "alice"),
        ("password", "alicepw"),
    ];
    let page = post_form(client, login.as_str(), &fields).send().await.unwrap();
    let page = page.text().await.unwrap();
    let after = |mark: &str| {
        let (_, rest) = page.split_once(mark).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let xml = BASE64_STANDARD.decode(after("name=\"SAMLResponse\" value=\"")).unwrap();
    let xml = String::from_utf8(xml).unwrap();
    Delivery { acs_url: after("action=\""), xml, relay_state }
}

/// A login of alice's on a node, up to the response.
async fn delivery(lab: &Lab, client: &Client, node: &str) -> Delivery {
    let cluster = if node == "cuc" { "vm" } else { "hq" };
    let begun = client.get(authorize_url(lab, node, cluster)).send().await.unwrap();
    delivery_for(lab, client, &location(&begun).unwrap()).await
}

/// The response ended on a page with this sentence, and nobody is logged in.
async fn assert_refused(response: Response, sentence: &str) {
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(location(&response), None);
    assert_eq!(header(&response, "set-cookie"), None);
    let page = response.text().await.unwrap();
    assert!(page.contains(sentence), "{page}");
}

#[tokio::test]
async fn xmlsec1_finds_both_signatures_good_and_a_changed_byte_bad() {
    let (lab, client) = lab().await;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let metadata = client.get(lab.idp_url().join("/idp/metadata").unwrap()).send().await.unwrap();
    let metadata = metadata.text().await.unwrap();
    let (_, certificate) = metadata.split_once("<ds:X509Certificate>").unwrap();
    let (certificate, _) = certificate.split_once('<').unwrap();
    let (certificate_file, good, bad) = (file("idp.der"), file("good.xml"), file("bad.xml"));
    std::fs::write(&certificate_file, BASE64_STANDARD.decode(certificate).unwrap()).unwrap();
    let delivery = delivery(&lab, &client, "cucm-pub").await;
    std::fs::write(&good, &delivery.xml).unwrap();
    std::fs::write(&bad, delivery.xml.replace(">alice<", ">alicf<")).unwrap();
    let holds = |path: &str, document: &str| {
        xmlsec1(&[
            "--verify",
            "--enabled-key-data",
            "raw-x509-cert",
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:protocol:Response",
            "--id-attr:ID",
            "urn:oasis:names:tc:SAML:2.0:assertion:Assertion",
            "--node-xpath",
            path,
            "--pubkey-cert-der",
            &certificate_file,
            document,
        ])
    };

    for path in ["/*/*[local-name()='Signature']", "/*/*/*[local-name()='Signature']"] {
        assert!(holds(path, &good), "{path}");
        assert!(!holds(path, &bad), "{path}");
    }
}

#[tokio::test]
async fn a_good_response_leads_back_to_where_the_login_began() {
    let (lab, client) = lab().await;
    let delivery = delivery(&lab, &client, "cucm-pub").await;

    let response = delivery.to_node(&client).await;

    assert_eq!(response.status(), StatusCode::FOUND);
    assert!(header(&response, "location").unwrap().starts_with("/ssosp/oauth/authorize?scope="));
    assert!(header(&response, "set-cookie").unwrap().contains("; Path=/ssosp; Secure; HttpOnly"));
}

#[tokio::test]
async fn a_changed_response_is_refused() {
    let (lab, client) = lab().await;
    let mut delivery = delivery(&lab, &client, "cucm-pub").await;

    delivery.xml = delivery.xml.replace(">alice<", ">bob<");

    assert_refused(delivery.to_node(&client).await, "signing certificate does not match").await;
    assert_eq!(lab.counters().responses_refused, 1);
}

#[tokio::test]
async fn a_second_assertion_is_refused() {
    let (lab, client) = lab().await;
    let mut delivery = delivery(&lab, &client, "cucm-pub").await;
    let begin = delivery.xml.find("<saml:Assertion").unwrap();
    let end = delivery.xml.find("</samlp:Response>").unwrap();
    let forged = delivery.xml[begin..end].replace(">alice<", ">bob<");

    delivery.xml.insert_str(end, &forged);

    assert_refused(delivery.to_node(&client).await, "Error while processing").await;
}

#[tokio::test]
async fn a_response_is_good_once() {
    let (lab, client) = lab().await;
    let delivery = delivery(&lab, &client, "cucm-pub").await;

    let first = delivery.to_node(&client).await;
    let second = delivery.to_node(&client).await;

    assert_eq!(first.status(), StatusCode::FOUND);
    assert_refused(second, "Error while processing").await;
}

#[tokio::test]
async fn a_response_to_a_request_that_was_never_made_is_refused() {
    let (lab, client) = lab().await;
    let (other_lab, other_client) = super::support::lab().await;
    let begun = other_client.get(authorize_url(&other_lab, "cucm-pub", "hq")).send().await.unwrap();
    let strange_request = location(&begun).unwrap();

    let delivery = delivery_for(&lab, &client, &strange_request).await;

    assert_refused(delivery.to_node(&client).await, "Error while processing").await;
}

#[tokio::test]
async fn a_response_for_another_node_is_refused() {
    let (lab, client) = lab().await;
    let for_subscriber = delivery(&lab, &client, "cucm-sub").await;
    let for_publisher = delivery(&lab, &client, "cucm-pub").await;

    let misdirected = Delivery { acs_url: for_publisher.acs_url, ..for_subscriber };

    assert_refused(misdirected.to_node(&client).await, "Error while processing").await;
}

#[tokio::test]
async fn a_late_response_is_refused() {
    let (lab, client) = lab().await;
    let delivery = delivery(&lab, &client, "cucm-pub").await;

    lab.advance(Duration::from_secs(5 * 60 + 3));

    assert_refused(delivery.to_node(&client).await, "time is out of sync").await;
}

#[tokio::test]
async fn a_no_of_the_identity_provider_ends_on_a_page() {
    let (lab, _) = lab().await;

    lab.behaviour().idp = IdpMood::Denies;
    let walked = alice(&lab).until_redirect(&authorize_url(&lab, "cucm-pub", "hq")).await;

    assert!(matches!(walked, Err(WalkError::Refused(500))), "{walked:?}");
    assert_eq!(lab.counters().tokens_issued, 0);
}

#[tokio::test]
async fn a_wrong_password_shows_the_form_again() {
    let (lab, _) = lab().await;
    let mut mallory = Walk::new(lab.ca_pem(), "alice", "guess").unwrap();

    let walked = mallory.until_redirect(&authorize_url(&lab, "cucm-pub", "hq")).await;

    assert!(matches!(walked, Err(WalkError::WrongPassword)), "{walked:?}");
}

#[tokio::test]
async fn the_identity_provider_answers_only_whom_it_knows() {
    let (lab, client) = lab().await;

    for parameter in ["", "?SAMLRequest=nonsense"] {
        let url = format!("{}{parameter}", lab.idp_url());
        assert_eq!(client.get(url).send().await.unwrap().status(), StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn metadata_names_each_node_and_its_consumer_service() {
    let (lab, client) = lab().await;
    let (host, port) = lab.node("cucm-sub");

    let cluster = lab.sp_metadata("hq");
    let url = super::support::at(&lab, "cucm-sub", "/ssosp/ws/config/metadata/sp");
    let node = client.get(url).send().await.unwrap().text().await.unwrap();

    assert_eq!(cluster.matches("<md:EntityDescriptor").count(), 2);
    assert!(node.contains(&format!("entityID=\"{host}\"")));
    assert!(
        node.contains(&format!("https://{host}:{port}/ssosp/saml/SSO/alias/{host}\" index=\"0\""))
    );
}
