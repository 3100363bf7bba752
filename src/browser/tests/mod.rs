//! Drives the listener over loopback as browsers, and as things that are no browser, would.

mod limits;
mod login;
mod opener;
mod proof;
mod refusals;
mod secure;

use std::net::SocketAddr;

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

use super::{Expectation, Listener, Passed};
use crate::loopback::Origin;

/// The answer to one request.
struct Answered {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answered {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The value of an attribute of the page.
    fn attribute(&self, name: &str) -> String {
        let (_, rest) = self.body.split_once(&format!(" data-{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    }
}

pub(super) fn origin(url: &str) -> Origin {
    Origin::of(&url.parse().unwrap()).unwrap()
}

async fn bound() -> Listener {
    Listener::bind(origin("http://127.0.0.1:0"), None, &Passed::default()).await.unwrap()
}

/// Where a listener is reached: its first address.
fn addr_of(listener: &Listener) -> SocketAddr {
    listener.origin().addresses()[0]
}

fn target() -> Url {
    "https://cucm-pub:8443/ssosp/oauth/authorize?client_id=c".parse().unwrap()
}

/// Sends bytes and reads until the listener closes.
async fn send(addr: SocketAddr, request: &str) -> Answered {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    answer_on(&mut stream).await
}

async fn answer_on(stream: &mut (impl AsyncRead + Unpin)) -> Answered {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .map_or(0, |code| code.parse().unwrap());
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
    Answered { status, headers, body: body.to_owned() }
}

/// What a browser sends when a window goes to `path`.
async fn visit(listener: &Listener, path: &str) -> Answered {
    let addr = addr_of(listener);
    send(
        addr,
        &format!(
            "GET {path} HTTP/1.1\r\nHost: {addr}\r\nSec-Fetch-Site: cross-site\r\n\
             Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n"
        ),
    )
    .await
}

/// What the landing page posts.
fn delivery(addr: SocketAddr, path: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\n\
         Sec-Fetch-Site: same-origin\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\n\r\n{body}"
    )
}

fn posted(nonce: &str) -> String {
    format!(r#"{{"nonce":"{nonce}","query":"q=1","fragment":"access_token=canary-77"}}"#)
}

async fn deliver(listener: &Listener, path: &str, nonce: &str) -> Answered {
    let addr = addr_of(listener);
    send(addr, &delivery(addr, path, &posted(nonce))).await
}

/// Opens the start page, and takes the nonce as its script would.
async fn begin(listener: &Listener, expectation: &Expectation) -> String {
    let (_, path) = expectation.start_url().split_once("/start/").unwrap();
    let page = visit(listener, &format!("/start/{path}")).await;
    assert_eq!(page.status, 200);
    page.attribute("nonce")
}
