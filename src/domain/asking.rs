//! The lifecycle by example: when the human is asked, and when not.

use super::{fixtures::*, *};

#[test]
fn nothing_begins_by_itself_without_leave_and_what_is_due_begins_with_it() {
    let mut cold = lifecycle(RenewMode::WhenUsed);
    let mut old = fresh(RenewMode::Ahead);
    cold.note_leave(LOCKED);
    old.note_leave(LOCKED);

    assert_eq!(cold.handle(wanted(0), at(0)), []);
    assert_eq!(cold.handle(Event::Forced, at(0)), []);
    assert_eq!(old.handle(Event::Woke, minute(59)), []);
    assert_eq!(old.deadline(minute(59)), Some(minute(60)), "no time brings them back");

    old.note_leave(Ok(()));
    assert_eq!(old.handle(Event::Woke, minute(59)), begun(2, Manner::OpenBrowser));
    assert_eq!(cold.handle(asked(), at(1)), begun(1, Manner::ShowUrl), "a human always may");
}

#[test]
fn a_budget_that_is_spent_is_waited_for() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    lifecycle.note_leave(spent(3500));
    let _ = lifecycle.handle(Event::Woke, at(3300));

    assert_eq!(lifecycle.deadline(at(3300)), Some(at(3500)));
}

#[test]
fn a_token_that_was_in_use_when_it_ended_is_asked_for_when_they_return() {
    for (renew, begins) in
        [(RenewMode::Ahead, true), (RenewMode::WhenUsed, true), (RenewMode::OnRequest, false)]
    {
        let mut lifecycle = fresh(renew);
        lifecycle.note_leave(LOCKED);
        lifecycle.note_use(minute(50));
        let _ = lifecycle.handle(Event::Woke, minute(60));
        assert_eq!(lifecycle.state().lapse(), Some(Lapse::Expired));

        lifecycle.note_leave(Ok(()));
        assert_eq!(!lifecycle.handle(Event::Woke, minute(90)).is_empty(), begins, "{renew:?}");
    }
}

#[test]
fn a_token_that_nobody_used_for_an_hour_is_not_missed() {
    let mut lifecycle = fresh(RenewMode::WhenUsed);
    lifecycle.note_leave(LOCKED);
    lifecycle.note_use(minute(50));
    let _ = lifecycle.handle(Event::Woke, minute(60));

    lifecycle.note_leave(Ok(()));

    assert_eq!(lifecycle.handle(Event::Woke, minute(110)), []);
    assert_eq!(lifecycle.handle(wanted(0), minute(110)), begun(2, Manner::OpenBrowser));
}

#[test]
fn a_no_is_a_no_for_eight_hours_whatever_happens_to_the_token() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let _ = lifecycle.handle(asked(), minute(30));
    let _ = lifecycle.handle(Event::CancelAsked, minute(30));

    for minutes in [54, 60, 61, 200, 509] {
        assert_eq!(lifecycle.handle(Event::Woke, minute(minutes)), []);
        assert_eq!(lifecycle.handle(wanted(0), minute(minutes)), []);
        assert_eq!(lifecycle.handle(Event::Forced, minute(minutes)), []);
        assert_eq!(lifecycle.handle(Event::WindowOpened, minute(minutes)), []);
        assert_eq!(lifecycle.notice(), None);
    }
    assert_eq!(lifecycle.state().remembered().snoozed_until, Some(minute(510)));
    assert_eq!(lifecycle.deadline(minute(200)), Some(minute(510)));
    assert_eq!(lifecycle.clone().handle(asked(), minute(200)), begun(3, Manner::ShowUrl));
    assert_eq!(lifecycle.handle(Event::Woke, minute(510)), begun(3, Manner::OpenBrowser));
}

#[test]
fn a_snooze_can_be_asked_for_and_taken_back() {
    let mut lifecycle = renewing();

    let until = minute(100);
    let effects = lifecycle.handle(Event::SnoozeAsked { until }, at(110));
    assert_eq!(effects, [Effect::Abort { attempt: AttemptId(2) }]);
    assert_eq!(lifecycle.state().remembered().snoozed_until, Some(until));
    assert_eq!(lifecycle.state().failure().unwrap().cause, Cause::LoginCancelled);
    let _ = lifecycle.handle(Event::SnoozeAsked { until: minute(90) }, at(120));
    assert_eq!(
        lifecycle.state().remembered().snoozed_until,
        Some(minute(90)),
        "the last word counts"
    );

    let _ = lifecycle.handle(Event::SnoozeAsked { until: minute(61) }, minute(61));
    assert_eq!(*pause(&lifecycle), Pause::Off);
    let mut settling = fresh(RenewMode::WhenUsed);
    let _ = settling.handle(Event::SnoozeAsked { until: at(1) }, at(1));
    assert_eq!(*pause(&settling), Pause::Settling { until: at(10) }, "there was none");
}

#[test]
fn a_snooze_is_an_answer_and_lifts_what_silence_had_earned() {
    let mut lifecycle = unanswered();
    assert_eq!(lifecycle.state().remembered(), Remembered { snoozed_until: None, unanswered: 3 });

    let mut snoozed = lifecycle.clone();
    let _ = snoozed.handle(Event::SnoozeAsked { until: minute(20) }, minute(10));
    let _ = lifecycle.handle(Event::SnoozeAsked { until: minute(10) }, minute(10));

    assert_eq!(
        snoozed.state().remembered(),
        Remembered { snoozed_until: Some(minute(20)), unanswered: 0 }
    );
    assert_eq!(lifecycle.handle(wanted(0), minute(10)), begun(2, Manner::OpenBrowser));
}

#[test]
fn a_jump_of_the_clock_ends_the_token_and_spares_the_human_no_less() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let _ = lifecycle.handle(Event::SnoozeAsked { until: minute(30) }, minute(10));

    lifecycle.note_jumps(HOUR);
    lifecycle.note_jumps(HOUR);
    assert_eq!(lifecycle.handle(Event::Woke, minute(70)), []);

    assert_eq!(lifecycle.state().lapse(), Some(Lapse::Expired));
    assert_eq!(lifecycle.state().remembered().snoozed_until, Some(minute(90)));
    assert_eq!(lifecycle.handle(Event::Woke, minute(90)), begun(2, Manner::OpenBrowser));
}

#[test]
fn a_jump_of_the_clock_takes_no_time_from_a_login_under_way() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    let _ = lifecycle.handle(wanted(0), at(0));
    let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(0));

    lifecycle.note_jumps(HOUR);

    assert_eq!(lifecycle.handle(Event::Woke, minute(64)), []);
    assert_eq!(lifecycle.deadline(minute(64)), Some(minute(65)));
    let aborted = [Effect::Abort { attempt: AttemptId(1) }];
    assert_eq!(lifecycle.handle(Event::Woke, minute(65)), aborted);
}

#[test]
fn a_jump_of_the_clock_neither_hurries_nor_forgets_a_failure() {
    let mut waits = fresh(RenewMode::Ahead);
    let _ = waits.handle(asked(), at(100));
    let _ = waits.handle(failed(2, Cause::IdpError), at(100));
    let mut silent = unanswered();
    let notice_at = |lifecycle: &Lifecycle| match pause(lifecycle) {
        Pause::Unanswered { notice_at, .. } => *notice_at,
        other => panic!("{other:?}"),
    };
    let due = notice_at(&silent);

    waits.note_jumps(HOUR);
    silent.note_jumps(HOUR);

    assert_eq!(pause(&waits).until(), Some(at(3600 + 160)));
    assert_eq!(notice_at(&silent), due.plus(HOUR));
}

#[test]
fn what_a_login_waits_for_that_has_just_succeeded_comes_nearer_with_a_jump() {
    let mut lifecycle = fresh(RenewMode::Ahead);

    lifecycle.note_jumps(HOUR);

    assert_eq!(*pause(&lifecycle), Pause::Settling { until: at(10) });
}

#[test]
fn what_a_cluster_refused_is_not_snoozed_away() {
    let mut held = renewing();
    let _ = held.handle(failed(2, Cause::WrongUser), at(200));
    let mut disabled = lifecycle(RenewMode::WhenUsed);
    let _ = disabled.handle(asked(), at(0));
    let _ = disabled.handle(failed(1, Cause::SsoDisabled), at(0));

    for mut lifecycle in [held, disabled] {
        let before = lifecycle.state().clone();
        let _ = lifecycle.handle(Event::SnoozeAsked { until: minute(30) }, minute(10));
        assert_eq!(*lifecycle.state(), before);
        assert_eq!(lifecycle.state().remembered(), Remembered::default());
        let _ = lifecycle.handle(Event::SnoozeAsked { until: minute(10) }, minute(10));
        assert_eq!(*lifecycle.state(), before);
    }
}

#[test]
fn a_program_cannot_force_what_a_human_does_not_want() {
    let mut lifecycle = fresh(RenewMode::WhenUsed);
    assert_eq!(lifecycle.clone().handle(Event::Forced, at(1)), begun(2, Manner::OpenBrowser));

    let _ = lifecycle.handle(Event::Forced, at(1));
    let _ = lifecycle.handle(failed(2, Cause::IdpError), at(2));
    assert_eq!(lifecycle.handle(Event::Forced, just_before(62)), []);
    assert_eq!(lifecycle.clone().handle(Event::Forced, at(62)), begun(3, Manner::OpenBrowser));
    let _ = lifecycle.handle(Event::LogoutAsked, at(62));
    assert_eq!(lifecycle.handle(Event::Forced, minute(600)), []);
}

#[test]
fn a_human_does_not_wait_for_an_attempt_that_waits_for_leave() {
    let mut lifecycle = fresh(RenewMode::WhenUsed);
    let _ = lifecycle.handle(Event::Forced, at(100));

    let effects = lifecycle.handle(asked(), at(101));

    assert_eq!(effects[0], Effect::Abort { attempt: AttemptId(2) });
    assert_eq!(effects[1..], begun(3, Manner::ShowUrl));
    assert_eq!(lifecycle.handle(asked(), at(102)), [], "the next human joins");
    assert!(lifecycle.state().token().is_some());
}

#[test]
fn an_attempt_that_is_withdrawn_never_was() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let before = lifecycle.state().clone();
    let _ = lifecycle.handle(Event::Forced, at(1));
    lifecycle.note_leave(LOCKED);

    let _ = lifecycle.handle(Event::Withdrawn { attempt: AttemptId(1) }, at(5));
    assert!(lifecycle.state().attempt().is_some(), "another one was");
    assert_eq!(lifecycle.handle(Event::Withdrawn { attempt: AttemptId(2) }, at(5)), []);

    assert_eq!(*lifecycle.state(), before);
}

#[test]
fn a_cluster_that_is_nearly_due_goes_along_with_another() {
    let go = |mut lifecycle: Lifecycle, now| {
        lifecycle.note_leave(LOCKED);
        lifecycle.note_use(now);
        match lifecycle.handle(Event::WindowOpened, now)[..] {
            [] => false,
            [Effect::Begin { occasion: Occasion::InPassing, .. }] => true,
            ref other => panic!("{other:?}"),
        }
    };
    let lapsed = |renew| {
        let mut lifecycle = fresh(renew);
        lifecycle.note_leave(LOCKED);
        let _ = lifecycle.handle(Event::Woke, minute(60));
        lifecycle
    };

    // Renewed between 51 and 54 minutes; a tenth of the lifetime before that is near enough.
    assert!(!go(fresh(RenewMode::WhenUsed), minute(44)));
    assert!(go(fresh(RenewMode::WhenUsed), minute(49)));
    assert!(go(lapsed(RenewMode::Ahead), minute(61)));
    assert!(!go(lapsed(RenewMode::OnRequest), minute(61)));
    assert!(!go(lifecycle(RenewMode::Ahead), minute(61)), "nobody ever wanted it");
    let mut vain = fresh(RenewMode::Ahead);
    for attempt in 2..=4 {
        let _ = vain.handle(asked(), at(0));
        let _ = vain.handle(failed(attempt, Cause::LoginTimedOut), at(0));
    }
    assert!(go(vain.clone(), minute(49)), "somebody is there after all");
    let _ = vain.handle(asked(), at(0));
    let _ = vain.handle(failed(5, Cause::WrongUser), at(0));
    assert!(!go(vain, minute(49)));
}

#[test]
fn a_detour_that_is_withdrawn_leaves_the_human_alone_as_before() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    for attempt in 2..=4 {
        let _ = lifecycle.handle(asked(), at(0));
        let _ = lifecycle.handle(failed(attempt, Cause::LoginTimedOut), at(0));
    }
    let before = lifecycle.state().clone();
    let begun = lifecycle.handle(Event::WindowOpened, minute(49));
    assert!(matches!(begun[..], [Effect::Begin { occasion: Occasion::InPassing, .. }]));

    assert_eq!(lifecycle.handle(Event::Withdrawn { attempt: AttemptId(5) }, minute(49)), []);

    assert_eq!(*lifecycle.state(), before);
}

#[test]
fn what_a_human_wanted_outlives_the_daemon() {
    let after = |remembered| {
        let past = Past { remembered, ..Past::default() };
        Lifecycle::after(&past, Policy::default(), at(0))
    };
    let snoozed_until = |seconds| Remembered { snoozed_until: Some(at(seconds)), unanswered: 0 };
    let unanswered = |unanswered| Remembered { snoozed_until: None, unanswered };

    assert_eq!(after(Remembered::default()).state().remembered(), Remembered::default());
    let mut snoozed = after(snoozed_until(100));
    assert_eq!(snoozed.handle(wanted(0), just_before(100)), []);
    assert_eq!(snoozed.handle(wanted(0), at(100)), begun(1, Manner::OpenBrowser));
    let week = 7 * 24 * 3600;
    assert_eq!(after(snoozed_until(week)).handle(wanted(0), at(1)), []);
    assert_ne!(after(snoozed_until(week + 1)).handle(wanted(0), at(1)), [], "a wrong clock");
    assert_ne!(after(snoozed_until(0)).handle(wanted(0), at(0)), [], "long over");
    assert_eq!(after(snoozed_until(0)).state().remembered(), Remembered::default());
    for (count, seconds) in [(1, 60), (2, 300)] {
        let mut asked_before = after(unanswered(count));
        assert_eq!(asked_before.state().remembered(), unanswered(count));
        assert_eq!(asked_before.handle(wanted(0), just_before(seconds)), []);
        assert_ne!(asked_before.handle(wanted(0), at(seconds)), []);
    }
    assert_eq!(after(unanswered(3)).handle(wanted(0), at(99_999)), []);
    let failure = after(unanswered(3)).state().failure().unwrap().clone();
    assert_eq!(failure.sentence, "nobody answered before ucssod was restarted");
}

#[test]
fn a_window_that_waits_counts_as_asked_in_vain_should_the_daemon_die() {
    let remembered = |event: Event| {
        let mut lifecycle = lifecycle(RenewMode::WhenUsed);
        let _ = lifecycle.handle(event, at(0));
        let queued = lifecycle.state().remembered().unanswered;
        let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(0));
        (queued, lifecycle.state().remembered().unanswered)
    };

    assert_eq!(remembered(wanted(0)), (0, 1));
    assert_eq!(remembered(asked()), (0, 0), "who asks is there");
}
