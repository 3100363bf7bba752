//! A login as a person sees it: the real browser, the lab's cluster and identity provider, the
//! real daemon.

use reqwest::StatusCode;
use ucsso::lab::IdpChoice;

use crate::{components, estate::Estate, webdriver::Browser};

/// Fills in the login form of the lab's identity provider.
async fn fill_in_form(browser: &Browser, user: &str) {
    browser.type_into("input[name=username]", user).await;
    browser.type_into("input[name=password]", &format!("{user}pw")).await;
    browser.click("form button").await;
}

/// Keeps what the window shows once nothing in it moves, for the documents.
async fn keep_picture(browser: &Browser, name: &str) {
    browser.execute("document.getAnimations().forEach(animation => animation.finish())").await;
    browser.screenshot(&components::screens().join(name)).await;
}

/// Everything that the page holds: its text, its state, and what it left in the tab.
async fn page_contents(browser: &Browser) -> String {
    let script = "return [document.documentElement.outerHTML, JSON.stringify(sessionStorage), \
                  JSON.stringify(localStorage), JSON.stringify(history.state), document.cookie, \
                  location.href].join('\\n')";
    browser.execute(script).await.as_str().unwrap().to_owned()
}

/// Logs in to `cluster` with the form, and holds against it what a landing page has to be.
async fn a_login_to(cluster: &str) -> (Estate, Browser, String) {
    let estate = Estate::start(IdpChoice::Own).await;
    let browser = Browser::start(Some(estate.lab.ca_pem())).await;

    let login = estate.log_in(cluster).await;
    browser.goto(&login.start_url).await;
    fill_in_form(&browser, "alice").await;
    browser.wait_for("html[data-state=done]").await;
    login.end().await;

    let token = estate.token(cluster).await;
    assert!(browser.text("h1").await.contains(cluster), "{}", browser.text("body").await);
    assert_eq!(browser.text("#user").await, "alice");
    assert_eq!(browser.url().await, estate.redirect_uri(cluster), "the fragment is scrubbed");
    let contents = page_contents(&browser).await;
    assert!(!contents.contains(&token) && !contents.contains("access_token"), "{contents}");
    for (mode, dark) in [("light", false), ("dark", true)] {
        browser.prefers_dark(dark).await;
        keep_picture(&browser, &format!("landing-{cluster}-{mode}.png")).await;
    }
    (estate, browser, token)
}

#[tokio::test]
async fn a_person_logs_in_and_the_token_works_on_uds() {
    let (estate, _browser, token) = a_login_to("hq").await;

    let (status, record) = estate.ask("cucm-pub", "/cucm-uds/user/alice", &token).await;

    assert_eq!(status, StatusCode::OK);
    assert!(record.contains("<userName>alice</userName>"), "{record}");
}

#[tokio::test]
async fn a_person_logs_in_and_the_token_works_on_unity_connection() {
    let (estate, _browser, token) = a_login_to("vm").await;

    let messages = "/vmrest/mailbox/folders/inbox/messages";
    let (status, _) = estate.ask("cuc", messages, &token).await;

    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_second_login_shows_no_form_while_the_session_at_the_identity_provider_lives() {
    let (estate, browser, first) = a_login_to("hq").await;

    let login = estate.log_in("hq").await;
    browser.goto(&login.start_url).await;
    browser.wait_for("html[data-state=done]").await;
    login.end().await;

    let counted = estate.lab.counters();
    assert_eq!((counted.form_logins, counted.silent_logins), (1, 1));
    assert_ne!(estate.token("hq").await, first);
}

#[tokio::test]
async fn going_back_to_a_landing_page_shows_nothing_and_changes_nothing() {
    let (estate, browser, token) = a_login_to("hq").await;

    browser.goto(&estate.redirect_uri("hq")).await;
    browser.wait_for("html[data-state=idle]").await;

    assert!(!page_contents(&browser).await.contains(&token));
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_person_who_is_somebody_else_is_told_so_and_gets_nothing() {
    let estate = Estate::start(IdpChoice::Own).await;
    let browser = Browser::start(Some(estate.lab.ca_pem())).await;

    let login = estate.log_in("hq").await;
    browser.goto(&login.start_url).await;
    fill_in_form(&browser, "bob").await;
    browser.wait_for("html[data-state=failed]").await;

    assert_eq!(browser.text("h1").await, "The login to hq failed");
    let told = browser.text("#lines").await;
    assert!(told.contains("somebody else") && told.contains("alice"), "{told}");
    assert!(!page_contents(&browser).await.contains("access_token"));
    keep_picture(&browser, "landing-refused.png").await;
    login.ended().await.is(8, &["alice"]);
}

#[tokio::test]
async fn a_start_page_works_once_and_whoever_opens_it_again_can_go_back() {
    let estate = Estate::start(IdpChoice::Own).await;
    let browser = Browser::start(Some(estate.lab.ca_pem())).await;
    let login = estate.log_in("hq").await;
    browser.goto(&login.start_url).await;

    browser.goto(&login.start_url).await;
    browser.wait_for("html[data-state=failed]").await;
    assert_eq!(browser.text("h1").await, "This link no longer works");
    keep_picture(&browser, "landing-expired.png").await;
    browser.execute("history.back()").await;
    fill_in_form(&browser, "alice").await;
    browser.wait_for("html[data-state=done]").await;

    login.end().await;
    estate.token("hq").await;
}
