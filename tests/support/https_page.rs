//! One page on a web server over https, as a company or an attacker has it.

use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::{Response, body::Bytes, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

/// A page at every path of a server, and the certificate authority that vouches for it.
pub(crate) struct Page {
    /// The root of the server.
    pub(crate) url: String,
    pub(crate) ca_pem: String,
    html: Arc<Mutex<String>>,
    serving: JoinHandle<()>,
}

impl Page {
    /// Serves a page on `host`, which is `localhost` or a name under it.
    pub(crate) async fn serve(host: &str, html: &str) -> Self {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new([host.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();

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
        let url = format!("https://{host}:{}/", listener.local_addr().unwrap().port());
        let html = Arc::new(Mutex::new(html.to_owned()));
        let shown = Arc::clone(&html);
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, shown) = (tls.clone(), Arc::clone(&shown));
                tokio::spawn(async move {
                    let answer = service_fn(async |_| {
                        let html = shown.lock().unwrap().clone();
                        Response::builder()
                            .header("content-type", "text/html")
                            .header("cache-control", "no-store")
                            .body(Full::new(Bytes::from(html)))
                    });
                    // A browser that does not trust the certificate hangs up: that is a result.
                    if let Ok(stream) = tls.accept(stream).await {
                        let http = hyper::server::conn::http1::Builder::new();
                        let _ = http.serve_connection(TokioIo::new(stream), answer).await;
                    }
                });
            }
        });
        Self { url, ca_pem: ca.pem(), html, serving }
    }

    /// Shows another page from now on.
    pub(crate) fn show(&self, html: &str) {
        html.clone_into(&mut self.html.lock().unwrap());
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
