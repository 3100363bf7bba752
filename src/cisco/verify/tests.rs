//! What nodes say of tokens, and how long a login listens to them.

mod who_else;

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{
    cisco::{
        testing::{FakeNode, JumpingClock, LIMITS, Reply, cluster},
        xml::XmlFlaw,
    },
    domain::{Generation, Grant},
};

const ALICE: &str = "<user><id>7</id><userName>alice</userName></user>";
const CHALLENGE: &str = "WWW-Authenticate: Basic realm=\"Cisco Web Services Realm\"\r\n";
const IN_AN_HOUR: Timestamp = Timestamp::from_millis(3_600_000);

fn works() -> Reply {
    Reply::http(200, "", ALICE)
}

/// A node that gives these answers one after the other, and the last one for ever.
async fn node_that(answers: Vec<Reply>) -> FakeNode {
    let asked = AtomicUsize::new(0);
    FakeNode::start(move |_| {
        let turn = asked.fetch_add(1, Ordering::SeqCst);
        answers[turn.min(answers.len() - 1)].clone()
    })
    .await
}

struct Asked {
    result: Result<Confirmed, Error>,
    slept: Vec<u64>,
}

/// Confirms a token at a cluster of these nodes, of which the first issued it.
async fn ask(fakes: &[&FakeNode], expires_at: Timestamp) -> Asked {
    let config = cluster(fakes.iter().map(|fake| fake.node()).collect());
    let nodes = Nodes::new(&config, LIMITS).unwrap();
    let clock = JumpingClock::default();
    let secret = Secret::new("canary-3".into());

    let result = confirm(&nodes, &config, &clock, &secret, 0, expires_at).await;

    Asked { result, slept: clock.slept() }
}

async fn ask_for_verdict(fakes: &[&FakeNode], confirmed_by: &str) -> Verdict {
    let config = cluster(fakes.iter().map(|fake| fake.node()).collect());
    let nodes = Nodes::new(&config, LIMITS).unwrap();
    let grant = Grant {
        secret: Secret::new("canary-3".into()),
        user: "alice".into(),
        node: confirmed_by.into(),
        obtained_at: Timestamp::default(),
        expires_at: IN_AN_HOUR,
    };
    verdict(&nodes, &config, &Token { generation: Generation(1), grant }).await
}

fn judged(product: Product, status: u16, is_challenge: bool, body: &str) -> Ruling {
    let body = body.as_bytes().to_vec();
    judge(product, "alice", &Answer { status, is_challenge, body, ..Answer::default() })
}

#[test]
fn the_answers_of_uds_are_told_apart() {
    let works = |user: Option<&str>| Ruling::Works { user: user.map(str::to_owned) };
    let others = |user: Option<&str>| Ruling::Others { user: user.map(str::to_owned) };
    let nothing = |fault| Ruling::Nothing { fault, retry_after: None };
    let bob = "<user><userName>bob</userName></user>";
    let page = "<html><body/></html>";
    for (status, challenge, body, ruling) in [
        (200, false, ALICE, works(Some("alice"))),
        (200, false, "<user><userName>ALICE</userName></user>", works(Some("ALICE"))),
        (200, false, "<user><id>7</id></user>", works(None)),
        (200, false, bob, others(Some("bob"))),
        (200, false, "<user><userName>&lt;b&gt;`rm`</userName></user>", others(Some("brm"))),
        (200, false, "<user><userName>&#60;&#62;</userName></user>", others(None)),
        (200, false, "<user><userName/></user>", works(None)),
        (200, false, page, nothing(Fault::Document(XmlFlaw::WebPage))),
        (200, false, "", nothing(Fault::Document(XmlFlaw::Truncated))),
        (401, true, page, Ruling::NotAccepted),
        (401, false, page, others(None)),
        (403, false, "", Ruling::NotPermitted),
        (429, false, "", nothing(Fault::Busy(429))),
        (500, false, "", nothing(Fault::Busy(500))),
        (503, false, "", nothing(Fault::Busy(503))),
        (302, false, "", nothing(Fault::Status(302))),
        (404, false, "", nothing(Fault::Status(404))),
        (204, false, "", nothing(Fault::Status(204))),
    ] {
        assert_eq!(judged(Product::Ucm, status, challenge, body), ruling, "{status} {body}");
    }
}

#[test]
fn the_answers_of_cumi_are_told_apart() {
    let nothing = |fault| Ruling::Nothing { fault, retry_after: None };
    let page = Answer { status: 200, is_web_page: true, ..Answer::default() };
    for (status, ruling) in [
        (200, Ruling::Works { user: None }),
        (401, Ruling::NotAccepted),
        (403, Ruling::NotPermitted),
        (503, nothing(Fault::Busy(503))),
    ] {
        assert_eq!(judged(Product::UnityConnection, status, false, "{}"), ruling, "{status}");
    }
    assert_eq!(judge(Product::UnityConnection, "alice", &page), nothing(Fault::WebPage));
}

#[test]
fn the_record_of_the_owner_says_whose_token_it_is() {
    let works = |user: Option<&str>| Ruling::Works { user: user.map(str::to_owned) };
    let nothing = |status| Ruling::Nothing { fault: Fault::Busy(status), retry_after: None };
    let bob = Ruling::Others { user: Some("bob".into()) };
    for (status, body, ruling) in [
        (200, "<User><Alias>Alice</Alias></User>", works(Some("Alice"))),
        (200, "<User><Alias>bob</Alias></User>", bob),
        (200, "<User/>", works(None)),
        (200, "<html>", works(None)),
        (403, "", works(None)),
        (404, "", works(None)),
        (429, "", nothing(429)),
        (503, "", nothing(503)),
    ] {
        let answer = Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() };
        assert_eq!(judge_own_record("alice", &answer), ruling, "{status} {body}");
    }
}

#[tokio::test]
async fn an_inbox_of_any_size_confirms_a_token() {
    let node = node_that(vec![Reply::Endless]).await;
    let mut config = cluster(vec![node.node()]);
    config.product = Product::UnityConnection;
    config.verify_path = "/vmrest/mailbox/folders/inbox/messages".into();
    let nodes = Nodes::new(&config, LIMITS).unwrap();
    let secret = Secret::new("canary-3".into());

    let ruling = rule(nodes.beginning_with(0).next().unwrap(), &config, &secret).await;

    assert_eq!(ruling, Ruling::Works { user: None });
    assert!(node.requests()[0].starts_with("GET /vmrest/mailbox/folders/inbox/messages HTTP/1.1"));
}

#[test]
fn the_user_is_one_segment_of_the_path() {
    let mut config = cluster(vec![]);
    for (user, expected) in [
        ("alice", "/cucm-uds/user/alice"),
        ("a.b-c_d", "/cucm-uds/user/a.b-c_d"),
        ("alice@example.com", "/cucm-uds/user/alice%40example.com"),
        ("a b/c?d#e%f+g", "/cucm-uds/user/a%20b%2Fc%3Fd%23e%25f%2Bg"),
        ("ä", "/cucm-uds/user/%C3%A4"),
    ] {
        config.user = user.into();

        assert_eq!(path(&config), expected);
    }
}

#[tokio::test]
async fn the_issuing_node_is_asked_and_no_other_if_it_confirms() {
    let (issuer, other) = (node_that(vec![works()]).await, node_that(vec![works()]).await);

    let asked = ask(&[&issuer, &other], IN_AN_HOUR).await;

    let confirmed = Confirmed { user: Some("alice".into()), node: issuer.name() };
    assert_eq!(asked.result.unwrap(), confirmed);
    let [request] = issuer.requests().try_into().unwrap();
    assert!(request.starts_with("GET /cucm-uds/user/alice HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: Bearer canary-3\r\n"));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn another_node_may_confirm_while_the_issuing_one_is_busy() {
    let busy = node_that(vec![Reply::http(503, "", "")]).await;
    let other = node_that(vec![works()]).await;

    let asked = ask(&[&busy, &other], IN_AN_HOUR).await;

    assert_eq!(asked.result.unwrap().node, other.name());
    assert_eq!(asked.slept, [0_u64; 0]);
}

#[tokio::test]
async fn busy_nodes_are_asked_again_ever_more_slowly() {
    let busy = Reply::http(503, "", "");
    let mut answers = vec![busy; 6];
    answers.push(works());
    let node = node_that(answers).await;

    let asked = ask(&[&node], IN_AN_HOUR).await;

    assert!(asked.result.is_ok());
    assert_eq!(asked.slept, [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
}

#[tokio::test]
async fn a_node_may_ask_for_a_longer_pause_but_not_for_any() {
    let after = |seconds: u32| Reply::http(503, &format!("Retry-After: {seconds}\r\n"), "");
    let node = node_that(vec![after(0), after(30), after(86_400), works()]).await;

    let asked = ask(&[&node], IN_AN_HOUR).await;

    assert!(asked.result.is_ok());
    assert_eq!(asked.slept, [1_000, 30_000, 60_000]);
}

#[tokio::test]
async fn a_token_that_dies_unconfirmed_ends_the_waiting() {
    let node = node_that(vec![Reply::http(503, "", "")]).await;

    let asked = ask(&[&node], Timestamp::from_millis(5_000)).await;

    assert!(matches!(asked.result, Err(Error::ExpiredUnconfirmed { .. })));
    assert_eq!(asked.slept, [1_000, 2_000]);
}

#[tokio::test]
async fn a_refusal_by_the_issuing_node_is_final() {
    for (status, headers, body) in [
        (401, CHALLENGE, ""),
        (401, "", ""),
        (403, "", ""),
        (200, "", "<user><userName>bob</userName></user>"),
    ] {
        let issuer = node_that(vec![Reply::http(status, headers, body)]).await;
        let other = node_that(vec![works()]).await;

        let asked = ask(&[&issuer, &other], IN_AN_HOUR).await;

        match (status, headers, asked.result.unwrap_err()) {
            (401, CHALLENGE, Error::NotAccepted { node })
            | (403, _, Error::NotPermitted { node }) => {
                assert_eq!(node, issuer.name());
            }
            (401, "", Error::WrongUser { actual, .. }) => assert_eq!(actual, None),
            (200, _, Error::WrongUser { actual, .. }) => assert_eq!(actual.as_deref(), Some("bob")),
            (.., error) => panic!("{status}: {error:?}"),
        }
        assert!(other.requests().is_empty());
    }
}

#[tokio::test]
async fn a_refusal_by_another_node_says_nothing_while_the_issuing_one_is_silent() {
    let issuer = node_that(vec![Reply::http(503, "", ""), works()]).await;
    let other = node_that(vec![Reply::http(401, CHALLENGE, "")]).await;

    let asked = ask(&[&issuer, &other], IN_AN_HOUR).await;

    assert_eq!(asked.result.unwrap().node, issuer.name());
    assert_eq!(asked.slept, [1_000]);
}

#[tokio::test]
async fn an_answer_that_waiting_does_not_mend_ends_the_login() {
    let node = node_that(vec![Reply::http(404, "", "")]).await;

    let asked = ask(&[&node], IN_AN_HOUR).await;

    assert!(matches!(asked.result, Err(Error::Nodes(_))));
    assert_eq!(asked.slept, [0_u64; 0]);
}

#[tokio::test]
async fn only_the_node_that_confirmed_a_token_can_reject_it() {
    let rejects = || node_that(vec![Reply::http(401, CHALLENGE, "")]);
    let (one, two) = (rejects().await, rejects().await);

    assert_eq!(ask_for_verdict(&[&one, &two], &two.name()).await, Verdict::Rejected);
    assert_eq!(one.requests().len(), 0);
    assert_eq!(ask_for_verdict(&[&one], "gone.localhost:8443").await, Verdict::Unknown);
}

#[tokio::test]
async fn a_verdict_is_given_in_one_round_or_not_at_all() {
    let busy = || node_that(vec![Reply::http(503, "Retry-After: 9\r\n", "")]);
    let (one, two) = (busy().await, busy().await);
    let good = node_that(vec![works()]).await;
    let rejects = node_that(vec![Reply::http(401, CHALLENGE, "")]).await;
    let forbids = node_that(vec![Reply::http(403, "", "")]).await;

    assert_eq!(ask_for_verdict(&[&one, &two], &one.name()).await, Verdict::Unknown);
    assert_eq!((one.requests().len(), two.requests().len()), (1, 1));
    assert_eq!(ask_for_verdict(&[&one, &good], &one.name()).await, Verdict::StillValid);
    assert_eq!(ask_for_verdict(&[&one, &rejects], &one.name()).await, Verdict::Unknown);
    assert_eq!(ask_for_verdict(&[&forbids], &forbids.name()).await, Verdict::Unknown);
}
