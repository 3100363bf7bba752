//! Whose token it is that is not the configured user's.

use super::*;

fn named(status: u16, body: &str) -> Option<String> {
    let answer = Answer { status, body: body.as_bytes().to_vec(), ..Answer::default() };
    owner_named("alice", &answer)
}

#[test]
fn a_plain_name_of_somebody_else_is_told_and_nothing_else() {
    let bob = Some("bob".to_owned());
    assert_eq!(named(200, r#"{"user_id":"bob"}"#), bob);
    assert_eq!(named(200, r#"{"a":[1],"user_id":"bob","b":null}"#), bob);
    assert_eq!(named(200, "<user><userName>bob</userName></user>"), bob);
    for (status, body) in [
        (201, r#"{"user_id":"bob"}"#),
        (401, r#"{"user_id":"bob"}"#),
        (200, r#"{"user_id":"Alice"}"#),
        (200, r#"{"user_id":"alice"}"#),
        (200, r#"{"user_id":""}"#),
        (200, r#"{"user_id":"<b>bob</b>"}"#),
        (200, r#"{"user_id":"bob\u001b[31m"}"#),
        (200, r#"{"user_id":"bob","user_id":"carol"}"#),
        (200, r#"{"user_id":["bob"]}"#),
        (200, r#"[{"user_id":"bob"}]"#),
        (200, r#"{"name":"bob"}"#),
        (200, r#"{"user_id":"bob"} "#.trim_end().trim_end_matches('}')),
        (200, "<user><userName>bob</userName><userName>carol</userName></user>"),
        (200, "<!DOCTYPE user><user><userName>bob</userName></user>"),
        (200, "bob"),
        (200, ""),
    ] {
        assert_eq!(named(status, body), None, "{status} {body}");
    }
    let long = "b".repeat(129);
    assert_eq!(named(200, &format!(r#"{{"user_id":"{long}"}}"#)), None);
    let page = Answer {
        status: 200,
        is_web_page: true,
        body: br#"{"user_id":"bob"}"#.to_vec(),
        ..Answer::default()
    };
    assert_eq!(owner_named("alice", &page), None);
}

/// What a login is told where UDS says that the token is somebody else's, and this is what the
/// node answers to the question whose.
async fn told(reply: Reply) -> (Option<String>, Vec<String>, usize) {
    let node = FakeNode::start(move |request| {
        if request.starts_with("GET /ssosp/user/whoami ") {
            reply.clone()
        } else {
            Reply::http(401, "", "")
        }
    })
    .await;
    let other = node_that(vec![works()]).await;
    let asked = ask(&[&node, &other], IN_AN_HOUR).await;
    let Err(Error::WrongUser { actual, expected, .. }) = asked.result else {
        panic!("{:?}", asked.result)
    };
    assert_eq!(expected, "alice");
    (actual, node.requests(), other.requests().len())
}

#[tokio::test]
async fn the_node_that_answered_is_asked_and_no_other() {
    let (actual, asked, others) = told(Reply::http(200, "", r#"{"user_id":"bob"}"#)).await;

    assert_eq!(actual.as_deref(), Some("bob"));
    assert_eq!((asked.len(), others), (2, 0));
    assert!(asked[1].contains("\r\nauthorization: Bearer canary-3\r\n"));
}

#[tokio::test]
async fn a_node_that_does_not_say_whose_it_is_changes_nothing() {
    for reply in [
        Reply::http(404, "", ""),
        Reply::http(302, "Location: https://evil.test/\r\n", ""),
        Reply::http(200, "", r#"{"user_id":"alice"}"#),
        Reply::http(200, "", ALICE),
        Reply::http(503, "Retry-After: 60\r\n", ""),
        Reply::Endless,
        Reply::Hang,
    ] {
        assert_eq!(told(reply).await.0, None);
    }
}

#[tokio::test]
async fn nobody_is_asked_who_a_token_belongs_to_where_it_works_or_is_dead() {
    let dead = node_that(vec![Reply::http(401, CHALLENGE, "")]).await;
    let good = node_that(vec![works()]).await;

    assert!(ask(&[&dead], IN_AN_HOUR).await.result.is_err());
    assert!(ask(&[&good], IN_AN_HOUR).await.result.is_ok());

    assert_eq!((dead.requests().len(), good.requests().len()), (1, 1));
}
