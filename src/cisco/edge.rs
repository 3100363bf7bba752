//! The HTTPS client to one node.
//!
//! HTTP/1.1, GET, no redirects followed, no cookies, no decompression, no proxy unless the
//! configuration names one, and limits on everything. No cookies is a matter of truth: Unified CM
//! starts a session with the first good token, and with its cookies a dead token would look
//! alive. Nothing that passes here is logged. Called by `discovery` and `verify`.

use std::{error::Error as StdError, io, sync::Arc, time::Duration};

use reqwest::{
    Client, Proxy, Response, header,
    header::{HeaderMap, HeaderValue},
    redirect,
};
use rustls::{AlertDescription, ClientConfig, crypto::aws_lc_rs as provider};

use super::{
    authorize::bracketed,
    fault::Fault,
    names::Names,
    trust::{Authorities, NodeVerifier, distrust_in},
    xml::{self, XmlFlaw},
};
use crate::{
    config::{ClusterConfig, Node},
    domain::Secret,
};

/// How long and how much a node may answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// From the beginning of a request to the last byte of its answer.
    pub total: Duration,
    /// Bytes in a body.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            total: Duration::from_secs(10),
            body: xml::MAX_BYTES,
        }
    }
}

/// One node, as it is talked to.
pub(super) struct Edge {
    name: String,
    origin: String,
    client: Client,
    limits: Limits,
}

/// An answer, reduced to what anybody here looks at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// The status code.
    pub status: u16,
    /// Whether it has a `WWW-Authenticate` header.
    pub is_challenge: bool,
    /// Whether it calls itself HTML.
    pub is_web_page: bool,
    /// How long it asks to be left alone, where it says so in seconds (RFC 9110 10.2.3).
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The fault of a body that is not the document it should be.
    pub(super) const fn misread(&self, flaw: XmlFlaw) -> Fault {
        if self.is_web_page { Fault::WebPage } else { Fault::Document(flaw) }
    }
}

impl Edge {
    /// Prepares to talk to a node; opens no connection.
    pub(super) fn new(
        node: &Node,
        config: &ClusterConfig,
        authorities: Authorities,
        limits: Limits,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(tls(node, authorities))
            .https_only(true)
            .http1_only()
            .http1_max_headers(MAX_HEADERS)
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .dns_resolver(Names)
            .connect_timeout(limits.connect)
            .timeout(limits.total)
            // Requests are minutes apart: a connection that was kept would be a stale one.
            .pool_max_idle_per_host(0)
            .user_agent(concat!("ucssod/", env!("CARGO_PKG_VERSION")));
        if let Some(proxy) = &config.proxy {
            builder = builder.proxy(Proxy::all(proxy.clone())?);
        }
        let name = node_name(node);
        Ok(Self { origin: format!("https://{name}"), name, client: builder.build()?, limits })
    }

    /// The node as `host:port`.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Asks for `path`, with a token if one is given.
    pub(super) async fn get(&self, path: &str, token: Option<&Secret>) -> Result<Answer, Fault> {
        self.read(self.send(path, token).await?).await
    }

    /// The same, but leaves the body unread: for resources of any size, where only the status
    /// counts.
    pub(super) async fn peek(&self, path: &str, token: Option<&Secret>) -> Result<Answer, Fault> {
        Ok(without_body(&self.send(path, token).await?))
    }

    async fn send(&self, path: &str, token: Option<&Secret>) -> Result<Response, Fault> {
        let mut request = self
            .client
            .get(format!("{}{path}", self.origin))
            .header(header::ACCEPT, "application/xml");
        if let Some(token) = token {
            let text = zeroize::Zeroizing::new(format!("Bearer {}", token.expose()));
            let mut value = HeaderValue::from_str(&text)
                .expect("a token has only characters that a header may have");
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        request.send().await.map_err(|error| fault(&error))
    }

    async fn read(&self, mut response: Response) -> Result<Answer, Fault> {
        let too_long = |length: u64| length > self.limits.body as u64;
        if response.content_length().is_some_and(too_long) {
            return Err(Fault::Oversized);
        }
        let mut answer = without_body(&response);
        while let Some(chunk) = response.chunk().await.map_err(|error| fault(&error))? {
            if answer.body.len() + chunk.len() > self.limits.body {
                return Err(Fault::Oversized);
            }
            answer.body.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

/// A node as `host:port`, as errors and grants call it.
pub(super) fn node_name(node: &Node) -> String {
    format!("{}:{}", bracketed(&node.host), node.port)
}

fn tls(node: &Node, authorities: Authorities) -> ClientConfig {
    let provider = Arc::new(provider::default_provider());
    let verifier = NodeVerifier::new(node.pins.clone(), authorities, Arc::clone(&provider));
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for every TLS version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth()
}

fn without_body(response: &Response) -> Answer {
    let headers = response.headers();
    Answer {
        status: response.status().as_u16(),
        is_challenge: headers.contains_key(header::WWW_AUTHENTICATE),
        is_web_page: is_web_page(headers),
        retry_after: retry_after(headers),
        body: Vec::new(),
    }
}

fn is_web_page(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type.is_some_and(|value| {
        let essence = value.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("text/html")
            || essence.eq_ignore_ascii_case("application/xhtml+xml")
    })
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let digits = (1..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok().map(Duration::from_secs)).flatten()
}

/// Finds out what went wrong. The layers below report it as errors within errors, some of them
/// inside an [`io::Error`] that does not count as their source.
fn fault(error: &reqwest::Error) -> Fault {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(tls) = error.downcast_ref::<rustls::Error>() {
            return tls_fault(tls);
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            if io.kind() == io::ErrorKind::ConnectionRefused {
                return Fault::Refused;
            }
            if let Some(inner) = io.get_ref() {
                cause = Some(inner);
                continue;
            }
        }
        cause = error.source();
    }
    if error.is_timeout() {
        Fault::TimedOut
    } else if error.is_dns() {
        Fault::NoAddress
    } else if error.is_connect() || is_broken_off(error) {
        Fault::Broken
    } else {
        Fault::NotHttp
    }
}

fn tls_fault(error: &rustls::Error) -> Fault {
    use AlertDescription as Alert;
    if let Some(distrust) = distrust_in(error) {
        return Fault::Untrusted(distrust);
    }
    match error {
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity,
        ) => Fault::Handshake,
        rustls::Error::InvalidMessage(_) => Fault::NotTls,
        _ => Fault::Broken,
    }
}

/// Whether the connection ended before the answer did.
fn is_broken_off(error: &reqwest::Error) -> bool {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<io::Error>()
            || error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_incomplete_message)
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A node sends about fifteen.
const MAX_HEADERS: usize = 64;

#[cfg(test)]
mod tests;
