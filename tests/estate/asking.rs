//! How far the human is left alone, from end to end: the snooze, and what the status says of it.

use ucsso::rpc::proto::Interaction;

use crate::{
    http,
    rig::{End, WRITING, estate, estate_with_browser},
};

#[tokio::test]
async fn a_no_outlives_the_daemon_and_programs_are_told() {
    let estate = estate_with_browser(&WRITING).await;
    let login = estate.log_in("hq").await;
    let output = estate.ctl_output(&["cancel", "hq"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("the login is cancelled; no login opens by itself before "), "{said}");
    let End { code, .. } = login.ended().await;
    assert_eq!(code, Some(4));

    let estate = estate.restarted().await;

    let snooze = estate.status_of("hq").await["snooze_epoch"].as_i64().unwrap();
    let started = estate.status().await["server"]["start_epoch"].as_i64().unwrap();
    assert!((7 * 3600..=8 * 3600).contains(&(snooze - started)), "{}", snooze - started);
    let refused = estate.get_token("hq", Interaction::IfNeeded).await.unwrap_err();
    assert!(refused.message().contains("not now"), "{refused:?}");
    estate.refused(&["token", "hq"]).await.is(4, &["not now", "ucssoctl login hq"]);
    estate.refused(&["token", "hq", "--force"]).await.is(4, &["not now"]);
    assert_eq!(estate.opened(), [""; 0]);

    estate.logged_in("hq").await;
    assert!(estate.status_of("hq").await["snooze_epoch"].is_null());
}

#[tokio::test]
async fn whoever_is_left_alone_is_asked_again_when_they_say_so() {
    let estate = estate_with_browser(&WRITING).await;
    estate.ctl_output(&["snooze", "hq", "--for", "2h"]).await;
    estate.refused(&["token", "hq"]).await.is(4, &["not now"]);

    let output = estate.ctl_output(&["snooze", "hq", "--off"]).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "hq: a login may begin by itself\n");

    estate.refused(&["token", "hq", "--wait", "1s"]).await.is(5, &["no token of `hq`"]);
    assert_eq!(estate.opened().len(), 1);
}

#[tokio::test]
async fn what_the_redirect_address_refuses_is_counted_in_the_status() {
    let estate = estate().await;
    let client = http::client(None);
    for _ in 0..3 {
        client.get(estate.redirect_uri("hq")).send().await.unwrap();
    }

    let status = estate.status().await;

    assert_eq!(status["server"]["refused_redirects"]["nothing_pending"], 3);
    assert_eq!(status["server"]["windows_left"], 4);
    let shown = estate.ctl_output(&["status"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("3 requests were refused"), "{shown}");
}
