//! The loopback listeners, shared between clusters.
//!
//! Several clusters may be registered with one port and paths of their own, so a listener belongs
//! to an origin, not to a cluster. It is bound when the first login needs it and kept, so that
//! nobody else can take the port between two logins. One that was passed to this process is taken
//! where there is one, and its port is not free even between two daemons. Made by `daemon`, used
//! by `mod`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

use crate::{
    browser::{self, Listener, Passed},
    identity::Files,
    loopback::Origin,
};

/// The listeners of this process. Cheap to clone; clones share them.
#[derive(Clone, Default)]
pub struct Listeners {
    inside: Arc<Mutex<Inside>>,
    identity: Option<Files>,
    passed: Passed,
}

impl Listeners {
    /// No listener yet. Those of https origins will show `identity`; where a socket listens that
    /// was `passed`, that is served.
    #[must_use]
    pub fn new(identity: Option<Files>, passed: Passed) -> Self {
        Self { inside: Arc::default(), identity, passed }
    }

    /// The listener at an origin; bound now if it is not yet.
    ///
    /// # Errors
    ///
    /// If it cannot be bound. Nothing is remembered of that: the next call tries again.
    pub async fn at(&self, origin: Origin) -> Result<Listener, browser::Error> {
        let cell = Arc::clone(self.inside().cells.entry(origin).or_default());
        let bind = || Listener::bind(origin, self.identity.clone(), &self.passed);
        cell.get_or_try_init(bind).await.cloned()
    }

    /// Whether an origin could be listened at now at which nobody does in this process. It blocks
    /// for as long as it takes to find out who else does.
    ///
    /// # Errors
    ///
    /// If it could not.
    pub fn check(&self, origin: Origin) -> Result<(), browser::Error> {
        Listener::check(origin, &self.passed)
    }

    /// Where the sockets listen that were passed to this process.
    #[must_use]
    pub fn passed(&self) -> Vec<SocketAddr> {
        self.passed.addresses()
    }

    /// The origins that are listened at.
    #[must_use]
    pub fn bound(&self) -> Vec<Origin> {
        self.inside().cells.values().filter_map(|cell| cell.get().map(Listener::origin)).collect()
    }

    /// What they refused, by reason.
    #[must_use]
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        let inside = self.inside();
        let mut all = inside.refused.clone();
        inside.cells.values().filter_map(|cell| cell.get()).for_each(|one| count(&mut all, one));
        all.into_iter().collect()
    }

    /// Lets go of the listeners at all other origins, once the logins under way there have ended.
    /// A socket that was passed stays open.
    pub fn keep_only(&self, needed: &BTreeSet<Origin>) {
        let mut inside = self.inside();
        let Inside { cells, refused } = &mut *inside;
        cells.retain(|origin, cell| {
            let is_needed = needed.contains(origin);
            if let Some(listener) = cell.get().filter(|_| !is_needed) {
                count(refused, listener);
            }
            is_needed
        });
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Default)]
struct Inside {
    cells: HashMap<Origin, Arc<OnceCell<Listener>>>,
    /// What those refused that are not needed any more.
    refused: BTreeMap<&'static str, u64>,
}

/// Adds what a listener refused.
fn count(all: &mut BTreeMap<&'static str, u64>, listener: &Listener) {
    for (reason, count) in listener.refusals().by_reason() {
        *all.entry(reason).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::{Host, Scheme};

    const ANY_PORT: Origin = Origin { scheme: Scheme::Http, host: Host::V4, port: 0 };

    #[tokio::test]
    async fn an_address_is_bound_once_and_kept() {
        let listeners = Listeners::default();

        let (first, second) = tokio::join!(listeners.at(ANY_PORT), listeners.at(ANY_PORT));

        let first = first.unwrap().origin();
        assert_eq!(first, second.unwrap().origin());
        assert_eq!(listeners.clone().bound(), [first]);
    }

    #[tokio::test]
    async fn a_port_that_was_taken_is_tried_again() {
        let listeners = Listeners::default();
        let squatter = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = squatter.local_addr().unwrap();
        let origin = Origin { port: addr.port(), ..ANY_PORT };

        let refused = listeners.at(origin).await;
        drop(squatter);
        let bound = listeners.at(origin).await;

        assert!(
            matches!(refused, Err(browser::Error::PortTaken { addr: taken, .. }) if taken == addr)
        );
        assert_eq!(bound.unwrap().origin(), origin);
    }

    #[tokio::test]
    async fn a_port_that_nobody_needs_any_more_is_free_for_others() {
        let listeners = Listeners::default();
        let kept = listeners.at(ANY_PORT).await.unwrap().origin();
        let squatter = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Origin { port: squatter.local_addr().unwrap().port(), ..ANY_PORT };
        drop(squatter);
        listeners.at(origin).await.unwrap();

        listeners.keep_only(&BTreeSet::from([ANY_PORT]));
        tokio::task::yield_now().await;

        assert_eq!(listeners.bound(), [kept]);
        assert!(std::net::TcpListener::bind(origin.addresses()[0]).is_ok());
    }
}
