//! What the broker needs from outside. Each trait has a second implementation in the tests, and
//! that is why it is a trait.

use std::{fmt, future::Future};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::domain::{
    AttemptId, ClusterName, Failure, Gaps, Grant, Held, Learned, Manner, Timestamp, Token, Verdict,
};

/// Tells the time, and wakes at a time.
pub trait Clock: Clone + Send + Sync + 'static {
    /// The time now. Never earlier than a time it told before.
    fn now(&self) -> Timestamp;

    /// What gaps there were since the clock began. Read after `now()`, it has every jump that is
    /// in that time.
    fn gaps(&self) -> Gaps {
        Gaps::default()
    }

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
    /// The cluster's own page, for a browser that cannot reach the start page. What it brings back
    /// has to be brought here by hand.
    pub authorize_url: String,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One URL has a ticket in it, the other `state`.
        f.debug_struct("Opened")
            .field("browser_opened", &self.browser_opened)
            .finish_non_exhaustive()
    }
}

/// The page on which a login has just ended. For a moment it waits to go on to another.
#[derive(Debug)]
pub struct Tab(oneshot::Sender<Onward>);

/// Where a [`Tab`] is to go.
pub struct Onward {
    /// The start page of the next login.
    pub start_url: String,
    /// To be told whether the page went there.
    pub went: oneshot::Sender<bool>,
}

impl fmt::Debug for Onward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL has a ticket in it.
        f.write_str("Onward(..)")
    }
}

impl Tab {
    /// A tab, and what tells its page where to go: nothing, where nobody needs it.
    #[must_use]
    pub fn new() -> (Self, oneshot::Receiver<Onward>) {
        let (tab, page) = oneshot::channel();
        (Self(tab), page)
    }

    /// Whether it still waits.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.0.is_closed()
    }

    /// Sends it on to a start page, and says whether it went. If not, the human has closed it.
    pub async fn go_on(self, start_url: String) -> bool {
        let (went, gone) = oneshot::channel();
        self.0.send(Onward { start_url, went }).is_ok() && gone.await.unwrap_or(false)
    }
}

/// What a login that succeeded gives.
#[derive(Debug)]
pub struct LoggedIn {
    /// The token.
    pub grant: Grant,
    /// The page that the human looks at, where there is one.
    pub tab: Option<Tab>,
}

/// What a login asks, and tells, while it runs.
pub trait Progress: Send + Sync {
    /// Whether a window may be opened now. Asked right before one is.
    fn may_open(&self) -> bool;

    /// The start page waits for the human.
    fn opened(&self, opened: Opened);
}

/// An address at which a browser ended that cannot reach this machine, brought by hand.
pub struct Pasted {
    /// The page that begins the login: who has it began the login.
    pub start_url: Zeroizing<String>,
    /// Whatever the human pasted.
    pub address: Zeroizing<String>,
}

impl fmt::Debug for Pasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pasted(..)")
    }
}

/// Why an address that was brought by hand is not taken. Nothing is lost: the login goes on
/// waiting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotTaken {
    /// This attempt does not wait for its redirect: it never did, has one, or is over.
    NotPending,
    /// The start page is not that of this attempt.
    WrongTicket,
    /// It does not begin with the redirect URI.
    NotTheRedirect {
        /// How it has to begin.
        beginnings: Vec<String>,
    },
    /// It begins rightly, but does not answer this login.
    NoAnswer {
        /// Why: a fragment of a sentence, with nothing of the address in it.
        flaw: String,
    },
}

/// Gets tokens of one cluster, and asks it about them.
pub trait Login: Send + Sync + 'static {
    /// Performs one login from discovery to a verified token.
    ///
    /// Where there is a `tab`, the login goes on in it rather than in a new window. There is no
    /// time limit in here: who calls gives up by dropping the future, and that undoes whatever
    /// the attempt set up.
    fn log_in(
        &self,
        attempt: AttemptId,
        manner: Manner,
        tab: Option<Tab>,
        progress: impl Progress,
    ) -> impl Future<Output = Result<LoggedIn, Failure>> + Send;

    /// Ends the wait of an attempt with what its human brought by hand. The login goes on as after
    /// any other redirect, and ends where it began, in [`Login::log_in`].
    fn complete(&self, attempt: AttemptId, pasted: &Pasted) -> Result<(), NotTaken>;

    /// Asks the cluster whether it still accepts a token. Ends by itself within seconds.
    fn verify(&self, token: &Token) -> impl Future<Output = Verdict> + Send;

    /// What the logins so far taught of the cluster.
    fn learned(&self) -> Learned;
}

/// Keeps what is held where it outlives this process.
pub trait Vault: fmt::Debug + Send + Sync + 'static {
    /// Keeps it in place of what was kept of this cluster before. What cannot be kept is the
    /// vault's to say and to try again: the daemon serves as well without.
    ///
    /// It is called before anybody learns of the change, so that no token that was handed out is
    /// lost with the process, and none comes back that was dropped. Everybody waits for it, so it
    /// does not wait for disks or other programs.
    fn keep(&self, cluster: &ClusterName, held: &Held);
}

/// Nowhere: what is held ends with the process.
impl Vault for () {
    fn keep(&self, _: &ClusterName, _: &Held) {}
}
