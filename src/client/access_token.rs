//! One token, and until when it is good.

use std::{fmt, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use zeroize::Zeroizing;

use crate::rpc::proto;

/// One token. It is cleared from memory when it is dropped, and never in what `Debug` shows.
#[derive(Clone)]
pub struct AccessToken {
    secret: Zeroizing<String>,
    kind: String,
    expire_time: Option<prost_types::Timestamp>,
    /// When it ends, on the clock that goes on while the machine sleeps.
    ends_at: Duration,
    node: String,
    user: String,
    generation: u64,
}

impl AccessToken {
    /// Takes a token out of the daemon's answer, at the moment it came.
    pub(crate) fn received(token: proto::Token) -> Self {
        let remaining = token.remaining.and_then(|left| Duration::try_from(left).ok());
        Self {
            secret: Zeroizing::new(token.access_token),
            kind: token.token_type,
            expire_time: token.expire_time,
            ends_at: since_boot().saturating_add(remaining.unwrap_or_default()),
            node: token.node,
            user: token.user,
            generation: token.generation,
        }
    }

    /// The secret itself.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// The value of the header `Authorization`.
    #[must_use]
    pub fn header(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{} {}", self.kind, self.secret.as_str()))
    }

    /// How long it is still good, whatever the clock on the wall says.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.ends_at.saturating_sub(since_boot())
    }

    /// When it ends, in seconds since 1970, on the daemon's clock.
    #[must_use]
    pub fn expire_time(&self) -> Option<i64> {
        self.expire_time.map(|time| time.seconds)
    }

    /// The node that confirmed it, as `host:port`. Prefer it: another has to ask the one that issued it.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// The user whose token it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Counts up with each new token of the cluster, for as long as one daemon runs.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether this is the same token, whenever the one and the other came.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.secret == other.secret && self.generation == other.generation
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessToken")
            .field("secret", &"..")
            .field("user", &self.user)
            .field("node", &self.node)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}
