//! The connections and their limits.
//!
//! Owns the accept loop and the time and size each connection may take. It knows nothing of
//! tickets and pages; `site` does. A connection of another user is closed before a byte of it
//! is read.

use std::{
    convert::Infallible,
    fmt, io,
    net::{self, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::AbortHandle,
    time::timeout,
};
use url::Url;

use super::{
    Error, Expectation, Passed, Refusals,
    guests::{Guests, Heard},
    peer,
    refusal::Refusal,
    site::{BODY_TIME, REPLY_TIME, Site},
    sockets,
    tls::Tls,
};
use crate::{
    identity::Files,
    loopback::{Origin, Scheme},
};

/// How many connections are served at once. A browser opens six at most to one host, so this is a
/// human with two windows and something to spare. Who comes then takes the place of the one that
/// takes longest to say what it wants.
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

/// One loopback origin with its pages. A clone is cheap and is the same listener; it serves
/// until the last clone and the last [`Expectation`] are dropped. Requests that have begun by
/// then are finished.
#[derive(Clone)]
pub struct Listener {
    serving: Arc<Serving>,
}

/// What all clones of a listener share.
pub(super) struct Serving {
    pub(super) site: Arc<Site>,
    bound: Vec<SocketAddr>,
    tls: Option<Arc<Tls>>,
    accepting: Vec<AbortHandle>,
}

impl Listener {
    /// Listens at every address of an origin and serves it under that origin alone: under
    /// another name `sessionStorage` would not be the same. What is `passed` is taken where it
    /// listens at one of them. An https origin is served with `identity`, which need not be there
    /// yet.
    ///
    /// # Errors
    ///
    /// [`Error::PortTaken`] if another socket has the port at one of the addresses;
    /// [`Error::Bind`] for everything else.
    pub async fn bind(
        origin: Origin,
        identity: Option<Files>,
        passed: &Passed,
    ) -> Result<Self, Error> {
        Self::serve(origin, identity, passed, rustix::process::getuid().as_raw()).await
    }

    /// Whether an origin that nobody serves in this process could be listened at now. It blocks
    /// for as long as it takes to find out who else does.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::bind`].
    pub fn check(origin: Origin, passed: &Passed) -> Result<(), Error> {
        sockets::bind(origin, passed).map(drop)
    }

    /// Serves the connections of one user.
    pub(super) async fn serve(
        origin: Origin,
        identity: Option<Files>,
        passed: &Passed,
        uid: u32,
    ) -> Result<Self, Error> {
        let passed = passed.clone();
        let binding = tokio::task::spawn_blocking(move || sockets::bind(origin, &passed));
        let (origin, sockets) = binding.await.expect("binding sockets does not panic")?;
        Self::over(sockets, origin, identity, uid)
    }

    /// Serves an origin over sockets that listen.
    pub(super) fn over(
        sockets: Vec<net::TcpListener>,
        origin: Origin,
        identity: Option<Files>,
        uid: u32,
    ) -> Result<Self, Error> {
        let sockets = sockets.into_iter().map(|socket| {
            socket.set_nonblocking(true)?;
            TcpListener::from_std(socket)
        });
        let sockets: Vec<_> = sockets
            .collect::<io::Result<_>>()
            .map_err(|source| Error::Bind { addr: origin.addresses()[0], source })?;
        let bound: Vec<_> = sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect();
        let site = Arc::new(Site::new(origin));
        let guests = Arc::new(Guests::new(CONNECTIONS));
        let tls = match origin.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(Arc::new(Tls::new(identity))),
        };
        let accepting = sockets.into_iter().zip(&bound).map(|(socket, &addr)| {
            let (site, guests, tls) = (Arc::clone(&site), Arc::clone(&guests), tls.clone());
            let gate = Gate { site, tls, addr, uid, guests };
            tokio::spawn(gate.accept(socket)).abort_handle()
        });
        let accepting = accepting.collect();
        Ok(Self { serving: Arc::new(Serving { site, bound, tls, accepting }) })
    }

    /// The origin it serves, with the port the system chose if it was asked for port 0.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.serving.site.origin
    }

    /// Makes sure that a browser which goes to the origin comes to this listener: each address
    /// that the origin stands for has to answer as nobody else can. Takes at most two seconds.
    /// Where the origin is https, the certificate is read here; `now` counts from 1970-01-01 UTC.
    ///
    /// # Errors
    ///
    /// [`Error::NotOurs`] for the first address that does not; [`Error::Certificate`] if there is
    /// none that a browser could trust now.
    pub async fn prove(&self, now: Duration) -> Result<(), Error> {
        let Serving { site, bound, tls, .. } = &*self.serving;
        let trust = match tls {
            None => None,
            Some(tls) => Some(tls.renew(now).await?),
        };
        site.proofs.demand(site.origin, bound, trust.as_ref()).await
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
        let origin = self.origin().to_string();
        f.debug_struct("Listener").field("origin", &origin).finish_non_exhaustive()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.accepting.iter().for_each(AbortHandle::abort);
    }
}

/// One of the listener's sockets, and what its connections share with those of the other.
#[derive(Clone)]
struct Gate {
    site: Arc<Site>,
    tls: Option<Arc<Tls>>,
    addr: SocketAddr,
    uid: u32,
    guests: Arc<Guests>,
}

impl Gate {
    async fn accept(self, socket: TcpListener) {
        loop {
            match socket.accept().await {
                Ok((stream, from)) => {
                    let gate = self.clone();
                    let attend = |heard: Heard| async move {
                        gate.attend(stream, from, &heard).await;
                    };
                    self.guests.seat(attend).await;
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
    async fn attend(self, stream: TcpStream, from: SocketAddr, heard: &Heard) {
        let Self { site, tls, addr, uid, .. } = &self;
        let (addr, uid) = (*addr, *uid);
        match peer::owner(from, addr).await {
            Some(owner) if owner == uid => {}
            Some(_) => return site.refusals.count(Refusal::ForeignPeer),
            None => return site.refusals.count(Refusal::UnknownPeer),
        }
        if !matches!(timeout(HEAD_TIME, stream.peek(&mut [0])).await, Ok(Ok(1..))) {
            return;
        }
        let Some(tls) = tls else { return self.converse(stream, heard).await };
        match timeout(HEAD_TIME, tls.accept(stream)).await {
            Ok(Some(Ok(stream))) => self.converse(stream, heard).await,
            Ok(Some(Err(_))) => site.refusals.count(Refusal::Handshake),
            Ok(None) => site.refusals.count(Refusal::NothingPending),
            Err(_elapsed) => site.refusals.count(Refusal::HeadTooSlow),
        }
    }

    /// Reads one request and answers it.
    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin, heard: &Heard) {
        let Self { site, addr, .. } = self;
        let service = service_fn(|request| {
            heard.set();
            async move { Ok::<_, Infallible>(site.answer(*addr, request).await) }
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
}
