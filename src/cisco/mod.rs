//! How Cisco speaks: from a cluster's nodes to a verified token. Implements `Login`.
//!
//! One login reads from top to bottom in [`CiscoLogin`]; each step has a file. Cisco's own words
//! live here and in the documents, nowhere else. Never in here: when a login is due, what
//! a failure means for the next one, or what a page looks like. Put together by `daemon`, called
//! by `broker` through its `Login` port.

mod advice;
mod authorize;
mod by_hand;
mod ca_file;
mod discovery;
mod edge;
mod error;
mod fault;
mod known;
mod lifetime;
mod listeners;
mod names;
mod nodes;
mod owner;
mod redirect;
mod state;
mod tab;
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
pub use ca_file::ca_text;
pub use error::Error;
pub use fault::{Fault, Miss, Misses};
pub use known::Known;
pub use lifetime::LifetimeFlaw;
pub use listeners::Listeners;
pub use redirect::{Denial, RedirectFlaw};
pub use trust::{CaFileFlaw, Distrust, DistrustReason};
pub use xml::XmlFlaw;

use self::{
    by_hand::Waiting,
    edge::Limits,
    nodes::Nodes,
    owner::Stranger,
    redirect::{Outcome, Redirect},
    state::StateRule,
    verify::Confirmed,
};
use crate::{
    broker::ports::{Clock, LoggedIn, Login, NotTaken, Opened, Pasted, Progress, Tab},
    browser::{Arrival, Landing, Opener, Route, Window},
    config::ClusterConfig,
    domain::{AttemptId, Failure, Grant, Learned, Manner, Timestamp, Token, Verdict},
};

/// The logins of one cluster.
pub struct CiscoLogin<C: Clock> {
    config: Arc<ClusterConfig>,
    clock: C,
    nodes: Nodes,
    state: StateRule,
    listeners: Listeners,
    opener: Opener,
    waiting: Waiting,
    known: Known,
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
        let (waiting, known) = (Waiting::default(), Known::default());
        let state = StateRule::new(config.state, known.echoes());
        Ok(Self { config, clock, nodes, state, listeners, opener, waiting, known })
    }

    /// What is known of this cluster now and later.
    pub fn known(&self) -> Known {
        self.known.clone()
    }

    /// Goes by what is known of the cluster, where it has been logged in to with other settings.
    #[must_use]
    pub fn sharing(self, known: Known) -> Self {
        let state = StateRule::new(self.config.state, known.echoes());
        Self { state, known, ..self }
    }

    /// Holds the cluster to what an earlier daemon learned of it.
    #[must_use]
    pub fn knowing(self, learned: Learned) -> Self {
        self.sharing(Known::of(learned))
    }

    /// One login: find the page, ask the human, take what comes back.
    async fn one_login(
        &self,
        attempt: AttemptId,
        manner: Manner,
        tab: Option<Tab>,
        progress: impl Progress,
    ) -> Result<LoggedIn, Error> {
        let page = discovery::authorize_page(&self.nodes, &self.config).await?;
        let state = self.state.fresh();
        let request = authorize::request(&page, &self.config, text(state.as_ref()));

        let redirect = &self.config.redirect;
        let listener = self.listeners.at(redirect.origin).await?;
        let now = self.clock.wall_time(self.clock.now());
        listener.prove(Duration::from_millis(now.as_millis())).await?;
        let label = self.config.name.as_str();
        let begun_at = self.clock.now();
        let mut expectation = listener.expect(&redirect.path, label, request.clone())?;
        let _kept = self.waiting.keep(attempt, expectation.by_hand(), state.clone());

        let start_url = expectation.start_url().to_owned();
        let started = expectation.started();
        // A program that is the browser itself is watched for seconds, and a silent login is done
        // in one. The lifetime of the token counts from the redirect, so that is not kept waiting.
        let asking = async {
            let browser_opened = manner == Manner::OpenBrowser;
            let goes_on = match tab.filter(|_| browser_opened) {
                Some(tab) => tab.go_on(start_url.clone()).await,
                None => false,
            };
            let mut window = None;
            if browser_opened && !goes_on {
                window = Some(self.show(&start_url, &progress).await?);
            }
            let (url, authorize_url) = (start_url.clone(), request.to_string());
            progress.opened(Opened { start_url: url, browser_opened, authorize_url });
            if goes_on {
                self.clock.sleep_until(self.clock.now().plus(DETOUR)).await;
                if !started() {
                    window = Some(self.show(&start_url, &progress).await?);
                }
            }
            match &mut window {
                Some(window) => window.closed().await,
                None => std::future::pending().await,
            }
            Err(Error::WindowClosed)
        };
        let arrival: Result<Arrival, Error> = tokio::select! {
            biased;
            arrival = expectation.arrival() => Ok(arrival),
            never_asked = asking => never_asked,
        };
        let Arrival { query, fragment, route, reply } = arrival?;
        let arrived_at = match route {
            Route::LandingPage => self.clock.now(),
            // The cluster may have issued the token at any time since.
            Route::Hand => begun_at,
        };
        let outcome = match redirect::parse(&query, &fragment) {
            Ok(redirect) => self.settle(redirect, text(state.as_ref()), &page, arrived_at).await,
            Err(flaw) => Err(flaw.into()),
        };
        match outcome {
            Ok(grant) => {
                let waiting = || tab::waiting(reply, grant.user.clone(), self.until_millis(&grant));
                let tab = matches!(route, Route::LandingPage).then(waiting);
                Ok(LoggedIn { grant, tab })
            }
            Err(error) => {
                reply.finish(self.failed(&error));
                Err(error)
            }
        }
    }

    /// Shows the human the start page in a new window.
    async fn show(&self, start_url: &str, progress: &impl Progress) -> Result<Window, Error> {
        if !progress.may_open() {
            return Err(Error::MayNotOpen);
        }
        Ok(self.opener.open(start_url).await?)
    }

    /// From a redirect to a token that the cluster has confirmed to be the right one.
    async fn settle(
        &self,
        redirect: Redirect,
        sent_state: Option<&str>,
        page: &Url,
        arrived_at: Timestamp,
    ) -> Result<Grant, Error> {
        self.state.judge(sent_state, &redirect)?;
        let (secret, expires_in) = match redirect.outcome {
            Outcome::Token { secret, expires_in } => (secret, expires_in),
            Outcome::Denied(denial) => return Err(Error::Denied(denial)),
        };
        let lifetime = lifetime::lifetime(expires_in.as_deref(), self.config.lifetime)?;
        let expires_at = arrived_at.plus(lifetime);
        if lifetime < SHORT {
            let seconds = lifetime.as_secs();
            tracing::warn!(cluster = %self.config.name, seconds, "the token is short-lived");
        }

        let issuer = authorize::issuer(page, &self.config.nodes);
        let first = issuer.unwrap_or_else(|| self.nodes.last_good());
        let Confirmed { user, node } =
            verify::confirm(&self.nodes, &self.config, &self.clock, &secret, first, expires_at)
                .await?;
        let user = match self.known.owner().admit(user, &self.config.user) {
            Ok(user) => user,
            Err(Stranger { first, actual }) => {
                return Err(Error::OtherThanFirst { node, first, actual });
            }
        };
        Ok(Grant { secret, user, node, obtained_at: arrived_at, expires_at })
    }

    /// Until when a token is valid, as the browser compares it with its own clock.
    fn until_millis(&self, grant: &Grant) -> u64 {
        self.clock.wall_time(grant.expires_at).as_millis()
    }

    /// What the human sees where no token came of it.
    fn failed(&self, error: &Error) -> Landing {
        let Failure { sentence, advice, .. } = self.failure(error);
        Landing::Failed { sentence, advice }
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
        tab: Option<Tab>,
        progress: impl Progress,
    ) -> Result<LoggedIn, Failure> {
        tracing::debug!(cluster = %self.config.name, attempt = attempt.0, "login begins");
        self.one_login(attempt, manner, tab, progress).await.map_err(|error| self.failure(&error))
    }

    fn complete(&self, attempt: AttemptId, pasted: &Pasted) -> Result<(), NotTaken> {
        let taken = self.waiting.complete(attempt, pasted, &self.config.redirect, &self.state);
        let (cluster, attempt) = (&self.config.name, attempt.0);
        match &taken {
            Ok(()) => tracing::info!(%cluster, attempt, "the redirect was brought by hand"),
            Err(why) => tracing::warn!(%cluster, attempt, ?why, "a pasted address is not taken"),
        }
        taken
    }

    async fn verify(&self, token: &Token) -> Verdict {
        verify::verdict(&self.nodes, &self.config, token).await
    }

    fn learned(&self) -> Learned {
        self.known.learned()
    }
}

/// How long a tab may take that was sent on to a start page. Its landing page is told where to go
/// though the human has closed it: a browser keeps the request of such a page alive.
const DETOUR: Duration = Duration::from_secs(5);

/// No cluster can be set to less (*OAuth Access Token Expiry Timer*), so it is worth a word.
const SHORT: Duration = Duration::from_mins(1);

fn text(state: Option<&Zeroizing<String>>) -> Option<&str> {
    state.map(|state| state.as_str())
}

#[cfg(test)]
mod tests;
