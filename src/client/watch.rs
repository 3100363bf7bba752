//! The token of a cluster as it changes, for a program that is told rather than asks.

use super::{AccessToken, Connector, Error, Following};
use crate::rpc::proto::{ClusterState, ClusterStatus, WatchTokenRequest, WatchTokenResponse};

/// What is so now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Update {
    /// The usable token; none, while there is none.
    pub token: Option<AccessToken>,
    /// Whether a login is under way.
    pub login_under_way: bool,
}

/// Follows the token of a cluster: what is so at first, and at each change the newest.
///
/// ```no_run
/// # async fn example(client: ucsso::client::Client) -> Result<(), ucsso::client::Error> {
/// let mut watch = client.watch("hq");
/// loop {
///     match watch.next().await?.token {
///         Some(token) => println!("{} is logged in", token.user()),
///         None => println!("nobody is"),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Watch(Following<WatchTokenResponse>);

impl Watch {
    pub(crate) fn new(connector: Connector, cluster: &str) -> Self {
        let request = WatchTokenRequest { cluster: cluster.to_owned() };
        Self(Following::new(connector, move |calls| {
            let request = request.clone();
            async move { Ok(calls.broker().watch_token(request).await?.into_inner()) }
        }))
    }

    /// What is so, as soon as that is something else. A daemon that is not there is waited for.
    ///
    /// # Errors
    ///
    /// What does not pass by itself: that the cluster is no longer configured, for example. Asking
    /// again is allowed, and asks the daemon anew.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Result<Update, Error> {
        loop {
            match self.attempt().await {
                Err(error) if error.passes() => {}
                end => return end,
            }
        }
    }

    /// The same for somebody who wants to know that the daemon is not there: it is waited for a moment
    /// at a time, up to a second, and each ends in an error that [passes](Error::passes).
    ///
    /// # Errors
    ///
    /// Also that the daemon is not there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    pub async fn attempt(&mut self) -> Result<Update, Error> {
        let WatchTokenResponse { token, status } = self.0.next().await?;
        let state = status.as_ref().map(ClusterStatus::state);
        Ok(Update {
            token: token.map(AccessToken::received),
            login_under_way: matches!(
                state,
                Some(ClusterState::Authenticating | ClusterState::Renewing)
            ),
        })
    }
}
