//! `/ssosp/oauth/authorize`, from the first request to the redirect.

use std::time::Duration;

use reqwest::StatusCode;
use ucsso::lab::faults::{ExpiresIn, MixUp, RedirectError, RedirectMatch, TokenFormat};
use url::Url;

use super::support::{CLIENT_ID, alice, at, authorize_url, header, lab, location, parameter};

/// As Cisco publishes it; not valid JSON.
const REFUSAL: &str = "{\"error\":INVALID_REQUEST,\"error_description\":\"The request is missing a \
    required parameter, includes an invalid parameter value, includes a parameter more than once, \
    or is otherwise malformed.\"}";

#[tokio::test]
async fn a_request_that_is_not_in_order_gets_a_page_and_no_redirect() {
    let (lab, client) = lab().await;
    let good = authorize_url(&lab, "cucm-pub", "hq").to_string();
    let wrong = [
        good.replace("scope=", "scop="),
        good.replace("readwrite", "read"),
        good.replace("response_type=token", "response_type=code"),
        good.replace(CLIENT_ID, "C0"),
        good.replace("&client_id=", "&other="),
        good.replace("cb%2Fhq", "cb%2Fvm"),
        good.replace("cb%2Fhq", "cb%2Fhq%2F"),
        good.replace("127.0.0.1", "LOCALHOST"),
        format!("{good}&redirect_uri=http%3A%2F%2F127.0.0.1%3A27443%2Fcb%2Fhq"),
    ];

    for url in &wrong {
        let response = client.get(url).send().await.unwrap();

        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{url}");
        assert_eq!(location(&response), None);
        assert_eq!(response.text().await.unwrap(), REFUSAL);
    }
    assert_eq!(lab.counters().authorize_refused, wrong.len() as u64);
}

#[tokio::test]
async fn a_request_in_order_goes_to_the_identity_provider() {
    let (lab, client) = lab().await;

    let response = client.get(authorize_url(&lab, "cucm-pub", "hq")).send().await.unwrap();

    let url = location(&response).unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    assert!(url.as_str().starts_with(lab.idp_url().as_str()));
    let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
    assert_eq!(names, ["SAMLRequest", "RelayState"]);
}

#[tokio::test]
async fn a_login_ends_at_the_redirect_uri_with_a_token_in_the_fragment() {
    let (lab, _) = lab().await;

    let url = authorize_url(&lab, "cucm-sub", "hq");
    let arrival = alice(&lab).until_redirect(&url).await.unwrap();

    let token = parameter(&arrival, "access_token").unwrap();
    assert_eq!(token.len(), 51);
    assert_eq!(
        arrival.url.as_str(),
        format!(
            "http://127.0.0.1:27443/cb/hq#access_token={token}&token_type=Bearer&expires_in=3600"
        )
    );
    assert!(arrival.form_shown);
    assert!(!format!("{arrival:?}").contains(&token));
}

#[tokio::test]
async fn a_second_login_is_silent_and_gives_another_token() {
    let (lab, _) = lab().await;
    let mut alice = alice(&lab);
    let url = authorize_url(&lab, "cucm-pub", "hq");

    let first = alice.until_redirect(&url).await.unwrap();
    let second = alice.until_redirect(&authorize_url(&lab, "cuc", "vm")).await.unwrap();

    assert!(first.form_shown && !second.form_shown);
    assert_ne!(parameter(&first, "access_token"), parameter(&second, "access_token"));
    let counters = lab.counters();
    assert_eq!((counters.form_logins, counters.silent_logins), (1, 1));
    assert_eq!((counters.windows, counters.tokens_issued), (2, 2));
}

#[tokio::test]
async fn the_identity_provider_forgets_a_browser_in_time() {
    let (lab, _) = lab().await;
    let mut alice = alice(&lab);
    let url = authorize_url(&lab, "cucm-pub", "hq");

    alice.until_redirect(&url).await.unwrap();
    lab.advance(Duration::from_hours(8));

    assert!(alice.until_redirect(&url).await.unwrap().form_shown);
}

#[tokio::test]
async fn a_node_that_remembers_the_browser_hands_out_the_same_token_again() {
    let (lab, _) = lab().await;
    lab.behaviour().sp_session = Duration::from_hours(2);
    let mut alice = alice(&lab);
    let url = authorize_url(&lab, "cucm-pub", "hq");

    let first = alice.until_redirect(&url).await.unwrap();
    lab.advance(Duration::from_mins(10));
    let second = alice.until_redirect(&url).await.unwrap();
    lab.advance(Duration::from_hours(1));
    let third = alice.until_redirect(&url).await.unwrap();

    assert_eq!(parameter(&first, "access_token"), parameter(&second, "access_token"));
    let left: u64 = parameter(&second, "expires_in").unwrap().parse().unwrap();
    assert!((2_900..=3_000).contains(&left), "{left}");
    assert_ne!(parameter(&first, "access_token"), parameter(&third, "access_token"));
    assert_eq!(lab.counters().silent_logins, 0);
    assert_eq!(lab.counters().tokens_reused, 1);
}

#[tokio::test]
async fn state_is_echoed_only_if_the_lab_is_told_to() {
    let (lab, _) = lab().await;
    let mut alice = alice(&lab);
    let mut url = authorize_url(&lab, "cucm-pub", "hq");
    url.query_pairs_mut().append_pair("state", "s 1");

    let silent = alice.until_redirect(&url).await.unwrap();
    lab.behaviour().echo_state = true;
    let echoing = alice.until_redirect(&url).await.unwrap();

    assert_eq!(parameter(&silent, "state"), None);
    assert_eq!(parameter(&echoing, "state").as_deref(), Some("s 1"));
}

#[tokio::test]
async fn the_redirect_takes_the_shape_it_is_told_to() {
    let (lab, _) = lab().await;
    let mut alice = alice(&lab);
    let url = authorize_url(&lab, "cucm-pub", "hq");
    {
        let mut behaviour = lab.behaviour();
        behaviour.token_format = TokenFormat::Jwt;
        behaviour.redirect.reversed = true;
        behaviour.redirect.expires_in = ExpiresIn::Missing;
    }
    let token = alice.until_redirect(&url).await.unwrap();
    lab.behaviour().redirect.error =
        Some(RedirectError { error: "access_denied".to_owned(), in_query: true });
    let error = alice.until_redirect(&url).await.unwrap();

    let fragment = token.url.fragment().unwrap();
    assert!(fragment.starts_with("token_type=Bearer&access_token=ey"));
    assert!((1_900..2_100).contains(&parameter(&token, "access_token").unwrap().len()));
    assert_eq!(error.url.as_str(), "http://127.0.0.1:27443/cb/hq?error=access_denied");
}

#[tokio::test]
async fn redirect_uris_can_be_registered_and_matched_loosely() {
    let (lab, client) = lab().await;
    let asked = |uri: &str| {
        let mut url = authorize_url(&lab, "cuc", "vm").to_string();
        url.truncate(url.find("&redirect_uri").unwrap());
        let mut url: Url = url.parse().unwrap();
        url.query_pairs_mut().append_pair("redirect_uri", uri);
        client.get(url).send()
    };

    lab.allow_redirect("vm", "http://127.0.0.1:1/cb/vm");
    assert_eq!(asked("http://127.0.0.1:1/cb/vm").await.unwrap().status(), 302);
    assert_eq!(asked("http://127.0.0.1:1/cb/vm/x").await.unwrap().status(), 400);
    lab.behaviour().redirect_match = RedirectMatch::Prefix;
    assert_eq!(asked("http://127.0.0.1:1/cb/vm/x").await.unwrap().status(), 302);
    assert_eq!(asked("http://127.0.0.1:2/").await.unwrap().status(), 400);
    lab.behaviour().redirect_match = RedirectMatch::Any;
    assert_eq!(asked("http://127.0.0.1:2/").await.unwrap().status(), 302);
}

#[tokio::test]
async fn without_a_redirect_uri_the_login_ends_on_the_node() {
    let (lab, client) = lab().await;
    let url = authorize_url(&lab, "cucm-pub", "hq").to_string();
    let (url, _) = url.split_once("&redirect_uri").unwrap();

    let arrival = alice(&lab).until_redirect(&url.parse().unwrap()).await.unwrap();

    assert!(arrival.url.as_str().starts_with(at(&lab, "cucm-pub", "/ssosp/").as_str()));
    assert!(parameter(&arrival, "access_token").is_some());
    let page = client.get(arrival.url).send().await.unwrap();
    assert_eq!(header(&page, "x-frame-options"), Some("SAMEORIGIN"));
}

#[tokio::test]
async fn a_cluster_that_is_after_the_tokens_of_another_sends_browsers_there() {
    let (lab, _) = lab().await;
    let own_path = "http://127.0.0.1:27443/cb/vm".to_owned();
    for redirect_uri in [None, Some(own_path.clone())] {
        let mix_up = MixUp { towards: "vm".into(), redirect_uri: redirect_uri.clone() };
        lab.behaviour().mix_ups.insert("hq".into(), mix_up);

        let url = authorize_url(&lab, "cucm-sub", "hq");
        let arrival = alice(&lab).until_redirect(&url).await;

        // The other cluster does not know the redirect URI of the first.
        let Some(redirect_uri) = redirect_uri else {
            assert_eq!(arrival.unwrap_err().to_string(), "a page answered with status 400");
            continue;
        };
        assert!(arrival.unwrap().url.as_str().starts_with(&redirect_uri));
    }
    assert_eq!(lab.counters().tokens_issued, 1);
}
