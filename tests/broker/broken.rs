//! A bug in the task that owns a cluster: it is noticed, and not taken for an end.

use std::{future::pending, sync::Arc};

use ucsso::{
    broker::{
        Broker, ClusterHandle, Lack,
        ports::{Clock, LoggedIn, Login, NotTaken, Pasted, Progress, Tab},
    },
    domain::{AttemptId, Failure, Learned, Manner, Policy, Token, Verdict},
};

use crate::{clock::ManualClock, rig::cluster};

/// A login whose owner trips over what a human pastes.
struct Tripping;

impl Login for Tripping {
    async fn log_in(
        &self,
        _: AttemptId,
        _: Manner,
        _: Option<Tab>,
        _: impl Progress,
    ) -> Result<LoggedIn, Failure> {
        pending().await
    }

    fn complete(&self, _: AttemptId, _: &Pasted) -> Result<(), NotTaken> {
        panic!("a bug, for the test");
    }

    async fn verify(&self, _: &Token) -> Verdict {
        Verdict::Unknown
    }

    fn learned(&self) -> Learned {
        Learned::default()
    }
}

fn broker() -> Broker<ManualClock> {
    let broker = Broker::new(ManualClock::new());
    for name in ["hq", "vm"] {
        broker.add(cluster(name), Policy::default(), Tripping);
    }
    broker
}

fn named<C: Clock>(broker: &Broker<C>, name: &str) -> ClusterHandle<C> {
    broker.cluster(&name.parse().unwrap()).unwrap().clone()
}

#[tokio::test]
async fn an_owner_that_breaks_off_is_named() {
    let broker = broker();
    let vm = named(&broker, "vm");
    let _login = vm.log_in(Manner::ShowUrl).await.unwrap();
    let attempt = vm.published().state.attempt().unwrap().id;
    assert!(broker.is_alive().await);

    let pasted = Pasted { start_url: String::new().into(), address: String::new().into() };
    let answer = vm.complete(attempt, pasted).await;

    assert!(matches!(answer, Err(Lack::Stopping)), "{answer:?}");
    assert_eq!(broker.broke().await.as_str(), "vm");
    assert!(!broker.is_alive().await);
}

#[tokio::test]
async fn a_broker_that_is_stopped_breaks_nothing() {
    let broker = Arc::new(broker());
    let listening = Arc::clone(&broker);
    let broke = tokio::spawn(async move { listening.broke().await });

    broker.stop().await;
    tokio::task::yield_now().await;

    assert!(!broke.is_finished());
    assert!(!broker.is_alive().await);
}
