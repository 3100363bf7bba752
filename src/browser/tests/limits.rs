//! How much time, space and company one connection gets. Time is tokio's and is made to pass.

use tokio::time::pause;

use super::*;
use crate::browser::{Landing, Refusal};

/// Waits for a refusal that is counted once its connection has ended.
async fn counted(listener: &Listener, refusal: Refusal) {
    while listener.refusals().of(refusal) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let listener = bound().await;
    let addr = addr_of(&listener);
    let cookie = "x".repeat(20 * 1024);

    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!("GET /cb/hq HTTP/1.1\r\nHost: {addr}\r\nCookie: {cookie}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let _closed_or_reset = stream.read_to_end(&mut Vec::new()).await;

    counted(&listener, Refusal::HeadTooLarge).await;
}

#[tokio::test]
async fn bytes_that_are_not_http_are_refused() {
    let listener = bound().await;

    send(addr_of(&listener), "\x16\x03\x01 hello\r\n\r\n").await;

    counted(&listener, Refusal::NotHttp).await;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_given_up() {
    let listener = bound().await;
    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();
    stream.write_all(b"GET /cb/hq HTTP/1.1\r\nHo").await.unwrap();

    pause();
    let _closed = stream.read_to_end(&mut Vec::new()).await;

    counted(&listener, Refusal::HeadTooSlow).await;
    assert_eq!(listener.refusals().total(), 1);
}

#[tokio::test]
async fn a_silent_connection_is_closed_and_is_no_refusal() {
    let listener = bound().await;
    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();

    pause();
    let read = stream.read_to_end(&mut Vec::new()).await.unwrap();

    assert_eq!((read, listener.refusals().total()), (0, 0));
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let listener = bound().await;
    let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let addr = addr_of(&listener);
    let chunked = delivery(addr, "/cb/hq", "")
        .replace("Content-Length: 0", "Transfer-Encoding: chunked")
        + "10400\r\n";
    let mut stream = TcpStream::connect(addr).await.unwrap();

    stream.write_all(chunked.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; 65 * 1024]).await.unwrap();
    let _closed_or_reset = stream.read_to_end(&mut Vec::new()).await;

    assert_eq!(listener.refusals().of(Refusal::BodyTooLarge), 1);
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_waited_for() {
    let listener = bound().await;
    let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let addr = addr_of(&listener);
    let declared = delivery(addr, "/cb/hq", "").replace("Length: 0", "Length: 1073741824");

    let answer = send(addr, &declared).await;

    assert_eq!((answer.status, listener.refusals().of(Refusal::BodyTooLarge)), (413, 1));
}

#[tokio::test]
async fn a_body_that_does_not_end_is_given_up() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let addr = addr_of(&listener);
    let whole = delivery(addr, "/cb/hq", &posted(&nonce));
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();

    pause();
    let answer = answer_on(&mut stream).await;
    tokio::time::resume();

    assert_eq!((answer.status, listener.refusals().of(Refusal::BodyTooSlow)), (408, 1));
    tokio::join!(deliver(&listener, "/cb/hq", &nonce), async { drop(hq.arrival().await) });
}

#[tokio::test]
async fn a_token_of_16_kib_passes_even_if_all_of_it_is_escaped() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let addr = addr_of(&listener);
    let long = "%2B".repeat(16 * 1024);
    let request = delivery(addr, "/cb/hq", &posted(&nonce).replace("canary-77", &long));

    let (answer, ()) = tokio::join!(send(addr, &request), async {
        let arrival = hq.arrival().await;
        assert_eq!(arrival.fragment.len(), "access_token=".len() + long.len());
        arrival.reply.finish(Landing::Done { user: "alice".into(), until_millis: 7, next: None });
    });

    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn a_connection_answers_one_request() {
    let listener = bound().await;
    let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let addr = addr_of(&listener);
    let get = format!("GET /cb/hq HTTP/1.1\r\nHost: {addr}\r\n\r\n");

    let answer = send(addr, &get.repeat(2)).await;

    assert_eq!(answer.body.matches("<!doctype html>").count(), 1);
}

#[tokio::test]
async fn the_seventeenth_connection_takes_the_place_of_the_oldest_that_is_silent() {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let addr = addr_of(&listener);
    let mut answered = TcpStream::connect(addr).await.unwrap();
    answered.write_all(delivery(addr, "/cb/hq", &posted(&nonce)).as_bytes()).await.unwrap();
    let arrival = hq.arrival().await;
    let mut silent = Vec::new();
    for _ in 1..16 {
        silent.push(TcpStream::connect(addr).await.unwrap());
    }

    let page = send(addr, &format!("GET /cb/hq HTTP/1.1\r\nHost: {addr}\r\n\r\n")).await;

    assert_eq!(page.status, 200);
    let oldest = silent.remove(0).read_to_end(&mut Vec::new()).await;
    assert!(matches!(oldest, Ok(0) | Err(_)), "{oldest:?}");
    arrival.reply.finish(Landing::Done { user: "alice".into(), until_millis: 7, next: None });
    assert_eq!(answer_on(&mut answered).await.status, 200);
}
