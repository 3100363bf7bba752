//! What the examples of the lifecycle are told with.

use std::time::Duration;

use super::{
    AttemptId, Cause, Effect, Event, Failure, Grant, Lifecycle, Manner, Occasion, Past, Pause,
    Policy, Remembered, RenewMode, Reserve, Secret, State, Timestamp,
};

pub(super) const HOUR: Duration = Duration::from_hours(1);

/// Seconds after the beginning of the test.
pub(super) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(BEGINNING + seconds * 1000)
}

/// One millisecond before that.
pub(super) fn just_before(seconds: u64) -> Timestamp {
    Timestamp::from_millis(BEGINNING + seconds * 1000 - 1)
}

const BEGINNING: u64 = 1_000_000_000;

pub(super) fn lifecycle(renew: RenewMode) -> Lifecycle {
    let timeout_advice = "look there".into();
    Lifecycle::new(Policy { renew, notice_before: None, timeout_advice, ..Policy::default() })
}

pub(super) fn grant(obtained: u64, lifetime: Duration) -> Grant {
    Grant {
        secret: Secret::new("x".into()),
        user: "alice".into(),
        node: "n:8443".into(),
        obtained_at: at(obtained),
        expires_at: at(obtained).plus(lifetime),
    }
}

pub(super) fn answered(attempt: u64, grant: Grant) -> Event {
    Event::Finished { attempt: AttemptId(attempt), outcome: Ok(grant) }
}

pub(super) fn failed(attempt: u64, cause: Cause) -> Event {
    let failure = Failure { cause, sentence: "it failed".into(), advice: String::new(), at: at(0) };
    Event::Finished { attempt: AttemptId(attempt), outcome: Err(failure) }
}

pub(super) fn asked() -> Event {
    Event::LoginAsked { manner: Manner::ShowUrl }
}

pub(super) fn wanted(seconds: u64) -> Event {
    Event::Wanted { min_validity: Duration::from_secs(seconds) }
}

/// The beginning of an attempt: one with a browser began by itself, the other was asked for.
pub(super) fn begun(attempt: u64, manner: Manner) -> Vec<Effect> {
    let occasion = match manner {
        Manner::OpenBrowser => Occasion::ByItself,
        Manner::ShowUrl => Occasion::Asked,
    };
    vec![Effect::Begin { attempt: AttemptId(attempt), manner, occasion }]
}

/// A cluster whose token was obtained at second 0 and lives an hour.
pub(super) fn fresh(renew: RenewMode) -> Lifecycle {
    let mut lifecycle = lifecycle(renew);
    let _ = lifecycle.handle(asked(), at(0));
    let _ = lifecycle.handle(answered(1, grant(0, HOUR)), at(0));
    lifecycle
}

/// The same while its first renewal is under way, begun on request at second 100.
pub(super) fn renewing() -> Lifecycle {
    let mut lifecycle = fresh(RenewMode::WhenUsed);
    let _ = lifecycle.handle(asked(), at(100));
    lifecycle
}

pub(super) fn pause(lifecycle: &Lifecycle) -> &Pause {
    match lifecycle.state() {
        State::Cold { pause, .. } | State::Fresh { pause, .. } => pause,
        other => panic!("{other:?} has no pause"),
    }
}

pub(super) const LOCKED: Result<(), Reserve> = Err(Reserve::Locked);

/// Minutes from the beginning.
pub(super) fn minute(minutes: u64) -> Timestamp {
    at(minutes * 60)
}

/// A cluster for which three windows were opened in vain, the last at the beginning.
pub(super) fn unanswered() -> Lifecycle {
    let remembered = Remembered { snoozed_until: None, unanswered: 2 };
    let past = Past { remembered, ..Past::default() };
    let mut lifecycle = Lifecycle::after(&past, Policy::default(), at(0));
    let _ = lifecycle.handle(wanted(0), minute(5));
    let _ = lifecycle.handle(failed(1, Cause::LoginTimedOut), minute(5));
    lifecycle
}

pub(super) fn spent(until: u64) -> Result<(), Reserve> {
    Err(Reserve::Spent { until: at(until) })
}
