//! The browser itself: what a test sees through it, and what it trusts.

use std::sync::Arc;

use http_body_util::Full;
use hyper::{Response, body::Bytes, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{components, webdriver::Browser};

const PAGE: &str = r#"<!doctype html><title>before</title>
<style>
  body { background: white }
  @media (prefers-color-scheme: dark) { body { background: black } }
</style>
<p id="said"></p>
<form onsubmit="document.title = 'after'; said.textContent = 'hello ' + who.value; return false">
  <input id="who"><button>go</button>
</form>"#;

/// A page on `https://localhost`, and the certificate authority that vouches for it.
struct Page {
    url: String,
    ca_pem: String,
    serving: JoinHandle<()>,
}

impl Page {
    async fn serve() -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ca).unwrap();

        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![CertificateDer::clone(certificate.der())],
                PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
            )
            .unwrap();
        let tls = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    let answer = service_fn(async |_| {
                        Response::builder()
                            .header("content-type", "text/html")
                            .body(Full::new(Bytes::from(PAGE)))
                    });
                    // A browser that does not trust the certificate hangs up: that is a result.
                    if let Ok(stream) = tls.accept(stream).await {
                        let http = hyper::server::conn::http1::Builder::new();
                        let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                    }
                });
            }
        });
        Self { url, ca_pem: ca.pem(), serving }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[tokio::test]
async fn a_page_is_read_written_and_clicked_on() {
    let page = Page::serve().await;
    let browser = Browser::start(Some(&page.ca_pem)).await;

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
    let page = Page::serve().await;
    let browser = Browser::start(Some(&page.ca_pem)).await;
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
    let page = Page::serve().await;
    let another = Page::serve().await;
    let browser = Browser::start(Some(&another.ca_pem)).await;

    browser.goto(&page.url).await;

    assert_eq!(browser.title().await, "Privacy error");
}
