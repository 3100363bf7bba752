//! The status as it changes, from one daemon after another.
//!
//! For commands that outlast a daemon, or begin before it. Reads what the daemon says and decides
//! nothing about it. Called by `changes` and `wait`; `exec` goes by its patience.

use std::{
    future::pending,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::timeout;
use tonic::Streaming;

use super::{error::Error, exit::Exit};
use crate::{
    domain::ClusterName,
    rpc::{
        client::{Client, ConnectError},
        proto::{GetStatusResponse, WatchStatusRequest, WatchStatusResponse},
    },
};

/// How long a daemon that is not there is left alone.
const PACE: Duration = Duration::from_millis(250);

/// The status of some clusters, whenever it changes.
#[derive(Debug)]
pub(super) struct Statuses {
    socket: PathBuf,
    clusters: Vec<String>,
    stream: Option<Streaming<WatchStatusResponse>>,
}

impl Statuses {
    /// Of these clusters; of all, if none is named.
    pub(super) fn of(socket: &Path, clusters: &[ClusterName]) -> Self {
        let clusters = clusters.iter().map(ToString::to_string).collect();
        Self { socket: socket.to_owned(), clusters, stream: None }
    }

    /// The next one. After an error the daemon is asked anew, and the status is told in full.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Result<GetStatusResponse, Error> {
        let next = self.message().await;
        if next.is_err() {
            self.stream = None;
        }
        next
    }

    async fn message(&mut self) -> Result<GetStatusResponse, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let clusters = self.clusters.clone();
                let client = Client::connect(&self.socket).await?;
                let request = WatchStatusRequest { clusters };
                none.insert(client.broker().watch_status(request).await?.into_inner())
            }
        };
        let message = stream.message().await?.ok_or_else(ended)?;
        message.status.ok_or(Error::Incomplete("status"))
    }
}

/// Whether it is only that the daemon is not there, so that the same may work a moment later.
pub(super) fn passes(error: &Error) -> bool {
    match error {
        Error::Connect(
            ConnectError::NotRunning { .. }
            | ConnectError::Unreachable { .. }
            | ConnectError::NotABroker { .. },
        ) => true,
        Error::Refused(status) => Exit::of_status(status) == Exit::NotReachable,
        _ => false,
    }
}

/// Leaves the daemon alone for a moment.
pub(super) async fn pause() {
    let _ = timeout(PACE, pending::<()>()).await;
}

/// The stream of a daemon that went away without a word.
pub(super) fn ended() -> Error {
    tonic::Status::unavailable("the stream ended").into()
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;

    #[test]
    fn a_daemon_that_is_not_there_may_come_and_one_that_refuses_has_said_so() {
        let path = || PathBuf::from("/s");
        let refused = |code| Error::from(Status::new(code, ""));

        for error in [
            Error::Connect(ConnectError::NotRunning { path: path() }),
            Error::Connect(ConnectError::Unreachable { path: path(), source: ended_early() }),
            refused(Code::Unavailable),
            ended(),
        ] {
            assert!(passes(&error), "{error:?}");
        }
        for error in [
            Error::Connect(ConnectError::OtherUser { path: path(), uid: 1 }),
            Error::Connect(ConnectError::Denied { path: path() }),
            refused(Code::NotFound),
            refused(Code::PermissionDenied),
            Error::Interrupted,
        ] {
            assert!(!passes(&error), "{error:?}");
        }
    }

    fn ended_early() -> std::io::Error {
        std::io::ErrorKind::UnexpectedEof.into()
    }
}
