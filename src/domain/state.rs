//! What is held for a cluster, and what may happen to it.

use std::time::Duration;

use super::{
    Attempt, AttemptId, Failure, Generation, Grant, Manner, Occasion, Pause, Policy, Remembered,
    Stage, Timestamp, Token,
};

/// Two questions - is a usable token held? is a login under way? - give four states. The fifth is
/// a cluster that refuses this configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// No usable token, no login under way.
    Cold {
        /// Why no token is held.
        lapse: Lapse,
        /// Why no login begins by itself.
        pause: Pause,
    },
    /// No usable token, a login under way.
    Authenticating {
        /// Why no token is held.
        lapse: Lapse,
        /// The login.
        attempt: Attempt,
    },
    /// A usable token, no login under way.
    Fresh {
        /// The token.
        token: Token,
        /// When it should be renewed.
        renew_at: Timestamp,
        /// Why no login begins by itself.
        pause: Pause,
    },
    /// A usable token, and a login for the next one under way.
    Renewing {
        /// The token.
        token: Token,
        /// The login.
        attempt: Attempt,
    },
    /// The cluster refuses this configuration. Only somebody who asks for a login tries again.
    Disabled {
        /// Why no token is held.
        lapse: Lapse,
        /// What the cluster refused.
        failure: Failure,
    },
}

impl State {
    /// The token held, whether or not its time has passed.
    #[must_use]
    pub const fn token(&self) -> Option<&Token> {
        match self {
            Self::Fresh { token, .. } | Self::Renewing { token, .. } => Some(token),
            Self::Cold { .. } | Self::Authenticating { .. } | Self::Disabled { .. } => None,
        }
    }

    /// The login under way.
    #[must_use]
    pub const fn attempt(&self) -> Option<&Attempt> {
        match self {
            Self::Authenticating { attempt, .. } | Self::Renewing { attempt, .. } => Some(attempt),
            Self::Cold { .. } | Self::Fresh { .. } | Self::Disabled { .. } => None,
        }
    }

    /// Why no token is held; `None` while one is.
    #[must_use]
    pub const fn lapse(&self) -> Option<Lapse> {
        match self {
            Self::Cold { lapse, .. }
            | Self::Authenticating { lapse, .. }
            | Self::Disabled { lapse, .. } => Some(*lapse),
            Self::Fresh { .. } | Self::Renewing { .. } => None,
        }
    }

    /// Whether a login begins when a program wants a token, at once or after the pause.
    #[must_use]
    pub fn begins_on_demand(&self) -> bool {
        match self {
            Self::Cold { lapse, pause } => *lapse != Lapse::LoggedOut && pause.until().is_some(),
            Self::Fresh { pause, .. } => pause.until().is_some(),
            Self::Authenticating { .. } | Self::Renewing { .. } => true,
            Self::Disabled { .. } => false,
        }
    }

    /// What is to be known after a restart. A window that waits for its human counts as asked in
    /// vain: if the daemon dies now, nobody answers it any more.
    #[must_use]
    pub fn remembered(&self) -> Remembered {
        match self {
            Self::Cold { pause, .. } | Self::Fresh { pause, .. } => {
                let snoozed_until = match pause {
                    Pause::Snoozed { until, .. } => Some(*until),
                    _ => None,
                };
                Remembered { snoozed_until, unanswered: pause.tally().unanswered }
            }
            Self::Authenticating { attempt, .. } | Self::Renewing { attempt, .. } => {
                let waits = matches!(attempt.stage, Stage::Seated { .. });
                let open = u32::from(waits && attempt.occasion == Occasion::ByItself);
                let unanswered = attempt.tally().unanswered.saturating_add(open);
                Remembered { snoozed_until: None, unanswered }
            }
            Self::Disabled { .. } => Remembered::default(),
        }
    }

    /// Has what spares the human, and the time of a login, end as much later as the clock has
    /// jumped. The token ends as it did.
    pub(super) fn put_off(&mut self, by: Duration) {
        match self {
            Self::Cold { pause, .. } | Self::Fresh { pause, .. } => pause.put_off(by),
            Self::Authenticating { attempt, .. } | Self::Renewing { attempt, .. } => {
                attempt.before.put_off(by);
                if let Stage::Seated { give_up_at } = &mut attempt.stage {
                    *give_up_at = give_up_at.plus(by);
                }
            }
            Self::Disabled { .. } => {}
        }
    }

    /// Why the last login gave no token, if none succeeded since and none is under way.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Cold { pause, .. } | Self::Fresh { pause, .. } => pause.failure(),
            Self::Disabled { failure, .. } => Some(failure),
            Self::Authenticating { .. } | Self::Renewing { .. } => None,
        }
    }
}

/// Why no token is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lapse {
    /// There has not been one.
    NeverLoggedIn,
    /// Its time passed.
    Expired,
    /// The cluster said it does not accept it any more.
    Rejected,
    /// The user asked to forget it.
    LoggedOut,
    /// Settings have changed that a token is bound to.
    Reconfigured,
}

impl Lapse {
    /// Whether a program that used the token still waits for the next one.
    pub(super) const fn leaves_a_gap(self) -> bool {
        match self {
            Self::Expired | Self::Rejected | Self::Reconfigured => true,
            Self::NeverLoggedIn | Self::LoggedOut => false,
        }
    }
}

/// What may happen. Every event is legal in every state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A program wants a token that lasts at least this long.
    Wanted {
        /// How long.
        min_validity: Duration,
    },
    /// A program wants a new token, however good the present one is.
    Forced,
    /// Time may have passed, or the human's presence changed. Carries no news; the clock and the
    /// budget do.
    Woke,
    /// The window of another cluster's login is opening, and its tab could go on to this one.
    WindowOpened,
    /// An attempt has got the human's window.
    Seated {
        /// Which.
        attempt: AttemptId,
    },
    /// An attempt that nobody asked for by name had its turn when the human could not be asked.
    Withdrawn {
        /// Which.
        attempt: AttemptId,
    },
    /// An attempt ended.
    Finished {
        /// Which.
        attempt: AttemptId,
        /// How.
        outcome: Result<Grant, Failure>,
    },
    /// The cluster says it does not accept this token any more.
    Rejected {
        /// Which.
        generation: Generation,
    },
    /// The cluster still accepts a token of an earlier daemon that was in doubt.
    Vouched {
        /// The token.
        token: Token,
    },
    /// Somebody asked for a login by name, now.
    LoginAsked {
        /// How the human is led to it.
        manner: Manner,
    },
    /// Somebody asked to end the login under way. It is a "not now".
    CancelAsked,
    /// Somebody asked to be left alone; a time that has passed ends that.
    SnoozeAsked {
        /// Until when.
        until: Timestamp,
    },
    /// Somebody asked to forget the token.
    LogoutAsked,
    /// The operator has other settings.
    Reconfigured {
        /// The rules from now on.
        policy: Box<Policy>,
        /// Whether a token got under the old settings may be used under the new ones.
        keeps_token: bool,
    },
}

/// What is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Begin this attempt.
    Begin {
        /// Its number.
        attempt: AttemptId,
        /// How the human is led to it.
        manner: Manner,
        /// Who wanted it.
        occasion: Occasion,
    },
    /// End this attempt, whatever it is doing.
    Abort {
        /// Its number.
        attempt: AttemptId,
    },
}
