//! The browser itself: what a test sees through it, and what it trusts.

use crate::{components, https_page::Page, webdriver::Browser};

const PAGE: &str = r#"<!doctype html><title>before</title>
<style>
  body { background: white }
  @media (prefers-color-scheme: dark) { body { background: black } }
</style>
<p id="said"></p>
<form onsubmit="document.title = 'after'; said.textContent = 'hello ' + who.value; return false">
  <input id="who"><button>go</button>
</form>"#;

#[tokio::test]
async fn a_page_is_read_written_and_clicked_on() {
    let page = Page::serve("localhost", PAGE).await;
    let browser = Browser::start([&*page.ca_pem]).await;

    browser.goto(&page.url).await;
    let before = browser.title().await;
    browser.type_into("#who", "world").await;
    browser.click("button").await;

    assert_eq!((before.as_str(), browser.title().await.as_str()), ("before", "after"));
    assert_eq!(browser.text("#said").await, "hello world");
    assert_eq!(browser.url().await, page.url);
    assert!(!browser.has("#nobody").await);
}

#[tokio::test]
async fn a_page_is_seen_in_light_and_in_dark() {
    let page = Page::serve("localhost", PAGE).await;
    let browser = Browser::start([&*page.ca_pem]).await;
    browser.goto(&page.url).await;
    let background =
        async || browser.execute("return getComputedStyle(document.body).backgroundColor").await;

    browser.prefers_dark(true).await;
    assert_eq!(background().await, "rgb(0, 0, 0)");
    browser.prefers_dark(false).await;
    assert_eq!(background().await, "rgb(255, 255, 255)");

    let picture = components::screens().join("browser.png");
    browser.screenshot(&picture).await;
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_stops_the_browser() {
    let page = Page::serve("localhost", PAGE).await;
    let another = Page::serve("localhost", PAGE).await;
    let browser = Browser::start([&*another.ca_pem]).await;

    browser.goto(&page.url).await;

    assert_eq!(browser.title().await, "Privacy error");
}
