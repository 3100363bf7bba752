//! Why a call is refused: one table of situations, codes and reasons.
//!
//! A coarse code that a client can work from alone, a stable reason in `google.rpc.ErrorInfo`, a
//! sentence for a human, and under `advice` what mends it. Called by `service`, `login` and `admin`.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::{ERROR_DOMAIN, NotReloaded, not_taken};
use crate::{
    broker::{Lack, ports::NotTaken},
    domain::{Cause, ClusterName, InvalidClusterName, Lapse, Reserve},
};

/// A call that is refused.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The metadata key is missing.
    HeaderMissing,
    /// A cluster's name cannot be one.
    ClusterName(InvalidClusterName),
    /// A duration is negative or out of range.
    Duration,
    /// No cluster has this name.
    ClusterUnknown(ClusterName),
    /// The broker stops.
    Stopping,
    /// The connection has as many streams of changes as it may.
    TooManyWatches {
        /// How many that is.
        most: usize,
    },
    /// The caller's program makes too many calls.
    RateLimited {
        /// How long until one is taken again.
        delay: Duration,
    },
    /// The caller's deadline comes before the end of a login.
    TimeIsUp(ClusterName),
    /// The broker has no token to give.
    Lack(ClusterName, Lack),
    /// An address that was brought by hand is not taken.
    NotTaken(ClusterName, NotTaken),
    /// The configuration is not taken.
    NotReloaded(NotReloaded),
    /// A filter of the log is not taken, for this reason.
    LogFilter(String),
}

impl Refusal {
    fn code(&self) -> Code {
        match self {
            Self::HeaderMissing | Self::ClusterName(_) | Self::Duration | Self::LogFilter(_) => {
                Code::InvalidArgument
            }
            Self::ClusterUnknown(_) => Code::NotFound,
            Self::Stopping => Code::Unavailable,
            Self::TooManyWatches { .. } | Self::RateLimited { .. } => Code::ResourceExhausted,
            Self::TimeIsUp(_) => Code::DeadlineExceeded,
            Self::Lack(_, lack) => match lack {
                Lack::LoginRequired { .. }
                | Lack::Snoozed { .. }
                | Lack::Reserved(_)
                | Lack::LoginUnderWay
                | Lack::Unsatisfiable { .. } => Code::FailedPrecondition,
                Lack::Failed(failure) => code_of(failure.cause),
                Lack::Stopping => Code::Unavailable,
                Lack::Removed => Code::NotFound,
            },
            Self::NotTaken(_, why) => not_taken::code(why),
            Self::NotReloaded(why) => why.code(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::HeaderMissing => "HEADER_MISSING",
            Self::ClusterName(_) | Self::Duration => "BAD_REQUEST",
            Self::ClusterUnknown(_) => "CLUSTER_UNKNOWN",
            Self::Stopping => SHUTTING_DOWN.0,
            Self::TooManyWatches { .. } => "TOO_MANY_WATCHES",
            Self::RateLimited { .. } => "RATE_LIMITED",
            Self::TimeIsUp(_) => "LOGIN_IN_PROGRESS",
            Self::Lack(_, lack) => match lack {
                Lack::LoginRequired { .. } => "LOGIN_REQUIRED",
                Lack::Snoozed { .. } => "USER_SNOOZED",
                Lack::Reserved(Reserve::Spent { .. }) => "WINDOWS_SPENT",
                Lack::Reserved(_) => "USER_AWAY",
                Lack::LoginUnderWay => "LOGIN_IN_PROGRESS",
                Lack::Failed(failure) => failure.cause.reason(),
                Lack::Unsatisfiable { .. } => "MIN_VALIDITY_UNSATISFIABLE",
                Lack::Stopping => SHUTTING_DOWN.0,
                Lack::Removed => "CLUSTER_UNKNOWN",
            },
            Self::NotTaken(_, why) => not_taken::reason(why),
            Self::NotReloaded(why) => why.reason(),
            Self::LogFilter(_) => "LOG_FILTER_INVALID",
        }
    }

    fn sentence(&self) -> String {
        match self {
            Self::HeaderMissing => "the metadata key `ucsso: 1` is missing".into(),
            Self::ClusterName(invalid) => invalid.to_string(),
            Self::Duration => "a duration is not negative, and has less than 10^9 ns".into(),
            Self::ClusterUnknown(name) => format!("no cluster `{name}` is configured"),
            Self::Stopping => SHUTTING_DOWN.1.into(),
            Self::TooManyWatches { most } => {
                format!("this connection watches {most} times already, which is the most")
            }
            Self::RateLimited { delay } => format!(
                "this program makes too many calls; the next one is taken in {} ms",
                delay.as_millis()
            ),
            Self::TimeIsUp(name) => {
                format!(
                    "a login to `{name}` is under way and goes on; the time given was too short"
                )
            }
            Self::Lack(name, lack) => match lack {
                Lack::LoginRequired { lapse, failure } => {
                    let lapse = lapse_sentence(name, *lapse);
                    match failure {
                        Some(failure) => format!("{lapse}, and the last login failed: {failure}"),
                        None => lapse,
                    }
                }
                Lack::Snoozed { .. } => {
                    format!("a login to `{name}` is needed, and its user said \"not now\"")
                }
                Lack::Reserved(reserve) => {
                    let why = reserve_sentence(*reserve);
                    format!("a login to `{name}` is needed, and none opens by itself: {why}")
                }
                Lack::LoginUnderWay => format!("a login to `{name}` is under way"),
                Lack::Failed(failure) => failure.to_string(),
                Lack::Unsatisfiable { longest } => format!(
                    "no token of `{name}` has been valid for longer than {} seconds",
                    longest.as_secs()
                ),
                Lack::Stopping => SHUTTING_DOWN.1.into(),
                Lack::Removed => format!("no cluster `{name}` is configured any more"),
            },
            Self::NotTaken(name, why) => not_taken::sentence(name, why),
            Self::NotReloaded(why) => why.sentence(),
            Self::LogFilter(why) => format!("{why}; nothing has changed"),
        }
    }

    /// Nothing in it is longer than [`LONGEST`], but what is said of a configuration.
    fn metadata(&self) -> HashMap<String, String> {
        let mut metadata = HashMap::new();
        match self {
            Self::HeaderMissing | Self::ClusterName(_) | Self::Duration | Self::Stopping => {}
            Self::TooManyWatches { .. } => {
                let advice = "end one of the streams, or open another connection";
                metadata.insert("advice".into(), advice.into());
            }
            Self::RateLimited { .. } => {
                let advice = "ask when a token is needed, and not in a loop, or use WatchToken";
                metadata.insert("advice".into(), advice.into());
            }
            Self::ClusterUnknown(name) => {
                metadata.insert("cluster".into(), name.to_string());
                metadata.insert("advice".into(), "see `ucssoctl status` for the names".into());
            }
            Self::NotTaken(name, _) | Self::TimeIsUp(name) => {
                metadata.insert("cluster".into(), name.to_string());
            }
            Self::LogFilter(_) => {
                let advice = "write it as `debug` or `info,ucsso::broker=trace`";
                metadata.insert("advice".into(), advice.into());
            }
            // What it says of the text is as long as a status can carry.
            Self::NotReloaded(why) => return why.metadata(),
            Self::Lack(name, lack) => {
                metadata.insert("cluster".into(), name.to_string());
                match lack {
                    Lack::LoginRequired { failure, .. } => {
                        let advice = failure.as_ref().map(|failure| failure.advice.clone());
                        let advice = advice.filter(|advice| !advice.is_empty());
                        let log_in = || format!("run `ucssoctl login {name}`");
                        metadata.insert("advice".into(), advice.unwrap_or_else(log_in));
                    }
                    Lack::Snoozed { .. } | Lack::Reserved(_) => {
                        metadata.insert("advice".into(), format!("run `ucssoctl login {name}`"));
                    }
                    Lack::Failed(failure) if !failure.advice.is_empty() => {
                        metadata.insert("advice".into(), failure.advice.clone());
                    }
                    Lack::Unsatisfiable { longest } => {
                        let seconds = longest.as_secs().to_string();
                        metadata.insert("max_validity_seconds".into(), seconds);
                    }
                    Lack::Failed(_) | Lack::LoginUnderWay | Lack::Stopping | Lack::Removed => {}
                }
            }
        }
        metadata.into_iter().map(|(key, text)| (key, bounded(text))).collect()
    }
}

/// The longest text of a refusal, in bytes. A status travels in headers, where clients take 8 KiB
/// altogether, and each text is encoded at least once.
const LONGEST: usize = 1024;

/// A text whose end is left out if it is too long.
fn bounded(mut text: String) -> String {
    if text.len() > LONGEST {
        text.truncate(text.floor_char_boundary(LONGEST));
        text.push('…');
    }
    text
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let mut details =
            ErrorDetails::with_error_info(refusal.reason(), ERROR_DOMAIN, refusal.metadata());
        if let Refusal::RateLimited { delay } = refusal {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(refusal.code(), bounded(refusal.sentence()), details)
    }
}

/// The reason and the sentence of a broker that stops.
const SHUTTING_DOWN: (&str, &str) = ("SHUTTING_DOWN", "the broker stops");

/// The code of a failed login. It carries the meaning of a retry: `UNAVAILABLE` may work later by
/// itself, `FAILED_PRECONDITION` needs somebody.
const fn code_of(cause: Cause) -> Code {
    match cause {
        Cause::NodeUnreachable
        | Cause::CertificateUntrusted
        | Cause::UnexpectedAnswer
        | Cause::RedirectPortTaken => Code::Unavailable,
        Cause::LoginTimedOut => Code::DeadlineExceeded,
        Cause::LoginCancelled => Code::Aborted,
        Cause::BrowserUnavailable
        | Cause::IdpError
        | Cause::TokenUnusable
        | Cause::WrongUser
        | Cause::SsoDisabled => Code::FailedPrecondition,
        Cause::Internal => Code::Internal,
    }
}

fn lapse_sentence(name: &ClusterName, lapse: Option<Lapse>) -> String {
    match lapse {
        None => format!("the token of `{name}` is not new or long enough"),
        Some(Lapse::NeverLoggedIn) => format!("nobody has logged in to `{name}` yet"),
        Some(Lapse::Expired) => format!("the token of `{name}` has expired"),
        Some(Lapse::Rejected) => format!("the cluster `{name}` does not accept its token any more"),
        Some(Lapse::LoggedOut) => format!("somebody logged out of `{name}`"),
        Some(Lapse::Reconfigured) => format!("the settings of `{name}` have changed"),
    }
}

const fn reserve_sentence(reserve: Reserve) -> &'static str {
    match reserve {
        Reserve::Locked => "the desktop is locked",
        Reserve::Idle => "nobody has touched the desktop for a while",
        Reserve::JustWoke { .. } => "the machine has just woken, or its clock was set",
        Reserve::Spent { .. } => "nobody answered the windows of the last hour",
    }
}

#[cfg(test)]
mod tests;
