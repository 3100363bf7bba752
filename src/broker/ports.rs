//! What the broker needs from outside. Each trait has a second implementation in the tests, and
//! that is why it is a trait.

use std::{fmt, future::Future};

use crate::domain::{AttemptId, Failure, Grant, Manner, Timestamp, Token, Verdict};

/// Tells the time, and wakes at a time.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time now. Never earlier than a time it told before.
    fn now(&self) -> Timestamp;

    /// The same moment as the wall clock counts it, for whoever reads it elsewhere.
    fn wall_time(&self, at: Timestamp) -> Timestamp;

    /// Returns once `now()` has reached `at`; at once if it has already.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;
}

/// A login that waits for its human.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The page that begins the login. It works once.
    pub start_url: String,
    /// Whether a browser was opened on it. If not, the human has to be shown the URL.
    pub browser_opened: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has a ticket in it.
        f.debug_struct("Opened")
            .field("browser_opened", &self.browser_opened)
            .finish_non_exhaustive()
    }
}

/// Gets tokens of one cluster, and asks it about them.
pub trait Login: Send + Sync + 'static {
    /// Performs one login from discovery to a verified token.
    ///
    /// `opened` is called once the start page waits for the human. There is no time limit in
    /// here: who calls gives up by dropping the future, and that undoes whatever the attempt
    /// set up.
    fn log_in(
        &self,
        attempt: AttemptId,
        manner: Manner,
        opened: impl Fn(Opened) + Send + Sync,
    ) -> impl Future<Output = Result<Grant, Failure>> + Send;

    /// Asks the cluster whether it still accepts a token. Ends by itself within seconds.
    fn verify(&self, token: &Token) -> impl Future<Output = Verdict> + Send;
}
