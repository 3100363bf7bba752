//! The way in for a redirect that a human brings by hand, from a browser that cannot reach the
//! listener.
//!
//! Whoever brings it has the ticket, which only whoever began the login was told. A redirect comes
//! once, by hand or by browser. Made by `expectation`, called by `cisco`.

use std::{fmt, sync::Arc};

use tokio::sync::oneshot;
use zeroize::Zeroizing;

use super::{Arrival, Reply, Route, listener::Serving};

/// The way in to one pending login. It leads nowhere once the login is over.
pub struct ByHand {
    pub(super) serving: Arc<Serving>,
    pub(super) path: String,
}

/// Somebody who has the ticket.
pub struct Admitted<'a> {
    way_in: &'a ByHand,
    ticket: &'a str,
}

impl ByHand {
    /// Lets in who has the page that begins this login, whether a browser has been there or not.
    #[must_use]
    pub fn admit<'a>(&'a self, start_url: &'a str) -> Option<Admitted<'a>> {
        let ticket = self.serving.site.ticket_in(start_url)?;
        let known = self.serving.site.visits().is_ticket(&self.path, ticket);
        known.then_some(Admitted { way_in: self, ticket })
    }
}

impl Admitted<'_> {
    /// Delivers what came after `?` and `#`; `false` if a redirect has come already.
    #[must_use]
    pub fn deliver(self, query: &str, fragment: &str) -> bool {
        let Self { way_in: ByHand { serving, path }, ticket } = self;
        let Some(arrivals) = serving.site.visits().meet_by_hand(path, ticket) else {
            return false;
        };
        // There is no page to be told how it ended.
        let (reply, _nobody) = oneshot::channel();
        let arrival = Arrival {
            query: Zeroizing::new(query.to_owned()),
            fragment: Zeroizing::new(fragment.to_owned()),
            route: Route::Hand,
            reply: Reply(reply),
        };
        arrivals.try_send(arrival).is_ok()
    }
}

impl fmt::Debug for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByHand").field("path", &self.path).finish_non_exhaustive()
    }
}

impl fmt::Debug for Admitted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Admitted(..)")
    }
}
