//! Tells that the owner of a cluster broke off, which only a bug can bring about.
//!
//! What it owned is lost with it, and nobody can say in which state: its cluster cannot be served
//! any more. Rung by the owner's task, heard by `daemon`.

use tokio::sync::watch;

use crate::domain::ClusterName;

#[derive(Debug, Clone, Default)]
pub(super) struct Alarm(watch::Sender<Option<ClusterName>>);

/// Rings unless it is told that all went well.
#[derive(Debug)]
pub(super) struct Guard {
    alarm: Alarm,
    cluster: Option<ClusterName>,
}

impl Alarm {
    pub(super) const fn guard(self, cluster: ClusterName) -> Guard {
        Guard { alarm: self, cluster: Some(cluster) }
    }

    /// Whose owner broke off; never, if none does.
    pub(super) async fn rung(&self) -> ClusterName {
        let mut heard = self.0.subscribe();
        let rung = heard.wait_for(Option::is_some).await.ok().and_then(|rung| rung.clone());
        rung.expect("there is a sender as long as there is an alarm")
    }
}

impl Guard {
    pub(super) fn ended_well(mut self) {
        self.cluster = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(cluster) = self.cluster.take() {
            self.alarm.0.send_replace(Some(cluster));
        }
    }
}
