//! Logins that go on in the tab of the login before.

use tokio::sync::oneshot;

use super::*;
use crate::broker::ports::Onward;

/// A login whose tab is sent on, and says so; `goes` is what then happens in it.
async fn sent_on(goes: impl AsyncFnOnce(&Url, oneshot::Sender<bool>)) -> Result<Grant, Failure> {
    let node = unified_cm().await;
    let login = login(&node);
    let (tab, page) = Tab::new();
    let logging_in = login.log_in(AttemptId(1), Manner::OpenBrowser, Some(tab), Told(|_| ()));
    let human = async {
        let Onward { start_url, went } = page.await.unwrap();
        goes(&start_url.parse().unwrap(), went).await;
    };
    let (outcome, ()) = tokio::join!(async { without_tab(logging_in.await) }, human);
    outcome
}

/// There is no browser to open a window with.
fn a_window_was_tried(outcome: &Result<Grant, Failure>) -> bool {
    matches!(outcome, Err(failure) if failure.cause == Cause::BrowserUnavailable)
}

#[tokio::test]
async fn a_tab_that_went_on_gets_no_window_beside_it_however_long_its_human_takes() {
    let outcome = sent_on(async |start, went| {
        let page = begin(start).await;
        went.send(true).unwrap();
        // The login looks whether the page was fetched, and has the time to.
        tokio::task::yield_now().await;
        land(start, &page, GOOD).await;
    })
    .await;

    assert!(outcome.is_ok(), "{outcome:?}");
}

#[tokio::test]
async fn a_tab_that_does_not_arrive_is_followed_by_a_window() {
    let outcome = sent_on(async |_, went| went.send(true).unwrap()).await;

    assert!(a_window_was_tried(&outcome), "{outcome:?}");
}

#[tokio::test]
async fn a_tab_that_was_closed_is_followed_by_a_window_at_once() {
    let outcome = sent_on(async |_, went| drop(went)).await;

    assert!(a_window_was_tried(&outcome), "{outcome:?}");
}
