//! What a request must look like before anybody reads its path.
//!
//! Everything here is decided from the request line and the headers alone, so that it can be
//! read, and tested, in one place. A browser that is led here by somebody else's page sends
//! headers that betray it; a program that can forge them is stopped by `peer` and by the nonce.

use hyper::{
    HeaderMap, Method,
    header::{CONTENT_TYPE, HOST, HeaderName, ORIGIN},
    http::request::Parts,
};

use super::refusal::Refusal;
use crate::loopback::Origin;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");

/// The one authority under which a listener is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Authority {
    /// The value of `Host`: `127.0.0.1:8765`.
    pub(super) host: String,
    /// The value of `Origin`: `http://127.0.0.1:8765`.
    pub(super) origin: String,
}

impl Authority {
    /// The authority of an origin, as a browser writes it.
    pub(super) fn of(origin: Origin) -> Self {
        Self { host: origin.authority(), origin: origin.to_string() }
    }
}

/// What an acceptable request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// A `GET` that fills a window with a page.
    Visit,
    /// A `POST` of the landing page.
    Deliver,
}

/// Judges the request line and the headers.
pub(super) fn judge(head: &Parts, authority: &Authority) -> Result<Intent, Refusal> {
    // Only the origin form has neither; the authority in it would win over `Host`.
    if head.uri.scheme().is_some() || head.uri.authority().is_some() {
        return Err(Refusal::TargetForm);
    }
    let host = only(&head.headers, HOST).ok_or(Refusal::HostCount)?;
    if host != authority.host.as_bytes() {
        return Err(Refusal::ForeignHost);
    }
    match head.method {
        Method::GET => judge_visit(&head.headers),
        Method::POST => judge_delivery(&head.headers, authority),
        Method::OPTIONS => Err(Refusal::Preflight),
        _ => Err(Refusal::Method),
    }
}

fn judge_visit(headers: &HeaderMap) -> Result<Intent, Refusal> {
    if !absent_or(headers, SEC_FETCH_DEST, "document")
        || !absent_or(headers, SEC_FETCH_MODE, "navigate")
    {
        return Err(Refusal::NotAVisit);
    }
    if headers.contains_key(SEC_PURPOSE) {
        return Err(Refusal::Prefetch);
    }
    Ok(Intent::Visit)
}

fn judge_delivery(headers: &HeaderMap, authority: &Authority) -> Result<Intent, Refusal> {
    if only(headers, ORIGIN) != Some(authority.origin.as_bytes()) {
        return Err(Refusal::ForeignOrigin);
    }
    if !absent_or(headers, SEC_FETCH_SITE, "same-origin") {
        return Err(Refusal::CrossSite);
    }
    if only(headers, CONTENT_TYPE) != Some(b"application/json") {
        return Err(Refusal::ContentType);
    }
    Ok(Intent::Deliver)
}

/// The value of a header that is there exactly once.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&[u8]> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    values.next().is_none().then(|| first.as_bytes())
}

/// Whether a header that not every client sends says nothing but `expected`.
fn absent_or(headers: &HeaderMap, name: HeaderName, expected: &str) -> bool {
    headers.get_all(name).iter().all(|value| value == expected)
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;
    use crate::browser::tests::origin;

    const HERE: &str = "127.0.0.1:8765";

    fn judged(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Intent, Refusal> {
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        judge(&head, &Authority::of(origin("http://127.0.0.1:8765")))
    }

    fn visit(headers: &[(&str, &str)]) -> Result<Intent, Refusal> {
        judged("GET", "/cb/hq", &[&[("host", HERE)], headers].concat())
    }

    fn delivery(headers: &[(&str, &str)]) -> Result<Intent, Refusal> {
        judged("POST", "/cb/hq", &[&[("host", HERE)], headers].concat())
    }

    #[test]
    fn only_the_exact_host_is_served() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:8766",
            "127.0.0.1:08765",
            "127.0.0.1:8765.",
            "127.0.0.1.:8765",
            "127.1:8765",
            "2130706433:8765",
            "0x7f000001:8765",
            "127.0.0.2:8765",
            "0.0.0.0:8765",
            "localhost:8765",
            "LOCALHOST:8765",
            "[::1]:8765",
            "[::ffff:127.0.0.1]:8765",
            "rebind.test:8765",
            "127.0.0.1.nip.io:8765",
            "user@127.0.0.1:8765",
            "127.0.0.1:8765@evil.test",
            "127.0.0.1:8765, evil.test",
            "127.0.0.1:8765/",
            "http://127.0.0.1:8765",
            "",
        ] {
            assert_eq!(
                judged("GET", "/cb/hq", &[("host", host)]),
                Err(Refusal::ForeignHost),
                "{host:?}"
            );
        }
        assert_eq!(visit(&[]), Ok(Intent::Visit));
    }

    #[test]
    fn a_request_has_one_host() {
        assert_eq!(judged("GET", "/cb/hq", &[]), Err(Refusal::HostCount));
        assert_eq!(visit(&[("host", HERE)]), Err(Refusal::HostCount));
        assert_eq!(visit(&[("host", "evil.test")]), Err(Refusal::HostCount));
    }

    #[test]
    fn a_target_is_a_path() {
        for target in ["http://127.0.0.1:8765/cb/hq", "127.0.0.1:8765", "evil.test"] {
            assert_eq!(judged("GET", target, &[("host", HERE)]), Err(Refusal::TargetForm));
        }
    }

    #[test]
    fn a_preflight_and_other_methods_are_refused() {
        let asked = |method| judged(method, "/cb/hq", &[("host", HERE)]);

        assert_eq!(asked("OPTIONS"), Err(Refusal::Preflight));
        for method in ["HEAD", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", "MKCOL"] {
            assert_eq!(asked(method), Err(Refusal::Method), "{method}");
        }
    }

    #[test]
    fn a_visit_fills_a_window() {
        for dest in ["iframe", "frame", "embed", "object", "empty", "image", "script", "Document"] {
            assert_eq!(visit(&[("sec-fetch-dest", dest)]), Err(Refusal::NotAVisit), "{dest}");
        }
        for mode in ["cors", "no-cors", "same-origin", "websocket"] {
            assert_eq!(visit(&[("sec-fetch-mode", mode)]), Err(Refusal::NotAVisit), "{mode}");
        }
        let twice = [("sec-fetch-dest", "document"), ("sec-fetch-dest", "iframe")];
        assert_eq!(visit(&twice), Err(Refusal::NotAVisit));
        let window = [("sec-fetch-dest", "document"), ("sec-fetch-mode", "navigate")];
        assert_eq!(visit(&window), Ok(Intent::Visit));
    }

    #[test]
    fn a_prefetch_is_not_a_visit() {
        assert_eq!(visit(&[("sec-purpose", "prefetch;prerender")]), Err(Refusal::Prefetch));
    }

    #[test]
    fn a_delivery_comes_from_our_own_page() {
        const JSON: (&str, &str) = ("content-type", "application/json");
        const OURS: (&str, &str) = ("origin", "http://127.0.0.1:8765");

        assert_eq!(delivery(&[OURS, JSON]), Ok(Intent::Deliver));
        assert_eq!(delivery(&[OURS, JSON, ("sec-fetch-site", "same-origin")]), Ok(Intent::Deliver));
        for site in ["cross-site", "same-site", "none"] {
            let sent = [OURS, JSON, ("sec-fetch-site", site)];
            assert_eq!(delivery(&sent), Err(Refusal::CrossSite), "{site}");
        }
        assert_eq!(delivery(&[JSON]), Err(Refusal::ForeignOrigin));
        assert_eq!(delivery(&[OURS, OURS, JSON]), Err(Refusal::ForeignOrigin));
        for origin in ["null", "https://127.0.0.1:8765", "http://127.0.0.1", "http://evil.test"] {
            let sent = [("origin", origin), JSON];
            assert_eq!(delivery(&sent), Err(Refusal::ForeignOrigin), "{origin}");
        }
    }

    #[test]
    fn a_delivery_is_json_and_nothing_a_form_can_send() {
        const OURS: (&str, &str) = ("origin", "http://127.0.0.1:8765");

        assert_eq!(delivery(&[OURS]), Err(Refusal::ContentType));
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/json; charset=utf-8",
            "application/json, text/plain",
            "Application/JSON",
        ] {
            let sent = [OURS, ("content-type", kind)];
            assert_eq!(delivery(&sent), Err(Refusal::ContentType), "{kind}");
        }
    }
}
