//! How one cluster ends: with the broker, or alone.

use tokio_util::sync::CancellationToken;

use super::Lack;

/// Told to the owner of a cluster, and asked by its callers.
#[derive(Debug)]
pub(super) struct End {
    /// The broker's.
    broker: CancellationToken,
    /// The cluster's own, which the broker's implies.
    cluster: CancellationToken,
}

impl End {
    pub(super) fn of_one(broker: &CancellationToken) -> Self {
        Self { broker: broker.clone(), cluster: broker.child_token() }
    }

    /// The configuration has no such cluster any more.
    pub(super) fn remove(&self) {
        self.cluster.cancel();
    }

    /// Ready once the owner is to end.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn told(&self) {
        self.cluster.cancelled().await;
    }

    /// Why nobody answers; `None` where somebody should.
    pub(super) fn reason(&self) -> Option<Lack> {
        if self.broker.is_cancelled() {
            Some(Lack::Stopping)
        } else if self.cluster.is_cancelled() {
            Some(Lack::Removed)
        } else {
            None
        }
    }
}
