//! Nodes that are down, busy, or say that single sign-on is off.

use ucsso::{lab::faults::Load, rpc::proto::Interaction};

use crate::rig::estate;

#[tokio::test]
async fn where_a_node_is_down_the_other_is_used() {
    let estate = estate().await;
    estate.lab.behaviour().down.insert("cucm-pub".into());

    let login = estate.log_in("hq").await;

    let asked = estate.lab.requests();
    assert_eq!(asked.last().unwrap().node, "cucm-sub");
    drop(login);
}

#[tokio::test]
async fn where_all_nodes_are_down_the_login_fails_and_the_token_stays() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    estate.lab.behaviour().down = ["cucm-pub", "cucm-sub"].map(ToOwned::to_owned).into();

    let end = estate.refused(&["login", "hq"]).await;

    let [publisher, subscriber] = ["cucm-pub", "cucm-sub"].map(|node| {
        let (host, port) = estate.lab.node(node);
        format!("{host}:{port} could not be reached, or closed the connection")
    });
    end.is(8, &[&publisher, &subscriber, "help: check the network or VPN to the cluster"]);
    assert_eq!(estate.token("hq").await, token);
    assert_eq!(estate.status_of("hq").await["failure"]["reason"], "NODE_UNREACHABLE");
}

#[tokio::test]
async fn where_all_nodes_are_down_a_program_is_told_the_same() {
    let estate = estate().await;
    estate.lab.behaviour().down = ["cucm-pub", "cucm-sub"].map(ToOwned::to_owned).into();

    estate.refused(&["token", "hq"]).await.is(8, &["could not be reached"]);
    estate.refused(&["token", "hq", "--no-login"]).await.is(8, &["could not be reached"]);
    assert_eq!(estate.ctl_output(&["status"]).await.status.code(), Some(8));
}

#[tokio::test]
async fn where_single_sign_on_is_off_only_an_explicit_login_tries_again() {
    let estate = estate().await;
    estate.lab.behaviour().sso_disabled.insert("hq".into());

    let end = estate.refused(&["login", "hq"]).await;
    let disabled = estate.status_of("hq").await;
    estate.lab.behaviour().sso_disabled.clear();
    let asked_before = estate.lab.requests().len();
    let program = estate.refused(&["token", "hq"]).await;
    let asked_after = estate.lab.requests().len();
    estate.logged_in("hq").await;

    let sentence = "single sign-on is switched off on cucm-pub.lab.localhost";
    end.is(8, &[sentence, "Unified CM Administration, System, SAML Single Sign-On"]);
    assert_eq!(disabled["state"], "disabled");
    assert_eq!(disabled["failure"]["reason"], "SSO_DISABLED");
    program.is(8, &[sentence]);
    assert_eq!(asked_before, asked_after, "the cluster is left alone");
}

#[tokio::test]
async fn where_single_sign_on_goes_off_the_token_stays() {
    let estate = estate().await;
    let token = estate.logged_in("hq").await;
    estate.lab.behaviour().sso_disabled.insert("hq".into());

    estate.refused(&["login", "hq"]).await.is(8, &["single sign-on is switched off"]);

    assert_eq!(estate.token("hq").await, token);
}

#[tokio::test]
async fn a_login_is_completed_when_a_busy_unified_cm_has_time_for_it() {
    a_busy_cluster("hq").await;
}

#[tokio::test]
async fn a_login_is_completed_when_a_busy_unity_connection_has_time_for_it() {
    a_busy_cluster("vm").await;
}

async fn a_busy_cluster(cluster: &str) {
    let estate = estate().await;
    estate.lab.behaviour().load = Load::Busy;
    let login = estate.log_in(cluster).await;
    let mut walk = estate.walk("alice");

    let (walked, state) = tokio::join!(login.walked(&mut walk), async {
        estate.daemon.line_with("token not confirmed yet").await;
        let state = estate.status_of(cluster).await["state"].clone();
        estate.lab.behaviour().load = Load::Idle;
        state
    });

    assert_eq!(state, "authenticating", "the token is not handed out yet");
    assert!(walked.unwrap().ok);
    login.end().await;
    estate.get_token(cluster, Interaction::Never).await.unwrap();
}
