//! What everybody may read of a cluster.

use std::{sync::Arc, time::Duration};

use super::ports::Opened;
use crate::domain::{
    AttemptId, Cluster, Lapse, Lifecycle, Notice, Pause, RenewMode, State, Timestamp, Token,
    UNANSWERED, default_validity,
};

/// The published copy of a cluster's state. Only the owner writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What the cluster is called, and whose tokens are wanted.
    pub cluster: Arc<Cluster>,
    /// When its token is renewed.
    pub renew: RenewMode,
    /// How long a human who said "not now" is left alone.
    pub snooze: Duration,
    /// The state itself.
    pub state: State,
    /// When a renewal begins by itself.
    pub renews_at: Option<Timestamp>,
    /// The longest lifetime a token of this cluster has had; zero before the first.
    pub longest_lifetime: Duration,
    /// The notification that is to be shown.
    pub notice: Option<Notice>,
    /// The start page of the attempt that waits for its human.
    pub opened: Option<(AttemptId, Opened)>,
}

impl Published {
    /// What is to be read of a lifecycle, and of the start page of its attempt.
    pub(super) fn of(
        cluster: &Arc<Cluster>,
        lifecycle: &Lifecycle,
        opened: Option<(AttemptId, Opened)>,
    ) -> Self {
        Self {
            cluster: Arc::clone(cluster),
            renew: lifecycle.policy().renew,
            snooze: lifecycle.policy().snooze,
            state: lifecycle.state().clone(),
            renews_at: lifecycle.renews_by_itself_at(),
            longest_lifetime: lifecycle.longest_lifetime(),
            notice: lifecycle.notice(),
            opened,
        }
    }

    /// Leaves nothing of the token and of the attempt.
    pub(super) fn forget(&mut self) {
        self.state = State::Cold { lapse: Lapse::Reconfigured, pause: Pause::Off };
        (self.renews_at, self.notice, self.opened) = (None, None, None);
    }

    /// The token, if it is valid for at least this long, and at all.
    #[must_use]
    pub fn usable(&self, min_validity: Option<Duration>, now: Timestamp) -> Option<&Token> {
        let token = self.state.token().filter(|token| !token.is_expired(now))?;
        (token.remaining(now) >= self.enough(min_validity)).then_some(token)
    }

    /// How much validity a caller needs who asks for this much, or names none.
    #[must_use]
    pub fn enough(&self, min_validity: Option<Duration>) -> Duration {
        min_validity.unwrap_or_else(|| self.state.token().map_or(Duration::ZERO, default_validity))
    }

    /// How many more windows may be opened in vain before only a notification is shown.
    #[must_use]
    pub fn windows_left(&self) -> u32 {
        UNANSWERED.saturating_sub(self.state.remembered().unanswered)
    }

    /// The start page of the attempt under way.
    #[must_use]
    pub fn opened(&self) -> Option<&Opened> {
        let under_way = self.state.attempt()?.id;
        self.opened.as_ref().filter(|(id, _)| *id == under_way).map(|(_, opened)| opened)
    }
}
