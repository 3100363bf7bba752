//! Why no login begins by itself on one cluster, and what of that outlives the daemon.

use std::time::Duration;

use super::{
    Failure, FailureKind, Policy, Tally, Timestamp,
    policy::{BackOff, LONGEST_SNOOZE, back_off},
};

/// Why no login begins by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pause {
    /// Nothing stands against it.
    Off,
    /// A login has just succeeded.
    Settling {
        /// Until when.
        until: Timestamp,
    },
    /// The last login failed.
    BackingOff {
        /// Until when.
        until: Timestamp,
        /// How many have failed in a row.
        tally: Tally,
        /// How the last one did.
        failure: Failure,
    },
    /// The human said "not now".
    Snoozed {
        /// Until when.
        until: Timestamp,
        /// How the last login failed, if one did.
        failure: Option<Failure>,
    },
    /// The human was asked too often without an answer. No window opens by itself any more: one
    /// notification waits for them.
    Unanswered {
        /// When the notification is due.
        notice_at: Timestamp,
        /// How many logins have failed in a row.
        tally: Tally,
        /// How the last one did.
        failure: Failure,
    },
    /// The cluster refused the last login for good, while a token was held.
    Stopped {
        /// How it refused.
        failure: Failure,
    },
}

/// What of a cluster outlives the daemon: how far its human wants to be left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remembered {
    /// Until when they said "not now".
    pub snoozed_until: Option<Timestamp>,
    /// How many logins in a row asked them in vain.
    pub unanswered: u32,
}

impl Pause {
    /// When a login may begin by itself again; never, where it is `None`.
    #[must_use]
    pub const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Off => Some(Timestamp::from_millis(0)),
            Self::Settling { until }
            | Self::BackingOff { until, .. }
            | Self::Snoozed { until, .. } => Some(*until),
            Self::Unanswered { .. } | Self::Stopped { .. } => None,
        }
    }

    /// Whether it is in force.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until().is_none_or(|until| now < until)
    }

    /// How the last login failed.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Off | Self::Settling { .. } => None,
            Self::Snoozed { failure, .. } => failure.as_ref(),
            Self::BackingOff { failure, .. }
            | Self::Unanswered { failure, .. }
            | Self::Stopped { failure } => Some(failure),
        }
    }

    pub(super) fn tally(&self) -> Tally {
        match self {
            // Whoever says "not now" has answered.
            Self::Off | Self::Settling { .. } | Self::Snoozed { .. } | Self::Stopped { .. } => {
                Tally::default()
            }
            Self::BackingOff { tally, .. } | Self::Unanswered { tally, .. } => *tally,
        }
    }

    /// What follows a failure, the last of so many.
    pub(super) fn after(failure: Failure, kind: FailureKind, tally: Tally, now: Timestamp) -> Self {
        match back_off(kind, tally) {
            BackOff::Wait(pause) => Self::BackingOff { until: now.plus(pause), tally, failure },
            BackOff::NotifyAfter(wait) => {
                Self::Unanswered { notice_at: now.plus(wait), tally, failure }
            }
        }
    }

    /// Has it hold as much longer as the clock has jumped. What settles does not: it waits for
    /// the end of a token as well, which the jump has brought nearer.
    pub(super) fn put_off(&mut self, by: Duration) {
        match self {
            Self::BackingOff { until: at, .. }
            | Self::Snoozed { until: at, .. }
            | Self::Unanswered { notice_at: at, .. } => *at = at.plus(by),
            Self::Off | Self::Settling { .. } | Self::Stopped { .. } => {}
        }
    }

    /// What an earlier daemon left to hold.
    pub(super) fn remembered(remembered: Remembered, policy: &Policy, now: Timestamp) -> Self {
        let Remembered { snoozed_until, unanswered } = remembered;
        let tally = Tally { failures: unanswered, unanswered };
        // A time that is further away than any snooze was written down by a clock that was wrong.
        let sensible = |until: &Timestamp| now < *until && *until <= now.plus(LONGEST_SNOOZE);
        if let Some(until) = snoozed_until.filter(sensible) {
            return Self::Snoozed { until, failure: None };
        }
        if unanswered == 0 {
            return Self::Off;
        }
        Self::after(Failure::unanswered(policy, now), FailureKind::TimedOut, tally, now)
    }
}
