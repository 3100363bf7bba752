//! A browser made of a script: it does with the pages of a login what a person's browser does.
//!
//! It knows the pages of the daemon by what they look like from outside, and it stays on loopback:
//! other names do not resolve. Called by tests, and by the demonstration where there is no real
//! browser. A real browser tests more; this one needs nothing installed.

mod jar;
mod page;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use reqwest::{
    Client, Method, RequestBuilder, StatusCode,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE},
    redirect::Policy,
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use serde::Deserialize;
use url::{Url, form_urlencoded};

use jar::Jar;
use page::Form;

/// A browser with cookies, and the person in front of it.
pub struct Walk {
    client: Client,
    jar: Jar,
    user: String,
    password: String,
}

/// How a login ended, as the landing page says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walked {
    /// Whether the daemon took the token.
    pub ok: bool,
    /// The heading.
    pub title: String,
    /// The lines below it.
    pub lines: Vec<String>,
    /// Until when the token lives, in milliseconds since the Unix epoch.
    pub until: Option<u64>,
    /// Whether a form had to be filled in.
    pub form_shown: bool,
    /// The start page of another login, to which a browser goes on by itself.
    pub next: Option<Url>,
}

/// The end of a login outside the daemon. It holds a token.
pub struct Arrival {
    /// The landing page, which was not visited, with the token in the fragment.
    pub url: Url,
    /// Whether a form had to be filled in.
    pub form_shown: bool,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("form_shown", &self.form_shown).finish_non_exhaustive()
    }
}

/// Why a login did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The certificate to trust is none, or TLS cannot be set up.
    #[error("TLS cannot be set up with this authority")]
    Tls,
    /// A page did not come.
    #[error("a page did not come")]
    Unreachable(#[source] reqwest::Error),
    /// The page of the daemon has no nonce, or does not say where to go on.
    #[error("the start page has no nonce or no next address")]
    NoStartPage,
    /// A page answered with an error.
    #[error("a page answered with status {0}")]
    Refused(u16),
    /// A page offers nothing that is known here.
    #[error("a page offers neither a redirect nor a form that is known")]
    Stuck,
    /// The form came back.
    #[error("the identity provider does not take the password")]
    WrongPassword,
    /// The pages lead on and on.
    #[error("the pages lead in a circle")]
    Circle,
    /// The landing page does not answer as agreed.
    #[error("the landing page does not answer as agreed")]
    Landing,
}

/// More pages than any login has.
const MOST_STEPS: usize = 20;

impl Walk {
    /// A browser that trusts the authorities in `ca_pem` alone and has never been anywhere.
    pub fn new(ca_pem: &str, user: &str, password: &str) -> Result<Self, WalkError> {
        let client = client(ca_pem)?;
        let (user, password) = (user.to_owned(), password.to_owned());
        Ok(Self { client, jar: Jar::default(), user, password })
    }

    /// Logs in from the daemon's start page to its landing page.
    pub async fn login(&mut self, start_url: &Url) -> Result<Walked, WalkError> {
        let start = self.fetch(Step::Get(start_url.clone()), "none").await?;
        let body = start.page()?;
        let (nonce, next) = page::root_attribute(body, "data-nonce")
            .zip(page::root_attribute(body, "data-next"))
            .ok_or(WalkError::NoStartPage)?;
        let next = start_url.join(&next).map_err(|_| WalkError::NoStartPage)?;
        let arrival = self.until_redirect(&next).await?;
        self.land(arrival, &nonce).await
    }

    /// Logs in from a cluster's authorization page, and stops before the landing page, or on
    /// the cluster's own last page if no redirect URI was asked for.
    pub async fn until_redirect(&mut self, start: &Url) -> Result<Arrival, WalkError> {
        let mut step = Step::Get(start.clone());
        let mut form_shown = false;
        for _ in 0..MOST_STEPS {
            if let Step::Get(url) = &step
                && is_landing(url)
            {
                return Ok(Arrival { url: url.clone(), form_shown });
            }
            let reply = self.fetch(step, "cross-site").await?;
            step = if let Some(location) = &reply.location {
                Step::Get(followed(&reply.url, location)?)
            } else {
                let forms = page::forms(reply.page()?);
                if let Some(form) = forms.iter().find(|form| form.has("SAMLResponse")) {
                    form_step(&reply.url, form)?
                } else if let Some(form) = forms.iter().find(|form| form.has("password")) {
                    if form_shown {
                        return Err(WalkError::WrongPassword);
                    }
                    form_shown = true;
                    let form = form.with("username", &self.user).with("password", &self.password);
                    form_step(&reply.url, &form)?
                } else if reply.url.fragment().is_some() {
                    return Ok(Arrival { url: reply.url, form_shown });
                } else {
                    return Err(WalkError::Stuck);
                }
            };
        }
        Err(WalkError::Circle)
    }

    /// What the script of the landing page does.
    async fn land(&mut self, arrival: Arrival, nonce: &str) -> Result<Walked, WalkError> {
        let mut url = arrival.url;
        self.fetch(Step::Get(url.clone()), "cross-site").await?.page()?;
        let message = serde_json::json!({
            "nonce": nonce,
            "query": url.query().unwrap_or_default(),
            "fragment": url.fragment().unwrap_or_default(),
        });
        url.set_query(None);
        url.set_fragment(None);
        let request = self
            .client
            .post(url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ORIGIN, url.origin().ascii_serialization())
            .header("Sec-Fetch-Site", "same-origin")
            .header("Sec-Fetch-Mode", "cors")
            .header("Sec-Fetch-Dest", "empty")
            .body(message.to_string());
        let answer: Answer = serde_json::from_str(&self.send(url, request).await?.body)
            .map_err(|_| WalkError::Landing)?;
        let Answer { ok, title, lines, until, next } = answer;
        let next = next.map(|next| Url::parse(&next)).transpose();
        let next = next.map_err(|_| WalkError::Landing)?;
        Ok(Walked { ok, title, lines, until, form_shown: arrival.form_shown, next })
    }

    /// Goes to a page as somebody does who clicks.
    async fn fetch(&mut self, step: Step, site: &'static str) -> Result<Reply, WalkError> {
        let (method, url, form) = match step {
            Step::Get(url) => (Method::GET, url, None),
            Step::Post(url, form) => (Method::POST, url, Some(form)),
        };
        let mut request = self
            .client
            .request(method, url.clone())
            .header(ACCEPT, "text/html,application/xhtml+xml")
            .header("Sec-Fetch-Site", site)
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document");
        if let Some(form) = form {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        }
        self.send(url, request).await
    }

    async fn send(&mut self, url: Url, mut request: RequestBuilder) -> Result<Reply, WalkError> {
        // The address of a page may hold a token, so no error keeps it.
        let lost = |error: reqwest::Error| WalkError::Unreachable(error.without_url());
        if let Some(cookies) = self.jar.cookies_for(&url) {
            request = request.header(COOKIE, cookies);
        }
        let response = request.send().await.map_err(lost)?;
        for cookie in response.headers().get_all(SET_COOKIE) {
            self.jar.keep(&url, cookie.to_str().unwrap_or_default());
        }
        let status = response.status();
        let location = response.headers().get(LOCATION).filter(|_| status.is_redirection());
        let location = location.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = response.text().await.map_err(lost)?;
        Ok(Reply { url, status, location, body })
    }
}

/// A client that trusts the authorities in `ca_pem` alone, and stays on loopback.
pub(super) fn client(ca_pem: &str) -> Result<Client, WalkError> {
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(authority.map_err(|_| WalkError::Tls)?).map_err(|_| WalkError::Tls)?;
    }
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| WalkError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Loopback)
        .redirect(Policy::none())
        .no_proxy()
        .timeout(Duration::from_secs(30))
        .build()
        .map_err(|_| WalkError::Tls)
}

/// Where to go next.
enum Step {
    Get(Url),
    Post(Url, String),
}

/// What came.
struct Reply {
    url: Url,
    status: StatusCode,
    location: Option<String>,
    body: String,
}

impl Reply {
    fn page(&self) -> Result<&str, WalkError> {
        if self.status == StatusCode::OK {
            Ok(&self.body)
        } else {
            Err(WalkError::Refused(self.status.as_u16()))
        }
    }
}

/// The JSON with which the daemon answers the script of its landing page.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    title: String,
    lines: Vec<String>,
    until: Option<u64>,
    next: Option<String>,
}

/// A redirect keeps the fragment unless it brings its own (RFC 9110 10.2.2).
fn followed(from: &Url, location: &str) -> Result<Url, WalkError> {
    let mut next = from.join(location).map_err(|_| WalkError::Stuck)?;
    if next.fragment().is_none() {
        next.set_fragment(from.fragment());
    }
    Ok(next)
}

fn form_step(page: &Url, form: &Form) -> Result<Step, WalkError> {
    let mut action = page.join(&form.action).map_err(|_| WalkError::Stuck)?;
    action.set_fragment(None);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&form.fields).finish();
    Ok(Step::Post(action, body))
}

fn is_landing(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
        && matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"))
        && url.path().starts_with("/cb/")
}

/// Names under `localhost` are loopback (RFC 6761 6.3), whatever the system's resolver knows; no
/// other name exists here.
struct Loopback;

impl Resolve for Loopback {
    fn resolve(&self, name: Name) -> Resolving {
        let is_local = name.as_str() == "localhost" || name.as_str().ends_with(".localhost");
        Box::pin(async move {
            if !is_local {
                return Err("only loopback names resolve here".into());
            }
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            Ok(Box::new(std::iter::once(address)) as Addrs)
        })
    }
}
