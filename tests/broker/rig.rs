//! A broker with one cluster, a clock that stands still, and a login that answers when told.

use std::{sync::Arc, time::Duration};

use ucsso::{
    broker::{Ask, Broker, ClusterHandle, Control, Interaction, Published},
    domain::{Cluster, Policy, Stage},
};

use crate::{
    clock::ManualClock,
    login::{Answer, FakeLogin},
};

pub(crate) const HOUR: Duration = Duration::from_hours(1);

pub(crate) struct Rig {
    pub(crate) clock: ManualClock,
    pub(crate) login: FakeLogin,
    pub(crate) broker: Arc<Broker<ManualClock>>,
    pub(crate) control: Control<FakeLogin>,
}

impl Rig {
    pub(crate) fn new(policy: Policy) -> Self {
        let clock = ManualClock::new();
        let login = FakeLogin::new(&clock);
        let broker = Broker::new(clock.clone());
        let control = broker.add(cluster("hq"), policy, login.clone());
        Self { clock, login, broker: Arc::new(broker), control }
    }

    /// Adds a cluster that logs in as it is told.
    pub(crate) fn add(&self, name: &str, policy: Policy) -> FakeLogin {
        let login = FakeLogin::new(&self.clock);
        self.broker.add(cluster(name), policy, login.clone());
        login
    }

    pub(crate) fn cluster(&self, name: &str) -> ClusterHandle<ManualClock> {
        self.broker.cluster(&name.parse().unwrap()).unwrap()
    }

    /// Lets every task do what it can at this moment.
    pub(crate) async fn settle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn hq(&self) -> ClusterHandle<ManualClock> {
        self.broker.cluster(&"hq".parse().unwrap()).unwrap()
    }

    /// Waits until the published state is as a test wants it.
    pub(crate) async fn until(&self, wanted: impl FnMut(&Published) -> bool) -> Published {
        self.hq().subscribe().wait_for(wanted).await.unwrap().clone()
    }

    pub(crate) async fn with_token(self) -> Self {
        self.login.answer(Answer::Token(HOUR));
        self.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
        self
    }
}

pub(crate) fn cluster(name: &str) -> Cluster {
    Cluster { name: name.parse().unwrap(), product: "ucm", user: "alice".into() }
}

pub(crate) fn ask(interaction: Interaction) -> Ask {
    Ask { min_validity: None, interaction }
}

pub(crate) fn ask_for(min_validity: Duration) -> Ask {
    Ask { min_validity: Some(min_validity), interaction: Interaction::IfNeeded }
}

pub(crate) fn seated(published: &Published) -> bool {
    published.opened().is_some()
        && matches!(published.state.attempt().map(|a| a.stage), Some(Stage::Seated { .. }))
}
