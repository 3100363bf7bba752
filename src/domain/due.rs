//! When somebody is asked: which login begins by itself, and which notification is due.
//!
//! Three things have to come together: a reason (a renewal is due, or a program wanted a token),
//! an interest (the mode of renewal, and whether a program uses the token), and the leave of the
//! pause and of the budget. Where the leave is missing until a human does something, and a token
//! is about to end or has ended, they are told so once, by a notification.

use std::time::Duration;

use super::{
    Generation, Lapse, Lifecycle, Pause, RenewMode, Reserve, State, Timestamp, policy::USED_WITHIN,
};

/// A notification that is to be shown, for as long as it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notice {
    /// Counts the notices of one cluster.
    pub number: u64,
    /// When the token ends that is held; `None` where none is held any more.
    pub ends_at: Option<Timestamp>,
}

/// What a human is told once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// This token ends, or has ended, and nothing renews it by itself.
    Ending(Generation),
    /// After this many failures nothing opens by itself any more.
    Unanswered(u32),
}

/// Which notice is shown, and what was told.
#[derive(Debug, Clone, Default)]
pub(super) struct Notices {
    shown: Option<Notice>,
    told: Option<Topic>,
    number: u64,
}

impl Lifecycle {
    /// When a renewal begins, if by then a program has used the token where that matters, and the
    /// human may be asked.
    #[must_use]
    pub fn renews_by_itself_at(&self) -> Option<Timestamp> {
        let State::Fresh { token, renew_at, pause } = &self.state else { return None };
        let at = pause.until()?.max(*renew_at);
        let in_time = at < token.grant.expires_at;
        (in_time && self.policy.renew != RenewMode::OnRequest).then_some(at)
    }

    /// Remembers how far the clock has jumped in all, before the event that is handled with its
    /// time. Tokens go by the worst of all clocks. What the human is spared, and the time that a
    /// login has, are measured by the clock that does not jump.
    pub fn note_jumps(&mut self, jumped: Duration) {
        self.state.put_off(jumped.saturating_sub(self.jumped));
        self.jumped = self.jumped.max(jumped);
    }

    /// The notification to be shown now.
    #[must_use]
    pub const fn notice(&self) -> Option<Notice> {
        self.notices.shown
    }

    /// Whether a login is to begin now, by itself.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.reserve.is_none() && self.would_be_due(now)
    }

    /// The same, if the human may be asked.
    fn would_be_due(&self, now: Timestamp) -> bool {
        self.is_of_interest(now) && self.begins_by_itself_at().is_some_and(|at| at <= now)
    }

    /// When a login begins by itself: the renewal of a token, or the login that a token which was
    /// in use when it ended still waits for.
    fn begins_by_itself_at(&self) -> Option<Timestamp> {
        match &self.state {
            State::Cold { lapse, pause }
                if lapse.leaves_a_gap() && self.policy.renew != RenewMode::OnRequest =>
            {
                pause.until()
            }
            _ => self.renews_by_itself_at(),
        }
    }

    /// Whether this cluster may use the tab of another one's login: it is due but for the budget or
    /// for windows that nobody answered, or will be before long.
    pub(super) fn is_worth_a_detour(&self, now: Timestamp) -> bool {
        let allowed = |pause: &Pause| match pause {
            Pause::Off | Pause::BackingOff { .. } | Pause::Unanswered { .. } => true,
            Pause::Settling { until } | Pause::Snoozed { until, .. } => *until <= now,
            Pause::Stopped { .. } => false,
        };
        let due = match &self.state {
            State::Cold { lapse, pause } if lapse.leaves_a_gap() => allowed(pause),
            State::Fresh { token, renew_at, pause } => {
                allowed(pause) && *renew_at <= now.plus(token.lifetime() / 10)
            }
            _ => false,
        };
        due && self.policy.renew != RenewMode::OnRequest && self.is_of_interest(now)
    }

    /// Whether a program that wants this much validity may have a login begun for it.
    pub(super) fn a_login_would_help(&self, min_validity: Duration, now: Timestamp) -> bool {
        let helps = match &self.state {
            // Whoever logged out does not want the next program that polls to undo it.
            State::Cold { lapse, pause } => *lapse != Lapse::LoggedOut && !pause.holds(now),
            State::Fresh { token, pause, .. } => {
                token.remaining(now) < min_validity
                    && min_validity <= self.longest_lifetime
                    && !pause.holds(now)
            }
            State::Authenticating { .. } | State::Renewing { .. } | State::Disabled { .. } => false,
        };
        helps && self.reserve.is_none()
    }

    /// Whether a program may have a login begun though a good token is held. A login that has just
    /// succeeded does not stand against it; whatever protects the human does.
    pub(super) fn a_login_may_be_forced(&self, now: Timestamp) -> bool {
        let allowed = match &self.state {
            State::Cold { lapse: Lapse::LoggedOut, .. }
            | State::Authenticating { .. }
            | State::Renewing { .. }
            | State::Disabled { .. } => false,
            State::Cold { pause, .. } | State::Fresh { pause, .. } => {
                matches!(pause, Pause::Settling { .. }) || !pause.holds(now)
            }
        };
        allowed && self.reserve.is_none()
    }

    /// When `is_due` or the notice changes by itself. Later than `now`.
    pub(super) fn asks_at(&self, now: Timestamp) -> Option<Timestamp> {
        let leave = self.reserve.and_then(Reserve::until).filter(|_| self.would_be_due(now));
        let notice = match &self.state {
            State::Fresh { token, .. } => self.policy.notice_at(token),
            State::Cold { pause: Pause::Unanswered { notice_at, .. }, .. } => Some(*notice_at),
            _ => None,
        };
        [self.begins_by_itself_at(), leave, notice]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .min()
    }

    /// Shows the notice that is due, and takes back the one that is not true any more.
    pub(super) fn update_notice(&mut self, now: Timestamp) {
        if !self.a_notice_may_stand(now) {
            self.notices.shown = None;
        }
        let news = |topic: &Topic| self.notices.told != Some(*topic);
        let Some(topic) = self.topic(now).filter(news) else { return };
        if self.notices.shown.is_some() {
            // What stands there asks for the same login.
            return;
        }
        self.notices.number += 1;
        self.notices.told = Some(topic);
        self.notices.shown = Some(Notice {
            number: self.notices.number,
            ends_at: self.state.token().map(|token| token.grant.expires_at),
        });
    }

    fn a_notice_may_stand(&self, now: Timestamp) -> bool {
        match &self.state {
            State::Cold { lapse: Lapse::LoggedOut, .. }
            | State::Authenticating { .. }
            | State::Renewing { .. }
            | State::Disabled { .. } => false,
            State::Cold { pause, .. } | State::Fresh { pause, .. } => match pause {
                Pause::Snoozed { until, .. } => *until <= now,
                Pause::Stopped { .. } => false,
                Pause::Off
                | Pause::Settling { .. }
                | Pause::BackingOff { .. }
                | Pause::Unanswered { .. } => true,
            },
        }
    }

    /// What there is to tell the human, whether or not it was told.
    fn topic(&self, now: Timestamp) -> Option<Topic> {
        let nobody_reads_it = self.reserve.is_some_and(Reserve::nobody_is_there);
        if nobody_reads_it || !self.a_notice_may_stand(now) || !self.is_of_interest(now) {
            return None;
        }
        self.policy.notice_before?;
        match &self.state {
            State::Cold { pause: Pause::Unanswered { notice_at, tally, .. }, .. } => {
                (*notice_at <= now).then_some(Topic::Unanswered(tally.failures))
            }
            State::Cold { lapse, .. } if lapse.leaves_a_gap() => {
                let waits = self.reserve.is_some() || self.policy.renew == RenewMode::OnRequest;
                waits.then_some(Topic::Ending(self.last_attempt.generation()))
            }
            State::Fresh { token, pause, .. } => {
                let near = self.policy.notice_at(token).is_some_and(|at| at <= now);
                // Whoever is about to be asked by a window is not asked by a notification too.
                let waits = self.reserve.is_some()
                    || self.policy.renew == RenewMode::OnRequest
                    || matches!(pause, Pause::Unanswered { .. });
                (near && waits).then_some(Topic::Ending(token.generation))
            }
            _ => None,
        }
    }

    /// Whether anybody cares for a token of this cluster.
    fn is_of_interest(&self, now: Timestamp) -> bool {
        match self.policy.renew {
            RenewMode::Ahead => true,
            RenewMode::WhenUsed | RenewMode::OnRequest => {
                self.last_use.is_some_and(|at| now < at.plus(USED_WITHIN))
            }
        }
    }
}
