//! One login, numbered.

use super::{Generation, Timestamp};

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
    /// How many attempts failed in a row before it.
    pub failures: u32,
    /// How far it is.
    pub stage: Stage,
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
