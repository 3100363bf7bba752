//! The world around a lifecycle in which anything may happen, and what has to hold there.

mod restart;

use std::time::Duration;

use self::restart::{is_refused, pause_in};
use super::{
    AttemptId, Cause, Effect, Event, Failure, FailureKind, Generation, Grant, Lapse, Lifecycle,
    Manner, Occasion, Pause, Policy, RenewMode, Reserve, Secret, Stage, State, Timestamp,
};

/// One thing that the world does. Numbers that name an attempt or a token count backwards from
/// the newest one, so that stale answers are common and impossible ones do not occur.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Pass(Duration),
    StepBack(Duration),
    Use,
    Wake,
    Want(Duration),
    Seat {
        back: u64,
    },
    Answer {
        back: u64,
        lifetime: Duration,
    },
    Fail {
        back: u64,
        cause: Cause,
    },
    Reject {
        back: u64,
    },
    AskLogin,
    AskCancel,
    AskLogout,
    AskSnooze(Duration),
    Force,
    OpenWindow,
    Withdraw {
        back: u64,
    },
    Leave(Option<Reserve>),
    Reconfigure(RenewMode, bool),
    /// The daemon is killed and another goes on where it was.
    Restart,
}

/// What the outside knows of the lifecycle, kept independently of it.
pub(super) struct World {
    pub(super) lifecycle: Lifecycle,
    policy: Policy,
    pub(super) now: Timestamp,
    newest: u64,
    open: Option<AttemptId>,
    /// When the last attempt ended, and the shortest pause that must follow.
    ended: Option<(Timestamp, Duration)>,
    last_use: Option<Timestamp>,
    /// How many windows were opened in vain since somebody was there.
    unanswered: u32,
    reserve: Option<Reserve>,
}

impl World {
    pub(super) fn new(renew: RenewMode, jitter_seed: u64) -> Self {
        let policy = Policy { renew, jitter_seed, ..Policy::default() };
        Self {
            lifecycle: Lifecycle::new(policy.clone()),
            policy,
            now: Timestamp::from_millis(1_000_000_000),
            newest: 0,
            open: None,
            ended: None,
            last_use: None,
            unanswered: 0,
            reserve: None,
        }
    }

    pub(super) fn perform(&mut self, act: Act) {
        let id = |back: u64| self.newest.saturating_sub(back);
        let event = match act {
            Act::Pass(span) => {
                self.now = self.now.plus(span);
                return;
            }
            Act::StepBack(span) => {
                self.now = Timestamp::from_millis(
                    self.now.as_millis() - u64::try_from(span.as_millis()).unwrap().min(1_000_000),
                );
                // The pauses promised before the step are counted from the new time.
                self.ended = None;
                return;
            }
            Act::Use => {
                self.lifecycle.note_use(self.now);
                self.last_use = self.last_use.max(Some(self.now));
                return;
            }
            Act::Leave(reserve) => {
                self.reserve = reserve;
                self.lifecycle.note_leave(reserve.map_or(Ok(()), Err));
                Event::Woke
            }
            Act::Restart => return self.restart(),
            Act::AskSnooze(span) => Event::SnoozeAsked { until: self.now.plus(span) },
            Act::Force => Event::Forced,
            Act::OpenWindow => Event::WindowOpened,
            Act::Withdraw { back } => Event::Withdrawn { attempt: AttemptId(id(back)) },
            Act::Wake => Event::Woke,
            Act::Want(min_validity) => Event::Wanted { min_validity },
            Act::Seat { back } => Event::Seated { attempt: AttemptId(id(back)) },
            Act::Answer { back, lifetime } => Event::Finished {
                attempt: AttemptId(id(back)),
                outcome: Ok(grant(self.now, lifetime)),
            },
            Act::Fail { back, cause } => Event::Finished {
                attempt: AttemptId(id(back)),
                outcome: Err(failure(cause, self.now)),
            },
            Act::Reject { back } => Event::Rejected { generation: Generation(id(back)) },
            Act::AskLogin => Event::LoginAsked { manner: Manner::OpenBrowser },
            Act::AskCancel => Event::CancelAsked,
            Act::AskLogout => Event::LogoutAsked,
            Act::Reconfigure(renew, keeps_token) => {
                self.policy.renew = renew;
                Event::Reconfigured { policy: Box::new(self.policy.clone()), keeps_token }
            }
        };
        self.handle(&event);
    }

    fn handle(&mut self, event: &Event) {
        let before = self.lifecycle.clone();
        if matches!(event, Event::Wanted { .. } | Event::Forced) {
            self.last_use = self.last_use.max(Some(self.now));
        }

        let effects = self.lifecycle.handle(event.clone(), self.now);

        self.attempts_are_counted(&before, event, &effects);
        self.answers_are_taken(&before, event);
        self.the_user_is_left_alone(&before, event, &effects);
        self.what_is_held_is_good();
        self.deadlines_are_useful();
        self.waking_again_changes_nothing();
    }

    /// At most one login is under way, it is the one that was begun last, and every attempt that
    /// ends has ended for a reason that is remembered.
    fn attempts_are_counted(&mut self, before: &Lifecycle, event: &Event, effects: &[Effect]) {
        if let Event::Finished { attempt, outcome } = event
            && self.open == Some(*attempt)
        {
            self.open = None;
            let pause = match outcome {
                Err(failure) => {
                    self.count(failure.cause);
                    shortest_pause(failure.cause)
                }
                Ok(grant) if self.now < grant.expires_at => {
                    self.unanswered = 0;
                    Duration::from_secs(10)
                }
                Ok(_) => {
                    self.count(Cause::TokenUnusable);
                    Duration::from_mins(1)
                }
            };
            self.ended = Some((self.now, pause));
        }
        if let Event::Withdrawn { attempt } = event
            && self.open == Some(*attempt)
            && !effects.contains(&Effect::Abort { attempt: *attempt })
        {
            self.open = None;
        }
        for effect in effects {
            match *effect {
                Effect::Begin { attempt, .. } => {
                    assert_eq!(self.open, None, "a second login was begun");
                    assert_eq!(attempt.0, self.newest + 1, "attempts are numbered in order");
                    self.newest = attempt.0;
                    self.open = Some(attempt);
                }
                Effect::Abort { attempt } => {
                    assert_eq!(self.open, Some(attempt), "a login was aborted that is not open");
                    self.open = None;
                    let stage = before.state().attempt().map(|attempt| attempt.stage);
                    let gave_up = matches!(stage, Some(Stage::Seated { give_up_at })
                        if give_up_at <= self.now);
                    if gave_up {
                        self.ended = Some((self.now, Duration::from_mins(1)));
                        self.count(Cause::LoginTimedOut);
                    } else if *event == Event::CancelAsked {
                        self.ended = Some((self.now, Duration::from_hours(8)));
                        self.unanswered = 0;
                    }
                }
            }
        }
        match event {
            Event::LogoutAsked => (self.ended, self.unanswered) = (None, 0),
            Event::LoginAsked { .. } => self.unanswered = 0,
            Event::Reconfigured { keeps_token, .. }
                if !keeps_token || is_refused(before.state()) =>
            {
                self.ended = None;
            }
            Event::SnoozeAsked { until } if *until > self.now => {
                self.unanswered = 0;
                self.ended = Some((self.now, until.since(self.now)));
            }
            Event::SnoozeAsked { .. } => {
                let pause = pause_in(before.state());
                if matches!(pause, Some(Pause::Snoozed { .. } | Pause::Unanswered { .. })) {
                    (self.ended, self.unanswered) = (None, 0);
                }
            }
            _ => {}
        }
        assert_eq!(self.lifecycle.state().attempt().map(|attempt| attempt.id), self.open);
    }

    fn count(&mut self, cause: Cause) {
        match cause {
            Cause::LoginCancelled => self.unanswered = 0,
            cause if cause.kind() == FailureKind::Unreachable => {}
            _ => self.unanswered += 1,
        }
    }

    /// An answer to the open attempt is taken, however late; another changes nothing; a failure
    /// does not cost the token that is held.
    fn answers_are_taken(&self, before: &Lifecycle, event: &Event) {
        let Event::Finished { attempt, outcome } = event else { return };
        let is_open = before.state().attempt().is_some_and(|open| open.id == *attempt);
        match outcome {
            Ok(grant) if is_open && self.now < grant.expires_at => {
                let token = self.lifecycle.state().token().expect("a good answer is taken");
                assert_eq!(token.grant, *grant);
                assert_eq!(token.generation, attempt.generation());
            }
            Ok(_) | Err(_) if is_open => {
                let held = before.state().token().filter(|token| !token.is_expired(self.now));
                assert_eq!(self.lifecycle.state().token(), held, "a failure costs no token");
            }
            _ => {
                let mut woken = before.clone();
                let _ = woken.handle(Event::Woke, self.now);
                assert_eq!(self.lifecycle.state(), woken.state(), "a stale answer has no effect");
            }
        }
    }

    /// A login that nobody asked for by name begins only after the pause, and only if the mode
    /// of renewal, the lapse and the cluster's last word allow it.
    fn the_user_is_left_alone(&self, before: &Lifecycle, event: &Event, effects: &[Effect]) {
        let begun = effects.iter().find_map(|effect| match effect {
            Effect::Begin { occasion, .. } => Some(*occasion),
            Effect::Abort { .. } => None,
        });
        let asked = matches!(event, Event::Wanted { .. } | Event::Forced);
        match begun {
            None => return,
            Some(Occasion::Asked) => {
                assert!(matches!(event, Event::LoginAsked { .. }), "nobody asked by name");
                return;
            }
            Some(Occasion::InPassing) => assert_eq!(*event, Event::WindowOpened),
            Some(Occasion::ByItself) => {
                assert_eq!(self.reserve, None, "nobody may be asked");
                assert!(self.unanswered < 3, "a fourth window for nobody");
                let settles = matches!(pause_in(before.state()), Some(Pause::Settling { .. }));
                let (ended, pause) = self.ended.unwrap_or_default();
                let over = self.now >= ended.plus(pause) || (*event == Event::Forced && settles);
                assert!(over, "{:?} after {ended:?}", self.now);
            }
        }
        match before.state() {
            State::Disabled { .. } => {
                assert!(matches!(event, Event::Reconfigured { .. }), "a disabled cluster begins");
            }
            State::Cold { lapse, pause } => {
                assert_ne!(*lapse, Lapse::LoggedOut, "a user who logged out is left alone");
                assert!(asked || *lapse != Lapse::NeverLoggedIn, "nobody wanted a token");
                let snoozed = matches!(pause, Pause::Snoozed { until, .. } if *until > self.now);
                let lifted = matches!(event, Event::SnoozeAsked { .. });
                assert!(!snoozed || lifted, "a no is a no");
            }
            State::Fresh { .. } | State::Authenticating { .. } | State::Renewing { .. } => {}
        }
        match self.policy.renew {
            RenewMode::OnRequest => assert!(asked, "renewed without being asked"),
            RenewMode::WhenUsed => assert!(
                asked
                    || self.last_use.is_some_and(|at| self.now < at.plus(Duration::from_hours(1))),
                "renewed though nobody uses it"
            ),
            RenewMode::Ahead => {}
        }
    }

    fn what_is_held_is_good(&self) {
        if let Some(token) = self.lifecycle.state().token() {
            assert!(!token.is_expired(self.now), "a dead token is held");
        }
        if let Some(Stage::Seated { give_up_at }) =
            self.lifecycle.state().attempt().map(|attempt| attempt.stage)
        {
            assert!(give_up_at > self.now, "an attempt outlived its deadline");
        }
        if let State::Fresh { renew_at, pause, .. } = self.lifecycle.state()
            && self.policy.renew == RenewMode::Ahead
        {
            let held_up = pause.holds(self.now) || self.reserve.is_some();
            assert!(*renew_at > self.now || held_up, "a renewal was missed");
        }
    }
}

fn grant(now: Timestamp, lifetime: Duration) -> Grant {
    Grant {
        secret: Secret::new("x".into()),
        user: "alice".into(),
        node: "n:8443".into(),
        obtained_at: now,
        expires_at: now.plus(lifetime),
    }
}

fn failure(cause: Cause, at: Timestamp) -> Failure {
    Failure { cause, sentence: "it failed".into(), advice: String::new(), at }
}

/// Written down a second time, so that the constants cannot move by themselves.
fn shortest_pause(cause: Cause) -> Duration {
    match cause.kind() {
        _ if cause == Cause::LoginCancelled => Duration::from_hours(8),
        FailureKind::Unreachable => Duration::from_secs(5),
        FailureKind::TimedOut | FailureKind::Declined => Duration::from_mins(1),
        FailureKind::Refused => Duration::ZERO,
    }
}
