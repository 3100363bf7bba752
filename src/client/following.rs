//! A stream of changes, from one daemon after another.
//!
//! Opens the stream, and opens it again once it ended, a little later each time that nobody is
//! there. What a message means, and which ends are final, is up to its callers: `watch`, and in
//! `ctl` whatever outlasts a daemon.

use std::{fmt, future::pending, pin::Pin, time::Duration};

use tokio::time::timeout;
use tonic::{Status, Streaming};

use super::{Connector, Error};
use crate::rpc::client::Client as Calls;

/// How long a daemon that is not there is left alone at first, and at most.
const PACE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

type Opening<M> = Pin<Box<dyn Future<Output = Result<Streaming<M>, Status>> + Send>>;

/// Messages of type `M`, from whatever daemon is there.
pub(crate) struct Following<M> {
    connector: Connector,
    open: Box<dyn Fn(Calls) -> Opening<M> + Send + Sync>,
    stream: Option<Streaming<M>>,
    /// How long the daemon is left alone before it is asked anew.
    pause: Option<Duration>,
}

impl<M> Following<M> {
    /// Follows what `open` opens.
    pub(crate) fn new<F>(
        connector: Connector,
        open: impl Fn(Calls) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<Streaming<M>, Status>> + Send + 'static,
    {
        let open = move |calls| -> Opening<M> { Box::pin(open(calls)) };
        Self { connector, open: Box::new(open), stream: None, pause: None }
    }

    /// The next message, or why there is none. After an error the daemon is left alone for a
    /// moment, then asked anew, and tells the state in full.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no message.
    pub(crate) async fn next(&mut self) -> Result<M, Error> {
        if let Some(pause) = self.pause.filter(|_| self.stream.is_none()) {
            let _ = timeout(pause, pending::<()>()).await;
        }
        let next = self.message().await;
        if next.is_err() {
            self.stream = None;
            self.pause = Some(self.pause.map_or(PACE.0, |pause| PACE.1.min(pause * 2)));
        } else {
            self.pause = None;
        }
        next
    }

    async fn message(&mut self) -> Result<M, Error> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let calls = self.connector.calls().await?;
                none.insert((self.open)(calls).await?)
            }
        };
        let message = stream.message().await?;
        message.ok_or_else(|| Status::unavailable("the stream ended").into())
    }
}

impl<M> fmt::Debug for Following<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Following")
            .field("connector", &self.connector)
            .field("is_open", &self.stream.is_some())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::WatchTokenResponse;

    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_is_not_there_is_asked_less_often_but_once_a_second() {
        let folder = tempfile::tempdir().unwrap();
        let connector = Connector::at(folder.path().join("nobody")).unwrap();
        let mut following = Following::<WatchTokenResponse>::new(connector, |_| async {
            unreachable!("nobody is there")
        });
        let mut paused = Vec::new();

        for _ in 0..8 {
            assert!(following.next().await.unwrap_err().passes());
            paused.push(following.pause.unwrap().as_millis());
        }

        assert_eq!(paused, [50, 100, 200, 400, 800, 1000, 1000, 1000]);
    }
}
