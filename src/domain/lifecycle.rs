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
//! 5. begin a renewal that is due, whatever the event.
//!
//! So timers make things prompt, never correct. Nothing in here may ask what time it is, and
//! nothing may assume in which order events arrive: a stale one is ignored. `broker/actor.rs` is
//! the only caller.

use std::time::Duration;

use super::{
    Attempt, AttemptId, Cause, Effect, Event, Failure, FailureKind, Grant, Lapse, Manner, Pause,
    Policy, RenewMode, Stage, State, Tally, Timestamp, Token,
    policy::{SETTLE, USED_WITHIN, back_off},
};

/// The state of one cluster, and the rules by which it changes.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    policy: Policy,
    state: State,
    last_attempt: AttemptId,
    last_use: Option<Timestamp>,
    longest_lifetime: Duration,
}

impl Lifecycle {
    /// A cluster for which nobody has logged in yet.
    #[must_use]
    pub const fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::Cold { lapse: Lapse::NeverLoggedIn, pause: Pause::Off },
            last_attempt: AttemptId(0),
            last_use: None,
            longest_lifetime: Duration::ZERO,
        }
    }

    /// The state after the last event.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
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

    /// Takes what happened, and says what to do about it.
    #[must_use]
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.drop_expired_token(now);
        let event = self.take_answer(event, now);
        self.give_up_overdue_attempt(now, &mut effects);
        self.take_event(&event, now, &mut effects);
        if self.renewal_is_due(now) {
            self.begin(Manner::OpenBrowser, &mut effects);
        }
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
        [give_up_at, expires_at, self.renews_by_itself_at().filter(|at| *at > now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// When a renewal begins, if by then a program has used the token where that matters.
    #[must_use]
    pub fn renews_by_itself_at(&self) -> Option<Timestamp> {
        let State::Fresh { token, renew_at, pause } = &self.state else { return None };
        let at = pause.until()?.max(*renew_at);
        let in_time = at < token.grant.expires_at;
        (in_time && self.policy.renew != RenewMode::OnRequest).then_some(at)
    }

    fn renewal_is_due(&self, now: Timestamp) -> bool {
        let wanted = match self.policy.renew {
            RenewMode::WhenUsed => self.last_use.is_some_and(|at| now < at.plus(USED_WITHIN)),
            RenewMode::Ahead | RenewMode::OnRequest => true,
        };
        wanted && self.renews_by_itself_at().is_some_and(|at| at <= now)
    }

    fn drop_expired_token(&mut self, now: Timestamp) {
        if self.state.token().is_some_and(|token| token.is_expired(now)) {
            self.drop_token(Lapse::Expired);
        }
    }

    fn drop_token(&mut self, lapse: Lapse) {
        self.state = match self.state.clone() {
            State::Fresh { pause: Pause::Stopped { failure }, .. } => {
                State::Disabled { lapse, failure }
            }
            State::Fresh { pause, .. } => State::Cold { lapse, pause },
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
                Ok(_) => self.fail(dead_on_arrival(now), now),
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
        let before = self.state.attempt().map_or_else(Tally::default, |attempt| attempt.tally);
        let tally = before.and_one(kind);
        let pause = match kind {
            FailureKind::Refused => Pause::Stopped { failure: failure.clone() },
            FailureKind::Unreachable | FailureKind::TimedOut | FailureKind::Declined => {
                let failure = failure.clone();
                match back_off(kind, tally) {
                    Some(pause) => Pause::BackingOff { until: now.plus(pause), tally, failure },
                    None => Pause::Unanswered { tally, failure },
                }
            }
        };
        self.state = match self.state.clone() {
            State::Authenticating { lapse, .. } if kind == FailureKind::Refused => {
                State::Disabled { lapse, failure }
            }
            State::Authenticating { lapse, .. } => State::Cold { lapse, pause },
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
            let failure = Failure {
                cause: Cause::LoginTimedOut,
                sentence: format!(
                    "the login was not finished within {}",
                    in_words(self.policy.login_timeout)
                ),
                advice: self.policy.timeout_advice.clone(),
                at: now,
            };
            self.abort(failure, now, effects);
        }
    }

    fn take_event(&mut self, event: &Event, now: Timestamp, effects: &mut Vec<Effect>) {
        match *event {
            Event::Wanted { min_validity } => {
                self.note_use(now);
                if self.a_login_would_help(min_validity, now) {
                    self.begin(Manner::OpenBrowser, effects);
                }
            }
            Event::LoginAsked { manner } => self.begin(manner, effects),
            Event::Seated { attempt } => self.seat(attempt, now),
            Event::CancelAsked => self.abort(cancelled(now), now, effects),
            Event::Rejected { generation } => {
                if self.state.token().is_some_and(|token| token.generation == generation) {
                    self.drop_token(Lapse::Rejected);
                    // What the pause may have waited for, the end of the token, is here.
                    if let State::Cold { pause: Pause::Settling { until }, .. } = &mut self.state {
                        *until = now.plus(SETTLE).min(*until);
                    }
                }
            }
            Event::LogoutAsked => {
                effects.extend(self.state.attempt().map(|a| Effect::Abort { attempt: a.id }));
                self.state = State::Cold { lapse: Lapse::LoggedOut, pause: Pause::Off };
            }
            Event::Woke | Event::Finished { .. } => {}
        }
    }

    /// Whether a program that wants this much validity may have a login begun for it.
    fn a_login_would_help(&self, min_validity: Duration, now: Timestamp) -> bool {
        match &self.state {
            // Whoever logged out does not want the next program that polls to undo it.
            State::Cold { lapse, pause } => *lapse != Lapse::LoggedOut && !pause.holds(now),
            State::Fresh { token, pause, .. } => {
                token.remaining(now) < min_validity
                    && min_validity <= self.longest_lifetime
                    && !pause.holds(now)
            }
            State::Authenticating { .. } | State::Renewing { .. } | State::Disabled { .. } => false,
        }
    }

    fn begin(&mut self, manner: Manner, effects: &mut Vec<Effect>) {
        let id = AttemptId(self.last_attempt.0 + 1);
        let attempt = |tally| Attempt { id, tally, stage: Stage::Queued };
        self.state = match self.state.clone() {
            State::Cold { lapse, pause } => {
                State::Authenticating { lapse, attempt: attempt(pause.tally()) }
            }
            State::Disabled { lapse, .. } => {
                State::Authenticating { lapse, attempt: attempt(Tally::default()) }
            }
            State::Fresh { token, pause, .. } => {
                State::Renewing { token, attempt: attempt(pause.tally()) }
            }
            State::Authenticating { .. } | State::Renewing { .. } => return,
        };
        self.last_attempt = id;
        effects.push(Effect::Begin { attempt: id, manner });
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

fn cancelled(at: Timestamp) -> Failure {
    Failure {
        cause: Cause::LoginCancelled,
        sentence: "the login was cancelled".into(),
        advice: String::new(),
        at,
    }
}

fn dead_on_arrival(at: Timestamp) -> Failure {
    Failure {
        cause: Cause::TokenUnusable,
        sentence: "the token had expired before it could be used".into(),
        advice: "check the clock of this machine and the cluster's token lifetime".into(),
        at,
    }
}

fn in_words(duration: Duration) -> String {
    match duration.as_secs() {
        seconds if seconds.is_multiple_of(60) && seconds > 60 => {
            format!("{} minutes", seconds / 60)
        }
        seconds => format!("{seconds} seconds"),
    }
}
