//! A token for as long as a program runs.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::AbortHandle};

use super::{AccessToken, Client, Error, Options, Verdict, Watch};

/// How long a token has to be good where nothing else is said: for one request. Of one that lives
/// shorter the daemon is asked, which knows by how much.
const ONE_REQUEST: Duration = Duration::from_secs(30);

/// The token of a cluster, for as long as a program runs. It is followed in the background, so that the
/// daemon renews it ahead and the current one is at hand, over restarts of the daemon too. A clone is the same
/// handle; the following ends with the last.
#[derive(Debug, Clone)]
pub struct Token {
    client: Client,
    cluster: Arc<str>,
    options: Arc<Options>,
    held: watch::Sender<Held>,
    _follower: Arc<Follower>,
}

/// What the daemon said last.
type Held = Option<AccessToken>;

impl Token {
    pub(super) fn follow(client: Client, cluster: &str, options: Options) -> Self {
        let held = watch::Sender::new(None);
        let follower = tokio::spawn(follow(client.watch(cluster), held.clone()));
        Self {
            client,
            cluster: cluster.into(),
            options: Arc::new(options),
            held,
            _follower: Arc::new(Follower(follower.abort_handle())),
        }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The token to send now. It is at hand while a good one is held, else the daemon is asked for
    /// one as the options say.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub async fn current(&self) -> Result<AccessToken, Error> {
        let least = self.options.min_validity.unwrap_or(ONE_REQUEST);
        let at_hand = self.held.borrow().clone().filter(|token| token.remaining() >= least);
        match at_hand {
            Some(token) => Ok(token),
            None => self.client.get(&self.cluster, &self.options).await,
        }
    }

    /// Reports that the cluster answered 401 to this token. If it does not accept it any more,
    /// [`Token::current`] does not return it again.
    ///
    /// # Errors
    ///
    /// That the daemon did not answer.
    pub async fn report_rejected(&self, token: &AccessToken) -> Result<Verdict, Error> {
        let verdict = self.client.report_rejected(&self.cluster, token).await?;
        if matches!(verdict, Verdict::Rejected | Verdict::Superseded) {
            // What comes next may be here already.
            self.held.send_if_modified(|held| {
                let gone = held.as_ref().is_some_and(|held| held.is(token));
                if gone {
                    *held = None;
                }
                gone
            });
        }
        Ok(verdict)
    }

    /// Waits until the daemon holds something else than `known`, and returns it. `None` is no token.
    pub async fn changed(&self, known: Option<&AccessToken>) -> Option<AccessToken> {
        let same = |held: &Held| match (held, known) {
            (Some(held), Some(known)) => held.is(known),
            (held, known) => held.is_none() && known.is_none(),
        };
        let mut news = self.held.subscribe();
        let changed = news.wait_for(|held| !same(held)).await;
        // It does not fail: the sender is here.
        changed.ok().and_then(|held| held.clone())
    }
}

/// The task that follows. It ends when this is dropped.
#[derive(Debug)]
struct Follower(AbortHandle);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Keeps what the daemon said last. While there is no daemon, that stays: a token is as good as it
/// was. A daemon that refuses to speak of it does not vouch for it.
async fn follow(mut watch: Watch, held: watch::Sender<Held>) {
    loop {
        let news = watch.next().await.ok().and_then(|update| update.token);
        held.send_replace(news);
    }
}
