//! The messaging interface of Unity Connection (CUMI), as far as a token is tried on it.
//!
//! Unity Connection works on five requests at once and turns others away (Cisco, *Unity
//! Connection REST API FAQ*): that says nothing about a token.

use hyper::{Method, StatusCode, header::RETRY_AFTER};

use super::{
    estate::At,
    faults::Load,
    gate::{CLIENT_COOKIE, Visitor, visitor},
    http::{Answer, Ask, answer as document, set, set_cookie, tomcat, xml},
    random,
};

pub(super) const PREFIX: &str = "/vmrest/";

/// How many requests are worked on at once.
pub(super) const PLACES: usize = 5;

pub(super) async fn answer(at: At<'_>, ask: &Ask) -> Answer {
    let load = at.estate.behaviour().load;
    let place = at.node.places.try_acquire();
    if place.is_err() || load == Load::Busy {
        return busy();
    }
    if load == Load::Stalled {
        return std::future::pending().await;
    }
    let Some(visitor) = visitor(at, ask) else {
        return document(StatusCode::UNAUTHORIZED, TEXT, "Not Authorized".to_owned());
    };
    let body = match (&ask.method, ask.path.as_str()) {
        (&Method::GET, "/vmrest/version") => Body::of(VERSION),
        (&Method::GET, "/vmrest/mailbox/folders/inbox/messages") => Body::of(MESSAGES),
        (&Method::GET, "/vmrest/user") => own_record(visitor.user),
        _ => return remembering(tomcat(StatusCode::NOT_FOUND), &visitor),
    };
    let answer = if ask.wants_json() {
        document(StatusCode::OK, "application/json", body.json)
    } else {
        xml(body.xml)
    };
    remembering(answer, &visitor)
}

fn busy() -> Answer {
    let mut answer = document(StatusCode::SERVICE_UNAVAILABLE, TEXT, "Server Busy".to_owned());
    set(&mut answer, RETRY_AFTER, "5");
    answer
}

/// Sets the three cookies that Cisco's CUPI guide shows.
fn remembering(mut answer: Answer, visitor: &Visitor) -> Answer {
    for cookie in [
        format!("{CLIENT_COOKIE}={}; Path=/; Secure; HttpOnly", visitor.cookie),
        format!("JSESSIONID={}; Path=/vmrest/; Secure; HttpOnly", random::hex::<16>()),
        format!("REQUEST_TOKEN_KEY={}; Path=/; Secure; HttpOnly", random::hex::<16>()),
    ] {
        set_cookie(&mut answer, &cookie);
    }
    answer
}

/// The same in both formats; the client chooses by `Accept`.
struct Body {
    xml: String,
    json: String,
}

impl Body {
    fn of((xml, json): (&str, &str)) -> Self {
        Self { xml: xml.to_owned(), json: json.to_owned() }
    }
}

/// The user's own record (Cisco, *CUPI API for End Users*).
fn own_record(user: &str) -> Body {
    Body {
        xml: format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><User><URI>/vmrest/user</URI>\
             <Alias>{user}</Alias></User>"
        ),
        json: format!("{{\"URI\":\"/vmrest/user\",\"Alias\":\"{user}\"}}"),
    }
}

const VERSION: (&str, &str) = (
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><VersionInfo><name>vmrest</name>\
          <version>14.0.1</version></VersionInfo>",
    "{\"name\":\"vmrest\",\"version\":\"14.0.1\"}",
);

const MESSAGES: (&str, &str) = (
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Messages total=\"1\"><Message>\
          <Subject>Message from Bob Brandt (1002)</Subject><Read>false</Read></Message></Messages>",
    "{\"@total\":\"1\",\"Message\":{\"Subject\":\"Message from Bob Brandt (1002)\",\
           \"Read\":\"false\"}}",
);

const TEXT: &str = "text/plain;charset=utf-8";
