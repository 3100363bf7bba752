//! What follows a sleep, and a step of the clock: every cluster decides at once, and nobody is asked
//! before there is a network, or a clock that stands still.

use std::time::Duration;

use ucsso::{
    broker::{Interaction, Lack, ports::Clock as _},
    domain::{Cause, Lapse, Manner, Policy, RenewMode, Reserve},
};

use crate::{
    login::Answer,
    rig::{HOUR, Rig, ask, seated},
};

const SECOND: Duration = Duration::from_secs(1);

fn ahead() -> Policy {
    Policy { renew: RenewMode::Ahead, ..Policy::default() }
}

/// A machine that slept for eight hours, woke, and has been awake for as long as it takes until
/// somebody may be asked. Its network has not come back.
async fn awake_without_network() -> Rig {
    let rig = Rig::new(ahead()).with_token().await;
    rig.login.cut_the_network(true);
    rig.clock.sleep(HOUR * 8);
    rig.broker.note_gap();
    rig.settle().await;
    rig.clock.advance(SECOND * 10);
    rig.settle().await;
    rig
}

#[tokio::test]
async fn whoever_watches_hears_of_the_end_of_a_token_when_the_machine_wakes() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let mut published = rig.hq().subscribe();
    published.mark_unchanged();

    rig.clock.sleep(HOUR * 8);
    rig.broker.note_wake();

    let news = published.wait_for(|news| news.state.token().is_none()).await.unwrap();
    assert_eq!(news.state.lapse(), Some(Lapse::Expired));
}

#[tokio::test]
async fn no_program_gets_a_token_that_ended_in_a_sleep_of_which_nobody_was_told_yet() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let hq = rig.hq();

    rig.clock.sleep(SECOND * 3599);
    rig.clock.sleep(Duration::from_millis(999));
    assert!(hq.published().usable(Some(Duration::ZERO), rig.clock.now()).is_some());
    let held = hq.published();
    rig.clock.sleep(Duration::from_millis(1));

    assert!(held.state.token().is_some());
    let lack = hq.token(ask(Interaction::Never)).await;
    assert!(matches!(lack, Err(Lack::LoginRequired { .. })), "{lack:?}");
    let lack = hq.token(ask(Interaction::IfNeeded)).await;
    assert!(matches!(lack, Err(Lack::Reserved(Reserve::JustWoke { .. }))), "{lack:?}");
}

#[tokio::test]
async fn a_login_waits_for_the_network_after_a_sleep() {
    let rig = awake_without_network().await;
    let hq = rig.hq();
    let asking = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    for _ in 0..15 {
        rig.clock.advance(SECOND);
        rig.settle().await;
    }
    assert!(rig.hq().published().state.attempt().is_some(), "it has not failed");
    assert_eq!(rig.login.windows(), 1);

    rig.login.cut_the_network(false);
    rig.login.answer(Answer::Token(HOUR));
    rig.clock.advance(SECOND * 5);

    assert!(asking.await.unwrap().is_ok());
    assert_eq!(rig.login.windows(), 2);
}

#[tokio::test]
async fn a_network_that_stays_away_after_a_sleep_is_said_to_be_away() {
    let rig = awake_without_network().await;
    for _ in 0..20 {
        rig.clock.advance(SECOND);
        rig.settle().await;
    }

    let published = rig.hq().published();
    assert_eq!(published.state.failure().unwrap().cause, Cause::NodeUnreachable);
    assert_eq!((rig.login.windows(), rig.broker.windows_left()), (1, 4));
}

#[tokio::test]
async fn a_login_that_somebody_asks_for_says_at_once_that_there_is_no_network() {
    let rig = Rig::new(Policy::default());
    rig.login.cut_the_network(true);
    rig.broker.note_wake();

    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    while login.next().await.is_some() {}

    assert_eq!(rig.hq().published().state.failure().unwrap().cause, Cause::NodeUnreachable);
}

#[tokio::test]
async fn what_goes_wrong_after_the_human_was_asked_is_not_tried_again() {
    let rig = Rig::new(Policy::default());
    rig.broker.note_wake();
    rig.clock.advance(SECOND * 10);
    rig.login.answer(Answer::Failure(Cause::NodeUnreachable));

    let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;

    assert!(matches!(lack, Err(Lack::Failed(_))), "{lack:?}");
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_thousand_steps_of_the_clock_ask_the_human_once() {
    let rig = Rig::new(ahead()).with_token().await;
    for step in 1..=1000u32 {
        rig.clock.jump(HOUR * 24 * step);
        rig.broker.note_gap();
        rig.settle().await;
        let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;
        assert!(matches!(lack, Err(Lack::Reserved(Reserve::JustWoke { .. }))), "{lack:?}");
        rig.clock.advance(SECOND);
    }
    assert_eq!(rig.login.windows(), 1);

    rig.clock.advance(SECOND * 29);
    rig.login.answer(Answer::Token(HOUR));
    rig.until(|published| published.state.token().is_some()).await;

    assert_eq!(rig.login.windows(), 2);
    rig.clock.advance(HOUR);
    assert!(rig.hq().token(ask(Interaction::Never)).await.is_err(), "it lives an hour");
}

#[tokio::test]
async fn a_no_outlasts_every_step_of_the_clock() {
    let rig = Rig::new(ahead()).with_token().await;
    rig.hq().snooze(Some(HOUR)).await.unwrap();

    for _ in 0..100 {
        rig.clock.jump(HOUR * 24);
        rig.broker.note_gap();
        rig.settle().await;
        rig.clock.advance(SECOND * 35);
        rig.settle().await;
    }
    assert_eq!((rig.login.windows(), rig.hq().snoozed_until().is_some()), (1, true));
    rig.clock.advance(SECOND * 100);

    rig.until(seated).await;
    assert_eq!(rig.login.windows(), 2);
}
