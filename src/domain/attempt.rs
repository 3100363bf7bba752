//! One login, numbered.

/// The number of an attempt. Each attempt of a cluster has a higher one than those before it,
/// and the token it gives has the same number as its generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub u64);

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
