//! A redirect URI that nobody registered: the cluster shows an error page, and no redirect ever
//! comes.

use ucsso::lab::{LabConfig, walk::WalkError};

use crate::estate::Estate;

#[tokio::test]
async fn a_redirect_uri_that_is_not_registered_leaves_the_login_waiting() {
    let other_path = |toml: &str| toml.replace("/cb/hq", "/cb/other");
    let estate = Estate::launch(LabConfig::default(), other_path).await;
    let login = estate.log_in("hq").await;

    let walked = login.walked(&mut estate.walk("alice")).await;
    let state = estate.status_of("hq").await["state"].clone();
    estate.ctl_output(&["cancel", "hq"]).await;

    assert!(matches!(walked, Err(WalkError::Refused(400))), "{walked:?}");
    assert_eq!(estate.lab.counters().authorize_refused, 1);
    assert_eq!(state, "authenticating");
    login.ended().await.is(4, &["the login was cancelled"]);
}

/// No login can be given up earlier than after 30 seconds, and that is how long this takes.
#[tokio::test]
async fn a_login_that_nobody_comes_back_from_names_what_to_register() {
    let short = |toml: &str| toml.replace("user = ", "login_timeout = \"30s\"\nuser = ");
    let estate = Estate::launch(LabConfig::default(), short).await;
    let token = estate.logged_in("hq").await;

    let login = estate.log_in("hq").await;

    let uri = estate.redirect_uri("hq");
    let place = "*Redirect URIs for Third Party SSO Client* (Unified CM Administration, System, \
                 Enterprise Parameters)";
    login.ended().await.is(5, &["was not finished within 30 seconds", &uri, place]);
    assert_eq!(estate.token("hq").await, token);
}
