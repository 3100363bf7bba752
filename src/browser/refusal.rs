//! Why a request was refused, and how often. A refusal never says what the request contained.

use std::sync::atomic::{AtomicU64, Ordering};

use hyper::StatusCode;

/// Declares the reasons once: their names, their words, their status codes.
macro_rules! refusals {
    ($($(#[$doc:meta])+ $name:ident = $word:literal, $status:ident;)+) => {
        /// Why the listener refused a connection or a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal { $($(#[$doc])+ $name,)+ }

        impl Refusal {
            /// All reasons, in the order in which a request meets them.
            pub const ALL: [Self; [$($word),+].len()] = [$(Self::$name),+];

            /// The reason as one word, for log lines and counters.
            #[must_use]
            pub const fn reason(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The status of the answer, where there is one.
            pub(super) const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)+ }
            }
        }
    };
}

refusals! {
    /// The connection comes from a process of another user. It is closed without an answer.
    ForeignPeer = "foreign_peer", FORBIDDEN;
    /// Nobody knows which user's process the connection comes from. Closed without an answer.
    UnknownPeer = "unknown_peer", FORBIDDEN;
    /// No head of a request within its time. Closed without an answer.
    HeadTooSlow = "head_too_slow", REQUEST_TIMEOUT;
    /// The head of the request is too large. Answered by hyper, without a page.
    HeadTooLarge = "head_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE;
    /// A TLS handshake that failed: a browser does not trust the certificate, or it is not TLS.
    /// Closed without a page.
    Handshake = "tls_handshake", BAD_REQUEST;
    /// The bytes are not an HTTP/1.1 request. Answered by hyper, without a page.
    NotHttp = "not_http", BAD_REQUEST;
    /// The request target is not a path (RFC 9112 3.2.1).
    TargetForm = "target_form", BAD_REQUEST;
    /// There is no `Host`, or more than one (RFC 9112 3.2).
    HostCount = "host_count", BAD_REQUEST;
    /// The `Host` is not the redirect address: somebody rebinds a name to this machine.
    ForeignHost = "foreign_host", MISDIRECTED_REQUEST;
    /// A CORS preflight. No other origin is ever let in.
    Preflight = "preflight", FORBIDDEN;
    /// The method is neither `GET` nor `POST`.
    Method = "method", METHOD_NOT_ALLOWED;
    /// A `GET` that does not fill a window: a frame, an image, a script.
    NotAVisit = "not_a_visit", FORBIDDEN;
    /// A `GET` ahead of a visit that may never come. It must not spend the ticket.
    Prefetch = "prefetch", SERVICE_UNAVAILABLE;
    /// A `POST` without the `Origin` of our own pages.
    ForeignOrigin = "foreign_origin", FORBIDDEN;
    /// A `POST` that the browser says comes from another site.
    CrossSite = "cross_site", FORBIDDEN;
    /// A `POST` that is not exactly `application/json`: a form can send it.
    ContentType = "content_type", UNSUPPORTED_MEDIA_TYPE;
    /// No login is pending.
    NothingPending = "nothing_pending", SERVICE_UNAVAILABLE;
    /// No page and no pending redirect has this path.
    UnknownPath = "unknown_path", NOT_FOUND;
    /// The ticket was never issued, was used before, or its login is over.
    Ticket = "ticket", GONE;
    /// The body is too large.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE;
    /// The body did not come within its time.
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT;
    /// The body is not what the landing page posts.
    BodyMalformed = "body_malformed", BAD_REQUEST;
    /// A redirect whose start page nobody has fetched.
    NotStarted = "not_started", FORBIDDEN;
    /// The nonce is not the one of this path.
    WrongNonce = "wrong_nonce", FORBIDDEN;
    /// The nonce has been used.
    NonceSpent = "nonce_spent", CONFLICT;
}

/// How often each reason was met, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals([u64; Refusal::ALL.len()]);

impl Refusals {
    /// How often this reason was met.
    #[must_use]
    pub fn of(&self, refusal: Refusal) -> u64 {
        self.0[refusal as usize]
    }

    /// Each reason, and how often it was met.
    pub fn by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.into_iter().map(|refusal| (refusal.reason(), self.of(refusal)))
    }

    /// How much was refused altogether.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

/// Counts refusals since the listener was bound.
#[derive(Debug, Default)]
pub(super) struct Counters([AtomicU64; Refusal::ALL.len()]);

impl Counters {
    /// Counts one refusal, and logs its reason and nothing else. Whoever is refused again and
    /// again does not fill the log: from the tenth on, each doubling is told.
    pub(super) fn count(&self, refusal: Refusal) {
        let count = self.0[refusal as usize].fetch_add(1, Ordering::Relaxed) + 1;
        if count < 10 || count.is_power_of_two() {
            let reason = refusal.reason();
            tracing::warn!(reason, count, "refused a request to the redirect address");
        }
    }

    pub(super) fn snapshot(&self) -> Refusals {
        Refusals(std::array::from_fn(|i| self.0[i].load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_refusal_has_a_word_and_a_counter_of_its_own() {
        let counters = Counters::default();

        for refusal in Refusal::ALL {
            counters.count(refusal);
        }

        let words: HashSet<_> = Refusal::ALL.iter().map(|refusal| refusal.reason()).collect();
        assert_eq!(words.len(), Refusal::ALL.len());
        assert!(Refusal::ALL.iter().all(|refusal| counters.snapshot().of(*refusal) == 1));
        assert_eq!(counters.snapshot().total(), Refusal::ALL.len() as u64);
    }

    #[test]
    fn no_refusal_looks_like_success() {
        assert!(Refusal::ALL.iter().all(|r| !r.status().is_success()));
        assert!(Refusal::ALL.iter().all(|r| !r.status().is_redirection()));
    }
}
