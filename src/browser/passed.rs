//! Sockets that listened already when this process started, passed to it by whoever started it.
//!
//! They are kept for as long as there is a daemon, whether or not a login needs them: so their
//! ports are never free for another program. Filled by `daemon`, used by `sockets`.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
};

/// Listening sockets from elsewhere. Cheap to clone; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Passed(Arc<Vec<TcpListener>>);

impl Passed {
    /// Keeps these sockets.
    #[must_use]
    pub fn new(sockets: Vec<TcpListener>) -> Self {
        Self(Arc::new(sockets))
    }

    /// Where they listen.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// The one that listens at this address, to accept at.
    pub(super) fn at(&self, addr: SocketAddr) -> Option<io::Result<TcpListener>> {
        let mut sockets = self.0.iter();
        let found = sockets.find(|socket| socket.local_addr().is_ok_and(|own| own == addr));
        found.map(TcpListener::try_clone)
    }
}
