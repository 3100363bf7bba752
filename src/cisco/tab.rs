//! The landing page of a login that succeeded: it waits a moment, for another cluster may be due.

use std::time::Duration;

use tokio::time::timeout;

use crate::{
    broker::ports::{Onward, Tab},
    browser::{Landing, Reply},
};

/// How long the page waits for the next login to be prepared: to ask a node where its page is
/// takes a fraction of that. The human looks at a page that moves meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps the page waiting, and shows in the end that the login succeeded. If nobody takes the tab,
/// that is at once.
pub(super) fn waiting(reply: Reply, user: String, until_millis: u64) -> Tab {
    let (tab, page) = Tab::new();
    tokio::spawn(async move {
        let done = |next| Landing::Done { user, until_millis, next };
        match timeout(PATIENCE, page).await {
            Ok(Ok(Onward { start_url, went })) => {
                let shown = reply.finish(done(Some(start_url.into())));
                // Whoever sent it on may have given up.
                let _ = went.send(shown);
            }
            Ok(Err(_)) | Err(_) => {
                reply.finish(done(None));
            }
        }
    });
    tab
}
