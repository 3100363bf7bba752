//! The promises of the lifecycle, against any sequence of events at any pace.

use std::time::Duration;

use proptest::prelude::*;

use super::{
    AttemptId, Cause, Effect, Event, Failure, FailureKind, Generation, Grant, Lapse, Lifecycle,
    Manner, Policy, RenewMode, Secret, Stage, State, Timestamp,
};

/// One thing that the world does. Numbers that name an attempt or a token count backwards from
/// the newest one, so that stale answers are common and impossible ones do not occur.
#[derive(Debug, Clone, Copy)]
enum Act {
    Pass(Duration),
    StepBack(Duration),
    Use,
    Wake,
    Want(Duration),
    Seat { back: u64 },
    Answer { back: u64, lifetime: Duration },
    Fail { back: u64, cause: Cause },
    Reject { back: u64 },
    AskLogin,
    AskCancel,
    AskLogout,
}

fn span() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        (0..20u64).prop_map(Duration::from_millis),
        (0..120u64).prop_map(Duration::from_secs),
        (0..4000u64).prop_map(Duration::from_secs),
        (0..100u64).prop_map(Duration::from_hours),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    let back = || prop_oneof![6 => Just(0u64), 1 => 1..4u64];
    prop_oneof![
        5 => span().prop_map(Act::Pass),
        1 => span().prop_map(Act::StepBack),
        2 => Just(Act::Use),
        3 => Just(Act::Wake),
        4 => span().prop_map(Act::Want),
        4 => back().prop_map(|back| Act::Seat { back }),
        5 => (back(), span()).prop_map(|(back, lifetime)| Act::Answer { back, lifetime }),
        3 => (back(), prop::sample::select(Cause::ALL.to_vec()))
            .prop_map(|(back, cause)| Act::Fail { back, cause }),
        2 => back().prop_map(|back| Act::Reject { back }),
        2 => Just(Act::AskLogin),
        1 => Just(Act::AskCancel),
        1 => Just(Act::AskLogout),
    ]
}

fn mode() -> impl Strategy<Value = RenewMode> {
    prop::sample::select(vec![RenewMode::WhenUsed, RenewMode::Ahead, RenewMode::OnRequest])
}

/// What the outside knows of the lifecycle, kept independently of it.
struct World {
    lifecycle: Lifecycle,
    policy: Policy,
    now: Timestamp,
    newest: u64,
    open: Option<AttemptId>,
    /// When the last attempt ended, and the shortest pause that must follow.
    ended: Option<(Timestamp, Duration)>,
    last_use: Option<Timestamp>,
    /// How many windows were opened in vain since somebody was there.
    unanswered: u32,
}

impl World {
    fn new(renew: RenewMode, jitter_seed: u64) -> Self {
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
        }
    }

    fn perform(&mut self, act: Act) {
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
        };
        self.handle(&event);
    }

    fn handle(&mut self, event: &Event) {
        let before = self.lifecycle.clone();
        if matches!(event, Event::Wanted { .. }) {
            self.last_use = self.last_use.max(Some(self.now));
        }

        let effects = self.lifecycle.handle(event.clone(), self.now);

        self.attempts_are_counted(event, &effects);
        self.answers_are_taken(&before, event);
        self.the_user_is_left_alone(&before, event, &effects);
        self.what_is_held_is_good();
        self.deadlines_are_useful();
        self.waking_again_changes_nothing();
    }

    /// At most one login is under way, it is the one that was begun last, and every attempt that
    /// ends has ended for a reason that is remembered.
    fn attempts_are_counted(&mut self, event: &Event, effects: &[Effect]) {
        if let Event::Finished { attempt, outcome } = event
            && self.open == Some(*attempt)
        {
            self.open = None;
            let pause = match outcome {
                Err(failure) => {
                    self.count(failure.cause.kind());
                    shortest_pause(failure.cause)
                }
                Ok(grant) if self.now < grant.expires_at => {
                    self.unanswered = 0;
                    Duration::from_secs(10)
                }
                Ok(_) => {
                    self.count(FailureKind::Declined);
                    Duration::from_mins(1)
                }
            };
            self.ended = Some((self.now, pause));
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
                    self.ended = Some((self.now, Duration::from_mins(1)));
                    self.count(FailureKind::TimedOut);
                }
            }
        }
        match event {
            Event::LogoutAsked => (self.ended, self.unanswered) = (None, 0),
            Event::LoginAsked { .. } => self.unanswered = 0,
            _ => {}
        }
        assert_eq!(self.lifecycle.state().attempt().map(|attempt| attempt.id), self.open);
    }

    fn count(&mut self, kind: FailureKind) {
        self.unanswered += u32::from(kind != FailureKind::Unreachable);
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
        if !effects.iter().any(|effect| matches!(effect, Effect::Begin { .. }))
            || matches!(event, Event::LoginAsked { .. })
        {
            return;
        }
        if let Some((ended, pause)) = self.ended {
            assert!(self.now >= ended.plus(pause), "{:?} after {ended:?}", self.now);
        }
        assert!(self.unanswered < 3, "a fourth window for nobody");
        match before.state() {
            State::Disabled { .. } => panic!("a disabled cluster is left alone"),
            State::Cold { lapse, .. } => {
                assert_ne!(*lapse, Lapse::LoggedOut, "a user who logged out is left alone");
                assert!(matches!(event, Event::Wanted { .. }), "nobody wanted a token");
            }
            State::Fresh { .. } | State::Authenticating { .. } | State::Renewing { .. } => {}
        }
        let asked = matches!(event, Event::Wanted { .. });
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
            assert!(*renew_at > self.now || pause.holds(self.now), "a renewal was missed");
        }
    }

    fn deadlines_are_useful(&self) {
        let deadline = self.lifecycle.deadline(self.now);
        assert!(deadline.is_none_or(|at| at > self.now), "{deadline:?} at {:?}", self.now);
        if let Some(token) = self.lifecycle.state().token() {
            let at = deadline.expect("a token that is held ends");
            assert!(at <= token.grant.expires_at, "a deadline outlives the token");
        }
    }

    fn waking_again_changes_nothing(&self) {
        let mut again = self.lifecycle.clone();
        assert_eq!(again.handle(Event::Woke, self.now), []);
        assert_eq!(again.state(), self.lifecycle.state());
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
        FailureKind::Unreachable => Duration::from_secs(5),
        FailureKind::TimedOut | FailureKind::Declined => Duration::from_mins(1),
        FailureKind::Refused => Duration::ZERO,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every event is legal in every state, at any pace, also when the clock steps back; and
    /// after each one all of the promises above hold.
    #[test]
    fn the_promises_hold_whatever_happens(
        renew in mode(),
        seed in any::<u64>(),
        acts in prop::collection::vec(act(), 1..60),
    ) {
        let mut world = World::new(renew, seed);
        for act in acts {
            world.perform(act);
        }
    }

    /// Whoever sleeps until each deadline and does nothing else sees the token end on time, or
    /// its successor.
    #[test]
    fn sleeping_until_the_deadlines_misses_nothing(renew in mode(), lifetime in 1u64..100_000) {
        let mut world = World::new(renew, 0);
        world.perform(Act::AskLogin);
        world.perform(Act::Seat { back: 0 });
        world.perform(Act::Answer { back: 0, lifetime: Duration::from_secs(lifetime) });
        let end = world.now.plus(Duration::from_secs(lifetime));

        let mut turns = 0;
        while let Some(at) = world.lifecycle.deadline(world.now) {
            world.now = at;
            world.perform(Act::Use);
            world.perform(Act::Wake);
            turns += 1;
            prop_assert!(turns < 5);
        }

        prop_assert_eq!(world.now, end);
        prop_assert!(world.lifecycle.state().token().is_none());
    }
}
