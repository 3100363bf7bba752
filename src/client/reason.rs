//! The stable words of the API, as a type.

use std::fmt;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $word:literal),* $(,)?) => {
        /// Why the daemon refused a call. A later daemon may have reasons that are not here: those
        /// are in the text of the error alone.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $($(#[$doc])* $name),* }

        impl Reason {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The word that is sent, as in `google.rpc.ErrorInfo`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word),* }
            }

            /// The reason that this word stands for, if this version knows it.
            #[must_use]
            pub fn of(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$name),)* _ => None }
            }
        }
    };
}

reasons! {
    /// A name or a duration cannot be one.
    BadRequest = "BAD_REQUEST",
    /// The mark of a caller is missing. Something on the way took it off.
    HeaderMissing = "HEADER_MISSING",
    /// The configuration has no such cluster.
    ClusterUnknown = "CLUSTER_UNKNOWN",
    /// The daemon stops.
    ShuttingDown = "SHUTTING_DOWN",
    /// The connection watches too many clusters.
    TooManyWatches = "TOO_MANY_WATCHES",
    /// The program calls more often than it may. The same works a moment later.
    RateLimited = "RATE_LIMITED",
    /// Somebody has to log in.
    LoginRequired = "LOGIN_REQUIRED",
    /// A login is under way and goes on.
    LoginInProgress = "LOGIN_IN_PROGRESS",
    /// The human asked to be left alone.
    UserSnoozed = "USER_SNOOZED",
    /// The human is not there.
    UserAway = "USER_AWAY",
    /// Enough windows were opened in vain.
    WindowsSpent = "WINDOWS_SPENT",
    /// No token of the cluster has ever been good for so long.
    MinValidityUnsatisfiable = "MIN_VALIDITY_UNSATISFIABLE",
    /// The cluster's nodes cannot be reached.
    NodeUnreachable = "NODE_UNREACHABLE",
    /// A node's certificate is not trusted.
    CertificateUntrusted = "CERTIFICATE_UNTRUSTED",
    /// A node answered what nobody expects.
    UnexpectedAnswer = "UNEXPECTED_ANSWER",
    /// The cluster has single sign-on switched off.
    SsoDisabled = "SSO_DISABLED",
    /// No browser can be opened.
    BrowserUnavailable = "BROWSER_UNAVAILABLE",
    /// The port of the redirect is taken.
    RedirectPortTaken = "REDIRECT_PORT_TAKEN",
    /// The identity provider or the cluster refused the login.
    IdpError = "IDP_ERROR",
    /// Nobody completed the login in time.
    LoginTimedOut = "LOGIN_TIMED_OUT",
    /// The login was cancelled.
    LoginCancelled = "LOGIN_CANCELLED",
    /// The token that came is of no use.
    TokenUnusable = "TOKEN_UNUSABLE",
    /// Somebody else logged in.
    WrongUser = "WRONG_USER",
    /// A bug of the daemon's.
    Internal = "INTERNAL",
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
