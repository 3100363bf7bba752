//! The status as it changes, from one daemon after another.
//!
//! For commands that outlast a daemon, or begin before it. Reads what the daemon says and decides
//! nothing about it. Called by `changes` and `wait`.

use std::path::Path;

use crate::{
    client::{self, Connector, Following},
    domain::ClusterName,
    rpc::proto::{GetStatusResponse, WatchStatusRequest, WatchStatusResponse},
};

/// The status of some clusters, whenever it changes.
#[derive(Debug)]
pub(super) struct Statuses(Following<WatchStatusResponse>);

impl Statuses {
    /// Of these clusters; of all, if none is named.
    pub(super) fn of(socket: &Path, clusters: &[ClusterName]) -> Self {
        let clusters = clusters.iter().map(ToString::to_string).collect();
        let request = WatchStatusRequest { clusters };
        Self(Following::new(Connector::from(socket), move |calls| {
            let request = request.clone();
            async move { Ok(calls.broker().watch_status(request).await?.into_inner()) }
        }))
    }

    /// The next one. After an error the daemon is left alone for a moment, then asked anew, and
    /// the status is told in full.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<GetStatusResponse, client::Error> {
        self.0.next().await?.status.ok_or(client::Error::Incomplete("status"))
    }
}
