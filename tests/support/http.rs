//! An HTTP client as tests want one: it trusts what it is told to, and follows no redirect.

use reqwest::{Certificate, Client, redirect::Policy};

/// Returns a client that trusts the certificate authority in `ca_pem` and no other.
pub(crate) fn client(ca_pem: Option<&str>) -> Client {
    // It asks for the process's crypto library; the first test of a process sets it.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let authority = ca_pem.map(|pem| Certificate::from_pem(pem.as_bytes()).unwrap());
    Client::builder().no_proxy().redirect(Policy::none()).tls_certs_only(authority).build().unwrap()
}
