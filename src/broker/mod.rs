//! Who does what: tasks and channels, no protocol.
//!
//! One task owns each cluster and is the only one to change its state; everybody else reads the
//! copy it publishes. [`Broker`] finds clusters by name, [`ClusterHandle`] is a caller's end,
//! `actor` the owner's, [`Desk`] the human's one window, and [`ports`] what all of this needs from
//! outside. Nothing in here may know gRPC, HTTP or Cisco. Called by `rpc`, put together by
//! `daemon`.

mod actor;
mod completion;
mod desk;
mod errand;
mod following;
mod handle;
mod inquiry;
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

use self::ports::{Clock, Login};
use crate::domain::{
    Budget, Cluster, ClusterName, Policy, Presence, Remembered, Reserve, Timestamp,
};

/// All clusters, by name.
#[derive(Debug)]
pub struct Broker<C> {
    clock: C,
    desk: Arc<Desk>,
    handles: BTreeMap<ClusterName, ClusterHandle<C>>,
    actors: TaskTracker,
    stop: CancellationToken,
}

impl<C: Clock> Broker<C> {
    /// A broker without clusters.
    #[must_use]
    pub fn new(clock: C) -> Self {
        Self::remembering(clock, &[])
    }

    /// The same, after these windows were opened for nobody in an earlier life.
    #[must_use]
    pub fn remembering(clock: C, windows: &[Timestamp]) -> Self {
        let budget = Budget::remembered(windows, clock.now());
        Self {
            clock,
            desk: Arc::new(Desk::new(budget)),
            handles: BTreeMap::new(),
            actors: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Adds a cluster and starts the task that owns it. Must be called inside a tokio runtime.
    pub fn add<L: Login>(&mut self, cluster: Cluster, policy: Policy, login: L) {
        self.add_remembering(cluster, policy, login, Remembered::default());
    }

    /// The same, where an earlier life left something to remember.
    pub fn add_remembering<L: Login>(
        &mut self,
        cluster: Cluster,
        policy: Policy,
        login: L,
        remembered: Remembered,
    ) {
        let (handle, actor) = actor::new(
            cluster,
            policy,
            remembered,
            self.clock.clone(),
            login,
            Arc::clone(&self.desk),
            self.stop.clone(),
        );
        self.actors.spawn(actor.run());
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

    /// Ends every task. Logins under way are abandoned; whoever waits is told that the broker
    /// stops.
    pub async fn stop(&self) {
        self.stop.cancel();
        self.actors.close();
        self.actors.wait().await;
    }
}
