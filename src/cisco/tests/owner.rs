//! Whose tokens one cluster gives, from login to login.

use std::sync::atomic::AtomicUsize;

use super::*;

/// A node whose UDS spells the name of its user in another way at each login.
async fn fickle() -> FakeNode {
    let own_name = Arc::new(Mutex::new(String::new()));
    let (name, asked) = (Arc::clone(&own_name), AtomicUsize::new(0));
    let node = FakeNode::start(move |request| {
        if request.starts_with("GET /ssosp/ws/public/singleSignOn ") {
            let uri = format!("https://{}/ssosp/oauth/authorize", name.lock().unwrap());
            return Reply::http(
                200,
                "",
                &format!("<S><Status enabled='true'/><Uri>{uri}</Uri></S>"),
            );
        }
        let names = ["<userName>Alice</userName>", "", "<userName>ALICE</userName>"];
        let turn = asked.fetch_add(1, Ordering::SeqCst);
        Reply::http(200, "", &format!("<user>{}</user>", names[turn % names.len()]))
    })
    .await;
    *own_name.lock().unwrap() = node.name();
    node
}

#[tokio::test]
async fn a_later_token_of_another_spelling_is_refused_with_both_names() {
    let node = fickle().await;
    let login = login(&node);

    let (first, _) = log_in(&login, GOOD).await;
    let (nameless, _) = log_in(&login, GOOD).await;
    let (other, landing) = log_in(&login, GOOD).await;
    let (first_again, _) = log_in(&login, GOOD).await;

    assert_eq!(first.unwrap().user, "Alice");
    assert_eq!(nameless.unwrap().user, "Alice");
    let failure = other.unwrap_err();
    assert_eq!(failure.cause, Cause::WrongUser);
    for word in ["ALICE", "Alice"] {
        assert!(failure.sentence.contains(word) && landing.contains(word), "{failure:?}");
    }
    assert_eq!(first_again.unwrap().user, "Alice");
}
