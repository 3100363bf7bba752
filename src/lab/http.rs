//! A request that has been read, and the answers the hosts have in common.
//!
//! Knows HTTP, not Cisco: what a path means is the business of the hosts.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    HeaderMap, Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{
        ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, COOKIE, HeaderName, HeaderValue,
        LOCATION, SET_COOKIE,
    },
};
use url::form_urlencoded;

/// What a host answers.
pub(super) type Answer = Response<Full<Bytes>>;

/// A request, read to its end.
pub(super) struct Ask {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Ask {
    /// A SAML response of a foreign identity provider is tens of KiB; nothing here is larger.
    const LONGEST_BODY: usize = 1 << 20;

    /// Reads the request; `None` if its body is too long or breaks off.
    pub(super) async fn read(request: Request<Incoming>) -> Option<Self> {
        let (head, body) = request.into_parts();
        let body = Limited::new(body, Self::LONGEST_BODY).collect().await.ok()?.to_bytes();
        Some(Self {
            method: head.method,
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            headers: head.headers,
            body,
        })
    }

    /// The value of a query parameter that is given once; `None` if it is missing or repeated,
    /// which RFC 6749 3.1 forbids.
    pub(super) fn param(&self, name: &str) -> Option<String> {
        once(self.query.as_bytes(), name)
    }

    /// Whether a query parameter is given at all.
    pub(super) fn has_param(&self, name: &str) -> bool {
        form_urlencoded::parse(self.query.as_bytes()).any(|(key, _)| key == name)
    }

    /// The value of a form field that is given once.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        once(&self.body, name)
    }

    pub(super) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The token of the `Authorization` header (RFC 6750 2.1).
    pub(super) fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.authorization()?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token)
    }

    /// User and password of the `Authorization` header (RFC 7617).
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let (scheme, pair) = self.authorization()?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
        pair.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    pub(super) fn wants_json(&self) -> bool {
        let accept = self.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        accept.is_some_and(|accept| accept.contains("application/json"))
    }

    fn authorization(&self) -> Option<(&str, &str)> {
        let value = self.headers.get(AUTHORIZATION)?.to_str().ok()?;
        value.split_once(' ').map(|(scheme, rest)| (scheme, rest.trim()))
    }
}

fn once(pairs: &[u8], name: &str) -> Option<String> {
    let mut values = form_urlencoded::parse(pairs).filter(|(key, _)| key == name);
    let (_, value) = values.next()?;
    values.next().is_none().then(|| value.into_owned())
}

/// An answer with a body.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: String) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// A page for a human.
pub(super) fn html(status: StatusCode, body: String) -> Answer {
    answer(status, "text/html;charset=utf-8", body)
}

/// A document for a program.
pub(super) fn xml(body: String) -> Answer {
    answer(StatusCode::OK, "application/xml", body)
}

/// A redirect by GET, which no cache keeps.
pub(super) fn found(location: &str) -> Answer {
    let mut answer = html(StatusCode::FOUND, String::new());
    set(&mut answer, CACHE_CONTROL, "no-store");
    set(&mut answer, LOCATION, location);
    answer
}

/// A bare page of a servlet container, for what is not there or does not work.
pub(super) fn tomcat(status: StatusCode) -> Answer {
    let code = status.as_u16();
    let reason = status.canonical_reason().unwrap_or_default();
    html(
        status,
        format!(
            "<!doctype html><html lang=\"en\"><head><title>HTTP Status {code} - {reason}</title>\
             </head><body><h1>HTTP Status {code} - {reason}</h1></body></html>"
        ),
    )
}

/// Sets a header. A value that no header may have is left out.
pub(super) fn set(answer: &mut Answer, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
}

/// Sets a cookie besides those that are set already.
pub(super) fn set_cookie(answer: &mut Answer, cookie: &str) {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Text that means itself in HTML and in XML, between tags and in double quotes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            _ => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_parameter_counts_as_missing() {
        assert_eq!(once(b"a=1&b=2", "a").as_deref(), Some("1"));
        assert_eq!(once(b"a=1&a=2", "a"), None);
        assert_eq!(once(b"b=2", "a"), None);
    }
}
