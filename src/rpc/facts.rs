//! What the daemon says of itself, next to the state of its clusters.

use std::fmt;

use super::{convert, proto};
use crate::{
    broker::{Broker, ClusterHandle, ports::Clock},
    domain::{Reserve, Timestamp},
};

/// What does not depend on a cluster.
pub struct ServerFacts {
    /// When the daemon started.
    pub started: Timestamp,
    /// What an operator should know now.
    pub warnings: Box<dyn Fn() -> Vec<String> + Send + Sync>,
    /// How often the redirect addresses refused a request, by reason.
    pub refused_redirects: Box<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>,
    /// What tokens outlive: `memory`, `sealed`, or `not sealed` and why.
    pub persistence: Box<dyn Fn() -> String + Send + Sync>,
    /// How the memory is kept in which tokens are: `locked`, or `not locked` and why.
    pub memory: Box<dyn Fn() -> String + Send + Sync>,
}

impl ServerFacts {
    pub(super) fn status<C: Clock>(
        &self,
        clusters: &[ClusterHandle<C>],
        broker: &Broker<C>,
    ) -> proto::GetStatusResponse {
        let clock = broker.clock();
        let reserve = broker.reserve();
        let refused = (self.refused_redirects)().into_iter().filter(|(_, count)| *count > 0);
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
                reserve: reserve.map_or("", Reserve::as_str).into(),
                reserve_time: reserve
                    .and_then(Reserve::until)
                    .map(|until| convert::time(clock, until)),
                persistence: (self.persistence)(),
                memory: (self.memory)(),
                windows_left: u32::try_from(broker.windows_left()).unwrap_or(u32::MAX),
                refused_redirects: refused
                    .map(|(reason, count)| proto::RefusedRedirects { reason: reason.into(), count })
                    .collect(),
            }),
        }
    }
}

impl fmt::Debug for ServerFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerFacts").field("started", &self.started).finish_non_exhaustive()
    }
}
