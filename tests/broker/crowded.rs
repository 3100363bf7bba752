//! Too many connections and too many calls: who has to wait, who has to leave, and who stays.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use ucsso::{
    domain::Policy,
    rpc::{
        Limits,
        client::{Client, retry_delay},
        proto::{ClusterState, GetStatusRequest},
    },
};

use crate::{
    api::{Served, next_like, reason},
    rig::HOUR,
};

/// What a client says first (RFC 9113 3.4): the preface, and settings that change nothing.
const BEGINNING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

async fn status(client: &Client) -> Result<(), Status> {
    client.broker().get_status(GetStatusRequest::default()).await.map(drop)
}

/// A connection that was let in and on which nothing is called.
async fn idle(served: &Served) -> UnixStream {
    let mut stream = UnixStream::connect(&served.socket).await.unwrap();
    stream.write_all(BEGINNING).await.unwrap();
    stream.read_exact(&mut [0; 9]).await.unwrap();
    stream
}

/// Returns once the daemon has closed it.
async fn closed(mut stream: UnixStream) {
    // A reset is an end, too.
    let _ = stream.read_to_end(&mut Vec::new()).await;
}

#[tokio::test]
async fn a_program_that_calls_in_a_loop_is_told_how_long_to_wait() {
    let served = Served::start(Policy::default()).await;
    for _ in 0..Limits::default().pace.at_once {
        status(&served.client).await.unwrap();
    }
    let another = Client::connect(&served.socket).await.unwrap();

    for client in [&served.client, &another] {
        let refused = status(client).await.unwrap_err();

        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert_eq!(reason(&refused), "RATE_LIMITED");
        let retry = refused.get_details_retry_info().unwrap();
        assert_eq!(retry.retry_delay, Some(Duration::from_millis(20)));
        assert_eq!(retry_delay(&refused), retry.retry_delay);
    }
    served.rig.clock.advance(Duration::from_millis(20));
    status(&another).await.unwrap();
    status(&served.client).await.unwrap_err();
}

#[tokio::test]
async fn who_was_idle_for_longest_makes_room_and_who_has_a_call_open_stays() {
    let served = Served::start(Policy::default()).await;
    let mut watch = served.watch().await;
    let mut others = vec![];
    for _ in 1..Limits::default().of_a_program {
        others.push(idle(&served).await);
    }

    others.push(idle(&served).await);

    closed(others.remove(0)).await;
    status(&served.client).await.unwrap();
    served.rig.login.answer(crate::login::Answer::Token(HOUR));
    served.get(ucsso::rpc::proto::Interaction::IfNeeded).await.unwrap();
    let fresh = |m: &ucsso::rpc::proto::WatchTokenResponse| {
        m.status.as_ref().unwrap().state() == ClusterState::Fresh
    };
    next_like(&mut watch, fresh).await;
}

#[tokio::test]
async fn a_connection_without_a_call_ends_after_ten_minutes() {
    let served = Served::within(Limits::default(), Policy::default()).await;
    let _watch = served.watch().await;
    let idle = [idle(&served).await, idle(&served).await];

    served.rig.clock.advance(Duration::from_mins(10));

    for stream in idle {
        closed(stream).await;
    }
    status(&served.client).await.unwrap();
}
