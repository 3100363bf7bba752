//! What holds when nothing happens, and when a daemon ends at any moment and another goes on
//! where it was.

use super::{Event, Lifecycle, World};
use crate::domain::{Learned, Past, Pause, State};

pub(super) fn pause_in(state: &State) -> Option<&Pause> {
    match state {
        State::Cold { pause, .. } | State::Fresh { pause, .. } => Some(pause),
        _ => None,
    }
}

/// Whether the cluster refused its settings. Nothing begins then, so no pause is kept either.
pub(super) const fn is_refused(state: &State) -> bool {
    match state {
        State::Disabled { .. } => true,
        State::Fresh { pause, .. } | State::Cold { pause, .. } => {
            matches!(pause, Pause::Stopped { .. })
        }
        State::Authenticating { .. } | State::Renewing { .. } => false,
    }
}

impl World {
    /// Nothing that was held is lost, nothing that was dropped comes back, no number is given
    /// twice, and what the human said holds.
    pub(super) fn restart(&mut self) {
        let state = self.lifecycle.state().clone();
        let past = Past {
            remembered: state.remembered(),
            held: self.lifecycle.held(Learned::default()),
            in_doubt: false,
        };
        self.lifecycle = Lifecycle::after(&past, self.policy.clone(), self.now);
        let alive = state.token().filter(|token| !token.is_expired(self.now));
        assert_eq!(self.lifecycle.state().token(), alive);
        if let Some(lapse) = state.lapse() {
            assert_eq!(self.lifecycle.state().lapse(), Some(lapse));
        }
        assert_eq!(self.lifecycle.held(Learned::default()).last_attempt.0, self.newest);
        // What is not known any more: who used it, and how long the last pause was to last.
        (self.open, self.last_use, self.reserve) = (None, None, None);
        self.unanswered = past.remembered.unanswered;
        let until = past.remembered.snoozed_until.filter(|until| *until > self.now);
        self.ended = until.map(|until| (self.now, until.since(self.now)));
        self.handle(&Event::Woke);
    }

    pub(super) fn deadlines_are_useful(&self) {
        let deadline = self.lifecycle.deadline(self.now);
        assert!(deadline.is_none_or(|at| at > self.now), "{deadline:?} at {:?}", self.now);
        if let Some(token) = self.lifecycle.state().token() {
            let at = deadline.expect("a token that is held ends");
            assert!(at <= token.grant.expires_at, "a deadline outlives the token");
        }
    }

    pub(super) fn waking_again_changes_nothing(&self) {
        let mut again = self.lifecycle.clone();
        assert_eq!(again.handle(Event::Woke, self.now), []);
        assert_eq!(again.state(), self.lifecycle.state());
    }
}
