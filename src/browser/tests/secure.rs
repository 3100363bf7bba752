//! The listener of an https origin: the same login inside of TLS, and what comes before it.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::{ServerName, UnixTime};
use tempfile::TempDir;
use tokio::{io::AsyncRead, time::pause};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{
    browser::{Error, Landing, Refusal},
    identity::{Files, Flaw, mint},
};

/// TLS libraries ask the machine's clock, and no other.
fn now() -> Duration {
    Duration::from_secs(UnixTime::now().as_secs())
}

fn identity(made_at: Duration) -> (TempDir, Files) {
    let home = tempfile::tempdir().unwrap();
    let files = Files::at(home.path().to_owned());
    files.store(&mint(made_at).unwrap(), false).unwrap();
    (home, files)
}

async fn secure(host: &str, files: &Files) -> Listener {
    let here = origin(&format!("https://{host}:0"));
    Listener::bind(here, Some(files.clone()), &Passed::default()).await.unwrap()
}

/// Sends a request as a browser does that trusts the authority.
async fn ask(listener: &Listener, files: &Files, request: &str) -> Answered {
    let client = files.load().unwrap().client().unwrap();
    let name = ServerName::try_from(listener.origin().certificate_name()).unwrap();
    let stream = TcpStream::connect(addr_of(listener)).await.unwrap();
    let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    answer_on(&mut stream).await
}

fn get(listener: &Listener, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", listener.origin().authority())
}

fn post(listener: &Listener, scheme: &str, nonce: &str) -> String {
    let host = listener.origin().authority();
    let body = posted(nonce);
    format!(
        "POST /cb/hq HTTP/1.1\r\nHost: {host}\r\nOrigin: {scheme}://{host}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// What comes back until the other side closes, which may be rudely.
async fn everything_on(mut stream: impl AsyncRead + Unpin) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _closed_or_reset = stream.read_to_end(&mut bytes).await;
    bytes
}

#[tokio::test]
async fn a_login_by_https_is_the_same_login() {
    for host in ["localhost", "127.0.0.1", "[::1]"] {
        let (_home, files) = identity(now());
        let listener = secure(host, &files).await;
        listener.prove(now()).await.unwrap();
        let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
        let (_, ticket) = hq.start_url().split_once("/start/").unwrap();
        assert!(hq.start_url().starts_with(&format!("https://{host}:")), "{}", hq.start_url());

        let start = ask(&listener, &files, &get(&listener, &format!("/start/{ticket}"))).await;
        let nonce = start.attribute("nonce");
        let http = ask(&listener, &files, &post(&listener, "http", &nonce)).await;
        let request = post(&listener, "https", &nonce);
        let (landed, ()) = tokio::join!(ask(&listener, &files, &request), async {
            let done = Landing::Done { user: "alice".into(), until_millis: 7, next: None };
            hq.arrival().await.reply.finish(done);
        });

        assert_eq!((start.status, http.status, landed.status), (200, 403, 200), "{host}");
        assert_eq!(listener.refusals().of(Refusal::ForeignOrigin), 1);
        assert_eq!(listener.refusals().total(), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_is_missing_or_over_is_no_window_and_a_new_one_is_taken_at_once() {
    let (_home, files) = identity(now().saturating_sub(Duration::from_hours(24 * 731)));
    let listener = secure("localhost", &files).await;
    let nobody =
        Listener::bind(origin("https://localhost:0"), None, &Passed::default()).await.unwrap();

    let missing = nobody.prove(now()).await.unwrap_err();
    let expired = listener.prove(now()).await.unwrap_err();
    files.store(&mint(now()).unwrap(), true).unwrap();

    assert!(matches!(missing, Error::Certificate { source: Flaw::Missing }), "{missing:?}");
    assert!(matches!(expired, Error::Certificate { source: Flaw::Expired }), "{expired:?}");
    listener.prove(now()).await.unwrap();
}

#[tokio::test]
async fn before_the_first_login_nothing_is_shown() {
    let (_home, files) = identity(now());
    let listener = secure("127.0.0.1", &files).await;
    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();
    stream.write_all(b"\x16\x03\x01").await.unwrap();

    assert!(everything_on(stream).await.is_empty());

    assert_eq!(listener.refusals().of(Refusal::NothingPending), 1);
}

#[tokio::test]
async fn http_is_not_spoken_where_https_is() {
    let (_home, files) = identity(now());
    let listener = secure("127.0.0.1", &files).await;
    listener.prove(now()).await.unwrap();
    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();
    stream.write_all(get(&listener, "/cb/hq").as_bytes()).await.unwrap();

    let answer = everything_on(stream).await;

    assert!(!answer.starts_with(b"HTTP"), "{answer:x?}");
    assert_eq!(listener.refusals().of(Refusal::Handshake), 1);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let (_home, files) = identity(now());
    let listener = secure("127.0.0.1", &files).await;
    listener.prove(now()).await.unwrap();
    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();
    stream.write_all(b"\x16\x03\x01\x02\x00\x01").await.unwrap();

    pause();
    let answer = everything_on(stream).await;

    assert!(answer.is_empty());
    assert_eq!(listener.refusals().of(Refusal::HeadTooSlow), 1);
}

#[tokio::test]
async fn another_user_is_turned_away_before_the_handshake() {
    let (_home, files) = identity(now());
    let other = rustix::process::getuid().as_raw() + 1;
    let here = origin("https://127.0.0.1:0");
    let listener = Listener::serve(here, Some(files), &Passed::default(), other).await.unwrap();
    // It reads its certificate, and does not hear itself.
    assert!(matches!(listener.prove(now()).await, Err(Error::NotOurs { .. })));

    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();
    let _closed = stream.write_all(b"\x16\x03\x01\x02\x00").await;

    assert!(everything_on(stream).await.is_empty());
    assert_eq!(listener.refusals().of(Refusal::ForeignPeer), 2);
    assert_eq!(listener.refusals().total(), 2);
}
