//! One login, numbered.

use super::{FailureKind, Generation, Pause, Timestamp};

/// The number of an attempt. Each attempt of a cluster has a higher one than those before it,
/// and the token it gives has the same number as its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

impl AttemptId {
    /// The generation of the token that this attempt gives.
    #[must_use]
    pub const fn generation(self) -> Generation {
        Generation(self.0)
    }
}

/// A login under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its number.
    pub id: AttemptId,
    /// Who wanted it.
    pub occasion: Occasion,
    /// The pause that it ended, which holds again if it is withdrawn.
    pub before: Pause,
    /// How far it is.
    pub stage: Stage,
}

impl Attempt {
    /// How those before it went.
    pub(super) fn tally(&self) -> Tally {
        self.before.tally()
    }
}

/// Who wanted a login, and so what it may ask of the human.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// Somebody asked for it by name. It always may.
    Asked,
    /// A program wanted a token, or a renewal is due. It may as far as the budget goes.
    ByItself,
    /// Another cluster's login is under way. It may go on in the same tab, and opens no window.
    InPassing,
}

/// How many attempts have failed in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// All of them.
    pub failures: u32,
    /// Those that asked a human in vain.
    pub unanswered: u32,
}

impl Tally {
    /// Counts one more.
    pub(super) const fn and_one(self, kind: FailureKind) -> Self {
        let unanswered = match kind {
            FailureKind::Unreachable => self.unanswered,
            FailureKind::TimedOut | FailureKind::Declined | FailureKind::Refused => {
                self.unanswered.saturating_add(1)
            }
        };
        Self { failures: self.failures.saturating_add(1), unanswered }
    }
}

/// How far an attempt is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// It waits until the human's one window is free. The wait has no limit of its own: whoever
    /// has the window has one.
    Queued,
    /// It has the window, until then.
    Seated {
        /// When it is given up.
        give_up_at: Timestamp,
    },
}

/// How the human is led to the start page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The daemon opens a browser.
    OpenBrowser,
    /// Somebody else shows the URL; no browser is opened.
    ShowUrl,
}

/// What the cluster says of a token that a program found refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It still works.
    StillValid,
    /// It is not accepted any more.
    Rejected,
    /// The cluster could not be asked, or was too busy to say.
    Unknown,
}
