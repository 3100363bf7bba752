//! How programs get tokens from the broker, and what a renewal does to them.

use std::time::Duration;

use tokio::task::JoinSet;
use ucsso::{
    broker::{Ask, Interaction, Lack, ports::Clock},
    domain::{Cause, Generation, Lapse, Policy, RenewMode, State, Token},
};

use crate::{
    login::Answer,
    rig::{HOUR, Rig, ask, ask_for, seated},
};

#[tokio::test]
async fn a_hundred_callers_of_a_cold_cluster_open_one_window() {
    for round in 1..=100 {
        let rig = Rig::new(Policy::default());
        let mut callers = JoinSet::new();
        for _ in 0..100 {
            let hq = rig.hq();
            callers.spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
        }
        rig.until(seated).await;
        rig.login.answer(Answer::Token(HOUR));

        let tokens: Vec<Token> = callers.join_all().await.into_iter().map(Result::unwrap).collect();

        assert_eq!(rig.login.windows(), 1, "round {round}");
        assert!(tokens.iter().all(|token| *token == tokens[0]));
        assert_eq!(tokens.len(), 100);
    }
}

#[tokio::test]
async fn a_failed_login_answers_every_waiter_and_begins_nothing_more() {
    let rig = Rig::new(Policy::default());
    let mut callers = JoinSet::new();
    for _ in 0..100 {
        let hq = rig.hq();
        callers.spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    }
    rig.until(seated).await;
    rig.login.answer(Answer::Failure(Cause::IdpError));

    for lack in callers.join_all().await {
        assert!(matches!(lack, Err(Lack::Failed(failure)) if failure.cause == Cause::IdpError));
    }
    let later = rig.hq().token(ask(Interaction::IfNeeded)).await;

    assert!(matches!(
        later,
        Err(Lack::LoginRequired { lapse: Some(Lapse::NeverLoggedIn), failure: Some(_) })
    ));
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_caller_who_forbids_a_login_gets_an_answer_at_once() {
    let rig = Rig::new(Policy::default());

    let cold = rig.hq().token(ask(Interaction::Never)).await;
    let waiting = tokio::spawn({
        let hq = rig.hq();
        async move { hq.token(ask(Interaction::IfNeeded)).await }
    });
    rig.until(seated).await;
    let under_way = rig.hq().token(ask(Interaction::Never)).await;
    rig.login.answer(Answer::Token(HOUR));
    waiting.await.unwrap().unwrap();

    assert!(matches!(cold, Err(Lack::LoginRequired { failure: None, .. })));
    assert_eq!(under_way, Err(Lack::LoginUnderWay));
    assert!(rig.hq().token(ask(Interaction::Never)).await.is_ok());
}

#[tokio::test]
async fn a_caller_who_gives_up_does_not_end_the_login() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let mut impatient = Box::pin(hq.token(ask(Interaction::IfNeeded)));
    tokio::select! {
        _ = &mut impatient => panic!("nobody logged in"),
        _ = rig.until(seated) => {}
    }
    drop(impatient);

    rig.login.answer(Answer::Token(HOUR));

    rig.until(|published| published.state.token().is_some()).await;
    assert_eq!(rig.login.windows(), 1);
}

#[tokio::test]
async fn a_used_token_is_renewed_ahead_and_served_meanwhile() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let renews_at = rig.until(|p| p.renews_at.is_some()).await.renews_at.unwrap();

    rig.clock.advance(renews_at.since(rig.clock.now()));
    rig.until(seated).await;
    let old = rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
    rig.login.answer(Answer::Token(HOUR));
    rig.until(|p| p.state.attempt().is_none()).await;
    let new = rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();

    assert_eq!((old.generation, new.generation), (Generation(1), Generation(2)));
    assert_eq!(new.grant.secret.expose(), "token-2");
}

#[tokio::test]
async fn a_token_that_nobody_uses_is_renewed_when_somebody_does() {
    let day = Duration::from_hours(24);
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Token(day));
    rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();

    rig.clock.advance(day * 19 / 20);
    tokio::task::yield_now().await;
    assert_eq!(rig.login.windows(), 1, "nobody asked for hours");
    rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();

    rig.until(seated).await;
    assert_eq!(rig.login.windows(), 2);
}

#[tokio::test]
async fn a_failed_renewal_keeps_the_good_token() {
    let rig = Rig::new(Policy { renew: RenewMode::Ahead, ..Policy::default() }).with_token().await;
    rig.clock.advance(HOUR * 11 / 12);
    rig.until(seated).await;

    rig.login.answer(Answer::Failure(Cause::NodeUnreachable));

    let published = rig.until(|p| p.state.failure().is_some()).await;
    assert_eq!(published.state.token().unwrap().generation, Generation(1));
    assert!(rig.hq().token(ask(Interaction::Never)).await.is_ok());
}

#[tokio::test]
async fn a_night_of_sleep_never_serves_the_dead_token() {
    let rig = Rig::new(Policy::default()).with_token().await;

    rig.clock.advance(Duration::from_hours(9));

    let asleep = rig.hq().token(ask(Interaction::Never)).await;
    assert!(matches!(asleep, Err(Lack::LoginRequired { .. })), "{asleep:?}");
    let published = rig.until(|p| p.state.token().is_none()).await;
    assert!(matches!(published.state, State::Cold { lapse: Lapse::Expired, .. }));
}

#[tokio::test]
async fn a_login_nobody_finishes_is_given_up_and_its_window_withdrawn() {
    let advice = "is it registered?".to_owned();
    let rig = Rig::new(Policy { timeout_advice: advice.clone(), ..Policy::default() });
    let hq = rig.hq();
    let caller = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    rig.until(seated).await;
    assert_eq!(rig.login.open(), 1);

    rig.clock.advance(Duration::from_mins(5));

    let Err(Lack::Failed(failure)) = caller.await.unwrap() else { panic!("it timed out") };
    assert_eq!((failure.cause, failure.advice), (Cause::LoginTimedOut, advice));
    tokio::task::yield_now().await;
    assert_eq!(rig.login.open(), 0);
}

#[tokio::test]
async fn a_login_that_panics_is_a_failed_login() {
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Panic);

    let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;

    assert!(matches!(lack, Err(Lack::Failed(failure)) if failure.cause == Cause::Internal));
    assert!(rig.hq().log_out().await.is_ok(), "the owner lives on");
}

#[tokio::test]
async fn a_forced_login_replaces_a_good_token() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.answer(Answer::Token(HOUR));

    let token = rig.hq().token(ask(Interaction::Force)).await.unwrap();

    assert_eq!(token.generation, Generation(2));
}

#[tokio::test]
async fn a_forced_login_that_fails_at_once_does_not_give_the_old_token() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.answer(Answer::Failure(Cause::IdpError));

    let lack = rig.hq().token(ask(Interaction::Force)).await;

    assert!(matches!(&lack, Err(Lack::Failed(f)) if f.cause == Cause::IdpError), "{lack:?}");
}

#[tokio::test]
async fn a_caller_whose_login_fails_at_once_is_told_how() {
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Failure(Cause::BrowserUnavailable));

    let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;

    assert!(matches!(&lack, Err(Lack::Failed(f)) if f.cause == Cause::BrowserUnavailable));
}

#[tokio::test]
async fn a_renewal_that_falls_due_while_its_owner_is_held_up_begins() {
    let rig = Rig::new(Policy { renew: RenewMode::Ahead, ..Policy::default() }).with_token().await;
    let renews_at = rig.until(|p| p.renews_at.is_some()).await.renews_at.unwrap();
    let moment = Duration::from_millis(1);
    rig.clock.advance(renews_at.since(rig.clock.now()).saturating_sub(moment));

    rig.clock.stall_after_next_reading(moment);
    rig.hq().cancel().await.unwrap();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }

    assert_eq!(rig.login.windows(), 2);
}

#[tokio::test]
async fn a_token_that_nobody_uses_is_renewed_when_somebody_watches_it() {
    let day = Duration::from_hours(24);
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Token(day));
    rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
    rig.clock.advance(day * 19 / 20);
    tokio::task::yield_now().await;
    assert_eq!(rig.login.windows(), 1, "nobody asked for hours");

    let _watching = rig.hq().watching();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }

    assert_eq!(rig.login.windows(), 2);
}

#[tokio::test]
async fn a_validity_that_no_token_has_is_refused_with_the_longest() {
    let rig = Rig::new(Policy::default()).with_token().await;

    let lack = rig.hq().token(ask_for(HOUR * 2)).await;

    assert_eq!(lack, Err(Lack::Unsatisfiable { longest: HOUR }));
    assert_eq!(rig.login.windows(), 1);
    let hq = rig.hq();
    let forced = tokio::spawn(async move { hq.token(ask(Interaction::Force)).await });
    rig.until(seated).await;
    for interaction in [Interaction::Never, Interaction::IfNeeded] {
        let ask = Ask { min_validity: Some(HOUR * 2), interaction };
        let during_a_login = rig.hq().token(ask).await;
        assert_eq!(during_a_login, Err(Lack::Unsatisfiable { longest: HOUR }), "nobody waits");
    }
    rig.login.answer(Answer::Token(HOUR));
    assert!(forced.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_token_too_short_for_a_caller_is_renewed_for_him() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.clock.advance(Duration::from_mins(20));
    rig.login.answer(Answer::Token(HOUR));

    let token = rig.hq().token(ask_for(Duration::from_mins(50))).await.unwrap();

    assert_eq!(token.generation, Generation(2));
}
