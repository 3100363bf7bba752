//! Who does what: tasks and channels, no protocol.
//!
//! One task owns each cluster and is the only one to change its state; everybody else reads the
//! copy it publishes. [`Broker`] finds clusters by name, [`ClusterHandle`] is a caller's end,
//! `actor` the owner's, [`Desk`] the human's one window, and [`ports`] what all of this needs from
//! outside. Nothing in here may know gRPC, HTTP or Cisco. Called by `rpc`, put together by
//! `daemon`.

mod actor;
mod alarm;
mod completion;
mod desk;
mod errand;
mod following;
mod handle;
mod inquiry;
mod keeping;
pub mod ports;
mod published;
mod uses;

use std::{collections::BTreeMap, sync::Arc};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use desk::Desk;
pub use following::{LoginEvent, LoginUnderWay};
pub use handle::{Ask, ClusterHandle, Interaction, Lack, Report};
pub use published::Published;
pub use uses::Watching;

use self::{
    actor::Surroundings,
    alarm::Alarm,
    ports::{Clock, Login, Vault},
};
use crate::domain::{Budget, Cluster, ClusterName, Past, Policy, Presence, Reserve, Timestamp};

/// All clusters, by name.
#[derive(Debug)]
pub struct Broker<C> {
    clock: C,
    desk: Arc<Desk>,
    vault: Arc<dyn Vault>,
    handles: BTreeMap<ClusterName, ClusterHandle<C>>,
    actors: TaskTracker,
    stop: CancellationToken,
    alarm: Alarm,
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
        Self {
            clock,
            desk: Arc::new(Desk::new(budget)),
            vault,
            handles: BTreeMap::new(),
            actors: TaskTracker::new(),
            stop: CancellationToken::new(),
            alarm: Alarm::default(),
        }
    }

    /// Adds a cluster and starts the task that owns it. Must be called inside a tokio runtime.
    pub fn add<L: Login>(&mut self, cluster: Cluster, policy: Policy, login: L) {
        self.add_remembering(cluster, policy, login, Past::default());
    }

    /// The same, where an earlier life left something to go on from.
    pub fn add_remembering<L: Login>(
        &mut self,
        cluster: Cluster,
        policy: Policy,
        login: L,
        past: Past,
    ) {
        let surroundings = Surroundings {
            clock: self.clock.clone(),
            desk: Arc::clone(&self.desk),
            vault: Arc::clone(&self.vault),
            stop: self.stop.clone(),
        };
        let (handle, actor) = actor::new(cluster, policy, past, login, surroundings);
        let guard = self.alarm.clone().guard(handle.cluster().name.clone());
        self.actors.spawn(async move {
            actor.run().await;
            guard.ended_well();
        });
        self.handles.insert(handle.cluster().name.clone(), handle);
    }

    /// The clock that all clusters go by.
    pub const fn clock(&self) -> &C {
        &self.clock
    }

    /// The cluster of this name.
    #[must_use]
    pub fn cluster(&self, name: &ClusterName) -> Option<&ClusterHandle<C>> {
        self.handles.get(name)
    }

    /// All clusters, in the order of their names.
    pub fn clusters(&self) -> impl Iterator<Item = &ClusterHandle<C>> {
        self.handles.values()
    }

    /// Takes what the desktop says of its human. Logins that waited for them begin.
    pub fn note_presence(&self, presence: Presence) {
        self.desk.note_presence(presence);
    }

    /// Takes that the machine woke from sleep.
    pub fn note_wake(&self) {
        self.desk.note_wake(self.clock.now());
    }

    /// Takes that the clock was set, or went on after a sleep: every cluster decides anew.
    pub fn note_gap(&self) {
        self.desk.call();
    }

    /// Why no window opens by itself now, on any cluster.
    #[must_use]
    pub fn reserve(&self) -> Option<Reserve> {
        self.desk.reserve(self.clock.now())
    }

    /// How many windows may still open by themselves before somebody answers one.
    #[must_use]
    pub fn windows_left(&self) -> usize {
        self.desk.windows_left(self.clock.now())
    }

    /// When the windows were opened that nobody answered, as far as they count.
    #[must_use]
    pub fn counted_windows(&self) -> Vec<Timestamp> {
        self.desk.counted(self.clock.now())
    }

    /// Whether every owner of a cluster does its work: returns once each has answered, `false` if
    /// the broker stops. It waits for one that does not.
    pub async fn is_alive(&self) -> bool {
        for cluster in self.handles.values() {
            if cluster.owner_answers().await.is_err() {
                return false;
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
    }
}
