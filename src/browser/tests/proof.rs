//! Whether the redirect address is ours, with others on it.

use std::{
    net::{self, Ipv6Addr},
    time::Duration,
};

use tokio::net::TcpListener;

use super::*;
use crate::browser::{Error, Refusal};

fn us() -> u32 {
    rustix::process::getuid().as_raw()
}

/// A listener for `localhost` that was bound while the machine had no `::1`.
fn half_bound() -> (Listener, SocketAddr) {
    let socket = net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = socket.local_addr().unwrap().port();
    let here = origin(&format!("http://localhost:{port}"));
    let listener = Listener::over(vec![socket], here, None, us()).unwrap();
    (listener, SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port))
}

#[tokio::test]
async fn a_listener_proves_itself_at_every_address_and_leaves_no_trace() {
    for here in ["http://127.0.0.1:0", "http://[::1]:0", "http://localhost:0"] {
        let listener = Listener::bind(origin(here), None, &Passed::default()).await.unwrap();

        listener.prove(Duration::ZERO).await.unwrap();
        let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();
        listener.prove(Duration::ZERO).await.unwrap();

        assert_eq!(listener.refusals().total(), 0, "{here}");
    }
}

#[tokio::test]
async fn an_address_where_somebody_else_is_silent_is_not_ours() {
    let (listener, v6) = half_bound();
    let _silent = TcpListener::bind(v6).await.unwrap();

    let refused = listener.prove(Duration::ZERO).await.unwrap_err();

    assert_eq!(
        refused.to_string(),
        format!("a program of uid {} answers on {v6} in this daemon's place", us())
    );
}

#[tokio::test]
async fn an_address_where_nobody_listens_yet_is_not_ours() {
    let (listener, v6) = half_bound();

    let refused = listener.prove(Duration::ZERO).await.unwrap_err();

    assert!(matches!(refused, Error::NotOurs { addr, uid: None } if addr == v6));
    assert_eq!(refused.to_string(), format!("this daemon is not what answers on {v6}"));
}

#[tokio::test]
async fn an_answer_that_is_fetched_from_our_other_address_proves_nothing() {
    let (listener, v6) = half_bound();
    let relay = TcpListener::bind(v6).await.unwrap();
    let here = SocketAddr::new([127, 0, 0, 1].into(), v6.port());
    let relaying = tokio::spawn(async move {
        let (mut theirs, _) = relay.accept().await.unwrap();
        let mut ours = TcpStream::connect(here).await.unwrap();
        let _closed_or_reset = tokio::io::copy_bidirectional(&mut theirs, &mut ours).await;
    });

    let refused = listener.prove(Duration::ZERO).await;

    relaying.await.unwrap();
    assert!(matches!(refused, Err(Error::NotOurs { addr, .. }) if addr == v6));
    assert_eq!(listener.refusals().of(Refusal::NothingPending), 1);
}

#[tokio::test]
async fn another_answer_proves_nothing() {
    for answer in ["", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nAAAA", "\r\n\r\n"] {
        let (listener, v6) = half_bound();
        let other = TcpListener::bind(v6).await.unwrap();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = other.accept().await.unwrap();
            let _asked = stream.read(&mut [0; 1024]).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        });

        let refused = listener.prove(Duration::ZERO).await;

        answering.await.unwrap();
        assert!(matches!(refused, Err(Error::NotOurs { .. })), "{answer}");
    }
}

#[tokio::test]
async fn a_listener_that_does_not_listen_to_us_is_not_ours() {
    let listener =
        Listener::serve(origin("http://127.0.0.1:0"), None, &Passed::default(), us() + 1)
            .await
            .unwrap();

    assert!(matches!(listener.prove(Duration::ZERO).await, Err(Error::NotOurs { uid: None, .. })));
}

#[tokio::test]
async fn a_challenge_of_somebody_else_gets_what_any_stranger_gets() {
    let listener = bound().await;
    let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();

    let answer = visit(&listener, "/proof/bm90IGEgY2hhbGxlbmdlIG9mIHRoaXMgbGlzdGVuZXI").await;

    assert_eq!((answer.status, listener.refusals().of(Refusal::UnknownPath)), (404, 1));
}
