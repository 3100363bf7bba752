//! A login at an identity provider that we did not write: the lab's clusters ask it, and check
//! what it signs.

use reqwest::StatusCode;
use ucsso::lab::IdpChoice;

use crate::{estate::Estate, simplesamlphp::SimpleSamlPhp, webdriver::Browser};

/// An estate whose clusters and identity provider know each other, and a browser.
async fn foreign_estate() -> (SimpleSamlPhp, Estate, Browser) {
    let idp = SimpleSamlPhp::start().await;
    let estate = Estate::start(IdpChoice::Foreign { metadata_xml: idp.metadata().await }).await;
    idp.trust("hq", &estate.lab.sp_metadata("hq"));
    let browser = Browser::start(Some(estate.lab.ca_pem())).await;
    (idp, estate, browser)
}

#[tokio::test]
async fn a_login_at_a_foreign_identity_provider_gives_a_token_and_the_next_is_silent() {
    let (idp, estate, browser) = foreign_estate().await;
    let login = estate.log_in("hq").await;
    browser.goto(&login.start_url).await;
    idp.log_in(&browser, "alice", "alicepw").await;
    browser.wait_for("html[data-state=done]").await;
    login.end().await;
    let first = estate.token("hq").await;

    let login = estate.log_in("hq").await;
    browser.goto(&login.start_url).await;
    browser.wait_for("html[data-state=done]").await;
    login.end().await;
    let second = estate.token("hq").await;

    assert_ne!(first, second);
    assert_eq!(estate.lab.counters().responses_refused, 0);
    let (status, record) = estate.ask("cucm-sub", "/cucm-uds/user/alice", &second).await;
    assert_eq!(status, StatusCode::OK);
    assert!(record.contains("<userName>alice</userName>"), "{record}");
}

#[tokio::test]
async fn a_token_of_somebody_else_is_not_taken() {
    let (idp, estate, browser) = foreign_estate().await;
    let login = estate.log_in("hq").await;
    browser.goto(&login.start_url).await;
    idp.log_in(&browser, "bob", "bobpw").await;
    browser.wait_for("html[data-state=failed]").await;

    let output = estate.ctl_output(&["token", "hq"]).await;
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    drop(login);
}
