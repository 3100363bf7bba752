//! The streams of changes over a real socket: slow readers, the most of them, and their ends.

use std::time::Duration;

use tonic::{Code, Status};
use ucsso::{
    domain::Policy,
    rpc::{
        Limits,
        client::Mark,
        proto::{
            ClusterState, Interaction, Lapse, SnoozeRequest, WatchStatusRequest, WatchTokenRequest,
            token_broker_client::TokenBrokerClient,
        },
    },
};

use crate::{
    api::{Served, next_like, reason},
    rig::seated,
};

const CHANGES: i64 = 150;

impl Served {
    /// Changes the state of `hq` in a way that shows.
    async fn snooze(&self, minutes: i64) -> Option<prost_types::Timestamp> {
        let duration = Some(prost_types::Duration { seconds: minutes * 60, nanos: 0 });
        let request = SnoozeRequest { cluster: "hq".into(), duration };
        self.client.login().snooze(request).await.unwrap().into_inner().snooze_time
    }
}

fn said(status: &Status) -> (Code, String) {
    (status.code(), reason(status))
}

#[tokio::test]
async fn a_slow_reader_gets_the_latest_state_as_it_is_when_it_is_sent() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let channel = tonic::transport::Endpoint::try_from(format!("unix:{}", served.socket.display()))
        .unwrap()
        .initial_stream_window_size(1024)
        .connect()
        .await
        .unwrap();
    let mut slow = TokenBrokerClient::with_interceptor(channel, Mark);
    let request = WatchTokenRequest { cluster: "hq".into() };
    let mut watch = slow.watch_token(request).await.unwrap().into_inner();

    let mut last = None;
    for minutes in 1..=CHANGES {
        last = served.snooze(minutes).await;
        served.rig.settle().await;
    }
    served.rig.clock.advance(Duration::from_secs(30));

    let mut messages = 0;
    let latest = loop {
        let message = watch.message().await.unwrap().unwrap();
        messages += 1;
        if message.status.as_ref().unwrap().snooze_time == last {
            break message;
        }
    };
    assert!((2..20).contains(&messages), "{messages} messages for {CHANGES} changes");
    let remaining = latest.token.unwrap().remaining.unwrap().seconds;
    assert_eq!(remaining, 60 * 60 - 30, "as of now, not of the change");
}

#[tokio::test]
async fn whoever_watches_sees_a_token_renewed_and_lapse() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let mut watch = served.watch().await;
    let mut state = async |wanted: ClusterState| {
        next_like(&mut watch, |message| message.status.as_ref().unwrap().state() == wanted).await
    };

    assert_eq!(state(ClusterState::Fresh).await.token.unwrap().generation, 1);
    served.rig.clock.advance(Duration::from_mins(55));
    served.rig.until(seated).await;
    let renewing = state(ClusterState::Renewing).await.token.unwrap();
    assert_eq!(renewing.remaining.unwrap().seconds, 5 * 60);
    served.rig.clock.advance(Duration::from_mins(5));
    let lapsed = state(ClusterState::Cold).await;

    assert_eq!(lapsed.token, None, "never a dead one");
    let status = lapsed.status.unwrap();
    assert_eq!((status.lapse(), status.generation), (Lapse::Expired, 0));
    assert_eq!(status.failure.unwrap().reason, "LOGIN_TIMED_OUT");
}

#[tokio::test]
async fn a_cluster_that_is_removed_ends_the_streams_about_it_with_a_reason() {
    let served = Served::start(Policy::default()).await.with_token().await;
    served.rig.add("vm", Policy::default());
    let status_of = async |clusters: &[&str]| {
        let clusters = clusters.iter().map(ToString::to_string).collect();
        let request = WatchStatusRequest { clusters };
        served.client.broker().watch_status(request).await.unwrap().into_inner()
    };
    let mut token = served.watch().await;
    let (mut both, mut all) = (status_of(&["vm", "hq"]).await, status_of(&[]).await);
    both.message().await.unwrap();

    served.rig.broker.remove(&"hq".parse().unwrap()).await;

    let token = loop {
        match token.message().await {
            Ok(message) => assert!(message.unwrap().status.is_some()),
            Err(end) => break end,
        }
    };
    let both = loop {
        match both.message().await {
            Ok(message) => assert!(message.is_some()),
            Err(end) => break end,
        }
    };
    for end in [token, both] {
        assert_eq!(said(&end), (Code::NotFound, "CLUSTER_UNKNOWN".into()));
        assert_eq!(end.message(), "no cluster `hq` is configured any more");
    }
    next_like(&mut all, |message| message.status.as_ref().unwrap().clusters.len() == 1).await;
}

#[tokio::test]
async fn a_connection_watches_so_often_and_no_more_and_still_gets_answers() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let status = async || {
        let request = WatchStatusRequest::default();
        served.client.broker().watch_status(request).await.map(tonic::Response::into_inner)
    };
    let mut open = vec![];
    for _ in 1..Limits::default().watches {
        open.push(served.watch().await);
    }
    let mut last = status().await.unwrap();

    let refused = status().await.unwrap_err();
    let request = WatchTokenRequest { cluster: "hq".into() };
    let refused_too = served.client.broker().watch_token(request).await.unwrap_err();

    for refused in [refused, refused_too] {
        assert_eq!(said(&refused), (Code::ResourceExhausted, "TOO_MANY_WATCHES".into()));
    }
    assert!(served.get(Interaction::Never).await.is_ok());
    assert!(last.message().await.unwrap().is_some(), "those that are open go on");
    drop(open.pop());
    let mut another = loop {
        // That one was closed is known there once its reset has arrived.
        match status().await {
            Ok(stream) => break stream,
            Err(refused) => assert_eq!(refused.code(), Code::ResourceExhausted),
        }
        served.rig.settle().await;
    };
    assert!(another.message().await.unwrap().is_some());
}
