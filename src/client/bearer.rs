//! A layer that puts the token on requests.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderValue, Request, Response, StatusCode, header::AUTHORIZATION, uri::Scheme};
use tower::{Layer, Service};

use super::{AccessToken, Error, Token, Verdict};

/// Puts the token on each request to a cluster. Where the answer is 401 the token is reported, and if the
/// cluster does not accept it any more, the request is sent once more with the next.
///
/// It sends no token to a host that was not named, and none without TLS. With a client whose requests are
/// not those of the crate `http`, as reqwest's:
///
/// ```no_run
/// use tower::{Layer as _, Service as _, service_fn};
/// use ucsso::client::{Bearer, Client, Options};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let http = reqwest::Client::new();
/// let send = service_fn(move |request: http::Request<String>| {
///     let http = http.clone();
///     async move { Ok::<_, reqwest::Error>(http.execute(request.try_into()?).await?.into()) }
/// });
/// let token = Client::connect().await?.token("hq", Options::default());
/// let mut cluster = Bearer::new(token, ["cucm-pub.example.com"]).layer(send);
///
/// let request = http::Request::get("https://cucm-pub.example.com:8443/cucm-uds/user/alice");
/// let answer: http::Response<reqwest::Body> = cluster.call(request.body(String::new())?).await?;
/// # drop(answer);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Bearer {
    token: Token,
    hosts: Arc<[String]>,
}

/// A service whose requests carry the token. [`Bearer`] makes it.
#[derive(Debug, Clone)]
pub struct Authorized<S> {
    inner: S,
    bearer: Bearer,
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum CallError<E> {
    /// There is no token, or none any more: the cluster refused the one that was sent.
    NoToken(Error),
    /// The request goes to a host that was not named, or not by https. It was not sent.
    NotTheCluster,
    /// The service that sends requests failed.
    Call(E),
}

impl Bearer {
    /// Puts this token on requests to these hosts, and refuses others.
    pub fn new<H: Into<String>>(token: Token, hosts: impl IntoIterator<Item = H>) -> Self {
        Self { token, hosts: hosts.into_iter().map(Into::into).collect() }
    }

    fn may_have_token<B>(&self, request: &Request<B>) -> bool {
        let host = request.uri().host().unwrap_or_default();
        request.uri().scheme() == Some(&Scheme::HTTPS)
            && self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// The token to send the request with once more, if the cluster does not accept this one.
    async fn next_after(&self, refused: &AccessToken) -> Result<Option<AccessToken>, Error> {
        match self.token.report_rejected(refused).await? {
            Verdict::Rejected | Verdict::Superseded => self.token.current().await.map(Some),
            Verdict::StillValid | Verdict::Unknown => Ok(None),
        }
    }
}

impl<S> Layer<S> for Bearer {
    type Service = Authorized<S>;

    fn layer(&self, inner: S) -> Authorized<S> {
        Authorized { inner, bearer: self.clone() }
    }
}

impl<S, B, R> Service<Request<B>> for Authorized<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
    B: Clone + Send + 'static,
    R: Send,
{
    type Response = Response<R>;
    type Error = CallError<S::Error>;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(CallError::Call)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // What was made ready is what is called.
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let bearer = self.bearer.clone();
        Box::pin(async move {
            if !bearer.may_have_token(&request) {
                return Err(CallError::NotTheCluster);
            }
            let token = bearer.token.current().await.map_err(CallError::NoToken)?;
            let first = with(request.clone(), &token)?;
            let answer = inner.call(first).await.map_err(CallError::Call)?;
            if answer.status() != StatusCode::UNAUTHORIZED {
                return Ok(answer);
            }
            let next = bearer.next_after(&token).await.map_err(CallError::NoToken)?;
            let Some(next) = next else { return Ok(answer) };
            let second = with(request, &next)?;
            poll_fn(|context| inner.poll_ready(context)).await.map_err(CallError::Call)?;
            inner.call(second).await.map_err(CallError::Call)
        })
    }
}

/// A request with the token on it, which nobody shows who shows the request.
fn with<B, E>(mut request: Request<B>, token: &AccessToken) -> Result<Request<B>, CallError<E>> {
    let header = HeaderValue::from_str(&token.header());
    let mut header = header.map_err(|_| CallError::NoToken(Error::Incomplete("token")))?;
    header.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, header);
    Ok(request)
}

impl<E: fmt::Display> fmt::Display for CallError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken(error) => error.fmt(f),
            Self::NotTheCluster => f.write_str(
                "the request goes to a host that was not named as the cluster's, or not by https",
            ),
            Self::Call(error) => error.fmt(f),
        }
    }
}

impl<E: std::error::Error + 'static> std::error::Error for CallError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoToken(error) => error.source(),
            Self::NotTheCluster => None,
            Self::Call(error) => error.source(),
        }
    }
}
