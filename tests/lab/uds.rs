//! UDS: what a token is good for, and every way in which it is not.

use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use ucsso::lab::{Lab, faults::Load};

use super::support::{at, get_with, header, lab, token};

async fn user(lab: &Lab, client: &Client, node: &str, id: &str, token: &str) -> Response {
    let url = at(lab, node, &format!("/cucm-uds/user/{id}"));
    get_with(client, url, token).send().await.unwrap()
}

#[tokio::test]
async fn a_token_opens_its_users_record_on_every_node_of_the_cluster() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cucm-pub", "hq").await;

    for node in ["cucm-pub", "cucm-sub"] {
        let response = user(&lab, &client, node, "alice", &token).await;

        assert_eq!(response.status(), StatusCode::OK);
        assert!(header(&response, "set-cookie").unwrap().starts_with("JSESSIONIDSSO="));
        assert!(response.text().await.unwrap().contains("<userName>alice</userName>"));
    }
}

#[tokio::test]
async fn a_bad_token_gets_the_challenge_of_a_real_node() {
    let (lab, client) = lab().await;

    let response = user(&lab, &client, "cucm-pub", "alice", "nonsense").await;

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        header(&response, "www-authenticate"),
        Some("Basic realm=\"Cisco Web Services Realm\"")
    );
    assert_eq!(header(&response, "content-type"), Some("text/html;charset=utf-8"));
    assert_eq!(header(&response, "cache-control"), Some("private"));
    assert_eq!(header(&response, "expires"), Some("Thu, 01 Jan 1970 00:00:00 GMT"));
    assert!(response.text().await.unwrap().contains("401"));
}

#[tokio::test]
async fn another_users_record_stays_shut_without_a_challenge() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cucm-pub", "hq").await;

    let response = user(&lab, &client, "cucm-pub", "bob", &token).await;

    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(header(&response, "www-authenticate"), None);
}

#[tokio::test]
async fn a_user_outside_the_group_is_forbidden_and_a_busy_node_says_so() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cucm-pub", "hq").await;

    lab.behaviour().outside_group.insert("alice".to_owned());
    let forbidden = user(&lab, &client, "cucm-pub", "alice", &token).await;
    lab.behaviour().load = Load::Busy;
    let busy = user(&lab, &client, "cucm-pub", "alice", &token).await;

    assert_eq!(forbidden.status(), StatusCode::FORBIDDEN);
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn a_token_dies_at_its_expiry() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cucm-pub", "hq").await;

    lab.advance(Duration::from_mins(59));
    let before = user(&lab, &client, "cucm-pub", "alice", &token).await;
    lab.advance(Duration::from_mins(1));
    let after = user(&lab, &client, "cucm-pub", "alice", &token).await;

    assert_eq!(before.status(), StatusCode::OK);
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_dies_with_the_node_that_issued_it() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cucm-pub", "hq").await;

    lab.behaviour().down.insert("cucm-pub".to_owned());
    let issuer_down = user(&lab, &client, "cucm-sub", "alice", &token).await;
    lab.behaviour().down.clear();
    let issuer_back = user(&lab, &client, "cucm-sub", "alice", &token).await;
    lab.revoke_tokens("cucm-pub");
    let issuer_restarted = user(&lab, &client, "cucm-sub", "alice", &token).await;

    assert_eq!(issuer_down.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(issuer_back.status(), StatusCode::OK);
    assert_eq!(issuer_restarted.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_cookie_outlives_the_token_it_came_with() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cucm-pub", "hq").await;
    let first = user(&lab, &client, "cucm-pub", "alice", &token).await;
    let cookie = header(&first, "set-cookie").unwrap().split(';').next().unwrap().to_owned();

    lab.revoke_tokens("cucm-pub");
    let url = at(&lab, "cucm-pub", "/cucm-uds/user/alice");
    let second = get_with(&client, url, &token).header("cookie", cookie).send().await.unwrap();

    assert_eq!(second.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_password_opens_the_record_too() {
    let (lab, client) = lab().await;
    let url = at(&lab, "cucm-sub", "/cucm-uds/user/bob");

    let right = client.get(url.clone()).basic_auth("bob", Some("bobpw")).send().await.unwrap();
    let wrong = client.get(url).basic_auth("bob", Some("alicepw")).send().await.unwrap();

    assert_eq!(right.status(), StatusCode::OK);
    assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_is_open_needs_no_token() {
    let (lab, client) = lab().await;
    let (host, _) = lab.node("cucm-pub");
    let open = [
        ("version", "<version>14.0.1</version>".to_owned()),
        ("servers", format!("<server>{host}</server>")),
        ("clusterUser?username=alice", format!(">{host}</homeCluster>")),
        ("clusterUser?email=bob@example.test", "found=\"true\"".to_owned()),
        ("clusterUser?username=carol", "<result found=\"false\"/>".to_owned()),
    ];

    for (path, part) in open {
        let url = at(&lab, "cucm-pub", &format!("/cucm-uds/{path}"));
        let response = client.get(url).send().await.unwrap();

        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert!(response.text().await.unwrap().contains(&part), "{path}");
    }
}

#[tokio::test]
async fn other_methods_and_paths_have_their_own_status() {
    let (lab, client) = lab().await;
    let url = |path: &str| at(&lab, "cucm-pub", path);

    let posted = client.post(url("/cucm-uds/version")).send().await.unwrap();
    let unknown = client.get(url("/cucm-uds/unknown")).send().await.unwrap();
    let other_product = client.get(url("/vmrest/version")).send().await.unwrap();

    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    assert_eq!(other_product.status(), StatusCode::NOT_FOUND);
}
