//! How logins are followed, joined and ended, and how reports of refused tokens are dealt with.

use std::time::Duration;

use tokio::task::JoinSet;
use ucsso::{
    broker::{
        Interaction, Lack, LoginEvent, Report,
        ports::{NotTaken, Pasted},
    },
    domain::{AttemptId, Cause, Generation, Manner, Policy, Verdict},
};

use crate::{
    login::{Answer, FakeLogin},
    rig::{HOUR, Rig, ask, cluster, seated},
};

#[tokio::test]
async fn a_report_is_checked_on_the_cluster_before_anything_is_dropped() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let report = |generation| {
        let hq = rig.hq();
        async move { hq.report_rejected(Generation(generation)).await.unwrap() }
    };

    assert_eq!(report(1).await, Report::Asked(Verdict::StillValid));
    assert!(rig.hq().published().state.token().is_some());
    rig.login.say(Verdict::Rejected);
    assert_eq!(report(1).await, Report::Asked(Verdict::StillValid), "asked a moment ago");
    assert_eq!(rig.login.verifications(), 1);
    rig.clock.advance(Duration::from_secs(10));
    assert_eq!(report(1).await, Report::Asked(Verdict::Rejected));

    assert!(rig.hq().published().state.token().is_none());
    assert_eq!(report(1).await, Report::Asked(Verdict::Rejected), "it is gone");
    assert_eq!(rig.login.verifications(), 2);
}

#[tokio::test]
async fn a_hundred_reports_are_one_question_and_at_most_one_login() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.say(Verdict::Rejected);
    let mut clients = JoinSet::new();
    for _ in 0..100 {
        let hq = rig.hq();
        clients.spawn(async move { hq.report_rejected(Generation(1)).await.unwrap() });
    }

    for report in clients.join_all().await {
        assert_eq!(report, Report::Asked(Verdict::Rejected));
    }

    assert_eq!(rig.login.verifications(), 1);
    assert_eq!(rig.login.windows(), 1);
    rig.clock.advance(Duration::from_mins(1));
    let mut clients = JoinSet::new();
    for _ in 0..100 {
        let hq = rig.hq();
        clients.spawn(async move {
            let _ = hq.report_rejected(Generation(1)).await;
            hq.token(ask(Interaction::IfNeeded)).await
        });
    }
    rig.until(seated).await;
    rig.login.answer(Answer::Token(HOUR));
    for token in clients.join_all().await {
        assert_eq!(token.unwrap().generation, Generation(2));
    }
    assert_eq!((rig.login.verifications(), rig.login.windows()), (1, 2));
}

#[tokio::test]
async fn a_report_about_an_older_token_says_that_there_is_a_newer_one() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.answer(Answer::Token(HOUR));
    rig.hq().token(ask(Interaction::Force)).await.unwrap();

    assert_eq!(rig.hq().report_rejected(Generation(1)).await, Ok(Report::Superseded));
    assert_eq!(rig.login.verifications(), 0);
}

#[tokio::test]
async fn a_login_is_told_step_by_step() {
    let rig = Rig::new(Policy::default());
    let mut login = rig.hq().log_in(Manner::ShowUrl).await.unwrap();

    let mut events = Vec::new();
    while let Some(event) = login.next().await {
        if let LoginEvent::Opened(..) = event {
            rig.login.answer(Answer::Token(HOUR));
        }
        events.push(event);
    }

    let [.., LoginEvent::Opened(_, opened), LoginEvent::Done(published)] = &events[..] else {
        panic!("{events:?}")
    };
    assert!(!opened.browser_opened);
    assert_eq!(opened.start_url, "http://127.0.0.1:1/start/1");
    assert_eq!(published.state.token().unwrap().generation, Generation(1));
}

#[tokio::test]
async fn a_cancelled_login_tells_those_who_follow_it() {
    let rig = Rig::new(Policy::default());
    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;

    assert_eq!(rig.hq().cancel().await, Ok(true));

    let mut last = None;
    while let Some(event) = login.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(LoginEvent::Failed(f)) if f.cause == Cause::LoginCancelled));
    assert_eq!(rig.hq().cancel().await, Ok(false));
}

#[tokio::test]
async fn clusters_wait_for_the_one_window() {
    let rig = Rig::new(Policy::default());
    let other = FakeLogin::new(&rig.clock);
    let broker = &rig.broker;
    broker.add(cluster("vm"), Policy::default(), other.clone());
    let vm = rig.broker.cluster(&"vm".parse().unwrap()).unwrap();
    let mut first = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;

    let mut second = vm.log_in(Manner::OpenBrowser).await.unwrap();
    assert!(matches!(second.next().await, Some(LoginEvent::Waiting(_))));
    rig.clock.advance(Duration::from_mins(4));
    assert_eq!(other.windows(), 0);
    rig.login.answer(Answer::Token(HOUR));
    while first.next().await.is_some() {}

    vm.subscribe().wait_for(seated).await.unwrap();
    rig.clock.advance(Duration::from_mins(4));
    tokio::task::yield_now().await;
    assert_eq!(other.open(), 1, "its time began with its window");
    assert_eq!((rig.login.windows(), other.windows()), (1, 0), "it went on in the same tab");
}

#[tokio::test]
async fn whoever_waits_is_told_when_the_broker_stops() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let caller = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;

    rig.broker.stop().await;

    assert_eq!(caller.await.unwrap(), Err(Lack::Stopping));
    let mut last = None;
    while let Some(event) = login.next().await {
        last = Some(event);
    }
    assert_eq!(last, Some(LoginEvent::Abandoned));
    tokio::task::yield_now().await;
    assert_eq!(rig.login.open(), 0);
}

#[tokio::test]
async fn a_report_is_answered_about_its_own_token() {
    let rig = Rig::new(Policy::default()).with_token().await;
    rig.login.think_about(Generation(1));
    let hq = rig.hq();
    let about_the_old = tokio::spawn(async move { hq.report_rejected(Generation(1)).await });
    while rig.login.verifications() == 0 {
        tokio::task::yield_now().await;
    }
    rig.login.answer(Answer::Token(HOUR));
    rig.hq().token(ask(Interaction::Force)).await.unwrap();
    rig.login.say(Verdict::Rejected);
    let hq = rig.hq();
    let about_the_new = tokio::spawn(async move { hq.report_rejected(Generation(2)).await });
    tokio::task::yield_now().await;

    rig.login.decide();

    assert_eq!(about_the_new.await.unwrap(), Ok(Report::Asked(Verdict::Rejected)));
    assert_eq!(about_the_old.await.unwrap(), Ok(Report::Superseded));
}

#[tokio::test]
async fn a_login_that_fails_at_once_is_told() {
    let rig = Rig::new(Policy::default());
    rig.login.answer(Answer::Failure(Cause::RedirectPortTaken));

    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();

    let last = login.next().await;
    assert!(matches!(last, Some(LoginEvent::Failed(f)) if f.cause == Cause::RedirectPortTaken));
}

#[tokio::test]
async fn the_start_page_does_not_show_in_debug_output() {
    let rig = Rig::new(Policy::default());
    let _login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();

    let shown = format!("{:?}", rig.until(seated).await);

    assert!(shown.contains("browser_opened: true") && !shown.contains("/start/"), "{shown}");
    assert!(!shown.contains("canary"), "{shown}");
}

fn pasted(attempt: u64, address: &str) -> Pasted {
    let start_url = format!("http://127.0.0.1:1/start/{attempt}").into();
    Pasted { start_url, address: address.to_owned().into() }
}

#[tokio::test]
async fn a_login_is_completed_by_hand_and_goes_on_waiting_until_it_is() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    assert_eq!(hq.complete(AttemptId(1), pasted(1, "token")).await, Ok(Err(NotTaken::NotPending)));
    let mut login = hq.log_in(Manner::ShowUrl).await.unwrap();
    let attempt = rig.until(seated).await.state.attempt().unwrap().id;

    for (other, pasted, why) in [
        (AttemptId(attempt.0 + 1), pasted(attempt.0 + 1, "token"), NotTaken::NotPending),
        (attempt, pasted(attempt.0 + 1, "token"), NotTaken::WrongTicket),
        (
            attempt,
            pasted(attempt.0, "garbage"),
            NotTaken::NotTheRedirect { beginnings: vec!["token".into()] },
        ),
    ] {
        assert_eq!(hq.complete(other, pasted).await, Ok(Err(why)));
        assert_eq!(rig.login.open(), 1, "it goes on waiting");
    }
    assert_eq!(hq.complete(attempt, pasted(attempt.0, "token")).await, Ok(Ok(())));

    let mut last = None;
    while let Some(event) = login.next().await {
        last = Some(event);
    }
    assert!(matches!(last, Some(LoginEvent::Done(_))), "{last:?}");
    let late = hq.complete(attempt, pasted(attempt.0, "token")).await;
    assert_eq!(late, Ok(Err(NotTaken::NotPending)));
}

#[tokio::test]
async fn a_login_that_waits_for_the_window_waits_for_no_address() {
    let rig = Rig::new(Policy::default());
    let other = FakeLogin::new(&rig.clock);
    let broker = &rig.broker;
    broker.add(cluster("vm"), Policy::default(), other.clone());
    let _first = rig.hq().log_in(Manner::ShowUrl).await.unwrap();
    rig.until(seated).await;
    let vm = rig.broker.cluster(&"vm".parse().unwrap()).unwrap();
    let _second = vm.log_in(Manner::ShowUrl).await.unwrap();
    let queued = vm.published().state.attempt().unwrap().id;

    let answer = vm.complete(queued, pasted(9, "token")).await;

    assert!(matches!(answer, Ok(Err(_))), "{answer:?}");
    assert_eq!(other.windows(), 0);
}
