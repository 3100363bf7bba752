//! The lifecycle by example: how a token is lost, and when the user is left alone.

use std::time::Duration;

use super::{fixtures::*, *};

#[test]
fn a_cluster_that_refuses_is_asked_again_only_by_name() {
    let mut lifecycle = lifecycle(RenewMode::Ahead);
    let _ = lifecycle.handle(wanted(0), at(0));

    let _ = lifecycle.handle(failed(1, Cause::SsoDisabled), at(0));

    assert!(matches!(lifecycle.state(), State::Disabled { lapse: Lapse::NeverLoggedIn, .. }));
    assert_eq!(lifecycle.state().failure().unwrap().cause, Cause::SsoDisabled);
    assert_eq!(lifecycle.handle(wanted(0), at(99_999)), []);
    assert_eq!(lifecycle.deadline(at(0)), None);
    assert_eq!(lifecycle.handle(asked(), at(99_999)), begun(2, Manner::ShowUrl));
}

#[test]
fn a_refusal_while_a_token_is_held_waits_for_its_end() {
    let mut lifecycle = renewing();

    let _ = lifecycle.handle(failed(2, Cause::WrongUser), at(200));

    assert!(lifecycle.state().token().is_some());
    assert_eq!(lifecycle.state().failure().unwrap().cause, Cause::WrongUser);
    assert_eq!(lifecycle.renews_by_itself_at(), None);
    assert_eq!(lifecycle.handle(wanted(3590), at(300)), [], "it was refused for good");
    assert_eq!(lifecycle.clone().handle(asked(), at(300)), begun(3, Manner::ShowUrl));
    let _ = lifecycle.handle(Event::Woke, at(3600));
    assert!(matches!(lifecycle.state(), State::Disabled { lapse: Lapse::Expired, .. }));
}

#[test]
fn a_cancelled_login_costs_no_token_and_is_not_begun_again_at_once() {
    let mut lifecycle = renewing();

    assert_eq!(
        lifecycle.handle(Event::CancelAsked, at(110)),
        [Effect::Abort { attempt: AttemptId(2) }]
    );

    assert!(lifecycle.state().token().is_some());
    let failure = lifecycle.state().failure().unwrap();
    assert_eq!((failure.cause, failure.at), (Cause::LoginCancelled, at(110)));
    assert_eq!(lifecycle.handle(wanted(3590), at(169)), []);
    assert_eq!(lifecycle.handle(Event::CancelAsked, at(169)), [], "there is nothing to cancel");
}

#[test]
fn whoever_logs_out_is_left_alone() {
    let mut idle = fresh(RenewMode::Ahead);
    let mut busy = renewing();

    assert_eq!(idle.handle(Event::LogoutAsked, at(5)), []);
    assert_eq!(busy.handle(Event::LogoutAsked, at(105)), [Effect::Abort { attempt: AttemptId(2) }]);

    for mut lifecycle in [idle, busy] {
        assert_eq!(*lifecycle.state(), State::Cold { lapse: Lapse::LoggedOut, pause: Pause::Off });
        assert_eq!(lifecycle.handle(answered(2, grant(106, HOUR)), at(106)), [], "too late");
        assert_eq!(lifecycle.state().token(), None);
        assert_eq!(lifecycle.handle(wanted(0), at(9999)), []);
        assert_ne!(lifecycle.handle(asked(), at(9999)), []);
    }
}

#[test]
fn a_cluster_that_gives_the_same_token_again_is_not_asked_until_its_end() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let _ = lifecycle.handle(Event::Woke, at(3300));

    let _ = lifecycle.handle(answered(2, grant(3302, Duration::from_secs(298))), at(3302));

    assert_eq!(*pause(&lifecycle), Pause::Settling { until: at(3600) });
    assert_eq!(lifecycle.deadline(at(3302)), Some(at(3600)));
    assert_eq!(lifecycle.longest_lifetime(), HOUR);
}

#[test]
fn a_renewal_that_gains_a_tenth_of_the_lifetime_is_a_renewal() {
    for (lifetime, until) in [(959, 3959), (960, 3010)] {
        let mut lifecycle = fresh(RenewMode::WhenUsed);
        let _ = lifecycle.handle(asked(), at(3000));

        let answer = grant(3000, Duration::from_secs(lifetime));
        let _ = lifecycle.handle(answered(2, answer), at(3000));

        assert_eq!(*pause(&lifecycle), Pause::Settling { until: at(until) });
    }
}

#[test]
fn a_rejected_token_is_not_waited_for() {
    let mut lifecycle = fresh(RenewMode::Ahead);
    let _ = lifecycle.handle(Event::Woke, at(3300));
    let _ = lifecycle.handle(answered(2, grant(3302, Duration::from_secs(298))), at(3302));

    let _ = lifecycle.handle(Event::Rejected { generation: Generation(2) }, at(3310));

    assert_eq!(lifecycle.handle(wanted(0), just_before(3320)), []);
    assert_eq!(lifecycle.handle(wanted(0), at(3320)), begun(3, Manner::OpenBrowser));
}

#[test]
fn a_cluster_that_takes_back_what_it_gives_is_not_asked_without_end() {
    let mut lifecycle = lifecycle(RenewMode::Ahead);
    let _ = lifecycle.handle(asked(), at(0));
    let mut now = 0;

    for (attempt, wait) in [(1, 10), (2, 60), (3, 300)] {
        let _ = lifecycle.handle(answered(attempt, grant(now, HOUR)), at(now));
        let _ = lifecycle.handle(Event::Rejected { generation: Generation(attempt) }, at(now));
        assert_eq!(lifecycle.handle(wanted(0), just_before(now + wait)), [], "{attempt}");
        now += wait;
        assert_eq!(lifecycle.handle(wanted(0), at(now)), begun(attempt + 1, Manner::OpenBrowser));
    }
    let _ = lifecycle.handle(answered(4, grant(now, HOUR)), at(now));
    let _ = lifecycle.handle(Event::Rejected { generation: Generation(4) }, at(now + 299));
    assert_eq!(lifecycle.handle(wanted(0), at(now + 99_999)), []);
    let Pause::Unanswered { tally, failure, .. } = pause(&lifecycle) else { panic!() };
    assert_eq!(*tally, Tally { failures: 3, unanswered: 3 });
    assert_eq!(failure.cause, Cause::TokenUnusable);
    assert_eq!(failure.sentence, "the cluster rejects its tokens soon after it has issued them");
    assert_eq!(failure.at, at(now + 299));
}

#[test]
fn a_token_that_lived_a_while_may_be_rejected_without_a_grudge() {
    let mut lifecycle = lifecycle(RenewMode::Ahead);
    let _ = lifecycle.handle(asked(), at(0));

    for (attempt, obtained, rejected) in [(1, 0, 1), (2, 11, 311), (3, 321, 322)] {
        let _ = lifecycle.handle(answered(attempt, grant(obtained, HOUR)), at(obtained));
        let _ = lifecycle.handle(Event::Rejected { generation: Generation(attempt) }, at(rejected));
        assert_eq!(lifecycle.state().failure(), None);
        let _ = lifecycle.handle(wanted(0), at(rejected + 10));
    }
}
