//! A redirect by https: the certificate that `ucssoctl trust redirect` makes, in the real browser.

use std::process::Stdio;

use tokio::process::Command;
use ucsso::lab::LabConfig;

use crate::{
    components,
    estate::Estate,
    process::{free_port, run_well},
    webdriver::{Browser, trust},
};

/// An estate whose `hq` redirects by https, and what `ucssoctl trust redirect` said.
async fn by_https(host: &str) -> (Estate, String, String) {
    let uri = format!("https://{host}:{}/cb/hq", free_port());
    let estate = Estate::launch(LabConfig::default(), |toml| {
        let begin = toml.find("redirect_uri = ").unwrap();
        let end = begin + toml[begin..].find('\n').unwrap();
        [&toml[..begin], &format!("redirect_uri = \"{uri}\""), &toml[end..]].concat()
    })
    .await;
    estate.lab.allow_redirect("hq", &uri);
    let said = run_well(estate.home.ucssoctl().args(["trust", "redirect"])).await;
    (estate, uri, said)
}

/// Logs in with the form of the identity provider, and waits for the landing page.
async fn log_in(estate: &Estate, browser: &Browser) {
    let login = estate.log_in("hq").await;
    assert!(login.start_url.starts_with("https://"), "{}", login.start_url);
    browser.goto(&login.start_url).await;
    browser.type_into("input[name=username]", "alice").await;
    browser.type_into("input[name=password]", "alicepw").await;
    browser.click("form button").await;
    browser.wait_for("html[data-state=done]").await;
    login.end().await;
}

#[tokio::test]
async fn a_person_logs_in_by_https_once_the_printed_commands_were_run() {
    let (estate, uri, said) = by_https("localhost").await;
    let certutil = components::certutil();
    let path = format!("{}:/usr/bin:/bin", certutil.parent().unwrap().display());
    let home = tempfile::tempdir().unwrap();
    let commands: Vec<_> = said.lines().filter(|line| line.contains("/.pki/nssdb")).collect();
    assert_eq!(commands.len(), 2, "{said}");

    for command in commands {
        let mut shell = Command::new("sh");
        shell.args(["-euc", command]).env_clear().env("HOME", home.path()).stdin(Stdio::null());
        run_well(shell.env("PATH", &path)).await;
    }
    trust(home.path(), [estate.lab.ca_pem()]).await;
    let browser = Browser::start_in(home).await;
    log_in(&estate, &browser).await;

    assert_eq!(browser.url().await, uri, "the fragment is scrubbed");
    let token = estate.token("hq").await;
    let (status, _) = estate.ask("cucm-pub", "/cucm-uds/user/alice", &token).await;
    assert_eq!(status, reqwest::StatusCode::OK);
}

#[tokio::test]
async fn a_browser_that_does_not_trust_the_certificate_gets_no_start_page() {
    let (estate, _, _) = by_https("127.0.0.1").await;
    let browser = Browser::start(Some(estate.lab.ca_pem())).await;
    let login = estate.log_in("hq").await;

    browser.goto(&login.start_url).await;

    assert_eq!(browser.title().await, "Privacy error");
    estate.daemon.line_with("tls_handshake").await;
}
