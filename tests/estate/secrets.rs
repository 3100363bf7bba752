//! Where tokens, tickets and nonces must not be found: in logs, arguments, environments, files
//! and errors, with `RUST_LOG=trace`.
//!
//! One place is left out on purpose: the program that opens the browser gets the start page, with
//! the ticket in it, as an argument. The ticket works once, and the page that it opens is shown to
//! processes of the same user alone.

use std::{fs, path::Path};

use reqwest::header::{CONTENT_TYPE, ORIGIN};
use url::{Url, form_urlencoded};

use crate::{
    estate::Estate,
    http,
    process::{Process, until},
    rig::{WRITING, estate, estate_with_browser},
};

/// The secrets of one login.
struct Secrets(Vec<(&'static str, String)>);

impl Secrets {
    fn assert_absent(&self, place: &str, text: &str) {
        for (name, secret) in &self.0 {
            assert!(secret.len() > 20, "the {name} is long enough not to be found by chance");
            assert!(!text.contains(secret.as_str()), "the {name} is in {place}");
        }
    }
}

/// Logs in by hand, to see what a browser sees.
async fn log_in_by_hand(estate: &Estate) -> (Secrets, String) {
    let login = Process::start(estate.home.ucssoctl().args(["login", "hq"]));
    let start = until("a window opens", async || estate.opened().pop()).await;
    let browser = http::client(Some(estate.lab.ca_pem()));
    let page = browser
        .get(&start)
        .header("Sec-Fetch-Site", "none")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document");
    let page = page.send().await.unwrap().text().await.unwrap();
    let nonce = attribute(&page, "data-nonce");
    let next: Url = attribute(&page, "data-next").replace("&amp;", "&").parse().unwrap();
    let mut landing = estate.walk("alice").until_redirect(&next).await.unwrap().url;
    let fragment = landing.fragment().unwrap().to_owned();
    landing.set_fragment(None);
    let message = serde_json::json!({ "nonce": nonce, "query": "", "fragment": fragment });
    let delivery = browser
        .post(landing.clone())
        .header(CONTENT_TYPE, "application/json")
        .header(ORIGIN, landing.origin().ascii_serialization())
        .header("Sec-Fetch-Site", "same-origin")
        .header("Sec-Fetch-Mode", "cors")
        .header("Sec-Fetch-Dest", "empty")
        .body(message.to_string());
    let verdict = delivery.send().await.unwrap().text().await.unwrap();
    let (status, said) = login.end().await;
    assert!(status.success(), "{said}");

    let named = |text: &str, name: &str| {
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
    };
    let secrets = Secrets(vec![
        ("ticket", start.rsplit('/').next().unwrap().to_owned()),
        ("nonce", nonce),
        ("state", named(next.query().unwrap(), "state")),
        ("token", named(&fragment, "access_token")),
        ("fragment", fragment),
    ]);
    (secrets, said + &verdict)
}

fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_secrets_of_a_login_are_nowhere_to_be_found() {
    let estate = estate_with_browser(&WRITING).await;

    let (secrets, said) = log_in_by_hand(&estate).await;
    let token = estate.token("hq").await;
    estate.get_token("hq", <_>::default()).await.unwrap();

    assert!(secrets.0.contains(&("token", token)), "it is the one that is handed out");
    secrets.assert_absent("what the login said", &said);
    let log = estate.daemon.output();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says all: {log}");
    secrets.assert_absent("the log", &log);
    for process in fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            // It may have ended, or be none of ours.
            let text = fs::read(process.path().join(file)).unwrap_or_default();
            let place = process.path().join(file).display().to_string();
            secrets.assert_absent(&place, &String::from_utf8_lossy(&text));
        }
    }
    fs::remove_file(estate.home.path("opened")).unwrap();
    assert_absent_from_files(&secrets, &estate.home.path(""));
}

/// Nothing is written, but what the test's own browser wrote down.
fn assert_absent_from_files(secrets: &Secrets, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            assert_absent_from_files(secrets, &entry.path());
        } else if entry.file_type().unwrap().is_file() {
            let text = fs::read(entry.path()).unwrap();
            let place = entry.path().display().to_string();
            secrets.assert_absent(&place, &String::from_utf8_lossy(&text));
        }
    }
}

#[tokio::test]
async fn nothing_that_a_redirect_brings_is_in_an_error() {
    const CANARY: &str = "Canary-5559fada-0000-4d1c";
    let estate = estate().await;
    let plain = estate.lab.behaviour().redirect.clone();
    let with = |edit: fn(&mut ucsso::lab::faults::RedirectShape)| {
        let mut shape = plain.clone();
        edit(&mut shape);
        shape
    };
    for shape in [
        with(|shape| shape.token = Some(format!("{CANARY} with a space"))),
        with(|shape| shape.token = Some(CANARY.into())),
        with(|shape| shape.expires_in = ucsso::lab::faults::ExpiresIn::Literal(CANARY.into())),
        with(|shape| shape.extra = vec![("state".into(), CANARY.into())]),
        with(|shape| {
            let error = CANARY.to_owned();
            shape.error = Some(ucsso::lab::faults::RedirectError { error, in_query: true });
            shape.extra = vec![("error_description".into(), CANARY.into())];
        }),
    ] {
        estate.lab.behaviour().redirect = shape.clone();

        let (walked, end) = estate.failed_login("hq", "alice").await;

        end.is(8, &[]);
        for text in [format!("{walked:?}"), end.said, estate.status().await.to_string()] {
            assert!(!text.contains("5559fada"), "{shape:?}: {text}");
        }
    }
    assert!(!estate.daemon.output().contains("5559fada"), "{}", estate.daemon.output());
}
