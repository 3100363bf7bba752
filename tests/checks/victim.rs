//! A login under way, and all that only its own tab should know: what an attacker is given, in
//! part or in whole, to show that the rest stops it.

use ucsso::lab::walk::{Arrival, Walk, WalkError};
use url::Url;

use crate::{
    estate::{Estate, Login},
    http, wire,
};

/// A login whose start page was fetched.
pub(crate) struct Victim {
    pub(crate) login: Login,
    /// What opened the start page. It is spent.
    pub(crate) ticket: String,
    /// What lets the redirect in.
    pub(crate) nonce: String,
    /// Where the start page leads.
    next: Url,
    /// Where the redirect goes, without a fragment.
    landing: String,
}

impl Victim {
    /// Begins a login and fetches its start page.
    pub(crate) async fn of(estate: &Estate, cluster: &str) -> Self {
        Self::at(estate, cluster, estate.log_in(cluster).await).await
    }

    /// Fetches the start page of a login.
    pub(crate) async fn at(estate: &Estate, cluster: &str, login: Login) -> Self {
        let page = http::client(None)
            .get(&login.start_url)
            .header("Sec-Fetch-Site", "none")
            .header("Sec-Fetch-Mode", "navigate")
            .header("Sec-Fetch-Dest", "document");
        let page = page.send().await.unwrap().text().await.unwrap();
        Self {
            ticket: ticket(&login),
            nonce: attribute(&page, "data-nonce"),
            next: attribute(&page, "data-next").replace("&amp;", "&").parse().unwrap(),
            landing: estate.redirect_uri(cluster),
            login,
        }
    }

    /// What a redirect would bring: a token that lives, of the configured user. Nothing but the
    /// ways of the redirect stops it.
    pub(crate) async fn good_fragment(&self, estate: &Estate) -> String {
        let arrival = self.arrival(&mut estate.walk("alice")).await.unwrap();
        arrival.url.fragment().unwrap().to_owned()
    }

    /// Where this browser is sent with the token, in the end.
    pub(crate) async fn arrival(&self, browser: &mut Walk) -> Result<Arrival, WalkError> {
        browser.until_redirect(&self.next).await
    }

    /// Whether the login takes this redirect, posted as the landing page posts it, after all that
    /// was done to it.
    pub(crate) async fn gets_in(self, fragment: &str) -> bool {
        let request = wire::delivery(&self.landing, &self.nonce, fragment);
        let reply = wire::exchange(wire::port_of(&self.landing), request.as_bytes(), false).await;
        reply.status == Some(200) && self.login.ended().await.code == Some(0)
    }
}

/// The ticket in the address of a start page.
pub(crate) fn ticket(login: &Login) -> String {
    login.start_url.rsplit('/').next().unwrap().to_owned()
}

/// An attribute of a page that has no need of escapes in it.
fn attribute(page: &str, name: &str) -> String {
    let (_, rest) = page.split_once(&format!("{name}=\"")).unwrap();
    rest.split('"').next().unwrap().to_owned()
}
