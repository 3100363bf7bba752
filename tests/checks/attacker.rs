//! A website of somebody else: one page that tries to bring a token to the daemon, and the
//! browser that is shown it, told in which address space the website is.

use http_body_util::Full;
use hyper::{Response, body::Bytes, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use url::form_urlencoded::byte_serialize;

const PAGE: &str = include_str!("attack.html");

/// A name that belongs to nobody (RFC 6761 6.2).
const HOST: &str = "attacker.test";

/// The website.
pub(crate) struct Attacker {
    port: u16,
    serving: JoinHandle<()>,
}

impl Attacker {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let answer = service_fn(async |_| {
                        Response::builder()
                            .header("content-type", "text/html")
                            .body(Full::new(Bytes::from(PAGE)))
                    });
                    // A browser hangs up when it likes.
                    let _ =
                        http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
                });
            }
        });
        Self { port, serving }
    }

    /// Arguments with which Chromium finds the website, and takes it for one of this address space
    /// (Local Network Access 2.1).
    pub(crate) fn arguments(&self, space: &str) -> Vec<String> {
        let at = format!("127.0.0.1:{}", self.port);
        vec![
            format!("--host-resolver-rules=MAP {HOST} {at}"),
            format!("--ip-address-space-overrides={at}={space}"),
        ]
    }
}

/// The page of the website that goes about it by this vector.
pub(crate) fn page(vector: &str, landing: &str, fragment: &str) -> String {
    let what = json!({ "landing": landing, "fragment": fragment }).to_string();
    let what: String = byte_serialize(what.as_bytes()).collect();
    format!("http://{HOST}/{vector}#{}", what.replace('+', "%20"))
}

/// Whether the page to which the attack has led shows what came of it, as a script.
pub(crate) fn is_over() -> String {
    format!(
        "return document.title === 'over' || (location.hostname !== '{HOST}' && \
         location.href !== 'about:blank' && document.readyState === 'complete' && \
         document.documentElement.dataset.state !== 'checking')"
    )
}

impl Drop for Attacker {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
