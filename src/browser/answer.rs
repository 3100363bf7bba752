//! The headers of every answer.
//!
//! One place makes responses, so none leaves without them. Never a cookie: cookies of a
//! loopback address belong to all its ports. Never a CORS header: no other origin is let in.

use http_body_util::Full;
use hyper::{
    Method, Response, StatusCode,
    body::Bytes,
    header::{
        ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    },
};

use super::{page::Page, refusal::Refusal, verdict::Verdict};

/// What every request gets.
pub(super) type Answer = Response<Full<Bytes>>;

const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain";
const JSON: &str = "application/json";

/// A page.
pub(super) fn page(status: StatusCode, page: &Page) -> Answer {
    answer(status, HTML, page.policy, page.html.clone())
}

/// The start page.
///
/// It also empties the cache of this origin, into which a program that had the port before us
/// may have put a landing page of its own. Not the storage: that has the nonces of other logins.
pub(super) fn start(start: &Page) -> Answer {
    let mut answer = page(StatusCode::OK, start);
    let clear = HeaderName::from_static("clear-site-data");
    answer.headers_mut().insert(clear, HeaderValue::from_static("\"cache\""));
    answer
}

/// A signed challenge.
pub(super) fn proof(tag: String) -> Answer {
    answer(StatusCode::OK, TEXT, Page::NO_SCRIPT, tag)
}

/// What the landing page shows.
pub(super) fn verdict(status: StatusCode, verdict: &Verdict) -> Answer {
    let json = serde_json::to_string(verdict).expect("a verdict is texts and numbers");
    answer(status, JSON, Page::NO_SCRIPT, json)
}

/// A refusal, in the form in which it was asked for. A host that is not ours gets no word.
pub(super) fn refused(refusal: Refusal, method: &Method) -> Answer {
    let status = refusal.status();
    let said = Verdict::refused(refusal);
    let mut answer = match (refusal, method) {
        (Refusal::ForeignHost | Refusal::HostCount | Refusal::TargetForm, _) => {
            answer(status, HTML, Page::NO_SCRIPT, String::new())
        }
        (_, &Method::GET) => page(status, &Page::notice(refusal, &said)),
        _ => verdict(status, &said),
    };
    if refusal == Refusal::Method {
        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, POST"));
    }
    answer
}

fn answer(status: StatusCode, kind: &'static str, policy: &str, body: String) -> Answer {
    Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CONTENT_SECURITY_POLICY, policy)
        .header(CACHE_CONTROL, "no-store")
        .header(REFERRER_POLICY, "no-referrer")
        .header(X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header("cross-origin-opener-policy", "same-origin")
        .header("cross-origin-resource-policy", "same-origin")
        .body(Full::from(body))
        .expect("the names and values are fixed, the policy is made of base64")
}
