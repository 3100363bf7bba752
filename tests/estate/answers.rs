//! Odd answers of a cluster: lifetimes, shapes of redirects and of documents.

use ucsso::lab::{
    LabConfig,
    faults::{ExpiresIn, RedirectShape, StatusXml, TokenFormat},
};

use crate::{estate::Estate, rig::estate};

#[tokio::test]
async fn a_lifetime_that_is_none_is_refused() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    let odd = ["", "abc", "-1", "+60", "60.5", " 60", "0x3c", "6e1", "99999999999", "\u{663}"];
    for text in odd {
        estate.lab.behaviour().redirect.expires_in = ExpiresIn::Literal(text.into());

        let (_, end) = estate.failed_login("hq", "alice").await;

        end.is(8, &["the lifetime of the token is not a number of seconds"]);
    }
    estate.lab.behaviour().redirect.expires_in = ExpiresIn::Literal("0".into());
    let (_, end) = estate.failed_login("hq", "alice").await;

    end.is(8, &["the lifetime of the token is zero"]);
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_lifetime_is_within_the_bounds_of_the_configuration() {
    let bounds = "lifetime = { fallback = \"100s\", max = \"200s\" }";
    let configured = |toml: &str| toml.replacen("product =", &format!("{bounds}\nproduct ="), 1);
    let estate = Estate::launch(LabConfig::default(), configured).await;
    for (sent, most) in [
        (ExpiresIn::Missing, 100),
        (ExpiresIn::Literal("9999999999".into()), 200),
        (ExpiresIn::Literal("0060".into()), 60),
        (ExpiresIn::Honest, 200),
    ] {
        estate.lab.behaviour().redirect.expires_in = sent.clone();
        estate.logged_in("hq").await;

        let status = estate.status_of("hq").await;
        let second = |name: &str| status[name].as_i64().unwrap();

        // Each end of the time is a whole second of its own.
        let told = second("expire_epoch") - second("obtain_epoch");
        assert!((most - 1..=most + 1).contains(&told), "{sent:?}: {told} s");
    }
}

#[tokio::test]
async fn a_redirect_is_read_by_name_and_not_by_place() {
    let estate = estate().await;
    for (shape, format) in [
        (RedirectShape { reversed: true, ..RedirectShape::default() }, TokenFormat::Opaque),
        (RedirectShape { encoded: true, ..RedirectShape::default() }, TokenFormat::Jwt),
        (
            RedirectShape { extra: vec![("x".into(), "&=#".into())], ..RedirectShape::default() },
            TokenFormat::Jwt,
        ),
    ] {
        estate.lab.behaviour().redirect = shape;
        estate.lab.behaviour().token_format = format;

        let token = estate.logged_in("hq").await;

        let (status, _) = estate.ask("cucm-pub", "/cucm-uds/user/alice", &token).await;
        assert_eq!(status, 200);
    }
}

#[tokio::test]
async fn a_token_that_is_none_is_refused() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    for (text, word) in [
        ("", "its token is empty or has characters that no token has"),
        ("two words", "its token is empty or has characters that no token has"),
        ("line\r\nbreak", "its token is empty or has characters that no token has"),
        (&"x".repeat(16 * 1024 + 1), "its token is longer than 16384 bytes"),
        ("unknown", "does not accept the token that the cluster has just issued"),
    ] {
        estate.lab.behaviour().redirect.token = Some(text.into());

        let (_, end) = estate.failed_login("hq", "alice").await;

        end.is(8, &[word]);
    }
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_document_in_any_good_shape_is_understood_and_in_any_other_refused() {
    let estate = estate().await;
    for good in [
        StatusXml::Compact,
        StatusXml::Namespaced,
        StatusXml::Spaced,
        StatusXml::Bom,
        StatusXml::Reordered,
    ] {
        estate.lab.behaviour().status_xml = good;
        estate.logged_in("hq").await;
    }
    let token = estate.token("hq").await;
    for (bad, word) in [
        (StatusXml::Dtd, "not understood"),
        (StatusXml::Huge, "sent more than 64 KiB"),
        (StatusXml::Truncated, "not understood"),
        (StatusXml::Html, "answered with a web page"),
        (StatusXml::NotFound, "answered with HTTP 404"),
        (StatusXml::ServerError, "is busy or starting (HTTP 500)"),
        (StatusXml::Unavailable, "is busy or starting (HTTP 503)"),
        (StatusXml::ForeignUri, "names an authorization page that is not followed"),
        (StatusXml::HttpUri, "names an authorization page that is not followed"),
        (StatusXml::DisabledEmptyUri, "single sign-on is switched off"),
    ] {
        estate.lab.behaviour().status_xml = bad;

        estate.refused(&["login", "hq"]).await.is(8, &[word]);
    }
    assert_eq!(estate.token("hq").await, token);
}
