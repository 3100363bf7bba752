//! CUMI: what a token of Unity Connection is good for.

use reqwest::StatusCode;
use ucsso::lab::faults::{Load, TokenFormat};

use super::support::{at, get_with, header, lab, token};

const INBOX: &str = "/vmrest/mailbox/folders/inbox/messages";

#[tokio::test]
async fn a_token_opens_the_inbox_and_brings_three_cookies() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cuc", "vm").await;

    let response = get_with(&client, at(&lab, "cuc", INBOX), &token).send().await.unwrap();

    assert_eq!(response.status(), StatusCode::OK);
    let cookies: Vec<_> = response
        .headers()
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split('=').next().unwrap().to_owned())
        .collect();
    assert_eq!(cookies, ["JSESSIONIDSSO", "JSESSIONID", "REQUEST_TOKEN_KEY"]);
    assert!(response.text().await.unwrap().contains("<Messages total=\"1\">"));
}

#[tokio::test]
async fn the_client_chooses_the_format() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cuc", "vm").await;

    let request = get_with(&client, at(&lab, "cuc", "/vmrest/version"), &token);
    let response = request.header("accept", "application/json").send().await.unwrap();

    assert_eq!(header(&response, "content-type"), Some("application/json"));
    assert_eq!(response.text().await.unwrap(), "{\"name\":\"vmrest\",\"version\":\"14.0.1\"}");
}

#[tokio::test]
async fn a_token_of_unified_cm_is_nothing_here() {
    let (lab, client) = lab().await;

    for format in [TokenFormat::Opaque, TokenFormat::Jwt] {
        lab.behaviour().token_format = format;
        let token = token(&lab, "cucm-pub", "hq").await;
        let response = get_with(&client, at(&lab, "cuc", INBOX), &token).send().await.unwrap();

        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(response.text().await.unwrap(), "Not Authorized");
    }
}

#[tokio::test]
async fn a_sixth_request_at_once_is_turned_away() {
    let (lab, client) = lab().await;
    let token = token(&lab, "cuc", "vm").await;
    let ask = || get_with(&client, at(&lab, "cuc", INBOX), &token).send();
    lab.behaviour().load = Load::Stalled;
    let five: Vec<_> = (0..5).map(|_| tokio::spawn(ask())).collect();
    while lab.requests().iter().filter(|seen| seen.path == INBOX).count() < 5 {
        tokio::task::yield_now().await;
    }

    let sixth = ask().await.unwrap();

    assert_eq!(sixth.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(sixth.text().await.unwrap(), "Server Busy");
    for request in five {
        assert!(!request.is_finished());
        request.abort();
    }
}

#[tokio::test]
async fn a_busy_server_says_so() {
    let (lab, client) = lab().await;

    lab.behaviour().load = Load::Busy;
    let response = get_with(&client, at(&lab, "cuc", INBOX), "nonsense").send().await.unwrap();

    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
}
