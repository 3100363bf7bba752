//! Who does what: tasks and channels, no protocol.
//!
//! One task owns each cluster and is the only one to change its state; everybody else reads the
//! copy it publishes. [`Broker`] finds clusters by name, [`ClusterHandle`] is a caller's end,
//! [`Control`] the operator's, `actor` the owner's, [`Desk`] the human's one window, and [`ports`]
//! what all of this needs from outside. Nothing in here may know gRPC, HTTP or Cisco. Called by
//! `rpc`, put together by `daemon`.

mod actor;
mod alarm;
mod completion;
mod desk;
mod end;
mod errand;
mod following;
mod handle;
mod inquiry;
mod keeping;
mod lack;
mod message;
pub mod ports;
mod published;
mod uses;

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use desk::Desk;
pub use following::{LoginEvent, LoginUnderWay};
pub use handle::{Ask, ClusterHandle, Interaction, Report};
pub use lack::Lack;
pub use message::{Control, Settings};
pub use published::Published;
pub use uses::Watching;

use self::{
    alarm::Alarm,
    end::End,
    ports::{Clock, Login, Vault},
};
use crate::domain::{Budget, Cluster, ClusterName, Past, Policy, Presence, Reserve, Timestamp};

/// All clusters, by name. They may come, go and change at any time.
#[derive(Debug)]
pub struct Broker<C> {
    shared: Shared<C>,
    handles: watch::Sender<BTreeMap<ClusterName, ClusterHandle<C>>>,
    actors: TaskTracker,
    stop: CancellationToken,
    alarm: Alarm,
}

/// What the owners of all clusters share.
#[derive(Debug, Clone)]
struct Shared<C> {
    clock: C,
    desk: Arc<Desk>,
    vault: Arc<dyn Vault>,
    changes: Arc<watch::Sender<Phase>>,
}

/// Whether there is anything more to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Clusters may change.
    Serving,
    /// Every task has ended: what is published is the last.
    Ended,
}

impl<C: Clock> Broker<C> {
    /// A broker without clusters.
    #[must_use]
    pub fn new(clock: C) -> Self {
        Self::remembering(clock, &[], Arc::new(()))
    }

    /// The same, after these windows were opened for nobody in an earlier life, and with a place
    /// for what is to outlive this one.
    #[must_use]
    pub fn remembering(clock: C, windows: &[Timestamp], vault: Arc<dyn Vault>) -> Self {
        let budget = Budget::remembered(windows, clock.now());
        let changes = Arc::new(watch::Sender::new(Phase::Serving));
        Self {
            shared: Shared { clock, desk: Arc::new(Desk::new(budget)), vault, changes },
            handles: watch::Sender::default(),
            actors: TaskTracker::new(),
            stop: CancellationToken::new(),
            alarm: Alarm::default(),
        }
    }

    /// Adds a cluster and starts the task that owns it. Must be called inside a tokio runtime.
    pub fn add<L: Login>(&self, cluster: Cluster, policy: Policy, login: L) -> Control<L> {
        self.add_remembering(Settings { cluster, policy, login }, Past::default())
    }

    /// The same, where an earlier life left something to go on from.
    pub fn add_remembering<L: Login>(&self, settings: Settings<L>, past: Past) -> Control<L> {
        let end = Arc::new(End::of_one(&self.stop));
        let (handle, control, actor) = actor::new(settings, past, self.shared.clone(), end);
        let guard = self.alarm.clone().guard(handle.name.clone());
        self.actors.spawn(async move {
            actor.run().await;
            guard.ended_well();
        });
        self.handles.send_modify(|handles| {
            handles.insert(handle.name.clone(), handle);
        });
        self.changed();
        control
    }

    /// Takes a cluster away: its token is forgotten, and whoever waits is told that there is no
    /// such cluster. Returns once its task has ended.
    pub async fn remove(&self, name: &ClusterName) {
        let mut removed = None;
        self.handles.send_modify(|handles| removed = handles.remove(name));
        let Some(ClusterHandle { end, mut published, .. }) = removed else { return };
        end.remove();
        while published.changed().await.is_ok() {}
        self.changed();
    }

    /// The clock that all clusters go by.
    pub const fn clock(&self) -> &C {
        &self.shared.clock
    }

    /// The cluster of this name.
    #[must_use]
    pub fn cluster(&self, name: &ClusterName) -> Option<ClusterHandle<C>> {
        self.handles.borrow().get(name).cloned()
    }

    /// All clusters, in the order of their names.
    #[must_use]
    pub fn clusters(&self) -> Vec<ClusterHandle<C>> {
        self.handles.borrow().values().cloned().collect()
    }

    /// Has news at once, and whenever a cluster has come, gone, or published something new. A slow
    /// reader misses nothing but what was meanwhile.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Phase> {
        let mut changes = self.shared.changes.subscribe();
        changes.mark_changed();
        changes
    }

    fn changed(&self) {
        self.shared.changes.send_modify(|_| {});
    }

    /// Takes what the desktop says of its human. Logins that waited for them begin.
    pub fn note_presence(&self, presence: Presence) {
        self.shared.desk.note_presence(presence);
    }

    /// Takes that the machine woke from sleep.
    pub fn note_wake(&self) {
        self.shared.desk.note_wake(self.shared.clock.now());
    }

    /// Takes that the clock was set, or went on after a sleep: every cluster decides anew.
    pub fn note_gap(&self) {
        self.shared.desk.call();
    }

    /// Why no window opens by itself now, on any cluster.
    #[must_use]
    pub fn reserve(&self) -> Option<Reserve> {
        self.shared.desk.reserve(self.shared.clock.now())
    }

    /// How many windows may still open by themselves before somebody answers one.
    #[must_use]
    pub fn windows_left(&self) -> usize {
        self.shared.desk.windows_left(self.shared.clock.now())
    }

    /// When the windows were opened that nobody answered, as far as they count.
    #[must_use]
    pub fn counted_windows(&self) -> Vec<Timestamp> {
        self.shared.desk.counted(self.shared.clock.now())
    }

    /// Whether every owner of a cluster does its work: returns once each has answered, `false` if
    /// the broker stops. It waits for one that does not.
    pub async fn is_alive(&self) -> bool {
        for cluster in self.clusters() {
            match cluster.owner_answers().await {
                // One that was taken away meanwhile is missed by nobody.
                Ok(()) | Err(Lack::Removed) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// Returns when the owner of a cluster broke off in a bug, and says whose. Nobody can say then
    /// what became of its state, so there is nothing to go on with.
    pub async fn broke(&self) -> ClusterName {
        self.alarm.rung().await
    }

    /// Ends every task. Logins under way are abandoned; whoever waits is told that the broker
    /// stops.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.actors.close();
        self.actors.wait().await;
        self.shared.changes.send_replace(Phase::Ended);
    }
}
