//! `/ssosp/ws/public/singleSignOn`, the certificates, and nodes that are down.

use reqwest::StatusCode;
use ucsso::lab::{Certificates, LabConfig, TlsVersions, faults::StatusXml};

use super::support::{at, client_of, header, lab, lab_of};

const PATH: &str = "/ssosp/ws/public/singleSignOn";

#[tokio::test]
async fn a_node_sends_browsers_to_its_sibling() {
    let (lab, client) = lab().await;
    let (host, port) = lab.node("cucm-sub");

    let response = client.get(at(&lab, "cucm-pub", PATH)).send().await.unwrap();

    assert_eq!(header(&response, "content-type"), Some("application/xml"));
    assert_eq!(
        response.text().await.unwrap(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?><SSOResult \
             version=\"1.0\"><Response><SingleSignOn><Status enabled=\"true\"/><Token>true</Token>\
             <Uri>https://{host}:{port}/ssosp/oauth/authorize</Uri></SingleSignOn></Response>\
             </SSOResult>"
        )
    );
}

#[tokio::test]
async fn a_single_node_sends_browsers_to_itself() {
    let (lab, client) = lab().await;

    let body = client.get(at(&lab, "cuc", PATH)).send().await.unwrap().text().await.unwrap();

    assert!(body.contains(&format!("<Uri>{}", at(&lab, "cuc", "/ssosp/oauth/authorize"))));
}

#[tokio::test]
async fn a_node_can_name_any_address() {
    let (lab, client) = lab().await;
    lab.behaviour().status_uri = Some("file:///etc/passwd?a&b".into());

    let body = client.get(at(&lab, "cuc", PATH)).send().await.unwrap().text().await.unwrap();

    assert!(body.contains("<Uri>file:///etc/passwd?a&amp;b</Uri>"), "{body}");
}

#[tokio::test]
async fn every_variant_of_the_status_document_is_what_it_says() {
    let (lab, client) = lab().await;
    let variants = [
        (StatusXml::Namespaced, 200, "<s:Uri>https://"),
        (StatusXml::Spaced, 200, "<Uri>\r\n        https://"),
        (StatusXml::Bom, 200, "\u{feff}<?xml"),
        (StatusXml::Reordered, 200, "<Status since=\"2015\" enabled=\"TRUE\"/>"),
        (StatusXml::DisabledEmptyUri, 200, "<Uri></Uri>"),
        (StatusXml::Dtd, 200, "<!DOCTYPE SSOResult [<!ENTITY where \"https://"),
        (StatusXml::Huge, 200, "<Padding>xxx"),
        (StatusXml::Truncated, 200, "<SingleSignOn"),
        (StatusXml::Html, 200, "<!doctype html>"),
        (StatusXml::NotFound, 404, "HTTP Status 404"),
        (StatusXml::ServerError, 500, "HTTP Status 500"),
        (StatusXml::Unavailable, 503, "HTTP Status 503"),
        (StatusXml::ForeignUri, 200, "<Uri>https://sso.elsewhere.localhost:8443/"),
        (StatusXml::HttpUri, 200, "<Uri>http://cucm-sub"),
    ];

    for (variant, status, part) in variants {
        lab.behaviour().status_xml = variant;
        let response = client.get(at(&lab, "cucm-pub", PATH)).send().await.unwrap();

        assert_eq!(response.status().as_u16(), status, "{variant:?}");
        let body = response.bytes().await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains(part), "{variant:?}");
        assert_eq!(body.len() > 1 << 20, variant == StatusXml::Huge);
    }
}

#[tokio::test]
async fn single_sign_on_can_be_off_on_one_cluster() {
    let (lab, client) = lab().await;

    lab.behaviour().sso_disabled.insert("hq".to_owned());
    let hq = client.get(at(&lab, "cucm-pub", PATH)).send().await.unwrap().text().await.unwrap();
    let vm = client.get(at(&lab, "cuc", PATH)).send().await.unwrap().text().await.unwrap();

    assert!(hq.contains("<Status enabled=\"false\"/>") && !hq.contains("Uri"));
    assert!(vm.contains("<Status enabled=\"true\"/>"));
}

#[tokio::test]
async fn a_node_that_is_down_hangs_up_and_comes_back() {
    let (lab, client) = lab().await;
    let url = at(&lab, "cucm-pub", PATH);

    lab.behaviour().down.insert("cucm-pub".to_owned());
    let while_down = client.get(url.clone()).send().await;
    lab.behaviour().down.clear();
    let after = client.get(url).send().await.unwrap();

    assert!(while_down.is_err());
    assert_eq!(after.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_is_good_for_the_name_and_for_the_loopback_address() {
    let (lab, client) = lab().await;
    let (_, port) = lab.node("cuc");

    for host in ["cuc.lab.localhost", "127.0.0.1", "localhost"] {
        let url = format!("https://{host}:{port}{PATH}");
        assert_eq!(client.get(url).send().await.unwrap().status(), StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn an_old_node_speaks_no_tls_1_3() {
    let (lab, client) =
        lab_of(LabConfig { tls: TlsVersions::Only12, ..LabConfig::default() }).await;
    let only_13 = client_of(&lab, &[&rustls::version::TLS13]);

    assert!(client.get(at(&lab, "cuc", PATH)).send().await.is_ok());
    assert!(only_13.get(at(&lab, "cuc", PATH)).send().await.is_err());
}

#[tokio::test]
async fn other_certificates_are_not_trusted() {
    for certificates in [Certificates::SelfSigned, Certificates::Expired, Certificates::WrongHost] {
        let (lab, client) = lab_of(LabConfig { certificates, ..LabConfig::default() }).await;

        let answer = client.get(at(&lab, "cuc", PATH)).send().await;

        assert!(answer.is_err(), "{certificates:?}");
    }
}

#[tokio::test]
async fn the_journal_tells_what_was_asked_and_nothing_secret() {
    let (lab, client) = lab().await;

    let url = at(&lab, "cuc", "/vmrest/version?secret=1");
    client.get(url).header("authorization", "Bearer x").send().await.unwrap();

    let seen = format!("{:?}", lab.requests());
    assert_eq!(
        seen,
        "[Seen { node: \"cuc\", method: \"GET\", path: \"/vmrest/version\", has_bearer: true }]"
    );
}
