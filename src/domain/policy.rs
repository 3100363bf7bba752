//! How long things are waited for, and how often a human may be asked.

use std::time::Duration;

/// When the next token is fetched while the present one is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RenewMode {
    /// If a program asked for the token lately, or watches it.
    #[default]
    WhenUsed,
    /// Always.
    Ahead,
    /// Only when a program asks for more validity than is left.
    OnRequest,
}

impl RenewMode {
    /// The word of the configuration and of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WhenUsed => "when-used",
            Self::Ahead => "ahead",
            Self::OnRequest => "on-request",
        }
    }
}

/// The rules of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// When a good token is renewed.
    pub renew: RenewMode,
    /// How long a human has to log in, from the moment the window opens.
    pub login_timeout: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { renew: RenewMode::default(), login_timeout: Duration::from_mins(5) }
    }
}
