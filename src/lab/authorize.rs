//! `/ssosp/oauth/authorize`: the implicit grant (RFC 6749 4.2) as Unified CM has it.
//!
//! A request that is not in order is answered with an error page and never with a redirect, as
//! Cisco's article *Bad Request for SSO Request URI* shows: the client hears nothing.

use std::time::SystemTime;

use hyper::{StatusCode, header::CACHE_CONTROL};
use url::form_urlencoded;

use super::{
    estate::{At, Pending},
    faults::{MixUp, RedirectMatch},
    http::{Answer, Ask, answer as document, found, html, set},
    redirect,
    saml::AuthnRequest,
    session::Session,
    token::Issued,
};

pub(super) const PATH: &str = "/ssosp/oauth/authorize";

/// Where a browser ends that came without a redirect URI. That the page is on the node is
/// documented; its path is not.
pub(super) const COMPLETE_PATH: &str = "/ssosp/oauth/complete";

/// The one client id that Cisco publishes for third parties.
const CLIENT_ID: &str = "C69908c4f345729af0a23cdfff1d255272de942193e7d39171ddd307bc488d7a1";

const SCOPE: &str = "UnifiedCommunications:readwrite";

/// The cookie of a browser that has logged in on a node.
pub(super) const BROWSER_COOKIE: &str = "JSESSIONID";

/// How many logins may be at the identity provider at once, for each node.
const MOST_PENDING: usize = 1_000;

pub(super) fn answer(at: At<'_>, ask: &Ask) -> Answer {
    if let Some(elsewhere) = mixed_up(at, ask) {
        return found(&elsewhere);
    }
    let now = at.now();
    let cookie = ask.cookie(BROWSER_COOKIE);
    let session = at.node.browsers.find(cookie, now);
    if session.as_ref().is_none_or(|session| !session.fresh) {
        at.estate.journal.count().windows += 1;
    }
    let Some(redirect_uri) = redirect_uri(at, ask) else {
        at.estate.journal.count().authorize_refused += 1;
        return document(StatusCode::BAD_REQUEST, "application/json", INVALID_REQUEST.to_owned());
    };
    match cookie.zip(session) {
        Some((cookie, session)) => {
            let issued = token_for(at, cookie, session, now);
            deliver(at, &redirect_uri, &issued, ask.param("state").as_deref(), now)
        }
        None => send_to_idp(at, ask, now),
    }
}

/// The authorization page of another cluster, if this one is after its tokens.
fn mixed_up(at: At<'_>, ask: &Ask) -> Option<String> {
    let MixUp { towards, redirect_uri } =
        at.estate.behaviour().mix_ups.get(at.cluster.name)?.clone();
    let page = at.estate.cluster(&towards)?.nodes.first()?.authorize_url();
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(ask.query.as_bytes()) {
        let value = redirect_uri.as_deref().filter(|_| name == "redirect_uri").unwrap_or(&value);
        query.append_pair(&name, value);
    }
    Some(format!("{page}?{}", query.finish()))
}

/// The page of a login without a redirect URI: the token is in its address.
pub(super) fn complete() -> Answer {
    html(
        StatusCode::OK,
        "<!doctype html><html lang=\"en\"><head><title>Login complete</title></head><body>\
         <h1>Login complete</h1><p>The token is in the address of this page.</p></body></html>"
            .to_owned(),
    )
}

/// Where to send the browser, if the request is in order.
fn redirect_uri(at: At<'_>, ask: &Ask) -> Option<String> {
    let in_order = ask.param("scope").as_deref() == Some(SCOPE)
        && ask.param("response_type").as_deref() == Some("token")
        && ask.param("client_id").as_deref() == Some(CLIENT_ID);
    if !in_order {
        return None;
    }
    if !ask.has_param("redirect_uri") {
        return Some(at.node.url(COMPLETE_PATH));
    }
    let asked = ask.param("redirect_uri")?;
    let rule = at.estate.behaviour().redirect_match;
    let registered = at.cluster.redirect_uris().iter().any(|uri| match rule {
        RedirectMatch::Exact => asked == *uri,
        RedirectMatch::Prefix => asked.starts_with(uri.as_str()),
        RedirectMatch::Any => true,
    });
    registered.then_some(asked)
}

/// The token of the session: a new one, or the one it has with what is left of its life.
fn token_for(at: At<'_>, cookie: &str, session: Session, now: SystemTime) -> Issued {
    let Session { user, until, fresh, token } = session;
    let (format, keeps) = {
        let behaviour = at.estate.behaviour();
        (behaviour.token_format, behaviour.sp_session)
    };
    if let Some(issued) = token.filter(|issued| issued.until > now) {
        at.estate.journal.count().tokens_reused += 1;
        return issued;
    }
    at.estate.journal.count().tokens_issued += 1;
    let lifetime = at.estate.token_lifetime;
    let issued = at.node.tokens.issue(format, at.node.number, user, now, lifetime);
    let until = if fresh { now + keeps } else { until };
    let token = Some(issued.clone());
    at.node.browsers.keep(cookie, Session { user, until, fresh: false, token });
    issued
}

fn deliver(
    at: At<'_>,
    redirect_uri: &str,
    issued: &Issued,
    state: Option<&str>,
    now: SystemTime,
) -> Answer {
    let behaviour = at.estate.behaviour();
    let state = state.filter(|_| behaviour.echo_state);
    let seconds = issued.seconds_left(now);
    let location =
        redirect::location(&behaviour.redirect, redirect_uri, &issued.token, seconds, state);
    let mut answer = found(&location);
    if let Some(policy) = &behaviour.redirect.cache_control {
        set(&mut answer, CACHE_CONTROL, policy);
    }
    answer
}

fn send_to_idp(at: At<'_>, ask: &Ask, now: SystemTime) -> Answer {
    let request = AuthnRequest::new(at.node.host, at.estate.trust.sso_url(), now);
    let mut pending = at.node.pending();
    pending.retain(|_, login| now.duration_since(login.since).unwrap_or_default() < PATIENCE);
    if pending.len() < MOST_PENDING {
        let path_and_query = format!("{}?{}", ask.path, ask.query);
        pending.insert(request.id.clone(), Pending { path_and_query, since: now });
    }
    found(&request.redirect_url())
}

/// How long a browser may stay at the identity provider.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(30);

/// The page as Cisco publishes it. It is not valid JSON: the value of `error` has no quotes.
const INVALID_REQUEST: &str = "{\"error\":INVALID_REQUEST,\"error_description\":\"The request is \
    missing a required parameter, includes an invalid parameter value, includes a parameter more \
    than once, or is otherwise malformed.\"}";
