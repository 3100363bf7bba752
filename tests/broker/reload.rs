//! Clusters that come, go and change while the broker runs.

use tokio::task::JoinHandle;
use ucsso::{
    broker::{
        Interaction, Lack, LoginEvent, Phase, Settings,
        ports::{Clock as _, Pasted},
    },
    domain::{Lapse, Manner, Policy, RenewMode, Token},
};

use crate::{
    login::{Answer, FakeLogin},
    rig::{HOUR, Rig, ask, cluster, seated},
};

impl Rig {
    /// Other settings for `hq`: its tokens are bob's from now on.
    fn settings_of_bob(&self) -> (Settings<FakeLogin>, FakeLogin) {
        let login = FakeLogin::new(&self.clock);
        let mut cluster = cluster("hq");
        cluster.user = "bob".into();
        (Settings { cluster, policy: Policy::default(), login: login.clone() }, login)
    }

    /// Settings for `hq` that differ in a rule alone.
    fn other_rules(&self, renew: RenewMode) -> (Settings<FakeLogin>, FakeLogin) {
        let login = FakeLogin::new(&self.clock);
        let policy = Policy { renew, ..Policy::default() };
        (Settings { cluster: cluster("hq"), policy, login: login.clone() }, login)
    }

    /// A program that waits for the login under way.
    async fn waiting(&self) -> JoinHandle<Result<Token, Lack>> {
        let hq = self.hq();
        let waiting = tokio::spawn(async move { hq.token(ask(Interaction::IfNeeded)).await });
        self.until(seated).await;
        waiting
    }

    async fn remove(&self, name: &str) {
        self.broker.remove(&name.parse().unwrap()).await;
    }
}

#[tokio::test]
async fn rules_that_change_leave_the_token_and_are_gone_by() {
    let rig = Rig::new(Policy { renew: RenewMode::OnRequest, ..Policy::default() });
    let rig = rig.with_token().await;
    let hq = rig.hq();
    assert_eq!(hq.published().renews_at, None);

    let (settings, login) = rig.other_rules(RenewMode::Ahead);
    rig.control.adapt(settings).await;

    assert_eq!(hq.token(ask(Interaction::Never)).await.unwrap().generation.0, 1);
    assert_eq!(hq.published().renew, RenewMode::Ahead, "a handle of before reads it too");
    rig.clock.advance(hq.published().renews_at.unwrap().since(rig.clock.now()));
    rig.until(seated).await;
    assert_eq!((rig.login.open(), login.open()), (0, 1), "the new login is used");
}

#[tokio::test]
async fn a_login_under_way_ends_with_the_settings_it_began_with() {
    let rig = Rig::new(Policy::default());
    let waiting = rig.waiting().await;

    let (settings, login) = rig.other_rules(RenewMode::WhenUsed);
    rig.control.adapt(settings).await;
    rig.login.answer(Answer::Token(HOUR));

    assert_eq!(waiting.await.unwrap().unwrap().generation.0, 1);
    assert_eq!(login.windows(), 0);
}

#[tokio::test]
async fn an_address_that_was_pasted_goes_to_the_login_that_asked_for_it() {
    let rig = Rig::new(Policy::default());
    let waiting = rig.waiting().await;
    let attempt = rig.hq().published().state.attempt().unwrap().id;

    let (settings, login) = rig.other_rules(RenewMode::WhenUsed);
    rig.control.adapt(settings).await;
    let pasted = Pasted {
        start_url: format!("http://127.0.0.1:1/start/{}", attempt.0).into(),
        address: "token".to_owned().into(),
    };
    rig.hq().complete(attempt, pasted).await.unwrap().unwrap();

    assert_eq!(waiting.await.unwrap().unwrap().generation.0, 1);
    assert_eq!(login.windows(), 0);
}

#[tokio::test]
async fn a_cluster_that_is_reset_forgets_its_token_and_counts_on() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let hq = rig.hq();
    let mut watched = hq.subscribe();
    watched.mark_unchanged();

    let (settings, login) = rig.settings_of_bob();
    rig.control.reset(settings).await;

    let seen = watched.borrow_and_update().clone();
    assert_eq!((seen.state.token(), seen.cluster.user.as_str()), (None, "bob"), "at once");
    login.answer(Answer::Token(HOUR));
    let token = hq.token(ask(Interaction::IfNeeded)).await.unwrap();
    assert_eq!(token.generation.0, 2);
    assert_eq!((rig.login.windows(), login.windows()), (1, 1));
}

#[tokio::test]
async fn a_login_of_a_cluster_that_is_reset_is_ended_and_what_it_brings_is_late() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let mut followed = hq.log_in(Manner::ShowUrl).await.unwrap();
    rig.until(seated).await;
    // The answer is there; that the login has ended is not known yet.
    rig.login.answer(Answer::Token(HOUR));

    let (settings, _) = rig.settings_of_bob();
    rig.control.reset(settings).await;
    rig.settle().await;

    while let Some(event) = followed.next().await {
        assert!(!matches!(event, LoginEvent::Done(_) | LoginEvent::Failed(_)), "{event:?}");
    }
    let state = hq.published().state;
    assert_eq!((state.token(), state.lapse()), (None, Some(Lapse::Reconfigured)));
    assert_eq!(rig.login.open(), 0, "its window is closed");
}

#[tokio::test]
async fn whoever_waits_for_a_cluster_that_is_removed_is_told_that_there_is_none() {
    let rig = Rig::new(Policy::default());
    let hq = rig.hq();
    let mut followed = hq.log_in(Manner::ShowUrl).await.unwrap();
    let waiting = rig.waiting().await;

    rig.remove("hq").await;

    assert_eq!(waiting.await.unwrap(), Err(Lack::Removed));
    let events = async { while followed.next().await.is_some() {} };
    events.await;
    assert_eq!(hq.gone(), Some(Lack::Removed));
    for interaction in [Interaction::Never, Interaction::IfNeeded, Interaction::Force] {
        assert_eq!(hq.token(ask(interaction)).await, Err(Lack::Removed));
    }
    assert_eq!(hq.log_out().await, Err(Lack::Removed));
    assert!(rig.broker.cluster(hq.name()).is_none());
    assert_eq!(rig.login.open(), 0);
}

#[tokio::test]
async fn the_token_of_a_removed_cluster_is_gone_for_those_too_who_had_found_it() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let hq = rig.hq();

    rig.remove("hq").await;

    assert_eq!(hq.published().state.token(), None);
    assert_eq!(hq.token(ask(Interaction::Never)).await, Err(Lack::Removed));
}

#[tokio::test]
async fn what_changes_is_seen_of_clusters_that_come_and_go_too() {
    let rig = Rig::new(Policy::default());
    let mut changes = rig.broker.changes();
    let names = || {
        let clusters = rig.broker.clusters();
        clusters.iter().map(|cluster| cluster.name().to_string()).collect::<Vec<_>>()
    };
    changes.borrow_and_update();

    let vm = rig.add("vm", Policy::default());
    assert!(changes.has_changed().unwrap());
    assert_eq!(names(), ["hq", "vm"]);
    changes.borrow_and_update();
    vm.answer(Answer::Token(HOUR));
    rig.cluster("vm").token(ask(Interaction::IfNeeded)).await.unwrap();
    assert!(changes.has_changed().unwrap());
    changes.borrow_and_update();
    rig.remove("hq").await;
    assert!(changes.has_changed().unwrap());
    assert_eq!(names(), ["vm"]);
    assert_eq!(*changes.borrow_and_update(), Phase::Serving);

    rig.broker.stop().await;

    assert_eq!(*changes.borrow_and_update(), Phase::Ended);
    let vm = rig.cluster("vm");
    assert_eq!(vm.log_out().await, Err(Lack::Stopping));
    rig.add("late", Policy::default());
    assert_eq!(rig.cluster("late").log_out().await, Err(Lack::Stopping));
}

#[tokio::test]
async fn a_cluster_that_comes_back_begins_anew() {
    let rig = Rig::new(Policy::default()).with_token().await;
    let before = rig.hq();
    rig.remove("hq").await;

    let login = rig.add("hq", Policy::default());
    login.answer(Answer::Token(HOUR));

    assert_eq!(rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap().generation.0, 1);
    assert_eq!(before.gone(), Some(Lack::Removed));
}
