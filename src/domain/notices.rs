//! The lifecycle by example: when the human is notified.

use std::time::Duration;

use super::{fixtures::*, *};

fn with_notices(renew: RenewMode) -> Lifecycle {
    let mut lifecycle = Lifecycle::new(Policy { renew, ..Policy::default() });
    let _ = lifecycle.handle(asked(), at(0));
    let _ = lifecycle.handle(answered(1, grant(0, HOUR)), at(0));
    lifecycle
}

fn notified(lifecycle: &mut Lifecycle, now: Timestamp) -> bool {
    let _ = lifecycle.handle(Event::Woke, now);
    lifecycle.notice().is_some()
}

#[test]
fn the_end_of_a_token_that_nothing_renews_is_told_once() {
    let mut lifecycle = with_notices(RenewMode::OnRequest);
    lifecycle.note_use(minute(40));
    assert_eq!(lifecycle.deadline(at(0)), Some(minute(55)));
    assert!(!notified(&mut lifecycle, just_before(55 * 60)));

    assert!(notified(&mut lifecycle, minute(55)));
    let notice = lifecycle.notice().unwrap();
    assert_eq!((notice.number, notice.ends_at), (1, Some(minute(60))));
    assert!(notified(&mut lifecycle, minute(70)), "it waits");
    assert_eq!(lifecycle.notice(), Some(notice));
    let _ = lifecycle.handle(asked(), minute(71));
    assert_eq!(lifecycle.notice(), None, "it is answered");
    let _ = lifecycle.handle(Event::CancelAsked, minute(71));
    assert!(!notified(&mut lifecycle, minute(72)));
}

#[test]
fn nobody_is_told_of_a_token_that_renews_itself_or_that_nobody_uses() {
    let mut renewing = with_notices(RenewMode::Ahead);
    let mut unused = with_notices(RenewMode::OnRequest);
    let mut silent = fresh(RenewMode::OnRequest);
    silent.note_use(minute(40));

    let _ = renewing.handle(Event::Woke, minute(54));
    let _ = renewing.handle(failed(2, Cause::NodeUnreachable), minute(54));

    assert!(!notified(&mut renewing, minute(54).plus(Duration::from_secs(4))));
    assert!(!notified(&mut unused, minute(56)));
    assert!(!notified(&mut silent, minute(56)));
}

#[test]
fn an_absent_human_is_told_when_they_return() {
    let mut lifecycle = with_notices(RenewMode::OnRequest);
    lifecycle.note_use(minute(40));
    lifecycle.note_leave(LOCKED);
    assert!(!notified(&mut lifecycle, minute(56)));

    lifecycle.note_leave(Ok(()));

    assert!(notified(&mut lifecycle, minute(57)));
}

#[test]
fn after_three_windows_one_notification_waits() {
    let mut lifecycle = unanswered();
    assert_eq!(lifecycle.deadline(minute(5)), Some(minute(35)));

    assert!(!notified(&mut lifecycle, just_before(35 * 60)));
    assert!(notified(&mut lifecycle, minute(35)));
    let first = lifecycle.notice().unwrap();
    assert_eq!(first.ends_at, None);
    for minutes in 36..60 {
        let _ = lifecycle.handle(wanted(0), minute(minutes));
        assert_eq!(lifecycle.notice(), Some(first));
    }
    let _ = lifecycle.handle(Event::LogoutAsked, minute(61));
    assert_eq!(lifecycle.notice(), None);
}

#[test]
fn a_spent_budget_is_told_of_too() {
    let mut lifecycle = with_notices(RenewMode::Ahead);
    lifecycle.note_leave(spent(9999));

    assert!(!notified(&mut lifecycle, minute(54)));
    assert!(notified(&mut lifecycle, minute(55)));
    assert!(notified(&mut lifecycle, minute(61)));
    assert_eq!(lifecycle.notice().unwrap().number, 1);
}

#[test]
fn whoever_was_away_when_a_token_ended_is_told_where_nothing_begins_by_itself() {
    let after_an_absence = |renew, leave: Result<(), Reserve>| {
        let mut lifecycle = with_notices(renew);
        lifecycle.note_use(minute(40));
        lifecycle.note_leave(LOCKED);
        let _ = lifecycle.handle(Event::Woke, minute(60));
        assert_eq!(lifecycle.notice(), None);
        lifecycle.note_leave(leave);
        let _ = lifecycle.handle(Event::Woke, minute(61));
        lifecycle.notice()
    };
    let told = Some(Notice { number: 1, ends_at: None });

    assert_eq!(after_an_absence(RenewMode::OnRequest, Ok(())), told);
    assert_eq!(after_an_absence(RenewMode::Ahead, spent(9999)), told);
    assert_eq!(after_an_absence(RenewMode::WhenUsed, Ok(())), None, "a login has begun");
}

#[test]
fn a_login_that_is_about_to_be_tried_again_is_not_worth_a_word() {
    let mut lifecycle = with_notices(RenewMode::WhenUsed);
    lifecycle.note_use(minute(59));
    let _ = lifecycle.handle(asked(), minute(59));
    let _ = lifecycle.handle(failed(2, Cause::NodeUnreachable), minute(60));

    assert!(!notified(&mut lifecycle, minute(60)));
}

#[test]
fn a_token_that_lives_shortly_is_not_spoken_of_all_its_life() {
    let mut lifecycle = Lifecycle::new(Policy { renew: RenewMode::OnRequest, ..Policy::default() });
    let _ = lifecycle.handle(asked(), at(0));
    let _ = lifecycle.handle(answered(1, grant(0, Duration::from_mins(4))), at(0));
    lifecycle.note_use(at(1));

    assert!(!notified(&mut lifecycle, just_before(180)));
    assert!(notified(&mut lifecycle, at(180)));
}

#[test]
fn a_token_whose_windows_nobody_answered_is_told_of_before_it_ends() {
    for (failures, told) in [(1, false), (2, false), (3, true)] {
        let mut lifecycle = with_notices(RenewMode::Ahead);
        for attempt in 2..2 + failures {
            let _ = lifecycle.handle(asked(), minute(55));
            let _ = lifecycle.handle(failed(attempt, Cause::LoginTimedOut), minute(55));
        }

        assert_eq!(notified(&mut lifecycle, minute(55)), told, "{failures}");
    }
}
