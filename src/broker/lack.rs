//! Why a program gets no token.

use std::time::Duration;

use super::Published;
use crate::domain::{Failure, FailureKind, Lapse, Pause, Reserve, State, Timestamp};

/// Why a program gets no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lack {
    /// Somebody has to log in, and nobody is being asked now.
    LoginRequired {
        /// Why no token is held; `None` if one is held that is too short.
        lapse: Option<Lapse>,
        /// How the last login failed.
        failure: Option<Failure>,
    },
    /// The human said "not now".
    Snoozed {
        /// Until when.
        until: Timestamp,
    },
    /// Nobody may be asked now, on any cluster.
    Reserved(Reserve),
    /// A login is under way, and the caller does not wait.
    LoginUnderWay,
    /// The login failed.
    Failed(Failure),
    /// No token of this cluster is ever valid for that long.
    Unsatisfiable {
        /// The longest that one was.
        longest: Duration,
    },
    /// The broker stops.
    Stopping,
    /// The configuration has no such cluster any more.
    Removed,
}

/// Why this state has no token for a caller, `waited` for a login or not.
pub(super) fn lack(
    published: &Published,
    min_validity: Option<Duration>,
    waited: bool,
    now: Timestamp,
) -> Lack {
    if let Some(never) = unsatisfiable(published, min_validity) {
        return never;
    }
    if let State::Cold { pause, .. } | State::Fresh { pause, .. } = &published.state
        && let Pause::Snoozed { until, .. } = pause
        && !waited
        && now < *until
    {
        return Lack::Snoozed { until: *until };
    }
    let lapse = published.state.lapse();
    match published.state.failure().cloned() {
        Some(failure) if waited => Lack::Failed(failure),
        Some(failure)
            if matches!(failure.cause.kind(), FailureKind::Unreachable | FailureKind::Refused) =>
        {
            Lack::Failed(failure)
        }
        failure => Lack::LoginRequired { lapse, failure },
    }
}

/// Whether no token of this cluster has ever been valid for that long.
pub(super) fn unsatisfiable(published: &Published, min_validity: Option<Duration>) -> Option<Lack> {
    let longest = published.longest_lifetime;
    let too_long = min_validity.is_some_and(|wanted| wanted > longest);
    (too_long && !longest.is_zero()).then_some(Lack::Unsatisfiable { longest })
}
