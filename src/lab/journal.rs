//! What has happened in the lab, for tests and for people who look.
//!
//! No token, cookie or query string is written down: a request is remembered by what it asked
//! for, not by what it carried.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard},
};

/// A request that arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The name of the node, or `idp`.
    pub node: &'static str,
    /// The method.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Whether it carried a bearer token (RFC 6750 2.1).
    pub has_bearer: bool,
}

/// How often things happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Browsers that came to an authorization page from outside, whatever became of it.
    pub windows: u64,
    /// Logins at the lab's identity provider with a password.
    pub form_logins: u64,
    /// Logins at the lab's identity provider by its session cookie alone.
    pub silent_logins: u64,
    /// Tokens issued.
    pub tokens_issued: u64,
    /// Tokens handed out again to a browser with a live session on the node.
    pub tokens_reused: u64,
    /// Authorization requests answered with the error page, without a redirect.
    pub authorize_refused: u64,
    /// SAML responses that were not accepted.
    pub responses_refused: u64,
}

/// The book of both.
#[derive(Debug, Default)]
pub(super) struct Journal {
    counters: Mutex<Counters>,
    seen: Mutex<VecDeque<Seen>>,
}

impl Journal {
    /// Enough for any test, and little for a lab that runs for weeks.
    const LONGEST: usize = 10_000;

    pub(super) fn note(&self, seen: Seen) {
        tracing::info!(node = seen.node, method = %seen.method, path = %seen.path, "request");
        let mut book = self.seen.lock().expect("nobody panics while writing");
        if book.len() == Self::LONGEST {
            book.pop_front();
        }
        book.push_back(seen);
    }

    pub(super) fn count(&self) -> MutexGuard<'_, Counters> {
        self.counters.lock().expect("nobody panics while counting")
    }

    pub(super) fn requests(&self) -> Vec<Seen> {
        self.seen.lock().expect("nobody panics while writing").iter().cloned().collect()
    }
}
