//! The loopback listeners, shared between clusters.
//!
//! Several clusters may be registered with one port and paths of their own, so a listener belongs
//! to an address, not to a cluster. It is bound when the first login needs it and kept, so that
//! nobody else can take the port between two logins. Made by `daemon`, used by `mod`.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::OnceCell;

use crate::browser::{self, Listener};

/// The listeners of this process. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct Listeners(Arc<Mutex<HashMap<SocketAddr, Arc<OnceCell<Listener>>>>>);

impl Listeners {
    /// No listener yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The listener at an address; bound now if it is not yet.
    ///
    /// # Errors
    ///
    /// If it cannot be bound. Nothing is remembered of that: the next call tries again.
    pub async fn at(&self, addr: SocketAddr) -> Result<Listener, browser::Error> {
        let cell = Arc::clone(self.cells().entry(addr).or_default());
        cell.get_or_try_init(|| Listener::bind(addr)).await.cloned()
    }

    /// The addresses that are listened on.
    #[must_use]
    pub fn bound(&self) -> Vec<SocketAddr> {
        self.cells().values().filter_map(|cell| cell.get().map(Listener::local_addr)).collect()
    }

    fn cells(&self) -> std::sync::MutexGuard<'_, HashMap<SocketAddr, Arc<OnceCell<Listener>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY_PORT: &str = "127.0.0.1:0";

    #[tokio::test]
    async fn an_address_is_bound_once_and_kept() {
        let listeners = Listeners::new();
        let addr = ANY_PORT.parse().unwrap();

        let (first, second) = tokio::join!(listeners.at(addr), listeners.at(addr));

        let first = first.unwrap().local_addr();
        assert_eq!(first, second.unwrap().local_addr());
        assert_eq!(listeners.clone().bound(), [first]);
    }

    #[tokio::test]
    async fn a_port_that_was_taken_is_tried_again() {
        let listeners = Listeners::new();
        let squatter = tokio::net::TcpListener::bind(ANY_PORT).await.unwrap();
        let addr = squatter.local_addr().unwrap();

        let refused = listeners.at(addr).await;
        drop(squatter);
        let bound = listeners.at(addr).await;

        assert!(
            matches!(refused, Err(browser::Error::PortTaken { addr: taken, .. }) if taken == addr)
        );
        assert_eq!(bound.unwrap().local_addr(), addr);
    }
}
