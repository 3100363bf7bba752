//! The lifecycle by example: one behaviour each.

use std::time::Duration;

use super::{fixtures::*, *};

#[test]
fn a_program_that_wants_a_token_begins_a_login_in_the_browser() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);

    assert_eq!(lifecycle.handle(wanted(0), at(0)), begun(1, Manner::OpenBrowser));
    assert_eq!(lifecycle.handle(wanted(0), at(0)), [], "the second joins");
    assert_eq!(lifecycle.deadline(at(0)), None, "waiting for the window has no limit");
    let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(0));
    assert_eq!(lifecycle.handle(asked(), at(0)), [], "so does a human, once there is a window");
}

#[test]
fn the_time_of_the_human_counts_from_the_window() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    assert_eq!(lifecycle.handle(asked(), at(0)), begun(1, Manner::ShowUrl));

    assert_eq!(lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(100)), []);
    let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(200));

    assert_eq!(lifecycle.deadline(at(200)), Some(at(400)), "seated once");
    assert_eq!(lifecycle.handle(Event::Woke, just_before(400)), []);
    assert_eq!(lifecycle.handle(Event::Woke, at(400)), [Effect::Abort { attempt: AttemptId(1) }]);
    let failure = lifecycle.state().failure().unwrap();
    assert_eq!(failure.cause, Cause::LoginTimedOut);
    assert_eq!(failure.sentence, "the login was not finished within 5 minutes");
    assert_eq!(failure.advice, "look there");
    assert_eq!(failure.at, at(400));
}

#[test]
fn only_the_open_attempt_gets_the_window() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    let _ = lifecycle.handle(asked(), at(0));

    let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(2) }, at(0));

    assert_eq!(lifecycle.state().attempt().unwrap().stage, Stage::Queued);
}

#[test]
fn short_times_are_told_in_seconds() {
    for (seconds, told) in
        [(30, "30 seconds"), (60, "60 seconds"), (90, "90 seconds"), (120, "2 minutes")]
    {
        let login_timeout = Duration::from_secs(seconds);
        let mut lifecycle = Lifecycle::new(Policy { login_timeout, ..Policy::default() });
        let _ = lifecycle.handle(asked(), at(0));
        let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(0));
        let _ = lifecycle.handle(Event::Woke, at(seconds));

        let sentence = &lifecycle.state().failure().unwrap().sentence;
        assert_eq!(*sentence, format!("the login was not finished within {told}"));
    }
}

#[test]
fn an_answer_beats_the_deadline_it_has_missed() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    let _ = lifecycle.handle(asked(), at(0));
    let _ = lifecycle.handle(Event::Seated { attempt: AttemptId(1) }, at(0));

    assert_eq!(lifecycle.handle(answered(1, grant(3000, HOUR)), at(3000)), []);

    let token = lifecycle.state().token().unwrap();
    assert_eq!(token.generation, Generation(1));
    assert_eq!(*pause(&lifecycle), Pause::Settling { until: at(3010) });
    assert_eq!(lifecycle.longest_lifetime(), HOUR);
}

#[test]
fn a_token_that_is_dead_on_arrival_is_a_failure() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    let _ = lifecycle.handle(asked(), at(0));

    let _ = lifecycle.handle(answered(1, grant(0, Duration::from_secs(5))), at(5));

    assert_eq!(lifecycle.state().failure().unwrap().cause, Cause::TokenUnusable);
    assert_eq!(lifecycle.state().failure().unwrap().at, at(5));
    assert!(lifecycle.state().failure().unwrap().advice.contains("clock"));
}

#[test]
fn after_three_windows_without_an_answer_nobody_is_asked_again() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    let mut now = 0;

    for (attempt, minutes) in [(1, 1), (2, 5)] {
        assert_eq!(lifecycle.handle(wanted(0), at(now)), begun(attempt, Manner::OpenBrowser));
        let failures = u32::try_from(attempt).unwrap() - 1;
        let tally = Tally { failures, unanswered: failures };
        assert_eq!(lifecycle.state().attempt().unwrap().tally(), tally);
        assert_eq!(lifecycle.handle(failed(attempt, Cause::IdpError), at(now)), []);
        assert!(lifecycle.state().begins_on_demand());
        now += minutes * 60;
        assert_eq!(lifecycle.handle(wanted(0), just_before(now)), []);
    }
    assert_eq!(lifecycle.handle(wanted(0), at(now)), begun(3, Manner::OpenBrowser));
    let _ = lifecycle.handle(failed(3, Cause::LoginTimedOut), at(now));

    let weekend = now + 60 * 3600;
    assert_eq!(lifecycle.handle(wanted(0), at(weekend)), []);
    assert!(!lifecycle.state().begins_on_demand());
    assert!(matches!(lifecycle.state(), State::Cold { lapse: Lapse::NeverLoggedIn, .. }));
    assert_eq!(lifecycle.state().failure().unwrap().cause, Cause::LoginTimedOut);
    assert_eq!(lifecycle.handle(asked(), at(weekend)), begun(4, Manner::ShowUrl), "asking helps");
    assert_eq!(lifecycle.state().failure(), None, "while one is under way");
    assert_eq!(lifecycle.state().attempt().unwrap().tally().unanswered, 3);
    let _ = lifecycle.handle(answered(4, grant(weekend, HOUR)), at(weekend));
    let _ = lifecycle.handle(asked(), at(weekend));
    let tally = lifecycle.state().attempt().unwrap().tally();
    assert_eq!(tally, Tally::default(), "a success is forgiving");
}

#[test]
fn a_network_that_is_down_all_night_is_not_held_against_the_human() {
    let mut lifecycle = lifecycle(RenewMode::WhenUsed);
    let mut now = 0;
    for attempt in 1..=20 {
        assert_eq!(lifecycle.handle(wanted(0), at(now)), begun(attempt, Manner::OpenBrowser));
        let _ = lifecycle.handle(failed(attempt, Cause::NodeUnreachable), at(now));
        now += 300;
    }

    let _ = lifecycle.handle(wanted(0), at(now));
    let _ = lifecycle.handle(failed(21, Cause::LoginTimedOut), at(now));

    let Pause::BackingOff { until, tally, .. } = pause(&lifecycle) else { panic!() };
    assert_eq!((*until, *tally), (at(now + 60), Tally { failures: 21, unanswered: 1 }));
}

#[test]
fn a_good_token_is_renewed_before_it_ends_if_somebody_uses_it() {
    let mut lifecycle = fresh(RenewMode::WhenUsed);
    let State::Fresh { renew_at, .. } = *lifecycle.state() else { panic!() };
    assert_eq!(lifecycle.renews_by_itself_at(), Some(renew_at));
    assert_eq!(lifecycle.deadline(at(1)), Some(renew_at));

    assert_eq!(lifecycle.clone().handle(Event::Woke, renew_at), [], "nobody uses it");
    assert_eq!(lifecycle.deadline(renew_at), Some(at(3600)));

    lifecycle.note_use(Timestamp::from_millis(renew_at.as_millis() - 3_599_999));
    lifecycle.note_use(Timestamp::from_millis(0));
    assert_eq!(lifecycle.clone().handle(Event::Woke, renew_at), begun(2, Manner::OpenBrowser));
    assert_eq!(lifecycle.clone().handle(Event::Woke, renew_at.plus(Duration::from_millis(1))), []);
}

#[test]
fn a_token_that_is_wanted_late_is_renewed_then() {
    let mut lifecycle = fresh(RenewMode::WhenUsed);

    assert_eq!(lifecycle.handle(wanted(1), at(3500)), begun(2, Manner::OpenBrowser));
}

#[test]
fn a_mode_decides_what_is_renewed_by_itself() {
    let mut ahead = fresh(RenewMode::Ahead);
    let mut on_request = fresh(RenewMode::OnRequest);
    on_request.note_use(at(3400));

    assert_eq!(ahead.handle(Event::Woke, at(3500)), begun(2, Manner::OpenBrowser));
    assert_eq!(on_request.handle(Event::Woke, at(3500)), []);
    assert_eq!(on_request.deadline(at(0)), Some(at(3600)));
    assert_eq!(on_request.handle(wanted(101), at(3500)), begun(2, Manner::OpenBrowser));
}

#[test]
fn a_program_may_have_a_token_renewed_that_is_too_short() {
    let mut lifecycle = fresh(RenewMode::OnRequest);

    assert_eq!(lifecycle.handle(wanted(3590), at(9)), [], "not while the last login settles");
    assert_eq!(lifecycle.handle(wanted(3590), at(10)), [], "it is just long enough");
    assert_eq!(lifecycle.handle(wanted(3601), at(10)), [], "no token is ever that long");
    assert_eq!(lifecycle.handle(wanted(3600), at(10)), begun(2, Manner::OpenBrowser));
    assert_eq!(lifecycle.handle(wanted(3600), at(10)), []);
}

#[test]
fn a_failed_renewal_keeps_the_good_token() {
    let mut lifecycle = renewing();
    let held = lifecycle.state().token().cloned();
    let before = lifecycle.renews_by_itself_at();

    let _ = lifecycle.handle(failed(2, Cause::NodeUnreachable), at(200));

    assert_eq!(lifecycle.state().token().cloned(), held);
    assert_eq!(before, None, "a renewal was under way");
    assert!(
        matches!(pause(&lifecycle), Pause::BackingOff { until, tally: Tally { failures: 1, unanswered: 0 }, .. } if *until == at(205))
    );
    let State::Fresh { renew_at, .. } = *lifecycle.state() else { panic!() };
    assert_eq!(lifecycle.renews_by_itself_at(), Some(renew_at), "it is not due yet");
}

#[test]
fn a_renewal_that_failed_late_is_tried_again_after_the_pause() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let _ = lifecycle.handle(Event::Woke, at(3300));
    let _ = lifecycle.handle(failed(2, Cause::IdpError), at(3310));

    assert_eq!(lifecycle.deadline(at(3310)), Some(at(3370)));
    assert_eq!(lifecycle.handle(Event::Woke, at(3370)), begun(3, Manner::OpenBrowser));
    let _ = lifecycle.handle(failed(3, Cause::IdpError), at(3371));
    assert_eq!(lifecycle.renews_by_itself_at(), None, "the pause outlasts the token");
    assert_eq!(lifecycle.deadline(at(3371)), Some(at(3600)));
}

#[test]
fn a_pause_until_the_expiry_leaves_no_time_for_a_renewal() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let _ = lifecycle.handle(Event::Woke, at(3540));

    let _ = lifecycle.handle(failed(2, Cause::IdpError), at(3540));

    assert_eq!(lifecycle.renews_by_itself_at(), None);
}

#[test]
fn a_token_is_dropped_at_its_expiry_whatever_happens() {
    for event in [Event::Woke, Event::CancelAsked, Event::Rejected { generation: Generation(9) }] {
        let mut idle = fresh(RenewMode::WhenUsed);
        let mut busy = renewing();

        let _ = idle.handle(event.clone(), at(3600));
        assert!(matches!(idle.state(), State::Cold { lapse: Lapse::Expired, .. }));
        let _ = busy.handle(Event::Woke, at(3600));
        assert!(matches!(busy.state(), State::Authenticating { lapse: Lapse::Expired, .. }));
        assert_eq!(busy.state().attempt().unwrap().id, AttemptId(2), "the login goes on");
    }
}

#[test]
fn a_rejected_token_is_dropped_and_only_that_one() {
    let mut idle = fresh(RenewMode::WhenUsed);
    let mut busy = renewing();

    let _ = idle.handle(Event::Rejected { generation: Generation(2) }, at(5));
    assert!(idle.state().token().is_some());
    let _ = idle.handle(Event::Rejected { generation: Generation(1) }, at(5));
    assert!(matches!(idle.state(), State::Cold { lapse: Lapse::Rejected, .. }));
    assert_eq!((idle.state().lapse(), busy.state().lapse()), (Some(Lapse::Rejected), None));
    assert_eq!(idle.handle(wanted(0), at(9)), [], "the last login settles");
    assert_eq!(idle.handle(wanted(0), at(10)), begun(2, Manner::OpenBrowser));
    let _ = busy.handle(Event::Rejected { generation: Generation(1) }, at(105));
    assert!(matches!(busy.state(), State::Authenticating { lapse: Lapse::Rejected, .. }));
}
