//! How Cisco speaks: from a cluster's nodes to a verified token. Implements `Login`.
//!
//! One login reads from top to bottom in [`CiscoLogin`]; each step has a file. Cisco's own words
//! live here and in the documents, nowhere else. Never in here: when a login is due, what
//! a failure means for the next one, or what a page looks like. Put together by `daemon`, called
//! by `broker` through its `Login` port.

mod advice;
mod authorize;
mod discovery;
mod edge;
mod error;
mod fault;
mod lifetime;
mod listeners;
mod names;
mod nodes;
mod redirect;
mod state;
#[cfg(test)]
mod testing;
mod trust;
mod verify;
mod xml;

use std::{sync::Arc, time::Duration};

use url::Url;
use zeroize::Zeroizing;

pub use advice::timeout_advice;
pub use authorize::UriFlaw;
pub use error::Error;
pub use fault::{Fault, Miss, Misses};
pub use lifetime::LifetimeFlaw;
pub use listeners::Listeners;
pub use redirect::{Denial, RedirectFlaw};
pub use trust::{CaFileFlaw, Distrust, DistrustReason};
pub use xml::XmlFlaw;

use self::{
    edge::Limits,
    nodes::Nodes,
    redirect::{Outcome, Redirect},
    state::StateRule,
};
use crate::{
    broker::ports::{Clock, Login, Opened},
    browser::{Arrival, Landing, Opener},
    config::ClusterConfig,
    domain::{AttemptId, Failure, Grant, Manner, Timestamp, Token, Verdict},
};

/// The logins of one cluster.
pub struct CiscoLogin<C: Clock> {
    config: Arc<ClusterConfig>,
    clock: C,
    nodes: Nodes,
    state: StateRule,
    listeners: Listeners,
    opener: Opener,
}

impl<C: Clock> CiscoLogin<C> {
    /// Prepares the logins of one cluster; opens nothing and asks nobody.
    ///
    /// # Errors
    ///
    /// If the configured `ca_file` is of no use, or the HTTPS client cannot be made.
    pub fn new(
        config: Arc<ClusterConfig>,
        clock: C,
        listeners: Listeners,
        opener: Opener,
    ) -> Result<Self, Error> {
        Self::with_limits(config, clock, listeners, opener, Limits::default())
    }

    fn with_limits(
        config: Arc<ClusterConfig>,
        clock: C,
        listeners: Listeners,
        opener: Opener,
        limits: Limits,
    ) -> Result<Self, Error> {
        let nodes = Nodes::new(&config, limits)?;
        let state = StateRule::new(config.state);
        Ok(Self { config, clock, nodes, state, listeners, opener })
    }

    /// One login: find the page, ask the human, take what comes back.
    async fn one_login(
        &self,
        manner: Manner,
        opened: impl Fn(Opened) + Send + Sync,
    ) -> Result<Grant, Error> {
        let page = discovery::authorize_page(&self.nodes, &self.config).await?;
        let state = self.state.fresh();
        let request = authorize::request(&page, &self.config, text(state.as_ref()));

        let redirect = &self.config.redirect;
        let listener = self.listeners.at(redirect.origin).await?;
        let now = self.clock.wall_time(self.clock.now());
        listener.prove(Duration::from_millis(now.as_millis())).await?;
        let label = self.config.name.as_str();
        let mut expectation = listener.expect(&redirect.path, label, request)?;

        let start_url = expectation.start_url().to_owned();
        // A program that is the browser itself is watched for seconds, and a silent login is done
        // in one. The lifetime of the token counts from the redirect, so that is not kept waiting.
        let asking = async {
            let browser_opened = match manner {
                Manner::OpenBrowser => self.opener.open(&start_url).await.map(|()| true)?,
                Manner::ShowUrl => false,
            };
            opened(Opened { start_url: start_url.clone(), browser_opened });
            std::future::pending().await
        };
        let arrival: Result<Arrival, Error> = tokio::select! {
            biased;
            arrival = expectation.arrival() => Ok(arrival),
            never_asked = asking => never_asked,
        };
        let Arrival { query, fragment, reply } = arrival?;
        let arrived_at = self.clock.now();
        let outcome = match redirect::parse(&query, &fragment) {
            Ok(redirect) => self.settle(redirect, text(state.as_ref()), &page, arrived_at).await,
            Err(flaw) => Err(flaw.into()),
        };
        reply.finish(self.landing(&outcome));
        outcome
    }

    /// From a redirect to a token that the cluster has confirmed to be the right one.
    async fn settle(
        &self,
        redirect: Redirect,
        sent_state: Option<&str>,
        page: &Url,
        arrived_at: Timestamp,
    ) -> Result<Grant, Error> {
        let returned_state = text(redirect.state.as_ref());
        let (secret, expires_in) = match redirect.outcome {
            Outcome::Token { secret, expires_in } => {
                self.state.check(sent_state, returned_state)?;
                (secret, expires_in)
            }
            Outcome::Denied(denial) => {
                self.state.check_unless_missing(sent_state, returned_state)?;
                return Err(Error::Denied(denial));
            }
        };
        let lifetime = lifetime::lifetime(expires_in.as_deref(), self.config.lifetime)?;
        let expires_at = arrived_at.plus(lifetime);
        if lifetime < SHORT {
            let seconds = lifetime.as_secs();
            tracing::warn!(cluster = %self.config.name, seconds, "the token is short-lived");
        }

        let issuer = authorize::issuer(page, &self.config.nodes);
        let first = issuer.unwrap_or_else(|| self.nodes.last_good());
        let confirmed =
            verify::confirm(&self.nodes, &self.config, &self.clock, &secret, first, expires_at)
                .await?;
        Ok(Grant {
            secret,
            user: confirmed.user,
            node: confirmed.node,
            obtained_at: arrived_at,
            expires_at,
        })
    }

    /// What the human sees at the end.
    fn landing(&self, outcome: &Result<Grant, Error>) -> Landing {
        match outcome {
            Ok(grant) => {
                // The browser compares it with its own clock.
                let until_millis = self.clock.wall_time(grant.expires_at).as_millis();
                Landing::Done { user: grant.user.clone(), until_millis }
            }
            Err(error) => {
                let Failure { sentence, advice, .. } = self.failure(error);
                Landing::Failed { sentence, advice }
            }
        }
    }

    fn failure(&self, error: &Error) -> Failure {
        error.failure(&self.config, self.clock.now())
    }
}

impl<C: Clock> Login for CiscoLogin<C> {
    async fn log_in(
        &self,
        attempt: AttemptId,
        manner: Manner,
        opened: impl Fn(Opened) + Send + Sync,
    ) -> Result<Grant, Failure> {
        tracing::debug!(cluster = %self.config.name, attempt = attempt.0, "login begins");
        self.one_login(manner, opened).await.map_err(|error| self.failure(&error))
    }

    async fn verify(&self, token: &Token) -> Verdict {
        verify::verdict(&self.nodes, &self.config, token).await
    }
}

/// No cluster can be set to less (*OAuth Access Token Expiry Timer*), so it is worth a word.
const SHORT: Duration = Duration::from_mins(1);

fn text(state: Option<&Zeroizing<String>>) -> Option<&str> {
    state.map(|state| state.as_str())
}

#[cfg(test)]
mod tests;
