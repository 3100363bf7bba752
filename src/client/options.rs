//! How a token is asked for.

use std::time::Duration;

use crate::rpc::proto;

/// Whether the human may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Interaction {
    /// Never: what is held, or an error.
    Never,
    /// If no good token is held, within what the daemon's user may be asked.
    #[default]
    IfNeeded,
    /// A new login, even if a good token is held, within the same limits.
    Force,
}

/// How a token is asked for. By default it has to be good for one request, a login may be begun,
/// and the call waits until that has ended.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub(super) min_validity: Option<Duration>,
    pub(super) interaction: Interaction,
    pub(super) deadline: Option<Duration>,
}

impl Options {
    /// How long the token still has to be good.
    #[must_use]
    pub fn min_validity(mut self, validity: Duration) -> Self {
        self.min_validity = Some(validity);
        self
    }

    /// Whether the human may be asked.
    #[must_use]
    pub fn interaction(mut self, interaction: Interaction) -> Self {
        self.interaction = interaction;
        self
    }

    /// How long to wait for an answer. A login that is under way then goes on.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }
}

impl Interaction {
    pub(super) const fn sent(self) -> proto::Interaction {
        match self {
            Self::Never => proto::Interaction::Never,
            Self::IfNeeded => proto::Interaction::IfNeeded,
            Self::Force => proto::Interaction::Force,
        }
    }
}

/// A length of time as the API takes it; one beyond what it can say is the longest it can.
pub(crate) fn sent(duration: Duration) -> prost_types::Duration {
    duration.try_into().unwrap_or(prost_types::Duration { seconds: 315_576_000_000, nanos: 0 })
}
