//! A plain client for the lab's hosts.

use std::{io, process::Command, sync::Arc};

use reqwest::{Client, RequestBuilder, Response, header::LOCATION, redirect::Policy};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use ucsso::lab::{
    Lab, LabConfig,
    walk::{Arrival, Walk},
};
use url::Url;

pub(crate) const CLIENT_ID: &str =
    "C69908c4f345729af0a23cdfff1d255272de942193e7d39171ddd307bc488d7a1";

/// A lab as it is by default, and a client that trusts it.
pub(crate) async fn lab() -> (Lab, Client) {
    lab_of(LabConfig::default()).await
}

pub(crate) async fn lab_of(config: LabConfig) -> (Lab, Client) {
    let lab = Lab::start(config).await.unwrap();
    let client = client(&lab);
    (lab, client)
}

/// A client without cookies that follows no redirect.
pub(crate) fn client(lab: &Lab) -> Client {
    client_of(lab, rustls::ALL_VERSIONS)
}

/// The same, for some versions of TLS.
pub(crate) fn client_of(
    lab: &Lab,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Client {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(lab.ca_pem().as_bytes()).unwrap()).unwrap();
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut builder =
        Client::builder().tls_backend_preconfigured(tls).redirect(Policy::none()).no_proxy();
    for name in ["cucm-pub", "cucm-sub", "cuc"] {
        let (host, port) = lab.node(name);
        builder = builder.resolve(&host, ([127, 0, 0, 1], port).into());
    }
    let idp = lab.idp_url();
    let at = ([127, 0, 0, 1], idp.port_or_known_default().unwrap());
    builder.resolve(idp.host_str().unwrap(), at.into()).build().unwrap()
}

/// The address of a page on a node.
pub(crate) fn at(lab: &Lab, node: &str, path: &str) -> Url {
    let (host, port) = lab.node(node);
    format!("https://{host}:{port}{path}").parse().unwrap()
}

/// The authorization page, asked in order, for the redirect URI of `cluster`.
pub(crate) fn authorize_url(lab: &Lab, node: &str, cluster: &str) -> Url {
    let mut url = at(lab, node, "/ssosp/oauth/authorize");
    url.query_pairs_mut()
        .append_pair("scope", "UnifiedCommunications:readwrite")
        .append_pair("response_type", "token")
        .append_pair("client_id", CLIENT_ID)
        .append_pair("redirect_uri", &format!("http://127.0.0.1:27443/cb/{cluster}"));
    url
}

pub(crate) fn alice(lab: &Lab) -> Walk {
    Walk::new(lab.ca_pem(), "alice", "alicepw").unwrap()
}

/// A fresh token of alice's.
pub(crate) async fn token(lab: &Lab, node: &str, cluster: &str) -> String {
    let url = authorize_url(lab, node, cluster);
    parameter(&alice(lab).until_redirect(&url).await.unwrap(), "access_token").unwrap()
}

/// A parameter of the fragment.
pub(crate) fn parameter(arrival: &Arrival, name: &str) -> Option<String> {
    let fragment = arrival.url.fragment()?;
    let mut pairs = url::form_urlencoded::parse(fragment.as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A GET with a token.
pub(crate) fn get_with(client: &Client, url: Url, token: &str) -> RequestBuilder {
    client.get(url).header("authorization", format!("Bearer {token}"))
}

/// A POST of a form.
pub(crate) fn post_form(client: &Client, url: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    client.post(url).header("content-type", "application/x-www-form-urlencoded").body(body)
}

pub(crate) fn location(response: &Response) -> Option<Url> {
    response.headers().get(LOCATION)?.to_str().ok()?.parse().ok()
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

/// Runs Debian's xmlsec1; whether it succeeded. A machine without it fails the test.
pub(crate) fn xmlsec1(args: &[&str]) -> bool {
    match Command::new("xmlsec1").args(args).output() {
        Ok(output) => output.status.success(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            panic!(
                "`xmlsec1` is missing; `apt-get install xmlsec1` installs it, as `tests/run` does"
            )
        }
        Err(error) => panic!("xmlsec1 does not run: {error}"),
    }
}
