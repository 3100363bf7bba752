//! The socket, its connections and their limits.
//!
//! Owns the accept loop and the time and size each connection may take. It knows nothing of
//! tickets and pages; `site` does. A connection of another user is closed before a byte of it
//! is read.

use std::{convert::Infallible, fmt, io, net::SocketAddr, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::AbortHandle,
    time::timeout,
};
use url::Url;

use super::{
    Error, Expectation, Refusals, peer,
    refusal::Refusal,
    request::Authority,
    site::{BODY_TIME, REPLY_TIME, Site},
};

/// How many connections are served at once; more wait in the backlog. A browser opens six at
/// most to one host, so this is a human with two windows and something to spare.
const CONNECTIONS: usize = 16;

/// How large the head of a request may be, in bytes. Browsers send the cookies of every other
/// port of this address too.
const HEAD_SIZE: usize = 16 * 1024;

/// How long the head of a request may take, and how long a connection may be silent before it.
/// Browsers open connections ahead of need, so silence is no refusal.
const HEAD_TIME: Duration = Duration::from_secs(5);

/// How long a client may take to read its answer.
const WRITE_TIME: Duration = Duration::from_secs(5);

/// How long accepting pauses when the process has no file descriptor left for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// One loopback address with its pages. A clone is cheap and is the same listener; it serves
/// until the last clone and the last [`Expectation`] are dropped. Requests that have begun by
/// then are finished.
#[derive(Clone)]
pub struct Listener {
    serving: Arc<Serving>,
}

/// What all clones of a listener share.
pub(super) struct Serving {
    pub(super) site: Arc<Site>,
    accepting: AbortHandle,
}

impl Listener {
    /// Listens on a loopback address and serves it under that address.
    ///
    /// # Errors
    ///
    /// [`Error::PortTaken`] if another socket has the port; [`Error::Bind`] for everything
    /// else, an address that is not loopback among it.
    pub async fn bind(addr: SocketAddr) -> Result<Self, Error> {
        Self::serve(addr, None, rustix::process::getuid().as_raw()).await
    }

    /// The same under a name: `host` is what browsers send as `Host`, `localhost:8765`. The
    /// bare address is then refused, for `sessionStorage` would not be the same under it.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind`].
    pub async fn bind_named(addr: SocketAddr, host: &str) -> Result<Self, Error> {
        Self::serve(addr, Some(host), rustix::process::getuid().as_raw()).await
    }

    /// Whether an address that nobody listens on in this process could be listened on now. It
    /// blocks for as long as it takes to find out who else does.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind`].
    pub fn check(addr: SocketAddr) -> Result<(), Error> {
        let bound = std::net::TcpListener::bind(addr);
        bound.map(drop).map_err(|error| Error::unbound(addr, error))
    }

    /// Serves the connections of one user.
    pub(super) async fn serve(
        addr: SocketAddr,
        host: Option<&str>,
        uid: u32,
    ) -> Result<Self, Error> {
        if !addr.ip().is_loopback() {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "not a loopback address");
            return Err(Error::Bind { addr, source });
        }
        // Without SO_REUSEPORT: nobody else can listen here as long as we do.
        let bound = TcpListener::bind(addr).await;
        let (socket, addr) = match bound.and_then(|socket| Ok((socket.local_addr()?, socket))) {
            Ok((addr, socket)) => (socket, addr),
            Err(error) => {
                let named = tokio::task::spawn_blocking(move || Error::unbound(addr, error));
                return Err(named.await.expect("reading a table does not panic"));
            }
        };
        let authority = host.map_or_else(|| Authority::of(addr), Authority::named);
        let site = Arc::new(Site::new(addr, authority));
        let accepting = tokio::spawn(accept(socket, Arc::clone(&site), uid)).abort_handle();
        Ok(Self { serving: Arc::new(Serving { site, accepting }) })
    }

    /// The address it listens on, with the port the system chose if it was asked for port 0.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.serving.site.addr
    }

    /// Expects one redirect at `path`, `/cb/hq`. The start page leads to `target`; the pages
    /// call the cluster `label`.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExpected`] while a redirect at that path is pending;
    /// [`Error::NotAWebUrl`] if the browser cannot be sent to `target`.
    pub fn expect(&self, path: &str, label: &str, target: Url) -> Result<Expectation, Error> {
        if !matches!(target.scheme(), "https" | "http") {
            return Err(Error::NotAWebUrl);
        }
        let (sender, arrivals) = mpsc::channel(1);
        let offered = self.serving.site.visits().offer(path, label, target, sender);
        let ticket = offered.ok_or_else(|| Error::AlreadyExpected { path: path.to_owned() })?;
        Ok(Expectation::new(Arc::clone(&self.serving), path, &ticket, arrivals))
    }

    /// What was refused since the listener was bound.
    #[must_use]
    pub fn refusals(&self) -> Refusals {
        self.serving.site.refusals.snapshot()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("addr", &self.local_addr()).finish_non_exhaustive()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(socket: TcpListener, site: Arc<Site>, uid: u32) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let place = Arc::clone(&places).acquire_owned().await;
        let place = place.expect("the semaphore is never closed");
        match socket.accept().await {
            Ok((stream, from)) => {
                tokio::spawn(attend(stream, from, Arc::clone(&site), uid, place));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection to the redirect address");
                // A failure that lasts must not become a busy loop.
                let _ = timeout(ACCEPT_PAUSE, std::future::pending::<()>()).await;
            }
        }
    }
}

/// Serves one connection: one request, one answer.
async fn attend(
    stream: TcpStream,
    from: SocketAddr,
    site: Arc<Site>,
    uid: u32,
    _place: OwnedSemaphorePermit,
) {
    let ours = site.addr;
    match tokio::task::spawn_blocking(move || peer::owner(from, ours)).await.ok().flatten() {
        Some(owner) if owner == uid => {}
        Some(_) => return site.refusals.count(Refusal::ForeignPeer),
        None => return site.refusals.count(Refusal::UnknownPeer),
    }
    if !matches!(timeout(HEAD_TIME, stream.peek(&mut [0])).await, Ok(Ok(1..))) {
        return;
    }
    let service = service_fn(|request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(site.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_SIZE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let longest = HEAD_TIME + BODY_TIME + REPLY_TIME + WRITE_TIME;
    if let Ok(Err(error)) = timeout(longest, connection).await {
        if error.is_parse_too_large() {
            site.refusals.count(Refusal::HeadTooLarge);
        } else if error.is_parse() {
            site.refusals.count(Refusal::NotHttp);
        } else if error.is_timeout() {
            site.refusals.count(Refusal::HeadTooSlow);
        }
    }
}
