//! How much a human may be asked, over all clusters.
//!
//! What one cluster may ask is its pause; this is what they may ask together. Pure: somebody tells
//! it that the desktop was locked, that the machine woke, that a window opened and what came of
//! it, and it says whether a login may begin by itself now. A login that a human asks for by name
//! never needs its leave. Kept by `broker::Desk`.

use std::collections::VecDeque;

use super::{
    Timestamp,
    policy::{AFTER_WAKING, WINDOWS, WINDOWS_WITHIN},
};

/// Whether somebody is at the desktop, as far as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    /// Somebody is, or nothing says that nobody is.
    #[default]
    Here,
    /// The desktop is locked.
    Locked,
    /// Nobody has touched it for a while.
    Idle,
}

/// Why no login begins by itself, on any cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// The desktop is locked.
    Locked,
    /// Nobody has touched the desktop for a while.
    Idle,
    /// The machine has just woken: its network may not be up, nor its human at the desk.
    JustWoke {
        /// Until when.
        until: Timestamp,
    },
    /// Too many windows were opened lately that nobody answered.
    Spent {
        /// Until when.
        until: Timestamp,
    },
}

impl Reserve {
    /// When it is over by itself; `None` where only the human ends it.
    #[must_use]
    pub const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Locked | Self::Idle => None,
            Self::JustWoke { until } | Self::Spent { until } => Some(until),
        }
    }

    /// Whether there is nobody to read a notification either.
    #[must_use]
    pub const fn nobody_is_there(self) -> bool {
        match self {
            Self::Locked | Self::Idle | Self::JustWoke { .. } => true,
            Self::Spent { .. } => false,
        }
    }

    /// The word of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Locked => "locked",
            Self::Idle => "idle",
            Self::JustWoke { .. } => "just-woke",
            Self::Spent { .. } => "spent",
        }
    }
}

/// The number of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowId(u64);

/// What all clusters together may ask of the human.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    presence: Presence,
    woke_at: Option<Timestamp>,
    /// The windows that opened by themselves and were not answered, oldest first.
    unanswered: VecDeque<(WindowId, Timestamp)>,
    opened: u64,
}

impl Budget {
    /// A budget from which these windows were taken, in an earlier life of the daemon. Those that
    /// claim to be of the future are of now: a clock that was wrong must not forbid logins.
    #[must_use]
    pub fn remembered(windows: &[Timestamp], now: Timestamp) -> Self {
        let mut budget = Self::default();
        for at in windows {
            budget.note_window((*at).min(now));
        }
        budget
    }

    /// Whether a login may begin by itself now, and if not, why.
    ///
    /// # Errors
    ///
    /// The first of the reasons that holds: what only the human ends comes before what time does.
    pub fn leave(&self, now: Timestamp) -> Result<(), Reserve> {
        match self.presence {
            Presence::Locked => return Err(Reserve::Locked),
            Presence::Idle => return Err(Reserve::Idle),
            Presence::Here => {}
        }
        if let Some(until) = self.woke_at.map(|at| at.plus(AFTER_WAKING)).filter(|at| now < *at) {
            return Err(Reserve::JustWoke { until });
        }
        let counted = self.counted(now);
        if counted.len() < WINDOWS {
            return Ok(());
        }
        // The one whose end makes room again.
        let until = counted[counted.len() - WINDOWS].plus(WINDOWS_WITHIN);
        Err(Reserve::Spent { until })
    }

    /// Remembers what the desktop says.
    pub fn note_presence(&mut self, presence: Presence) {
        self.presence = presence;
    }

    /// Remembers that the machine woke from sleep.
    pub fn note_wake(&mut self, now: Timestamp) {
        self.woke_at = self.woke_at.max(Some(now));
    }

    /// Counts a window that opens by itself.
    pub fn note_window(&mut self, now: Timestamp) -> WindowId {
        while self.unanswered.front().is_some_and(|(_, at)| at.plus(WINDOWS_WITHIN) <= now) {
            self.unanswered.pop_front();
        }
        self.opened += 1;
        let id = WindowId(self.opened);
        self.unanswered.push_back((id, now));
        id
    }

    /// Gives back what a window took: somebody answered it, or it did not open.
    pub fn give_back(&mut self, window: WindowId) {
        self.unanswered.retain(|(id, _)| *id != window);
    }

    /// How many windows may still open by themselves before somebody answers one.
    #[must_use]
    pub fn windows_left(&self, now: Timestamp) -> usize {
        WINDOWS.saturating_sub(self.counted(now).len())
    }

    /// When the windows that still count were opened.
    #[must_use]
    pub fn counted(&self, now: Timestamp) -> Vec<Timestamp> {
        let opened = self.unanswered.iter().map(|(_, at)| *at);
        opened.filter(|at| now < at.plus(WINDOWS_WITHIN)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::fixtures::{at, just_before};

    const HOUR: u64 = 3600;

    /// A budget from which windows were taken at these seconds.
    fn taken(seconds: &[u64]) -> Budget {
        let mut budget = Budget::default();
        for second in seconds {
            budget.note_window(at(*second));
        }
        budget
    }

    #[test]
    fn nobody_is_asked_while_the_desktop_is_locked_or_idle() {
        let mut budget = Budget::default();
        assert_eq!(budget.leave(at(0)), Ok(()));

        budget.note_presence(Presence::Locked);
        assert_eq!(budget.leave(at(0)), Err(Reserve::Locked));
        budget.note_presence(Presence::Idle);
        assert_eq!(budget.leave(at(0)), Err(Reserve::Idle));
        budget.note_presence(Presence::Here);
        assert_eq!(budget.leave(at(0)), Ok(()));
    }

    #[test]
    fn nobody_is_asked_as_soon_as_the_machine_wakes() {
        let mut budget = Budget::default();
        budget.note_wake(at(100));
        budget.note_wake(at(50));

        assert_eq!(budget.leave(just_before(130)), Err(Reserve::JustWoke { until: at(130) }));
        assert_eq!(budget.leave(at(130)), Ok(()));
    }

    #[test]
    fn four_windows_an_hour_are_opened_for_nobody() {
        let budget = taken(&[0, 10, 20, 30]);

        assert_eq!(budget.leave(at(30)), Err(Reserve::Spent { until: at(HOUR) }));
        assert_eq!(budget.windows_left(at(30)), 0);
        assert_eq!(budget.leave(just_before(HOUR)), Err(Reserve::Spent { until: at(HOUR) }));
        assert_eq!(budget.leave(at(HOUR)), Ok(()));
        assert_eq!(budget.windows_left(at(HOUR)), 1);
        assert_eq!(budget.windows_left(at(HOUR + 30)), 4);
    }

    #[test]
    fn more_windows_than_are_allowed_are_waited_for_too() {
        let budget = taken(&[0, 10, 20, 30, 40]);

        assert_eq!(budget.leave(at(50)), Err(Reserve::Spent { until: at(HOUR + 10) }));
        assert_eq!(budget.windows_left(at(50)), 0);
    }

    #[test]
    fn a_window_that_is_answered_costs_nothing() {
        let mut budget = taken(&[0, 10, 20]);
        let window = budget.note_window(at(30));
        assert!(budget.leave(at(30)).is_err());

        budget.give_back(window);
        budget.give_back(window);

        assert_eq!(budget.leave(at(30)), Ok(()));
        assert_eq!(budget.counted(at(30)), [at(0), at(10), at(20)]);
    }

    #[test]
    fn old_windows_are_forgotten() {
        let mut budget = taken(&[0, 10]);

        budget.note_window(at(HOUR));

        assert_eq!(budget.unanswered.len(), 2);
        assert_eq!(budget.counted(at(HOUR)), [at(10), at(HOUR)]);
    }

    #[test]
    fn a_restart_does_not_refill_the_budget() {
        let future = [at(0), at(10), at(20), at(9 * HOUR)];

        let budget = Budget::remembered(&future, at(30));

        assert_eq!(budget.counted(at(30)), [at(0), at(10), at(20), at(30)]);
        assert!(budget.leave(at(30)).is_err());
        assert_eq!(budget.leave(at(HOUR)), Ok(()));
    }

    #[test]
    fn what_only_the_human_ends_is_said_first() {
        let mut budget = taken(&[0, 0, 0, 0]);
        assert!(matches!(budget.leave(at(0)), Err(Reserve::Spent { .. })));
        budget.note_wake(at(0));
        assert!(matches!(budget.leave(at(0)), Err(Reserve::JustWoke { .. })));
        budget.note_presence(Presence::Locked);
        assert_eq!(budget.leave(at(0)), Err(Reserve::Locked));
    }

    #[test]
    fn every_reserve_has_its_word_its_end_and_its_reader() {
        let until = at(7);
        let all =
            [Reserve::Locked, Reserve::Idle, Reserve::JustWoke { until }, Reserve::Spent { until }];

        assert_eq!(all.map(Reserve::as_str), ["locked", "idle", "just-woke", "spent"]);
        assert_eq!(all.map(Reserve::until), [None, None, Some(until), Some(until)]);
        assert_eq!(all.map(Reserve::nobody_is_there), [true, true, true, false]);
    }

    proptest! {
        /// Whoever asks for leave before each window, at any pace and with any answers, never has
        /// more than four in an hour that nobody answered.
        #[test]
        fn no_hour_has_more_than_four_windows_for_nobody(
            steps in prop::collection::vec((0u64..1500, any::<bool>(), 0u8..8), 1..300),
        ) {
            let mut budget = Budget::default();
            let mut now = at(0);
            let mut vain: Vec<Timestamp> = Vec::new();
            for (seconds, answered, presence) in steps {
                now = now.plus(Duration::from_secs(seconds));
                budget.note_presence(match presence {
                    0 => Presence::Locked,
                    1 => Presence::Idle,
                    _ => Presence::Here,
                });
                let leave = budget.leave(now);
                prop_assert_eq!(leave.is_err(), presence < 2 || budget.windows_left(now) == 0);
                if let Err(reserve) = leave {
                    prop_assert!(reserve.until().is_none_or(|until| until > now));
                    continue;
                }
                let window = budget.note_window(now);
                if answered {
                    budget.give_back(window);
                } else {
                    vain.push(now);
                }
                let hour = vain.iter().filter(|at| now < at.plus(WINDOWS_WITHIN)).count();
                prop_assert!(hour <= 4, "{} windows within an hour", hour);
            }
        }
    }
}
