//! Who asks: by token, by cookie, or by password. UDS and CUMI share it.

use std::time::Duration;

use super::{estate::At, http::Ask, users};

/// The cookie that a client is given once its token was good. A client that keeps cookies is let
/// in by it when the token is long dead.
pub(super) const CLIENT_COOKIE: &str = "JSESSIONIDSSO";

/// How long such a client is remembered: the idle timeout that Tomcat ships with.
const CLIENT_SESSION: Duration = Duration::from_mins(30);

/// Somebody who was let in.
pub(super) struct Visitor {
    /// The user id.
    pub(super) user: &'static str,
    /// The value of the cookie to set.
    pub(super) cookie: String,
}

pub(super) fn visitor(at: At<'_>, ask: &Ask) -> Option<Visitor> {
    let now = at.now();
    if let Some(session) = at.node.clients.find(ask.cookie(CLIENT_COOKIE), now) {
        let cookie = ask.cookie(CLIENT_COOKIE).unwrap_or_default().to_owned();
        return Some(Visitor { user: session.user, cookie });
    }
    let by_token = ask.bearer().and_then(|token| at.validate(token)).map(|issued| issued.user);
    let by_password = || {
        let (name, password) = ask.basic()?;
        users::with_password(&name, &password).map(|user| user.id)
    };
    let user = by_token.or_else(by_password)?;
    Some(Visitor { user, cookie: at.node.clients.begin(user, now, CLIENT_SESSION) })
}
