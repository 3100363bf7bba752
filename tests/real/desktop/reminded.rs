//! A human whom the daemon reminds by a notification, on two servers that people use: the daemon's
//! own text, its buttons, and what becomes of a login.

use std::time::Duration;

use ucsso::lab::LabConfig;

use super::screen::{Button, Desktop, xfce};
use crate::{
    estate::Estate,
    process::until,
    rig::{WRITING, with_browser},
};

/// An estate on this desktop that renews nothing by itself, and whose token of `hq` ends soon and
/// was used: a notification is due.
async fn due_on(desktop: &Desktop) -> Estate {
    let lab = LabConfig { token_lifetime: Duration::from_secs(20), ..LabConfig::default() };
    let on_request = |toml: &str| {
        let hq = toml.replacen("redirect_uri = ", "renew = \"on-request\"\nredirect_uri = ", 1);
        with_browser(&WRITING, &hq)
    };
    let estate = Estate::launch_as(lab, on_request, |home| {
        let mut daemon = home.ucssod();
        daemon.env("DISPLAY", &desktop.display);
        daemon.env("DBUS_SESSION_BUS_ADDRESS", desktop.bus.address());
        daemon
    })
    .await;
    estate.logged_in("hq").await;
    estate
}

#[tokio::test]
async fn whoever_clicks_on_log_in_gets_one_start_page_and_a_token() {
    let desktop = Desktop::with_dunst().await;
    let estate = due_on(&desktop).await;
    desktop.dunst_shows("1").await;
    assert_eq!(estate.opened(), [""; 0], "nothing opens by itself");

    desktop.dunstctl(&["action", "0"]).await;
    let start_url = until("a page is opened", async || estate.opened().pop()).await;
    let walked = estate.walk("alice").login(&start_url.parse().unwrap()).await.unwrap();

    assert!(walked.ok, "{walked:?}");
    until("the new token is held", async || {
        (estate.status_of("hq").await["generation"] == 2).then_some(())
    })
    .await;
    assert!(estate.status_of("hq").await["failure"].is_null());
    assert_eq!(estate.opened().len(), 1);
    desktop.dunst_shows("0").await;
}

#[tokio::test]
async fn whoever_clicks_on_not_now_is_left_alone() {
    let desktop = Desktop::with(xfce).await;
    let estate = due_on(&desktop).await;
    desktop.picture("notification.png").await;

    let snooze = desktop
        .click(Button::NotNow, async || estate.status_of("hq").await["snooze_epoch"].as_i64())
        .await;

    let started = estate.status().await["server"]["start_epoch"].as_i64().unwrap();
    assert!((8 * 3600..9 * 3600).contains(&(snooze - started)), "{}", snooze - started);
    let end = estate.refused(&["token", "hq", "--force"]).await;
    end.is(4, &["not now"]);
    assert_eq!(estate.opened(), [""; 0]);
}

#[tokio::test]
async fn a_login_by_name_takes_the_notification_back() {
    let desktop = Desktop::with_dunst().await;
    let estate = due_on(&desktop).await;
    desktop.dunst_shows("1").await;

    let login = estate.log_in("hq").await;

    desktop.dunst_shows("0").await;
    assert!(login.walked(&mut estate.walk("alice")).await.unwrap().ok);
    login.end().await;
}
