//! The machine that decides.
//!
//! |  | no login under way | login under way |
//! | --- | --- | --- |
//! | no usable token | `Cold` | `Authenticating` |
//! | usable token | `Fresh` | `Renewing` |
//!
//! and `Disabled`, where the cluster refuses this configuration. Inside
//! [`handle`](Lifecycle::handle) the order is always the same, and each step was earned:
//!
//! 1. drop a token past its expiry, whatever the event;
//! 2. take an answer that has arrived: it beats the deadline it has just missed, for a login may
//!    complete while the laptop sleeps;
//! 3. give up an attempt past its own deadline;
//! 4. handle the rest of the event;
//! 5. begin a login that is due, whatever the event (`due`);
//! 6. show the notification that is due.
//!
//! So timers make things prompt, never correct. Nothing in here may ask what time it is, and
//! nothing may assume in which order events arrive: a stale one is ignored. `broker/actor.rs` is
//! the only caller.

use std::time::Duration;

use super::{
    Attempt, AttemptId, Cause, Effect, Event, Failure, FailureKind, Generation, Grant, Lapse,
    Manner, Occasion, Pause, Policy, Reserve, Stage, State, Tally, Timestamp, Token,
    due::Notices,
    policy::{EARLY, SETTLE},
};

/// The state of one cluster, and the rules by which it changes.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    pub(super) policy: Policy,
    pub(super) state: State,
    pub(super) last_attempt: AttemptId,
    pub(super) last_use: Option<Timestamp>,
    pub(super) longest_lifetime: Duration,
    /// How many tokens in a row were rejected soon after they were issued.
    pub(super) rejected_early: u32,
    /// Why the human may not be asked now.
    pub(super) reserve: Option<Reserve>,
    pub(super) notices: Notices,
    /// How far the clock has jumped in all.
    pub(super) jumped: Duration,
}

impl Lifecycle {
    /// The state after the last event.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The rules.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The longest lifetime a token of this cluster has had; zero before the first.
    #[must_use]
    pub const fn longest_lifetime(&self) -> Duration {
        self.longest_lifetime
    }

    /// Remembers that a program was given the token. Earlier times than one already known say
    /// nothing new.
    pub fn note_use(&mut self, at: Timestamp) {
        self.last_use = self.last_use.max(Some(at));
    }

    /// Remembers whether the human may be asked now, as the budget says.
    pub fn note_leave(&mut self, leave: Result<(), Reserve>) {
        self.reserve = leave.err();
    }

    /// Takes what happened, and says what to do about it.
    #[must_use]
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.drop_expired_token(now);
        let event = self.take_answer(event, now);
        self.give_up_overdue_attempt(now, &mut effects);
        self.take_event(&event, now, &mut effects);
        if self.is_due(now) {
            self.begin(Manner::OpenBrowser, Occasion::ByItself, &mut effects);
        }
        self.update_notice(now);
        effects
    }

    /// When `handle` should be called again if nothing happens before. Later than `now`, if
    /// `handle` was called with `now`.
    #[must_use]
    pub fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let give_up_at = self.state.attempt().and_then(|attempt| match attempt.stage {
            Stage::Queued => None,
            Stage::Seated { give_up_at } => Some(give_up_at),
        });
        let expires_at = self.state.token().map(|token| token.grant.expires_at);
        [give_up_at, expires_at, self.asks_at(now)].into_iter().flatten().min()
    }

    pub(super) fn drop_expired_token(&mut self, now: Timestamp) {
        if self.state.token().is_some_and(|token| token.is_expired(now)) {
            self.drop_token(Lapse::Expired);
        }
    }

    fn drop_token(&mut self, lapse: Lapse) {
        self.state = match self.state.clone() {
            State::Fresh { pause, .. } => without_token(lapse, pause),
            State::Renewing { attempt, .. } => State::Authenticating { lapse, attempt },
            without_token @ (State::Cold { .. }
            | State::Authenticating { .. }
            | State::Disabled { .. }) => without_token,
        };
    }

    fn take_answer(&mut self, event: Event, now: Timestamp) -> Event {
        let Event::Finished { attempt, outcome } = event else { return event };
        if self.state.attempt().is_some_and(|open| open.id == attempt) {
            match outcome {
                Ok(grant) if now < grant.expires_at => self.take_grant(attempt, grant, now),
                Ok(_) => self.fail(Failure::dead_on_arrival(now), now),
                Err(failure) => self.fail(failure, now),
            }
        }
        Event::Woke
    }

    fn take_grant(&mut self, attempt: AttemptId, grant: Grant, now: Timestamp) {
        let token = Token { generation: attempt.generation(), grant };
        // A cluster whose web session lives on may answer with the token it gave before. Asking
        // again would give the same once more: wait for its end.
        let gained_little = self.state.token().is_some_and(|old| {
            token.grant.expires_at < old.grant.expires_at.plus(old.lifetime() / 10)
        });
        let settled = now.plus(SETTLE);
        let until = if gained_little { settled.max(token.grant.expires_at) } else { settled };
        self.longest_lifetime = self.longest_lifetime.max(token.lifetime());
        self.state = State::Fresh {
            renew_at: self.policy.renew_at(&token),
            token,
            pause: Pause::Settling { until },
        };
    }

    fn fail(&mut self, failure: Failure, now: Timestamp) {
        let kind = failure.cause.kind();
        let before = self.state.attempt().map_or_else(Tally::default, Attempt::tally);
        let pause = match (kind, failure.cause) {
            (FailureKind::Refused, _) => Pause::Stopped { failure },
            (_, Cause::LoginCancelled) => {
                let until = now.plus(self.policy.snooze);
                Pause::Snoozed { until, failure: Some(failure) }
            }
            _ => Pause::after(failure, kind, before.and_one(kind), now),
        };
        self.end_attempt(pause);
    }

    /// Goes back to where no login is under way.
    fn end_attempt(&mut self, pause: Pause) {
        self.state = match self.state.clone() {
            State::Authenticating { lapse, .. } => without_token(lapse, pause),
            State::Renewing { token, .. } => {
                State::Fresh { renew_at: self.policy.renew_at(&token), token, pause }
            }
            idle @ (State::Cold { .. } | State::Fresh { .. } | State::Disabled { .. }) => idle,
        };
    }

    fn give_up_overdue_attempt(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(Attempt { stage: Stage::Seated { give_up_at }, .. }) = self.state.attempt()
            && *give_up_at <= now
        {
            let failure = Failure::timed_out(&self.policy, now);
            self.abort(failure, now, effects);
        }
    }

    fn take_event(&mut self, event: &Event, now: Timestamp, effects: &mut Vec<Effect>) {
        match *event {
            Event::Wanted { min_validity } => {
                self.note_use(now);
                if self.a_login_would_help(min_validity, now) {
                    self.begin(Manner::OpenBrowser, Occasion::ByItself, effects);
                }
            }
            Event::Forced => {
                self.note_use(now);
                if self.a_login_may_be_forced(now) {
                    self.begin(Manner::OpenBrowser, Occasion::ByItself, effects);
                }
            }
            Event::WindowOpened => {
                if self.is_worth_a_detour(now) {
                    self.begin(Manner::OpenBrowser, Occasion::InPassing, effects);
                }
            }
            Event::LoginAsked { manner } => {
                self.withdraw_for_a_human(effects);
                self.begin(manner, Occasion::Asked, effects);
            }
            Event::Withdrawn { attempt } => {
                if self.state.attempt().is_some_and(|open| open.id == attempt) {
                    self.withdraw();
                }
            }
            Event::SnoozeAsked { until } => self.snooze(until, now, effects),
            Event::Seated { attempt } => self.seat(attempt, now),
            Event::CancelAsked => self.abort(Failure::cancelled(now), now, effects),
            Event::Rejected { generation } => self.take_rejection(generation, now),
            Event::Vouched { ref token } => self.take_up(token.clone(), now),
            Event::LogoutAsked => {
                effects.extend(self.state.attempt().map(|a| Effect::Abort { attempt: a.id }));
                self.state = State::Cold { lapse: Lapse::LoggedOut, pause: Pause::Off };
            }
            Event::Reconfigured { ref policy, keeps_token } => {
                self.reconfigure(policy, keeps_token, now, effects);
            }
            Event::Woke | Event::Finished { .. } => {}
        }
    }

    fn take_rejection(&mut self, generation: Generation, now: Timestamp) {
        let Some(token) = self.state.token().filter(|token| token.generation == generation) else {
            return;
        };
        let early = now < token.grant.obtained_at.plus(EARLY);
        self.rejected_early = if early { self.rejected_early.saturating_add(1) } else { 0 };
        self.drop_token(Lapse::Rejected);
        let State::Cold { pause, .. } = &mut self.state else { return };
        match self.rejected_early {
            // What the pause may have waited for, the end of the token, is here.
            0 | 1 => {
                if let Pause::Settling { until } = pause {
                    *until = now.plus(SETTLE).min(*until);
                }
            }
            // A cluster that takes back what it gives would open a window every few seconds.
            more => {
                let tally = Tally { failures: more - 1, unanswered: more - 1 };
                let failure = Failure::rejected_early(now);
                *pause = Pause::after(failure, FailureKind::Declined, tally, now);
            }
        }
    }

    fn begin(&mut self, manner: Manner, occasion: Occasion, effects: &mut Vec<Effect>) {
        let id = AttemptId(self.last_attempt.0 + 1);
        let attempt = |before| Attempt { id, occasion, before, stage: Stage::Queued };
        self.state = match self.state.clone() {
            State::Cold { lapse, pause } => {
                State::Authenticating { lapse, attempt: attempt(pause) }
            }
            State::Disabled { lapse, failure } => {
                State::Authenticating { lapse, attempt: attempt(Pause::Stopped { failure }) }
            }
            State::Fresh { token, pause, .. } => State::Renewing { token, attempt: attempt(pause) },
            State::Authenticating { .. } | State::Renewing { .. } => return,
        };
        self.last_attempt = id;
        effects.push(Effect::Begin { attempt: id, manner, occasion });
    }

    /// Takes an attempt back as if it had not begun.
    fn withdraw(&mut self) {
        if let Some(before) = self.state.attempt().map(|attempt| attempt.before.clone()) {
            self.end_attempt(before);
        }
    }

    /// An attempt that waits for its turn, and for leave, makes way for one that needs none.
    fn withdraw_for_a_human(&mut self, effects: &mut Vec<Effect>) {
        if let Some(Attempt { id, occasion, stage: Stage::Queued, .. }) = self.state.attempt()
            && *occasion != Occasion::Asked
        {
            effects.push(Effect::Abort { attempt: *id });
            self.withdraw();
        }
    }

    /// Leaves the human alone until then, whatever is under way; or no longer, if that has passed.
    fn snooze(&mut self, until: Timestamp, now: Timestamp, effects: &mut Vec<Effect>) {
        let over = until <= now;
        if !over {
            self.abort(Failure::cancelled(now), now, effects);
        }
        let (State::Cold { pause, .. } | State::Fresh { pause, .. }) = &mut self.state else {
            return;
        };
        match pause {
            Pause::Stopped { .. } => {}
            Pause::Snoozed { .. } | Pause::Unanswered { .. } if over => *pause = Pause::Off,
            _ if over => {}
            _ => *pause = Pause::Snoozed { until, failure: pause.failure().cloned() },
        }
    }

    fn seat(&mut self, seated: AttemptId, now: Timestamp) {
        let give_up_at = now.plus(self.policy.login_timeout);
        if let State::Authenticating { attempt, .. } | State::Renewing { attempt, .. } =
            &mut self.state
            && attempt.id == seated
            && attempt.stage == Stage::Queued
        {
            attempt.stage = Stage::Seated { give_up_at };
        }
    }

    fn abort(&mut self, failure: Failure, now: Timestamp, effects: &mut Vec<Effect>) {
        if let Some(attempt) = self.state.attempt() {
            effects.push(Effect::Abort { attempt: attempt.id });
            self.fail(failure, now);
        }
    }
}

/// A cluster without a token and without a login. What it refused for good disables it.
fn without_token(lapse: Lapse, pause: Pause) -> State {
    match pause {
        Pause::Stopped { failure } => State::Disabled { lapse, failure },
        pause => State::Cold { lapse, pause },
    }
}
