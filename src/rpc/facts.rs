//! What the daemon says of itself, next to the state of its clusters.

use std::fmt;

use super::{convert, proto};
use crate::{
    broker::{ClusterHandle, ports::Clock},
    domain::Timestamp,
};

/// What does not depend on a cluster.
pub struct ServerFacts {
    /// When the daemon started.
    pub started: Timestamp,
    /// What an operator should know now.
    pub warnings: Box<dyn Fn() -> Vec<String> + Send + Sync>,
}

impl ServerFacts {
    pub(super) fn status<C: Clock>(
        &self,
        clusters: &[ClusterHandle<C>],
        clock: &C,
    ) -> proto::GetStatusResponse {
        proto::GetStatusResponse {
            clusters: clusters
                .iter()
                .map(|cluster| proto::ClusterStatus::new(cluster, &cluster.published(), clock))
                .collect(),
            server: Some(proto::ServerStatus {
                version: env!("CARGO_PKG_VERSION").into(),
                start_time: Some(convert::time(clock, self.started)),
                pid: std::process::id(),
                warnings: (self.warnings)(),
            }),
        }
    }
}

impl fmt::Debug for ServerFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerFacts").field("started", &self.started).finish_non_exhaustive()
    }
}
