//! Logins that end with a "no": of the identity provider, of the cluster, or ours.

use ucsso::lab::{
    faults::{IdpMood, RedirectError},
    walk::WalkError,
};

use crate::rig::estate;

#[tokio::test]
async fn where_the_identity_provider_says_no_the_daemon_hears_nothing() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    estate.lab.behaviour().idp = IdpMood::Denies;
    let login = estate.log_in("hq").await;

    let walked = login.walked(&mut estate.walk("alice")).await;
    let state = estate.status_of("hq").await["state"].clone();
    estate.ctl_output(&["cancel", "hq"]).await;

    // The cluster shows an error page of its own (Cisco, SAML SSO Deployment Guide).
    assert!(matches!(walked, Err(WalkError::Refused(500))), "{walked:?}");
    assert_eq!(state, "renewing", "the human may try again in the same window");
    login.ended().await.is(4, &["the login was cancelled"]);
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn where_the_cluster_says_no_its_code_is_told() {
    for in_query in [false, true] {
        let estate = estate().await;
        let token = estate.logged_in("hq").await;
        let error = "access_denied".to_owned();
        estate.lab.behaviour().redirect.error = Some(RedirectError { error, in_query });

        let (walked, end) = estate.failed_login("hq", "alice").await;

        end.is(8, &["ucssoctl: the login was declined\n", "help: `ucssoctl login hq`"]);
        assert!(walked.lines.iter().any(|line| line.contains("declined")), "{walked:?}");
        assert_eq!(estate.status_of("hq").await["failure"]["reason"], "IDP_ERROR");
        assert_eq!(estate.token("hq").await, token);
    }
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused_and_nothing_is_kept() {
    let estate = estate().await;

    let (walked, end) = estate.failed_login("hq", "bob").await;
    let status = estate.status_of("hq").await;
    let program = estate.refused(&["token", "hq"]).await;

    end.is(8, &["the browser is logged in as somebody else than alice", "correct `user`"]);
    assert!(walked.lines.iter().any(|line| line.contains("alice")), "{walked:?}");
    assert_eq!(status["state"], "disabled");
    assert_eq!(status["failure"]["reason"], "WRONG_USER");
    assert_eq!(status["node"], serde_json::Value::Null);
    program.is(8, &["somebody else than alice"]);
    estate.logged_in("hq").await;
}

#[tokio::test]
async fn a_token_of_somebody_else_is_refused_on_unity_connection_too() {
    let estate = estate().await;

    let (_, end) = estate.failed_login("vm", "bob").await;

    end.is(8, &["bob", "alice"]);
    assert_eq!(estate.status_of("vm").await["failure"]["reason"], "WRONG_USER");
    estate.logged_in("vm").await;
}

#[tokio::test]
async fn a_token_of_somebody_else_does_not_replace_a_good_one() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;

    let (_, end) = estate.failed_login("hq", "bob").await;

    end.is(8, &["somebody else than alice"]);
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_user_who_may_not_use_the_service_is_told_who_can_change_that() {
    let estate = estate().await;
    estate.lab.behaviour().outside_group.insert("alice".into());

    let (_, end) = estate.failed_login("hq", "alice").await;

    end.is(8, &["does not let this user use the service", "*Standard CCM End Users*"]);
}

#[tokio::test]
async fn a_state_that_was_not_sent_is_refused() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    estate.lab.behaviour().redirect.extra = vec![("state".into(), "another".into())];

    let (_, end) = estate.failed_login("hq", "alice").await;

    end.is(8, &["its `state` is not the one that was sent"]);
    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_cluster_that_returned_the_state_once_has_to_do_it_again() {
    let estate = estate().await;
    estate.lab.behaviour().echo_state = true;
    let token = estate.logged_in("hq").await;
    estate.lab.behaviour().echo_state = false;

    let (_, missing) = estate.failed_login("hq", "alice").await;
    estate.lab.behaviour().echo_state = true;
    estate.lab.behaviour().redirect.extra = vec![("state".into(), "another".into())];
    let (_, twice) = estate.failed_login("hq", "alice").await;

    missing.is(8, &["its `state` is missing"]);
    twice.is(8, &["`state` came more than once"]);
    assert_eq!(estate.token("hq").await, token);
}
