//! Notifications on two servers that people use.

use ucsso::browser::desktop::{Answer, Fault, Notice, Notifier};

use super::{
    PrivateBus,
    screen::{Button, Desktop, dunst, xfce},
};

fn notice() -> Notice {
    Notice {
        title: "Log in to hq".into(),
        body: "The token of hq ends at 14:32. A program uses it.".into(),
    }
}

#[tokio::test]
async fn a_click_on_the_notification_begins_a_login() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.dunstctl(&["action", "0"]).await;

    assert_eq!(shown.await.unwrap(), Ok(Answer::LogIn));
    desktop.dunst_shows("0").await;
}

#[tokio::test]
async fn the_menu_of_a_notification_has_not_now() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.dunstctl(&["context"]).await;

    assert_eq!(shown.await.unwrap(), Ok(Answer::NotNow));
}

#[tokio::test]
async fn a_notification_that_is_closed_is_an_answer_of_its_own() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.dunstctl(&["close"]).await;

    assert_eq!(shown.await.unwrap(), Ok(Answer::Closed));
}

#[tokio::test]
async fn a_notification_that_nobody_waits_for_any_more_is_closed() {
    let desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    shown.abort();

    desktop.dunst_shows("0").await;
}

#[tokio::test]
async fn a_notification_goes_away_with_its_server_and_can_be_shown_by_the_next() {
    let mut desktop = Desktop::with_dunst().await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;

    desktop.server = None;
    assert_eq!(shown.await.unwrap(), Err(Fault::Gone));
    desktop.serve(dunst(&desktop.bus)).await;
    let shown = desktop.shows(&notice());
    desktop.dunst_shows("1").await;
    desktop.bus.stop();

    assert_eq!(shown.await.unwrap(), Err(Fault::NoBus));
}

#[tokio::test]
async fn the_buttons_of_a_notification_are_its_answers() {
    let desktop = Desktop::with(xfce).await;

    for (button, answer) in [(Button::LogIn, Answer::LogIn), (Button::NotNow, Answer::NotNow)] {
        let shown = desktop.shows(&notice());
        desktop.click(button, async || shown.is_finished().then_some(())).await;
        assert_eq!(shown.await.unwrap(), Ok(answer));
    }
}

#[tokio::test]
async fn without_a_server_that_is_what_is_said() {
    let bus = PrivateBus::start().await;

    assert_eq!(Notifier::new(bus.bus()).show(&notice()).await, Err(Fault::Absent));
}
