//! Every request that is refused, over a real connection: its status, its counter, and that it
//! spends nothing. The header rules one by one are beside `request`.

use super::*;
use crate::browser::Refusal;

/// Sends a request while a login is pending, and says how it was refused.
async fn refused(request: impl Fn(SocketAddr, &str) -> String) -> (u16, Vec<Refusal>) {
    let listener = bound().await;
    let mut hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let nonce = begin(&listener, &hq).await;
    let addr = addr_of(&listener);

    let answer = send(addr, &request(addr, &nonce)).await;

    let reasons = Refusal::ALL.into_iter().filter(|r| listener.refusals().of(*r) == 1).collect();
    assert_eq!(answer.header("set-cookie"), None);
    assert_eq!(answer.header("location"), None);
    assert!(answer.headers.iter().all(|(name, _)| !name.starts_with("access-control-")));
    // Whatever it was, the login still waits for its own redirect.
    tokio::join!(deliver(&listener, "/cb/hq", &nonce), async { drop(hq.arrival().await) });
    (answer.status, reasons)
}

/// A correct delivery with one piece of its text replaced.
async fn altered(from: &str, to: &str) -> (u16, Vec<Refusal>) {
    refused(|addr, nonce| {
        let right = delivery(addr, "/cb/hq", &posted(nonce));
        let from = from.replace("ADDR", &addr.to_string());
        assert!(right.contains(&from), "{from}");
        right.replacen(&from, to, 1)
    })
    .await
}

#[tokio::test]
async fn a_foreign_host_is_misdirected_and_gets_no_word() {
    assert_eq!(altered("Host: ADDR", "Host: evil.test").await, (421, vec![Refusal::ForeignHost]));

    let listener = bound().await;
    let request = "GET / HTTP/1.1\r\nHost: rebind.test\r\n\r\n";
    assert_eq!(send(addr_of(&listener), request).await.body, "");
}

#[tokio::test]
async fn a_request_without_host_or_with_two_is_refused() {
    assert_eq!(altered("Host: ADDR\r\n", "").await, (400, vec![Refusal::HostCount]));
    let two =
        refused(|addr, _| format!("GET /cb/hq HTTP/1.1\r\nHost: {addr}\r\nHost: {addr}\r\n\r\n"));
    assert_eq!(two.await, (400, vec![Refusal::HostCount]));
}

#[tokio::test]
async fn an_absolute_target_is_refused() {
    let absolute =
        refused(|addr, _| format!("GET http://{addr}/cb/hq HTTP/1.1\r\nHost: {addr}\r\n\r\n"));

    assert_eq!(absolute.await, (400, vec![Refusal::TargetForm]));
}

#[tokio::test]
async fn a_preflight_gets_no_permission() {
    let preflight = refused(|addr, _| {
        format!(
            "OPTIONS /cb/hq HTTP/1.1\r\nHost: {addr}\r\nOrigin: https://evil.test\r\n\
             Access-Control-Request-Method: POST\r\n\r\n"
        )
    });

    assert_eq!(preflight.await, (403, vec![Refusal::Preflight]));
}

#[tokio::test]
async fn other_methods_are_told_which_there_are() {
    let listener = bound().await;
    let addr = addr_of(&listener);

    let answer = send(addr, &format!("PUT /cb/hq HTTP/1.1\r\nHost: {addr}\r\n\r\n")).await;

    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, POST")));
    assert_eq!(listener.refusals().of(Refusal::Method), 1);
}

#[tokio::test]
async fn a_frame_gets_no_page() {
    let framed = refused(|addr, _| {
        format!("GET /cb/hq HTTP/1.1\r\nHost: {addr}\r\nSec-Fetch-Dest: iframe\r\n\r\n")
    });

    assert_eq!(framed.await, (403, vec![Refusal::NotAVisit]));
}

#[tokio::test]
async fn a_prefetch_spends_no_ticket() {
    let listener = bound().await;
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let addr = addr_of(&listener);
    let path = Url::parse(hq.start_url()).unwrap().path().to_owned();
    let request =
        format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nSec-Purpose: prefetch;prerender\r\n\r\n");

    let answer = send(addr, &request).await;

    assert_eq!((answer.status, listener.refusals().of(Refusal::Prefetch)), (503, 1));
    assert!(!hq.started()());
    begin(&listener, &hq).await;
}

#[tokio::test]
async fn a_post_of_another_origin_is_refused() {
    let refused_origin = (403, vec![Refusal::ForeignOrigin]);

    assert_eq!(altered("Origin: http://ADDR", "Origin: null").await, refused_origin);
    assert_eq!(altered("Origin: http://ADDR\r\n", "").await, refused_origin);
    let cross_site = altered("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site").await;
    assert_eq!(cross_site, (403, vec![Refusal::CrossSite]));
}

#[tokio::test]
async fn a_post_that_a_form_can_send_is_refused() {
    let plain = altered("application/json", "text/plain").await;

    assert_eq!(plain, (415, vec![Refusal::ContentType]));
}

#[tokio::test]
async fn a_body_that_is_not_the_landing_page_s_is_refused() {
    let malformed = (400, vec![Refusal::BodyMalformed]);

    assert_eq!(altered("\"nonce\"", "\"nonsu\"").await, malformed);
    assert_eq!(altered("\"q=1\"", "[\"q\"]").await, malformed);
    assert_eq!(altered("{\"nonce", "x\"nonce").await, malformed);
    let twice = refused(|addr, nonce| {
        let body = posted(nonce).replacen('{', r#"{"fragment":"first","#, 1);
        delivery(addr, "/cb/hq", &body)
    });
    assert_eq!(twice.await, malformed);
}

#[tokio::test]
async fn a_redirect_before_the_start_page_is_refused() {
    let listener = bound().await;
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let (_, ticket) = hq.start_url().split_once("/start/").unwrap();

    let answer = deliver(&listener, "/cb/hq", ticket).await;

    assert_eq!((answer.status, listener.refusals().of(Refusal::NotStarted)), (403, 1));
}

#[tokio::test]
async fn a_path_that_nobody_expects_is_refused() {
    for path in ["/", "/cb", "/cb/hq/", "/cb/hq2", "/cb/%68q", "/CB/HQ", "//cb/hq", "/cb/hq;x"] {
        let visited = refused(|addr, _| format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n"));
        assert_eq!(visited.await, (404, vec![Refusal::UnknownPath]), "{path}");
    }
    let posted_there = refused(|addr, nonce| delivery(addr, "/cb/lab", &posted(nonce)));
    assert_eq!(posted_there.await, (404, vec![Refusal::UnknownPath]));
}

#[tokio::test]
async fn without_a_pending_login_there_is_nothing_to_do() {
    let listener = bound().await;

    let answer = visit(&listener, "/cb/hq").await;

    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("Nothing to do here"));
    assert_eq!(listener.refusals().of(Refusal::NothingPending), 1);
}

#[tokio::test]
async fn a_process_of_another_user_is_not_listened_to() {
    let other = rustix::process::getuid().as_raw() + 1;
    let listener = Listener::serve(origin("http://127.0.0.1:0"), None, &Passed::default(), other)
        .await
        .unwrap();
    let _hq = listener.expect("/cb/hq", "hq", target()).unwrap();

    let mut stream = TcpStream::connect(addr_of(&listener)).await.unwrap();
    let mut nothing = Vec::new();
    // Closed or reset, according to what was still on its way.
    let _closed = stream.read_to_end(&mut nothing).await;

    assert!(nothing.is_empty());
    assert_eq!(listener.refusals().of(Refusal::ForeignPeer), 1);
}

/// Everything of every kind of answer that a browser acts on, but for the digests.
#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let listener = bound().await;
    let hq = listener.expect("/cb/hq", "hq", target()).unwrap();
    let addr = addr_of(&listener);
    let start = Url::parse(hq.start_url()).unwrap().path().to_owned();
    let answers = [
        visit(&listener, &start).await,
        visit(&listener, "/cb/hq").await,
        visit(&listener, &start).await,
        visit(&listener, "/nowhere").await,
        deliver(&listener, "/cb/hq", "wrong").await,
        send(addr, "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n").await,
        send(addr, &format!("OPTIONS / HTTP/1.1\r\nHost: {addr}\r\n\r\n")).await,
    ];

    for answer in &answers {
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{policy}");
        assert!(policy.contains("base-uri 'none'; form-action 'none'; frame-ancestors 'none'"));
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("connection", "close"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{}", answer.status);
        }
        assert_eq!(answer.header("set-cookie"), None);
    }
    assert_eq!(answers[0].header("clear-site-data"), Some("\"cache\""));
    let landing = answers[1].header("content-security-policy").unwrap();
    let digests_out = landing.split('\'').map(|part| match part.split_once('-') {
        Some(("sha256", digest)) => format!("sha256-{}", digest.len()),
        _ => part.to_owned(),
    });
    assert_eq!(
        digests_out.collect::<Vec<_>>().join("'"),
        "default-src 'none'; script-src 'sha256-44'; style-src 'sha256-44'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'"
    );
}
