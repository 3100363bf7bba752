//! What the caller holds while a login is pending, and what the redirect brings.

use std::{fmt, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use zeroize::Zeroizing;

use super::{ByHand, listener::Serving, visit::OneTime};

/// One pending login. Dropping it withdraws the ticket, the nonce and the path. It keeps its
/// listener serving.
pub struct Expectation {
    serving: Arc<Serving>,
    path: String,
    start_url: Zeroizing<String>,
    arrivals: mpsc::Receiver<Arrival>,
}

impl Expectation {
    pub(super) fn new(
        serving: Arc<Serving>,
        path: &str,
        ticket: &OneTime,
        arrivals: mpsc::Receiver<Arrival>,
    ) -> Self {
        let start_url = Zeroizing::new(serving.site.start_url(ticket));
        Self { serving, path: path.to_owned(), start_url, arrivals }
    }

    /// The page that begins the login, `http://127.0.0.1:8765/start/…`. It works once.
    #[must_use]
    pub fn start_url(&self) -> &str {
        &self.start_url
    }

    /// Waits for the redirect whose nonce is right. There is one; after it, waits for ever.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses no redirect; the next call returns it.
    pub async fn arrival(&mut self) -> Arrival {
        match self.arrivals.recv().await {
            Some(arrival) => arrival,
            None => std::future::pending().await,
        }
    }

    /// The way in for a redirect that a human brings by hand. What it brings is the next arrival.
    #[must_use]
    pub fn by_hand(&self) -> ByHand {
        ByHand { serving: Arc::clone(&self.serving), path: self.path.clone() }
    }

    /// Whether a browser has fetched the start page, for whoever asks while the redirect is waited
    /// for.
    pub fn started(&self) -> impl Fn() -> bool + use<> {
        let (serving, path) = (Arc::clone(&self.serving), self.path.clone());
        move || serving.site.visits().has_begun(&path)
    }
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.serving.site.visits().withdraw(&self.path);
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expectation").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a redirect brought. Nobody in this room has looked inside.
pub struct Arrival {
    /// What came after `?`, without it; empty if there was none.
    pub query: Zeroizing<String>,
    /// What came after `#`, without it; empty if there was none.
    pub fragment: Zeroizing<String>,
    /// Who brought it.
    pub route: Route,
    /// The landing page, which waits to be told what to show.
    pub reply: Reply,
}

/// How a redirect came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// Its landing page posted it, as soon as it was there.
    LandingPage,
    /// A human carried it here, and nobody knows how long that took.
    Hand,
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Arrival(..)")
    }
}

/// The landing page of a redirect. If it is dropped unfinished, the page says that the login
/// did not finish; after a minute without an answer, that it is still being checked.
#[derive(Debug)]
pub struct Reply(pub(super) oneshot::Sender<Landing>);

impl Reply {
    /// Tells the landing page what to show, and says whether it is still there to show it. The
    /// human may have closed it; that is no failure.
    #[expect(clippy::must_use_candidate, reason = "few care whether the human still looks")]
    pub fn finish(self, landing: Landing) -> bool {
        self.0.send(landing).is_ok()
    }
}

/// How a login ended, as the human is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landing {
    /// A token is held.
    Done {
        /// Whose it is.
        user: String,
        /// Until when, in milliseconds since 1970-01-01 UTC.
        until_millis: u64,
        /// The start page of another login, to which this tab goes on.
        next: Option<Zeroizing<String>>,
    },
    /// No token came of it.
    Failed {
        /// What went wrong: a lower-case fragment without a full stop.
        sentence: String,
        /// What mends it, with the command in backticks. May be empty.
        advice: String,
    },
}
