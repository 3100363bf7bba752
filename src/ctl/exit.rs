//! Exit codes: one table, and the ways into it.
//!
//! The numbers are part of the interface and do not change. Scripts act on them, so every cause,
//! every reason and every gRPC code has its place here and nowhere else.

use std::process::ExitCode;

use tonic::{Code, Status};

use crate::{domain::Cause, rpc::client};

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(super) enum Exit {
    /// What was asked for was done.
    Done = 0,
    /// Something else went wrong.
    Other = 1,
    /// The command line was wrong.
    Usage = 2,
    /// The daemon cannot be reached.
    NotReachable = 3,
    /// Somebody has to log in.
    LoginRequired = 4,
    /// Time ran out, or a login is under way.
    TimedOut = 5,
    /// This user may not.
    Denied = 6,
    /// The configuration has no such cluster.
    UnknownCluster = 7,
    /// The cluster, the identity provider or the network failed.
    ClusterFailed = 8,
    /// The program that `exec` is to run cannot be.
    NotExecutable = 126,
    /// There is no such program.
    NoSuchProgram = 127,
    /// Ctrl-C.
    Interrupted = 130,
}

/// What each of them means, for `--help` and the manual.
pub(super) const MEANINGS: [(Exit, &str); 12] = [
    (Exit::Done, "done"),
    (Exit::Other, "something else went wrong"),
    (Exit::Usage, "the command line is wrong"),
    (Exit::NotReachable, "the daemon cannot be reached"),
    (Exit::LoginRequired, "somebody has to log in"),
    (Exit::TimedOut, "time ran out, or a login is under way"),
    (Exit::Denied, "not allowed"),
    (Exit::UnknownCluster, "the configuration has no such cluster"),
    (Exit::ClusterFailed, "the cluster, the identity provider or the network failed"),
    (Exit::NotExecutable, "exec: the program cannot be run"),
    (Exit::NoSuchProgram, "exec: there is no such program"),
    (Exit::Interrupted, "interrupted"),
];

/// The codes as `--help` shows them.
pub(super) fn help() -> String {
    let lines = MEANINGS.map(|(exit, meaning)| format!("\n  {:<3}  {meaning}", exit as u8));
    format!("Exit codes:{}", lines.concat())
}

impl Exit {
    /// The code that says most about why there is no token, for several clusters at once: what
    /// no login mends, then what a login mends, then what is being mended.
    #[must_use]
    pub(super) fn worse(self, other: Self) -> Self {
        let rank = |exit| match exit {
            Self::Done => 0,
            Self::TimedOut => 1,
            Self::LoginRequired => 2,
            Self::ClusterFailed => 3,
            _ => 4,
        };
        if rank(other) > rank(self) { other } else { self }
    }

    /// The code of a login's failure.
    pub(super) const fn of_cause(cause: Cause) -> Self {
        match cause {
            Cause::BrowserUnavailable | Cause::LoginCancelled => Self::LoginRequired,
            Cause::LoginTimedOut => Self::TimedOut,
            Cause::NodeUnreachable
            | Cause::CertificateUntrusted
            | Cause::UnexpectedAnswer
            | Cause::RedirectPortTaken
            | Cause::IdpError
            | Cause::TokenUnusable
            | Cause::WrongUser
            | Cause::SsoDisabled => Self::ClusterFailed,
            Cause::Internal => Self::Other,
        }
    }

    /// The code of a reason, where this version knows it.
    pub(super) fn of_reason(reason: &str) -> Option<Self> {
        let of_call = match reason {
            "HEADER_MISSING" | "CONFIG_INVALID" | "CONFIG_UNUSABLE" | "TOO_MANY_WATCHES"
            | "RATE_LIMITED" => Some(Self::Other),
            "BAD_REQUEST"
            | "MIN_VALIDITY_UNSATISFIABLE"
            | "NOT_THE_REDIRECT"
            | "NO_ANSWER"
            | "LOG_FILTER_INVALID" => Some(Self::Usage),
            "CLUSTER_UNKNOWN" => Some(Self::UnknownCluster),
            "LOGIN_REQUIRED" | "LOGIN_NOT_PENDING" | "USER_SNOOZED" | "USER_AWAY"
            | "WINDOWS_SPENT" => Some(Self::LoginRequired),
            "LOGIN_IN_PROGRESS" => Some(Self::TimedOut),
            "SHUTTING_DOWN" => Some(Self::NotReachable),
            "TICKET_REFUSED" => Some(Self::Denied),
            _ => None,
        };
        let of_login = || Cause::ALL.into_iter().find(|cause| cause.reason() == reason);
        of_call.or_else(|| of_login().map(Self::of_cause))
    }

    /// The code of a refused call: by its reason, else by its gRPC code alone.
    pub(super) fn of_status(status: &Status) -> Self {
        if client::is_broken(status) {
            return Self::NotReachable;
        }
        client::reason(status)
            .and_then(|reason| Self::of_reason(&reason))
            .unwrap_or_else(|| Self::of_code(status.code()))
    }

    const fn of_code(code: Code) -> Self {
        match code {
            Code::Ok => Self::Done,
            Code::InvalidArgument | Code::OutOfRange => Self::Usage,
            Code::Unavailable => Self::NotReachable,
            Code::FailedPrecondition | Code::Aborted => Self::LoginRequired,
            // `Cancelled` is tonic's word for a deadline that passed on this side.
            Code::DeadlineExceeded | Code::Cancelled => Self::TimedOut,
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied,
            Code::NotFound => Self::UnknownCluster,
            Code::Unknown
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Other,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt as _};

    use super::*;
    use crate::client::Reason;

    #[test]
    fn every_cause_has_its_code() {
        let codes = Cause::ALL.map(|cause| (cause.reason(), Exit::of_cause(cause) as u8));

        assert_eq!(
            codes,
            [
                ("NODE_UNREACHABLE", 8),
                ("CERTIFICATE_UNTRUSTED", 8),
                ("UNEXPECTED_ANSWER", 8),
                ("REDIRECT_PORT_TAKEN", 8),
                ("BROWSER_UNAVAILABLE", 4),
                ("LOGIN_TIMED_OUT", 5),
                ("LOGIN_CANCELLED", 4),
                ("IDP_ERROR", 8),
                ("TOKEN_UNUSABLE", 8),
                ("WRONG_USER", 8),
                ("SSO_DISABLED", 8),
                ("INTERNAL", 1),
            ]
        );
        for (reason, code) in codes {
            assert_eq!(Exit::of_reason(reason).map(|exit| exit as u8), Some(code), "{reason}");
        }
    }

    #[test]
    fn every_reason_of_a_call_has_its_code() {
        for (reason, code) in [
            ("HEADER_MISSING", Some(1)),
            ("BAD_REQUEST", Some(2)),
            ("MIN_VALIDITY_UNSATISFIABLE", Some(2)),
            ("SHUTTING_DOWN", Some(3)),
            ("LOGIN_REQUIRED", Some(4)),
            ("USER_SNOOZED", Some(4)),
            ("USER_AWAY", Some(4)),
            ("WINDOWS_SPENT", Some(4)),
            ("LOGIN_IN_PROGRESS", Some(5)),
            ("CLUSTER_UNKNOWN", Some(7)),
            ("LOGIN_NOT_PENDING", Some(4)),
            ("TICKET_REFUSED", Some(6)),
            ("NOT_THE_REDIRECT", Some(2)),
            ("NO_ANSWER", Some(2)),
            ("TOO_MANY_WATCHES", Some(1)),
            ("RATE_LIMITED", Some(1)),
            ("LOG_FILTER_INVALID", Some(2)),
            ("OF_A_LATER_VERSION", None),
        ] {
            assert_eq!(Exit::of_reason(reason).map(|exit| exit as u8), code, "{reason}");
        }
    }

    #[test]
    fn the_library_knows_every_reason_of_a_missing_token_and_each_has_a_code() {
        for cause in Cause::ALL {
            assert!(Reason::of(cause.reason()).is_some(), "{cause:?}");
        }
        for reason in Reason::ALL {
            assert!(Exit::of_reason(reason.as_str()).is_some(), "{reason}");
        }
    }

    #[test]
    fn every_grpc_code_has_its_code() {
        let codes: Vec<_> = (0..=16).map(|n| Exit::of_code(Code::from(n)) as u8).collect();

        assert_eq!(codes, [0, 5, 1, 2, 5, 7, 1, 6, 1, 4, 4, 2, 1, 1, 3, 1, 6]);
    }

    #[test]
    fn the_reason_says_more_than_the_code() {
        let mut details = ErrorDetails::new();
        details.set_error_info("SSO_DISABLED", "ucsso.v1", []);
        let known = Status::with_error_details(Code::FailedPrecondition, "", details.clone());
        details.set_error_info("OF_A_LATER_VERSION", "ucsso.v1", []);
        let unknown = Status::with_error_details(Code::FailedPrecondition, "", details);

        assert_eq!(Exit::of_status(&known), Exit::ClusterFailed);
        assert_eq!(Exit::of_status(&unknown), Exit::LoginRequired);
    }

    #[test]
    fn of_several_clusters_the_worst_counts() {
        let order =
            [Exit::Done, Exit::TimedOut, Exit::LoginRequired, Exit::ClusterFailed, Exit::Other];

        for (at, better) in order.iter().enumerate() {
            for worse in &order[at..] {
                assert_eq!(better.worse(*worse), *worse);
                assert_eq!(worse.worse(*better), *worse);
            }
        }
    }
}
