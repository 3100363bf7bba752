//! The scripted browser against pages that look like the daemon's.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    Method, Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle};
use ucsso::lab::walk::{WalkError, Walked};
use url::Url;

use super::support::{alice, authorize_url, lab};

/// What the script of the landing page would have sent, and how.
#[derive(Debug, Clone, Default)]
struct Posted {
    headers: Vec<(String, String)>,
    message: serde_json::Value,
}

/// The two pages of the daemon, as far as a browser can tell.
struct Pages {
    port: u16,
    next: Arc<Mutex<String>>,
    posted: Arc<Mutex<Option<Posted>>>,
    server: JoinHandle<()>,
}

impl Pages {
    async fn serve() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let next = Arc::new(Mutex::new(String::new()));
        let posted = Arc::new(Mutex::new(None));
        let (shown, heard) = (Arc::clone(&next), Arc::clone(&posted));
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (shown, heard) = (Arc::clone(&shown), Arc::clone(&heard));
                let service = service_fn(move |request| {
                    let (shown, heard) = (Arc::clone(&shown), Arc::clone(&heard));
                    async move { Ok::<_, Infallible>(answer(request, &shown, &heard).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { port, next, posted, server }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://127.0.0.1:{}{path}", self.port).parse().unwrap()
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    request: Request<Incoming>,
    next: &Mutex<String>,
    posted: &Mutex<Option<Posted>>,
) -> Response<Full<Bytes>> {
    let body = match (request.method(), request.uri().path()) {
        (&Method::GET, "/start/ticket") => {
            let next = next.lock().unwrap().replace('&', "&amp;");
            format!("<!doctype html>\n<html lang=\"en\" data-nonce=\"n0\" data-next=\"{next}\">")
        }
        (&Method::POST, "/cb/hq") => {
            let (head, body) = request.into_parts();
            let headers = head.headers.iter().map(|(name, value)| {
                (name.to_string(), value.to_str().unwrap_or_default().to_owned())
            });
            let headers = headers.collect();
            let body = body.collect().await.unwrap().to_bytes();
            let message = serde_json::from_slice(&body).unwrap();
            *posted.lock().unwrap() = Some(Posted { headers, message });
            r#"{"ok":true,"title":"Done","lines":["a","b"],"until":1700000000000}"#.to_owned()
        }
        _ => "<!doctype html><html>".to_owned(),
    };
    Response::new(Full::new(Bytes::from(body)))
}

#[tokio::test]
async fn a_login_goes_from_the_start_page_to_the_landing_page() {
    let (lab, _) = lab().await;
    let pages = Pages::serve().await;
    let landing = pages.url("/cb/hq");
    lab.allow_redirect("hq", landing.as_str());
    let next = authorize_url(&lab, "cucm-pub", "hq").to_string();
    *pages.next.lock().unwrap() = next.replace("27443", &pages.port.to_string());

    let walked = alice(&lab).login(&pages.url("/start/ticket")).await.unwrap();

    let lines = vec!["a".to_owned(), "b".to_owned()];
    let until = Some(1_700_000_000_000);
    let title = "Done".to_owned();
    assert_eq!(walked, Walked { ok: true, title, lines, until, form_shown: true, next: None });
    let Posted { headers, message } = pages.posted.lock().unwrap().clone().unwrap();
    assert_eq!(message["nonce"], "n0");
    assert_eq!(message["query"], "");
    assert!(message["fragment"].as_str().unwrap().starts_with("access_token="));
    let origin = landing.origin().ascii_serialization();
    for (name, value) in [
        ("content-type", "application/json"),
        ("origin", &*origin),
        ("host", origin.strip_prefix("http://").unwrap()),
        ("sec-fetch-site", "same-origin"),
    ] {
        assert!(headers.contains(&(name.to_owned(), value.to_owned())), "{name}: {headers:?}");
    }
}

#[tokio::test]
async fn a_page_without_a_nonce_is_no_start_page() {
    let (lab, _) = lab().await;
    let pages = Pages::serve().await;

    let walked = alice(&lab).login(&pages.url("/other")).await;

    assert!(matches!(walked, Err(WalkError::NoStartPage)), "{walked:?}");
}

#[tokio::test]
async fn the_way_ends_at_a_page_that_refuses() {
    let (lab, _) = lab().await;
    let mut url = authorize_url(&lab, "cucm-pub", "hq");
    url.set_query(None);

    let walked = alice(&lab).until_redirect(&url).await;

    assert!(matches!(walked, Err(WalkError::Refused(400))), "{walked:?}");
}

#[tokio::test]
async fn no_name_outside_the_lab_resolves() {
    let (lab, _) = lab().await;

    let walked = alice(&lab).until_redirect(&"http://example.test/".parse().unwrap()).await;

    assert!(matches!(walked, Err(WalkError::Unreachable(_))), "{walked:?}");
}
