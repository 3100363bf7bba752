//! Nodes that behave, and nodes that try to keep us.

use reqwest::dns::{Name, Resolve, Resolving};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::*;
use crate::cisco::testing::{FakeNode, LIMITS, Reply, cluster, node};

/// For the tests that wait for a limit to strike.
const SHORT: Limits = Limits {
    connect: Duration::from_millis(300),
    total: Duration::from_millis(300),
    body: LIMITS.body,
};

fn edge(node: &Node, limits: Limits) -> Edge {
    let authorities = Authorities::of_the_system();
    Edge::new(node, &cluster(vec![node.clone()]), authorities, limits).unwrap()
}

async fn answer(reply: Reply, limits: Limits) -> Result<Answer, Fault> {
    let fake = FakeNode::start(move |_| reply.clone()).await;
    edge(&fake.node(), limits).get("/x", None).await
}

#[tokio::test]
async fn an_answer_is_reduced_to_what_counts() {
    let headers = "WWW-Authenticate: Basic realm=\"Cisco Web Services Realm\"\r\n\
                   Content-Type: text/html;charset=utf-8\r\nRetry-After: 7\r\nServer:\r\n";

    let answer = answer(Reply::http(401, headers, "<html>"), LIMITS).await;

    let expected = Answer {
        status: 401,
        is_challenge: true,
        is_web_page: true,
        retry_after: Some(Duration::from_secs(7)),
        body: b"<html>".to_vec(),
    };
    assert_eq!(answer, Ok(expected));
}

#[tokio::test]
async fn a_request_has_the_token_and_nothing_that_would_replace_it() {
    let fake = FakeNode::start(|_| {
        Reply::http(200, "Set-Cookie: JSESSIONIDSSO=1; Path=/; Secure; HttpOnly\r\n", "")
    })
    .await;
    let edge = edge(&fake.node(), LIMITS);

    edge.get("/one", Some(&Secret::new("Mjo1".into()))).await.unwrap();
    edge.get("/two", None).await.unwrap();

    let [one, two] = fake.requests().try_into().unwrap();
    assert!(one.starts_with("GET /one HTTP/1.1\r\n"), "{one}");
    assert!(one.contains("\r\nauthorization: Bearer Mjo1\r\n"), "{one}");
    assert!(one.contains("\r\naccept: application/xml\r\n"), "{one}");
    assert!(!two.contains("authorization"), "{two}");
    for request in [one, two] {
        assert!(!request.contains("cookie"), "{request}");
        assert!(!request.contains("accept-encoding"), "{request}");
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let elsewhere = FakeNode::start(|_| Reply::http(200, "", "")).await;
    let to = format!("Location: https://{}/\r\n", elsewhere.name());
    let fake = FakeNode::start(move |_| Reply::http(302, &to, "")).await;

    let answer = edge(&fake.node(), LIMITS).get("/", Some(&Secret::new("t".into()))).await;

    assert_eq!(answer.map(|answer| answer.status), Ok(302));
    assert_eq!(elsewhere.requests(), Vec::<String>::new());
}

#[tokio::test]
async fn a_body_may_have_64_kib_and_not_one_byte_more() {
    let body = |length| answer(Reply::http(200, "", &"x".repeat(length)), LIMITS);

    assert_eq!(body(65_536).await.map(|answer| answer.body.len()), Ok(65_536));
    assert_eq!(body(65_537).await, Err(Fault::Oversized));
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut() {
    assert_eq!(answer(Reply::Endless, LIMITS).await, Err(Fault::Oversized));
}

#[tokio::test]
async fn a_compressed_body_is_not_inflated() {
    let reply = Reply::http(200, "Content-Encoding: gzip\r\n", "\u{1f}not unpacked");

    let answer = answer(reply, LIMITS).await;

    assert_eq!(answer.map(|answer| answer.body), Ok(b"\x1fnot unpacked".to_vec()));
}

#[tokio::test]
async fn a_slow_node_runs_out_of_time() {
    assert_eq!(answer(Reply::Drip, SHORT).await, Err(Fault::TimedOut));
    assert_eq!(answer(Reply::Hang, SHORT).await, Err(Fault::TimedOut));
}

#[tokio::test]
async fn a_node_that_never_finishes_the_handshake_runs_out_of_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();

    let answer = edge(&node("localhost", port), SHORT).get("/", None).await;

    assert_eq!(answer, Err(Fault::TimedOut));
}

#[tokio::test]
async fn what_is_not_http_is_told_apart() {
    let bytes = |text: &str| answer(Reply::Bytes(text.into()), LIMITS);
    let headers = "x: y\r\n".repeat(100);

    assert_eq!(bytes("SSH-2.0-x\r\n\r\n").await, Err(Fault::NotHttp));
    assert_eq!(bytes(&format!("HTTP/1.1 200 OK\r\n{headers}\r\n")).await, Err(Fault::NotHttp));
    assert_eq!(bytes("").await, Err(Fault::Broken));
    assert_eq!(
        bytes("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort").await,
        Err(Fault::Broken)
    );
}

#[tokio::test]
async fn a_closed_port_refuses() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let answer = edge(&node("127.0.0.1", closed.port()), LIMITS).get("/", None).await;

    assert_eq!(answer, Err(Fault::Refused));
}

#[tokio::test]
async fn a_name_without_an_address_is_told_apart() {
    struct Nowhere;
    impl Resolve for Nowhere {
        fn resolve(&self, _: Name) -> Resolving {
            Box::pin(async { Err("no such name".into()) })
        }
    }
    let tls = tls(&node("cucm-pub", 8443), Authorities::of_the_system());
    let builder = Client::builder().tls_backend_preconfigured(tls).no_proxy();
    let client = builder.dns_resolver(Nowhere).build().unwrap();

    let error = client.get("https://cucm-pub:8443/").send().await.unwrap_err();

    assert_eq!(fault(&error), Fault::NoAddress);
}

#[tokio::test]
async fn a_port_without_tls_is_told_apart() {
    assert_eq!(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n").await, Err(Fault::NotTls));
}

#[tokio::test]
async fn a_node_without_a_common_cipher_is_told_apart() {
    const HANDSHAKE_FAILURE: &[u8] = &[21, 3, 3, 0, 2, 2, 40];
    const PROTOCOL_VERSION: &[u8] = &[21, 3, 3, 0, 2, 2, 70];

    assert_eq!(raw(HANDSHAKE_FAILURE).await, Err(Fault::Handshake));
    assert_eq!(raw(PROTOCOL_VERSION).await, Err(Fault::Handshake));
}

/// Asks something that answers the first bytes it gets with these.
async fn raw(bytes: &'static [u8]) -> Result<Answer, Fault> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream
    });

    let answer = edge(&node("127.0.0.1", port), LIMITS).get("/", None).await;
    drop(serving.await);
    answer
}

#[tokio::test]
async fn no_proxy_is_used_unless_the_configuration_names_one() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = cluster(vec![node("cucm-pub.invalid", 8443)]);
    config.proxy = Some(format!("http://{}", proxy.local_addr().unwrap()).parse().unwrap());
    let edge = Edge::new(&config.nodes[0], &config, Authorities::of_the_system(), LIMITS).unwrap();

    let asking = tokio::spawn(async move { edge.get("/", None).await });
    let (stream, _) = proxy.accept().await.unwrap();
    let mut line = [0; 36];
    tokio::io::AsyncReadExt::read_exact(&mut { stream }, &mut line).await.unwrap();

    assert_eq!(&line, b"CONNECT cucm-pub.invalid:8443 HTTP/1");
    assert!(asking.await.unwrap().is_err());
}

#[test]
fn retry_after_counts_only_in_seconds() {
    let read = |text: &str| {
        let mut headers = HeaderMap::new();
        headers.insert(header::RETRY_AFTER, text.parse().unwrap());
        retry_after(&headers)
    };

    assert_eq!(read("120"), Some(Duration::from_mins(2)));
    for text in ["", "-1", "+1", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT", "9999999999"] {
        assert_eq!(read(text), None, "{text}");
    }
}
