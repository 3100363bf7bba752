//! What the owner of a cluster is sent: by callers, and by whoever sets up the clusters.

use tokio::sync::{mpsc, oneshot};

use super::ports::{NotTaken, Pasted};
use crate::domain::{AttemptId, Cluster, Event, Generation, Policy, Verdict};

/// What callers send.
#[derive(Debug)]
pub(super) enum Message {
    /// Something happened; tell when it has been dealt with, and which login is then under way.
    Happened { event: Event, done: oneshot::Sender<Option<AttemptId>> },
    /// A program found this token refused; tell what the cluster says.
    Verify { generation: Generation, verdict: oneshot::Sender<Verdict> },
    /// A human brought by hand what answers this attempt; tell whether it is taken.
    Complete { attempt: AttemptId, pasted: Pasted, taken: oneshot::Sender<Result<(), NotTaken>> },
}

/// What the operator wants of a cluster.
#[derive(Debug)]
pub struct Settings<L> {
    /// What it is called, and whose tokens are wanted.
    pub cluster: Cluster,
    /// The rules.
    pub policy: Policy,
    /// How its tokens are got.
    pub login: L,
}

/// Other settings, and the way back to whoever has them.
#[derive(Debug)]
pub(super) struct Resettled<L> {
    pub(super) settings: Settings<L>,
    pub(super) keeps_token: bool,
    pub(super) done: oneshot::Sender<()>,
}

/// The operator's end of one cluster. It may be dropped: the settings then stay as they are.
#[derive(Debug)]
pub struct Control<L>(mpsc::Sender<Resettled<L>>);

impl<L> Control<L> {
    pub(super) fn new() -> (Self, mpsc::Receiver<Resettled<L>>) {
        let (control, changes) = mpsc::channel(1);
        (Self(control), changes)
    }

    /// Has the cluster go by other settings. A token that is held is kept, and a login under way
    /// ends as it began.
    pub async fn adapt(&self, settings: Settings<L>) {
        self.send(settings, true).await;
    }

    /// The same where a token is bound to what has changed: it is forgotten, a login under way is
    /// ended, and whatever it still brings is too late.
    pub async fn reset(&self, settings: Settings<L>) {
        self.send(settings, false).await;
    }

    /// Returns once it is published. Where the broker stops, nobody is left to care.
    async fn send(&self, settings: Settings<L>, keeps_token: bool) {
        let (done, acknowledged) = oneshot::channel();
        if self.0.send(Resettled { settings, keeps_token, done }).await.is_ok() {
            let _ = acknowledged.await;
        }
    }
}
