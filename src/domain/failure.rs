//! Why an attempt gave no token, as far as the rules care.

use std::{fmt, time::Duration};

use super::{Policy, Timestamp};

/// What the lifecycle does about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Something between here and the cluster did not work; later it may.
    Unreachable,
    /// Nobody finished the login in time.
    TimedOut,
    /// No human could be asked, or the human or the identity provider said no.
    Declined,
    /// The cluster will not accept this configuration until somebody changes something.
    Refused,
}

/// What went wrong, as programs are told. The set is closed and its words are part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// No node answered.
    NodeUnreachable,
    /// A node's certificate is not trusted.
    CertificateUntrusted,
    /// A node answered something that is not the protocol.
    UnexpectedAnswer,
    /// The redirect port belongs to another program.
    RedirectPortTaken,
    /// No browser could be opened.
    BrowserUnavailable,
    /// No redirect came before the login was given up.
    LoginTimedOut,
    /// The human or a program cancelled the login.
    LoginCancelled,
    /// The identity provider or the cluster answered the login with an error.
    IdpError,
    /// The cluster does not accept the token it has just issued.
    TokenUnusable,
    /// The token belongs to another user than the configured one.
    WrongUser,
    /// Single sign-on is switched off on the cluster.
    SsoDisabled,
    /// The login ended in a way that is a bug of ours.
    Internal,
}

impl Cause {
    /// All causes, for tables and their tests.
    pub const ALL: [Self; 12] = [
        Self::NodeUnreachable,
        Self::CertificateUntrusted,
        Self::UnexpectedAnswer,
        Self::RedirectPortTaken,
        Self::BrowserUnavailable,
        Self::LoginTimedOut,
        Self::LoginCancelled,
        Self::IdpError,
        Self::TokenUnusable,
        Self::WrongUser,
        Self::SsoDisabled,
        Self::Internal,
    ];

    /// What the lifecycle does about it.
    #[must_use]
    pub const fn kind(self) -> FailureKind {
        match self {
            Self::NodeUnreachable
            | Self::CertificateUntrusted
            | Self::UnexpectedAnswer
            | Self::RedirectPortTaken
            | Self::Internal => FailureKind::Unreachable,
            Self::LoginTimedOut => FailureKind::TimedOut,
            Self::BrowserUnavailable
            | Self::LoginCancelled
            | Self::IdpError
            | Self::TokenUnusable => FailureKind::Declined,
            Self::WrongUser | Self::SsoDisabled => FailureKind::Refused,
        }
    }

    /// The stable word for programs: the `reason` of `google.rpc.ErrorInfo`.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NodeUnreachable => "NODE_UNREACHABLE",
            Self::CertificateUntrusted => "CERTIFICATE_UNTRUSTED",
            Self::UnexpectedAnswer => "UNEXPECTED_ANSWER",
            Self::RedirectPortTaken => "REDIRECT_PORT_TAKEN",
            Self::BrowserUnavailable => "BROWSER_UNAVAILABLE",
            Self::LoginTimedOut => "LOGIN_TIMED_OUT",
            Self::LoginCancelled => "LOGIN_CANCELLED",
            Self::IdpError => "IDP_ERROR",
            Self::TokenUnusable => "TOKEN_UNUSABLE",
            Self::WrongUser => "WRONG_USER",
            Self::SsoDisabled => "SSO_DISABLED",
            Self::Internal => "INTERNAL",
        }
    }
}

/// Why an attempt gave no token: one classified, already redacted sentence.
///
/// Nothing from a redirect, a body or a header is in it verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What went wrong.
    pub cause: Cause,
    /// The same for humans: a lower-case fragment without a full stop.
    pub sentence: String,
    /// What mends it: a command or a setting. Empty where there is nothing to say.
    pub advice: String,
    /// When.
    pub at: Timestamp,
}

impl Failure {
    /// Somebody said "not now".
    pub(super) fn cancelled(at: Timestamp) -> Self {
        Self {
            cause: Cause::LoginCancelled,
            sentence: "the login was cancelled".into(),
            advice: String::new(),
            at,
        }
    }

    /// Nobody came back from the login in the time that the policy gives them.
    pub(super) fn timed_out(policy: &Policy, at: Timestamp) -> Self {
        Self {
            cause: Cause::LoginTimedOut,
            sentence: format!(
                "the login was not finished within {}",
                in_words(policy.login_timeout)
            ),
            advice: policy.timeout_advice.clone(),
            at,
        }
    }

    /// Nobody answered an earlier daemon.
    pub(super) fn unanswered(policy: &Policy, at: Timestamp) -> Self {
        Self {
            cause: Cause::LoginTimedOut,
            sentence: "nobody answered before ucssod was restarted".into(),
            advice: policy.timeout_advice.clone(),
            at,
        }
    }

    /// The cluster takes back one token after another.
    pub(super) fn rejected_early(at: Timestamp) -> Self {
        Self {
            cause: Cause::TokenUnusable,
            sentence: "the cluster rejects its tokens soon after it has issued them".into(),
            advice: String::new(),
            at,
        }
    }

    /// The login gave a token that was of no use any more.
    pub(super) fn dead_on_arrival(at: Timestamp) -> Self {
        Self {
            cause: Cause::TokenUnusable,
            sentence: "the token had expired before it could be used".into(),
            advice: "check the clock of this machine and the cluster's token lifetime".into(),
            at,
        }
    }
}

fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds.is_multiple_of(60) && seconds > 60 => {
            format!("{} minutes", seconds / 60)
        }
        seconds => format!("{seconds} seconds"),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_word_of_its_own() {
        let words: std::collections::HashSet<_> =
            Cause::ALL.iter().map(|cause| cause.reason()).collect();

        assert_eq!(words.len(), Cause::ALL.len());
        assert!(words.iter().all(|w| w.bytes().all(|b| b.is_ascii_uppercase() || b == b'_')));
    }

    #[test]
    fn only_what_somebody_has_to_change_disables_a_cluster() {
        let refused: Vec<_> =
            Cause::ALL.into_iter().filter(|c| c.kind() == FailureKind::Refused).collect();

        assert_eq!(refused, [Cause::WrongUser, Cause::SsoDisabled]);
    }

    #[test]
    fn a_failure_reads_as_its_sentence() {
        let failure = Failure {
            cause: Cause::LoginTimedOut,
            sentence: "nobody logged in within 5 minutes".into(),
            advice: String::new(),
            at: Timestamp::default(),
        };

        assert_eq!(failure.to_string(), "nobody logged in within 5 minutes");
        assert_eq!(failure.cause.kind(), FailureKind::TimedOut);
    }
}
