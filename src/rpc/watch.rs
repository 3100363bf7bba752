//! The streams of changes: the full state at once, and again whenever it is another one.
//!
//! A message is made when the connection has room for it, from what is published at that moment.
//! So a slow reader gets the latest state and nothing of what was before, what remains of a token
//! is right when it is sent, and there is no queue. Called by `service`.

use std::{pin::Pin, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::{Stream, StreamExt as _, wrappers::WatchStream};
use tonic::Status;

use super::{ServerFacts, audit::Caller, proto, refusal::Refusal, service::refuse};
use crate::broker::{Broker, ClusterHandle, Lack, Phase, ports::Clock};

/// Messages, until the first error.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// The streams of changes that one connection may have open.
#[derive(Debug)]
pub(super) struct Watches {
    free: Arc<Semaphore>,
    most: usize,
}

/// The place of one of them. Dropping it gives it back.
pub(super) type Place = OwnedSemaphorePermit;

impl Watches {
    pub(super) fn new(most: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(most)), most }
    }

    /// A place for one more.
    pub(super) fn begin(&self) -> Result<Place, Refusal> {
        let most = self.most;
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| Refusal::TooManyWatches { most })
    }
}

/// The token of a cluster, and its state. Each one that is sent is told to whoever keeps account
/// of `caller`.
pub(super) fn token<C: Clock>(
    cluster: ClusterHandle<C>,
    clock: C,
    caller: Option<Arc<Caller>>,
    place: Option<Place>,
) -> Answers<proto::WatchTokenResponse> {
    let watching = cluster.watching();
    let watched = cluster.clone();
    let answers = WatchStream::new(cluster.subscribe()).map(move |published| {
        let (_, _, cluster) = (&watching, &place, &watched);
        let now = clock.now();
        let token = published.state.token().filter(|token| !token.is_expired(now));
        if let (Some(caller), Some(token)) = (&caller, token) {
            caller.is_given(cluster.name(), token.generation, "WatchToken");
        }
        Ok(proto::WatchTokenResponse {
            token: token.map(|token| proto::Token::new(token, &clock)),
            status: Some(proto::ClusterStatus::new(cluster, &published, &clock)),
        })
    });
    let last = tokio_stream::once(()).map(move |()| {
        let why = cluster.gone().unwrap_or(Lack::Stopping);
        Err(refuse(&cluster, why).into())
    });
    Box::pin(answers.chain(last))
}

/// The status of these clusters; of all there are at the time, where there are none.
pub(super) fn status<C: Clock>(
    few: Vec<ClusterHandle<C>>,
    broker: Arc<Broker<C>>,
    facts: Arc<ServerFacts>,
    place: Option<Place>,
) -> Answers<proto::WatchStatusResponse> {
    let all = few.is_empty();
    let mut sights: Vec<_> = few.iter().map(ClusterHandle::subscribe).collect();
    let answers = WatchStream::new(broker.changes()).filter_map(move |phase| {
        let _ = &place;
        if phase == Phase::Ended {
            return Some(Err(Refusal::Stopping.into()));
        }
        if let Some((cluster, gone)) = few.iter().find_map(|c| Some((c, c.gone()?))) {
            return Some(Err(refuse(cluster, gone).into()));
        }
        // Other clusters than these change too.
        let mut news = all;
        for sight in &mut sights {
            news |= sight.has_changed().unwrap_or(true);
            sight.mark_unchanged();
        }
        let shown = if all { &broker.clusters() } else { &few };
        let status = || Some(facts.status(shown, &broker));
        news.then(|| Ok(proto::WatchStatusResponse { status: status() }))
    });
    Box::pin(answers)
}
