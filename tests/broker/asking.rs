//! How much the human is asked: the budget over all clusters, the tab that goes on, the snooze.

use std::{sync::Arc, time::Duration};

use ucsso::{
    broker::{Broker, Interaction, Lack, Settings, ports::Clock},
    domain::{Cause, Manner, Past, Policy, Presence, Remembered, RenewMode, Reserve},
};

use crate::{
    clock::ManualClock,
    login::{Answer, FakeLogin},
    rig::{HOUR, Rig, ask, cluster, seated},
};

const MINUTE: Duration = Duration::from_mins(1);

fn ahead() -> Policy {
    Policy { renew: RenewMode::Ahead, ..Policy::default() }
}

#[tokio::test]
async fn nobody_is_asked_while_the_desktop_is_locked_and_whoever_returns_is() {
    let rig = Rig::new(ahead()).with_token().await;
    for (presence, reserve) in
        [(Presence::Locked, Reserve::Locked), (Presence::Idle, Reserve::Idle)]
    {
        rig.broker.note_presence(presence);
        rig.clock.advance(HOUR * 2);
        rig.settle().await;

        let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;
        assert_eq!(lack, Err(Lack::Reserved(reserve)));
        let lack = rig.hq().token(ask(Interaction::Force)).await;
        assert_eq!(lack, Err(Lack::Reserved(reserve)));
        assert_eq!(rig.login.windows(), 1);
    }

    rig.broker.note_presence(Presence::Here);

    rig.until(seated).await;
    assert_eq!(rig.login.windows(), 2);
}

#[tokio::test]
async fn a_human_who_asks_by_name_is_never_refused() {
    let rig = Rig::new(Policy::default());
    rig.broker.note_presence(Presence::Locked);
    rig.hq().snooze(None).await.unwrap();
    rig.login.answer(Answer::Token(HOUR));

    let mut login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    while login.next().await.is_some() {}

    assert!(rig.hq().token(ask(Interaction::Never)).await.is_ok());
}

#[tokio::test]
async fn a_machine_that_has_just_woken_is_left_to_find_its_network() {
    let rig = Rig::new(ahead()).with_token().await;
    rig.broker.note_presence(Presence::Here);
    rig.clock.advance(HOUR * 9);
    rig.broker.note_wake();
    rig.settle().await;
    let lack = rig.hq().token(ask(Interaction::IfNeeded)).await;
    assert!(matches!(lack, Err(Lack::Reserved(Reserve::JustWoke { .. }))), "{lack:?}");

    rig.clock.advance(Duration::from_secs(10));

    rig.until(seated).await;
}

#[tokio::test]
async fn four_windows_for_nobody_are_enough_for_all_clusters_together() {
    let rig = Rig::new(Policy::default());
    let mut logins = vec![rig.login.clone()];
    for name in ["a", "b", "c", "d", "e"] {
        logins.push(rig.add(name, Policy::default()));
    }
    for minute in 0..180 {
        for name in ["hq", "a", "b", "c", "d", "e"] {
            let cluster = rig.cluster(name);
            tokio::spawn(async move { cluster.token(ask(Interaction::IfNeeded)).await });
        }
        rig.settle().await;
        rig.clock.advance(MINUTE);
        rig.settle().await;
        let opened: usize = logins.iter().map(FakeLogin::windows).sum();
        assert!(opened <= 4 * (minute / 60 + 1), "{opened} in minute {minute}");
        assert_eq!(rig.broker.windows_left() == 0, rig.broker.counted_windows().len() >= 4);
    }

    let opened: usize = logins.iter().map(FakeLogin::windows).sum();
    assert!(opened >= 8, "it goes on asking, slowly: {opened}");
}

#[tokio::test]
async fn a_network_that_is_down_costs_no_window() {
    let rig = Rig::new(Policy::default());
    rig.login.cut_the_network(true);
    for _ in 0..600 {
        let _ = rig.hq().token(ask(Interaction::IfNeeded)).await;
        rig.clock.advance(MINUTE);
    }
    assert_eq!((rig.login.windows(), rig.broker.windows_left()), (0, 4));

    rig.login.cut_the_network(false);
    rig.clock.advance(MINUTE * 5);
    rig.login.answer(Answer::Token(HOUR));

    assert!(rig.hq().token(ask(Interaction::IfNeeded)).await.is_ok());
}

#[tokio::test]
async fn windows_that_never_opened_do_not_count() {
    let rig = Rig::new(Policy::default());
    for (cause, left) in
        [(Cause::BrowserUnavailable, 4), (Cause::BrowserUnavailable, 4), (Cause::IdpError, 3)]
    {
        rig.login.answer(Answer::Failure(cause));
        assert!(rig.hq().token(ask(Interaction::IfNeeded)).await.is_err());
        assert_eq!(rig.broker.windows_left(), left, "{cause:?}");
        rig.clock.advance(MINUTE * 5);
    }

    assert_eq!(rig.login.windows(), 3);
}

#[tokio::test]
async fn windows_that_are_answered_do_not_count() {
    let rig = Rig::new(Policy::default());
    for _ in 0..20 {
        rig.login.answer(Answer::Token(MINUTE));
        rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
        rig.clock.advance(MINUTE);
    }

    assert_eq!((rig.login.windows(), rig.broker.windows_left()), (20, 4));
}

#[tokio::test]
async fn one_tab_goes_through_every_cluster_that_is_due() {
    let rig = Rig::new(ahead()).with_token().await;
    let (vm, edge) = (rig.add("vm", ahead()), rig.add("edge", ahead()));
    for (name, login) in [("vm", &vm), ("edge", &edge)] {
        login.answer(Answer::Token(HOUR));
        rig.cluster(name).token(ask(Interaction::IfNeeded)).await.unwrap();
        login.went().await;
    }
    rig.login.went().await;
    let windows = || [&rig.login, &vm, &edge].map(FakeLogin::windows).iter().sum::<usize>();
    assert_eq!(windows(), 3);

    // Each renews by itself at its own time in the last minutes; the first takes the others along.
    let first = ["hq", "vm", "edge"].map(|name| rig.cluster(name).published().renews_at.unwrap());
    rig.clock.advance(first.into_iter().min().unwrap().since(rig.clock.now()));
    rig.settle().await;
    for _ in 0..3 {
        for login in [&rig.login, &vm, &edge] {
            if login.open() > 0 {
                login.answer(Answer::Token(HOUR));
            }
        }
        rig.settle().await;
    }

    assert_eq!(windows(), 4, "one window for all three");
    for name in ["hq", "vm", "edge"] {
        let token = rig.cluster(name).token(ask(Interaction::Never)).await.unwrap();
        assert_eq!(token.generation.0, 2, "{name}");
    }
    let mut went: Vec<_> = rig.login.went().await;
    went.extend(vm.went().await);
    went.extend(edge.went().await);
    assert_eq!(went.iter().flatten().count(), 2, "two pages went on, the last stayed: {went:?}");
}

#[tokio::test]
async fn a_cluster_that_went_along_opens_no_window_of_its_own() {
    let rig = Rig::new(ahead()).with_token().await;
    let vm = rig.add("vm", ahead());
    vm.answer(Answer::Token(HOUR * 2));
    rig.cluster("vm").token(ask(Interaction::IfNeeded)).await.unwrap();
    rig.broker.note_presence(Presence::Locked);
    rig.clock.advance(HOUR * 109 / 60);
    rig.settle().await;

    let _login = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;
    rig.cluster("vm").subscribe().wait_for(|p| p.state.attempt().is_some()).await.unwrap();
    rig.login.answer(Answer::Failure(Cause::IdpError));

    rig.cluster("vm").subscribe().wait_for(|p| p.state.attempt().is_none()).await.unwrap();
    assert_eq!((vm.windows(), vm.open()), (1, 0), "nobody came by with a tab");
    assert_eq!(rig.cluster("vm").published().state.failure(), None);
}

#[tokio::test]
async fn whoever_logs_in_without_a_browser_does_not_take_the_tab_of_another() {
    let rig = Rig::new(Policy::default());
    let vm = rig.add("vm", Policy::default());
    let _first = rig.hq().log_in(Manner::OpenBrowser).await.unwrap();
    rig.until(seated).await;
    let _second = rig.cluster("vm").log_in(Manner::ShowUrl).await.unwrap();

    rig.login.answer(Answer::Token(HOUR));
    rig.cluster("vm").subscribe().wait_for(seated).await.unwrap();

    assert_eq!(rig.login.went().await, [None]);
    assert_eq!(vm.open(), 1);
}

#[tokio::test]
async fn a_cancelled_login_is_a_snooze_that_programs_respect_and_a_restart_keeps() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let caller = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
    rig.until(seated).await;

    assert_eq!(rig.hq().cancel().await, Ok(true));

    assert!(
        matches!(caller.await.unwrap(), Err(Lack::Failed(f)) if f.cause == Cause::LoginCancelled)
    );
    let until = rig.hq().snoozed_until().unwrap();
    assert_eq!(until.since(rig.clock.now()), Duration::from_hours(8));
    for interaction in [Interaction::IfNeeded, Interaction::Force, Interaction::Never] {
        assert_eq!(rig.hq().token(ask(interaction)).await, Err(Lack::Snoozed { until }));
    }
    let remembered = rig.hq().published().state.remembered();
    rig.broker.stop().await;

    let login = FakeLogin::new(&rig.clock);
    let broker = Broker::new(rig.clock.clone());
    let settings =
        Settings { cluster: cluster("hq"), policy: Policy::default(), login: login.clone() };
    broker.add_remembering(settings, Past { remembered, ..Past::default() });
    let hq = broker.cluster(&"hq".parse().unwrap()).unwrap();
    assert_eq!(hq.token(ask(Interaction::IfNeeded)).await, Err(Lack::Snoozed { until }));
    assert_eq!(login.windows(), 0);
    assert_eq!(hq.snooze(Some(Duration::ZERO)).await, Ok(None));
    login.answer(Answer::Token(HOUR));
    assert!(hq.token(ask(Interaction::IfNeeded)).await.is_ok());
}

#[tokio::test]
async fn a_snooze_is_as_long_as_it_is_asked_for_and_never_for_ever() {
    let rig = Rig::new(Policy::default());
    let length = async |asked| {
        rig.hq().snooze(asked).await.unwrap().map(|until| until.since(rig.clock.now()))
    };

    assert_eq!(length(None).await, Some(Duration::from_hours(8)));
    assert_eq!(length(Some(MINUTE)).await, Some(MINUTE));
    assert_eq!(length(Some(Duration::MAX)).await, Some(Duration::from_hours(7 * 24)));
    assert_eq!(length(Some(Duration::ZERO)).await, None);
}

#[tokio::test]
async fn a_budget_outlives_the_daemon() {
    let clock = ManualClock::new();
    let broker = Broker::remembering(clock.clone(), &[clock.now(); 4], Arc::new(()));

    assert!(matches!(broker.reserve(), Some(Reserve::Spent { .. })));
    clock.advance(HOUR);
    assert_eq!((broker.reserve(), broker.windows_left()), (None, 4));
}

/// Sixty hours, ten programs that ask each minute, nobody there, and half of it locked.
#[tokio::test]
async fn a_weekend_opens_three_windows_a_cluster_and_none_while_locked() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let vm = rig.add("vm", ahead());
    vm.answer(Answer::Token(HOUR));
    rig.cluster("vm").token(ask(Interaction::IfNeeded)).await.unwrap();
    let windows = || [rig.login.windows(), vm.windows()];
    let before = windows();
    for minute in 0..60 * 60 {
        let locked = minute / 30 % 2 == 1;
        let presence = if locked { Presence::Locked } else { Presence::Here };
        rig.broker.note_presence(presence);
        for _ in 0..10 {
            for name in ["hq", "vm"] {
                let cluster = rig.cluster(name);
                tokio::spawn(async move { cluster.token(ask(Interaction::IfNeeded)).await });
            }
        }
        let opened = windows();
        rig.clock.advance(MINUTE);
        rig.settle().await;
        assert!(!locked || opened == windows(), "a window for a locked desktop");
    }

    for (after, before) in windows().into_iter().zip(before) {
        assert!((1..=3).contains(&(after - before)), "{} windows", after - before);
    }
    assert!(rig.hq().published().notice.is_some(), "one notification waits for Monday");
    assert_eq!(
        rig.hq().published().state.remembered(),
        Remembered { snoozed_until: None, unanswered: 3 }
    );
}
