//! What holds when nothing happens, and when a daemon ends at any moment and another goes on
//! where it was.

use super::{Event, Lifecycle, World};
use crate::domain::{Learned, Past};

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

    pub(super) fn waking_again_changes_nothing(&self) {
        let mut again = self.lifecycle.clone();
        assert_eq!(again.handle(Event::Woke, self.now), []);
        assert_eq!(again.state(), self.lifecycle.state());
    }
}
