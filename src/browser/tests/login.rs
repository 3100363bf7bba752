//! One login from the start page to the landing page, and the promises about its parts.

use std::net::TcpListener;

use tokio::{io::AsyncWriteExt, net::TcpStream, time::timeout};

use super::*;
use crate::browser::{Error, Landing, Refusal};

#[tokio::test]
async fn a_login_brings_query_and_fragment_and_shows_how_it_ended() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let landing_page = visit(&listener, "/cb/hq?q=1").await;

    let (answer, ()) = tokio::join!(deliver(&listener, "/cb/hq", &nonce), async {
        let arrival = hq.arrival().await;
        assert_eq!(*arrival.query, "q=1");
        assert_eq!(*arrival.fragment, "access_token=canary-77");
        arrival.reply.finish(Landing::Done { user: "alice".into(), until_millis: 7, next: None });
    });

    assert_eq!(landing_page.status, 200);
    assert_eq!(landing_page.attribute("state"), "checking");
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let json =
        r#"{"ok":true,"title":"Logged in to hq","lines":[],"user":"alice","until":7,"next":null}"#;
    assert_eq!(answer.body, json);
    assert_eq!(listener.refusals().total(), 0);
}

#[tokio::test]
async fn a_failed_login_shows_the_sentence_and_the_command() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;

    let (answer, ()) = tokio::join!(deliver(&listener, "/cb/hq", &nonce), async {
        let sentence = "the token belongs to another user".into();
        let advice = "run `ucssoctl login hq` as alice".into();
        hq.arrival().await.reply.finish(Landing::Failed { sentence, advice });
    });

    assert_eq!(answer.status, 200);
    assert!(answer.body.contains(r#""ok":false"#));
    assert!(answer.body.contains("Run `ucssoctl login hq` as alice."));
}

#[tokio::test]
async fn a_login_that_is_given_up_says_so() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;

    let (answer, ()) = tokio::join!(deliver(&listener, "/cb/hq", &nonce), async {
        drop(hq.arrival().await);
    });

    assert!(answer.body.contains(r#""ok":false,"title":"The login to hq did not finish""#));
}

#[tokio::test]
async fn a_check_that_takes_too_long_is_still_going_on() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;

    let (answer, _arrival) = tokio::join!(deliver(&listener, "/cb/hq", &nonce), async {
        let arrival = hq.arrival().await;
        tokio::time::pause();
        arrival
    });

    assert_eq!(answer.status, 202);
    assert!(answer.body.contains(r#""ok":false,"title":"Still checking with hq""#));
}

#[tokio::test]
async fn a_ticket_opens_its_start_page_once() {
    let listener = bound().await;
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    assert!(!hq.started()());

    begin(&listener, &hq).await;

    assert!(hq.started()());
    let path = Url::parse(hq.start_url()).unwrap().path().to_owned();
    let again = visit(&listener, &path).await;
    assert_eq!(again.status, 410);
    assert!(again.body.contains("This link no longer works"));
    assert_eq!(again.attribute("nonce"), "");
    assert_eq!(listener.refusals().of(Refusal::Ticket), 1);
}

#[tokio::test]
async fn a_wrong_nonce_leaves_the_login_waiting_for_the_right_one() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;

    let wrong = deliver(&listener, "/cb/hq", "bm90IHRoZSBub25jZSBvZiB0aGlzIHZpc2l0IGF0IGFs").await;
    let (right, ()) = tokio::join!(deliver(&listener, "/cb/hq", &nonce), async {
        let done = Landing::Done { user: "alice".into(), until_millis: 7, next: None };
        hq.arrival().await.reply.finish(done);
    });

    assert_eq!((wrong.status, right.status), (403, 200));
    assert_eq!(listener.refusals().of(Refusal::WrongNonce), 1);
}

#[tokio::test]
async fn a_second_redirect_with_the_same_nonce_is_refused() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    tokio::join!(deliver(&listener, "/cb/hq", &nonce), async { drop(hq.arrival().await) });

    let second = deliver(&listener, "/cb/hq", &nonce).await;

    assert_eq!(second.status, 409);
    assert_eq!(listener.refusals().of(Refusal::NonceSpent), 1);
}

#[tokio::test]
async fn two_clusters_share_an_address_but_no_nonce() {
    let listener = bound().await;
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let lab = listener.expect("/cb/lab", "lab", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    begin(&listener, &lab).await;

    let crossed = deliver(&listener, "/cb/lab", &nonce).await;

    assert_eq!(crossed.status, 403);
    assert_eq!(listener.refusals().of(Refusal::WrongNonce), 1);
}

#[tokio::test]
async fn dropping_the_expectation_withdraws_ticket_nonce_and_path() {
    let listener = bound().await;
    let _other = listener.expect("/cb/lab", "lab", target()).unwrap();
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let unused = listener.expect("/cb/unused", "unused", target()).unwrap();
    let ticket = Url::parse(unused.start_url()).unwrap().path().to_owned();

    drop((hq, unused));

    assert_eq!(visit(&listener, &ticket).await.status, 410);
    assert_eq!(visit(&listener, "/cb/hq").await.status, 404);
    assert_eq!(deliver(&listener, "/cb/hq", &nonce).await.status, 404);
    listener.expect("/cb/hq", "hq", target()).unwrap();
}

#[tokio::test]
async fn a_nonce_of_the_login_before_is_wrong_at_the_same_path() {
    let listener = bound().await;
    let hq = listener.expect("/cb/shared", "hq", target()).unwrap();
    let late = begin(&listener, &hq).await;
    drop(hq);
    let mut lab = listener.expect("/cb/shared", "lab", target()).unwrap();
    let nonce = begin(&listener, &lab).await;

    let refused = deliver(&listener, "/cb/shared", &late).await;
    let (answer, ()) = tokio::join!(deliver(&listener, "/cb/shared", &nonce), async {
        let done = Landing::Done { user: "alice".into(), until_millis: 7, next: None };
        lab.arrival().await.reply.finish(done);
    });

    assert_eq!((refused.status, answer.status), (403, 200));
    assert_eq!(listener.refusals().of(Refusal::WrongNonce), 1);
}

#[tokio::test]
async fn an_arrival_nobody_waited_for_is_kept() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let addr = addr_of(&listener);

    // Polled and given up, before and after the redirect came.
    assert!(timeout(std::time::Duration::ZERO, hq.arrival()).await.is_err());
    let mut page = TcpStream::connect(addr).await.unwrap();
    page.write_all(delivery(addr, "/cb/hq", &posted(&nonce)).as_bytes()).await.unwrap();
    let arrival = loop {
        tokio::select! {
            biased;
            () = tokio::task::yield_now() => {}
            arrival = hq.arrival() => break arrival,
        }
    };

    assert_eq!(*arrival.fragment, "access_token=canary-77");
}

#[tokio::test]
async fn one_path_is_expected_by_one_login() {
    let listener = bound().await;
    let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();

    let second = listener.expect("/cb/hq", "hq", target());

    assert!(matches!(second, Err(Error::AlreadyExpected { path }) if path == "/cb/hq"));
}

#[tokio::test]
async fn a_browser_is_sent_to_nothing_but_the_web() {
    let listener = bound().await;

    for target in ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x"] {
        let refused = listener.expect("/cb/hq", "hq", target.parse().unwrap());
        assert!(matches!(refused, Err(Error::NotAWebUrl)), "{target}");
    }
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_owner() {
    let squatter = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = squatter.local_addr().unwrap();
    let origin = origin(&format!("http://{taken}"));

    let refused = Listener::bind(origin, None, &Passed::default()).await.unwrap_err();

    let us = rustix::process::getuid().as_raw();
    assert_eq!(refused.to_string(), format!("another program of uid {us} listens on {taken}"));
    assert!(matches!(
        Listener::check(origin, &Passed::default()),
        Err(Error::PortTaken { uid: Some(_), .. })
    ));
    drop(squatter);
    assert!(Listener::check(origin, &Passed::default()).is_ok());
}

#[tokio::test]
async fn an_address_serves_until_the_last_clone_and_the_last_expectation() {
    let listener = bound().await;
    let addr = addr_of(&listener);
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let clone = listener.clone();

    drop(listener);
    assert_eq!(visit(&clone, "/cb/hq").await.status, 200);
    drop(clone);
    assert!(TcpStream::connect(addr).await.is_ok());
    drop(hq);

    while TcpStream::connect(addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    Listener::check(origin(&format!("http://{addr}")), &Passed::default()).unwrap();
}

#[tokio::test]
async fn localhost_is_served_at_both_addresses_and_under_that_name_alone() {
    let listener =
        Listener::bind(origin("http://localhost:0"), None, &Passed::default()).await.unwrap();
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let here = listener.origin();
    let get = |host: &str| format!("GET /cb/hq HTTP/1.1\r\nHost: {host}\r\n\r\n");

    assert!(hq.start_url().starts_with(&format!("{here}/start/")));
    for addr in here.addresses() {
        let named = send(addr, &get(&here.authority())).await;
        let bare = send(addr, &get(&addr.to_string())).await;
        assert_eq!((named.status, bare.status), (200, 421), "{addr}");
    }
}

#[tokio::test]
async fn nothing_secret_shows_in_debug_output() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let (_, ticket) = hq.start_url().split_once("/start/").unwrap();
    let ticket = ticket.to_owned();
    let nonce = begin(&listener, &hq).await;

    let (_, shown) = tokio::join!(deliver(&listener, "/cb/hq", &nonce), async {
        let arrival = hq.arrival().await;
        format!("{arrival:?} {:?} {hq:?} {listener:?}", arrival.reply)
    });

    for secret in ["canary", "q=1", &nonce, &ticket] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("/cb/hq"), "{shown}");
}
