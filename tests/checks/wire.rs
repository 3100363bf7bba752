//! Bytes to a port, and what comes back: HTTP as no client library would write it.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use url::Url;

use crate::process::PATIENCE;

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status code, if the answer has the form of one.
    pub(crate) status: Option<u16>,
    pub(crate) text: String,
    /// From the connection to the last byte.
    pub(crate) took: Duration,
}

impl Reply {
    /// Whether a redirect was taken for the pending login, whatever came of it. Pages are not
    /// answers of this kind: everybody may see the landing page.
    pub(crate) fn is_of_a_redirect_taken(&self) -> bool {
        matches!(self.status, Some(200..400)) && self.text.contains("application/json")
    }
}

/// Sends `bytes` on a connection of its own and reads until the other side closes it. With
/// `is_all`, it says that no more bytes come.
///
/// # Panics
///
/// If nobody listens, or the other side keeps the connection for longer than [`PATIENCE`].
pub(crate) async fn exchange(port: u16, bytes: &[u8], is_all: bool) -> Reply {
    let began = moment();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.set_nodelay(true).unwrap();
    // Whoever reads no further than needed resets the connection: that is an answer, too.
    let mut answer = Vec::new();
    let talk = async {
        stream.write_all(bytes).await?;
        if is_all {
            stream.shutdown().await?;
        }
        stream.read_to_end(&mut answer).await
    };
    let _reset = timeout(PATIENCE, talk).await.expect("every connection is closed in time");
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
    Reply { status, text, took: began.elapsed() }
}

/// A point in time to measure from.
#[expect(clippy::disallowed_methods, reason = "a check measures real time, in one place")]
pub(crate) fn moment() -> Instant {
    Instant::now()
}

/// The message that the landing page posts.
pub(crate) fn message(nonce: &str, fragment: &str) -> String {
    json!({ "nonce": nonce, "query": "", "fragment": fragment }).to_string()
}

/// The whole request with which the page at `landing` posts it.
pub(crate) fn delivery(landing: &str, nonce: &str, fragment: &str) -> String {
    let landing: Url = landing.parse().unwrap();
    let (origin, path) = (landing.origin().ascii_serialization(), landing.path());
    let host = origin.strip_prefix("http://").unwrap();
    let body = message(nonce, fragment);
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\n\
         Content-Type: application/json\r\nSec-Fetch-Site: same-origin\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The port in an address.
pub(crate) fn port_of(url: &str) -> u16 {
    url.parse::<Url>().unwrap().port().unwrap()
}
