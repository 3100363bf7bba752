//! What a listener of an https origin shows of itself.
//!
//! Owns when the certificate is read: at the beginning of each login, so that a new one is taken
//! without a restart and no key is in memory of a daemon that nobody uses. Called by `listener`.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::Error;
use crate::{
    identity::{Files, Flaw},
    loopback::Origin,
};

/// The TLS side of a listener.
pub(super) struct Tls {
    files: Option<Files>,
    /// What is shown; nothing before the first login.
    shown: Mutex<Option<TlsAcceptor>>,
}

/// How this listener is spoken to by somebody who trusts its authority and no other.
pub(super) struct Trust(TlsConnector);

impl Tls {
    pub(super) const fn new(files: Option<Files>) -> Self {
        Self { files, shown: Mutex::new(None) }
    }

    /// Reads the certificate and shows it from now on.
    pub(super) async fn renew(&self, now: Duration) -> Result<Trust, Error> {
        let files = self.files.clone();
        let reading = tokio::task::spawn_blocking(move || {
            let files = files.ok_or(Flaw::Missing)?;
            let identity = files.load()?;
            identity.check(now)?;
            let damaged = |_| Flaw::Damaged { path: files.identity() };
            let server = identity.server().map_err(damaged)?;
            Ok((server, identity.client().map_err(damaged)?))
        });
        let read = reading.await.expect("reading a file does not panic");
        let (server, client) = read.map_err(|source| Error::Certificate { source })?;
        *self.shown() = Some(TlsAcceptor::from(Arc::new(server)));
        Ok(Trust(TlsConnector::from(Arc::new(client))))
    }

    /// Shakes hands; `None` where there is nothing to show, for no login has begun.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
    ) -> Option<io::Result<server::TlsStream<TcpStream>>> {
        let acceptor = self.shown().clone()?;
        Some(acceptor.accept(stream).await)
    }

    fn shown(&self) -> MutexGuard<'_, Option<TlsAcceptor>> {
        self.shown.lock().expect("nobody panics while holding the lock")
    }
}

impl Trust {
    /// Shakes hands with whoever is at the other end, if that is us under the name of the origin.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        origin: Origin,
    ) -> io::Result<client::TlsStream<TcpStream>> {
        let name = ServerName::try_from(origin.certificate_name());
        let name = name.expect("a loopback name is a name");
        self.0.connect(name, stream).await
    }
}
