//! How much a human may be asked, over all clusters.
//!
//! What one cluster may ask is its pause; this is what they may ask together. Pure: somebody tells
//! it that the desktop was locked, that the machine woke, that a window opened and what came of
//! it, and it says whether a login may begin by itself now. A login that a human asks for by name
//! never needs its leave. Kept by `broker::Desk`.

use std::collections::VecDeque;

use super::{
    Gaps, Timestamp,
    policy::{
        AFTER_WAKING, AT_REST, LEAP, NETWORK_PAUSE, NETWORK_WITHIN, SLEEP, WINDOWS, WINDOWS_WITHIN,
    },
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
    /// The machine has just woken, or its clock was set as if it had: its human may not be at the
    /// desk, nor the clock be right.
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
    /// When the wall clock last leapt, of those times that began with one to where it never was.
    leapt_at: Option<Timestamp>,
    gaps: Gaps,
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
        let awake = self.woke_at.map(|at| at.plus(AFTER_WAKING));
        if let Some(until) = awake.max(self.at_rest_at()).filter(|until| now < *until) {
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

    /// Remembers what gaps there were, in all, up to a time. A jump ends tokens, but makes nobody
    /// forget when the human was last asked.
    pub fn note_gaps(&mut self, gaps: Gaps, now: Timestamp) {
        let jumped = gaps.jumped.saturating_sub(self.gaps.jumped);
        let moved = gaps.moved.saturating_sub(self.gaps.moved);
        let slept = gaps.slept.saturating_sub(self.gaps.slept);
        self.gaps.jumped += jumped;
        self.gaps.moved += moved;
        self.gaps.slept += slept;
        let windows = self.unanswered.iter_mut().map(|(_, at)| at);
        for at in windows.chain(&mut self.woke_at).chain(&mut self.leapt_at) {
            // Whoever read the clock before this did has the jump in their time already.
            *at = at.plus(jumped).min(now);
        }
        if slept >= SLEEP {
            self.note_wake(now);
        }
        let restless = self.at_rest_at().is_some_and(|at| now < at);
        if jumped >= LEAP || restless && moved >= LEAP {
            self.leapt_at = Some(now);
        }
    }

    fn at_rest_at(&self) -> Option<Timestamp> {
        self.leapt_at.map(|at| at.plus(AT_REST))
    }

    /// When a login that reached no cluster is to try again, after so many tries, rather than
    /// fail: while the network may still come back from sleep.
    #[must_use]
    pub fn tries_again_at(&self, tries: u32, now: Timestamp) -> Option<Timestamp> {
        let until = self.woke_at?.plus(NETWORK_WITHIN);
        let pause = NETWORK_PAUSE.saturating_mul(2u32.saturating_pow(tries));
        (now < until).then(|| now.plus(pause).min(until))
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
mod tests;
