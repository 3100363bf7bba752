//! S6: requests under another name than the redirect address, or from another page than its own.
//! This is what DNS rebinding sends: a hostile name that leads to 127.0.0.1, and headers that look
//! as if all were well.

use crate::{
    check::Figure,
    dice::Dice,
    rig::estate,
    victim::{self, Victim},
    wire::{self, message},
};

/// How many variants there are.
const VARIANTS: usize = 500;

/// What decides the generated ones.
const SEED: u64 = 6;

pub(crate) async fn run() -> Vec<Figure> {
    let estate = estate().await;
    let landing = estate.redirect_uri("hq");
    let port = wire::port_of(&landing);
    let begun = estate.log_in("hq").await;
    let start = format!("/start/{}", victim::ticket(&begun));
    let mut served = Vec::new();
    let mut sent = 0;

    let visits = hosts(port).map(|host| visit(&start, &host));
    let visits: Vec<String> = visits.chain(oddities(port, "GET", &start, "")).collect();
    for request in &visits {
        sent += 1;
        if is_served(port, request).await {
            served.push(request.clone());
        }
    }
    // The ticket is as good as new: the login goes on with it.
    let victim = Victim::at(&estate, "hq", begun).await;
    let fragment = victim.good_fragment(&estate).await;
    let body = message(&victim.nonce, &fragment);
    for request in deliveries(port, &body, VARIANTS - sent) {
        sent += 1;
        if is_served(port, &request).await {
            served.push(request);
        }
    }
    for request in &served {
        anstream::eprintln!("S6: served: {request:?}");
    }
    let control = victim.gets_in(&fragment).await;

    vec![
        Figure::exactly("variants", sent, VARIANTS),
        Figure::exactly("served", served.len(), 0),
        Figure::exactly("own-page-served", usize::from(control), 1),
    ]
}

async fn is_served(port: u16, request: &str) -> bool {
    let reply = wire::exchange(port, request.as_bytes(), false).await;
    reply.status.is_some_and(|status| status < 400)
}

/// The hosts that are written down, with the port in its place, and those next to it.
fn hosts(port: u16) -> impl Iterator<Item = String> {
    let neighbours = [port - 1, port + 1].map(|port| format!("127.0.0.1:{port}"));
    HOSTS.iter().map(move |host| host.replace("{p}", &port.to_string())).chain(neighbours)
}

fn visit(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

/// A post of the right message, by headers of this kind.
fn post(headers: &str, body: &str) -> String {
    format!(
        "POST /cb/hq HTTP/1.1\r\n{headers}Content-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// This many posts of the right message that are wrong in nothing but host and origin.
fn deliveries(port: u16, body: &str, count: usize) -> Vec<String> {
    let good = format!("127.0.0.1:{port}");
    // As a browser sends it whom a rebound name has led here.
    let rebound = hosts(port).map(|host| format!("Host: {host}\r\nOrigin: http://{host}\r\n"));
    let origins = ORIGINS.iter().map(|origin| origin.replace("{p}", &port.to_string()));
    let foreign = origins.map(|origin| format!("Host: {good}\r\nOrigin: {origin}\r\n"));
    let origin = format!("Origin: http://{good}\r\n");
    let none_or_two = [
        format!("Host: {good}\r\n"),
        format!("Host: {good}\r\n{origin}{origin}"),
        format!("Host: {good}\r\n{origin}Origin: null\r\n"),
        format!("Host: {good}\r\nOrigin: http://rebind.test\r\n{origin}"),
        format!("Host: {good}\r\nReferer: http://{good}/cb/hq\r\n"),
    ];
    let sites = ["cross-site", "same-site", "none", "", "SAME-ORIGIN", "same-origin, cross-site"];
    let sites = sites.map(|site| format!("Host: {good}\r\n{origin}Sec-Fetch-Site: {site}\r\n"));
    let written = rebound.chain(foreign).chain(none_or_two).chain(sites);
    let extra =
        format!("{origin}Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
    let odd = oddities(port, "POST", "/cb/hq", &extra).map(|head| head + body);
    let mut dice = Dice::new(SEED);
    let misspelt = std::iter::repeat_with(|| {
        let headers = format!("Host: {}\r\n{origin}", misspelling(&good, &mut dice));
        post(&headers, body)
    });
    let written: Vec<_> = written.map(|headers| post(&headers, body)).chain(odd).collect();
    written.into_iter().chain(misspelt).take(count).collect()
}

/// Requests of which it can be argued what their host is: `extra` are their other headers.
fn oddities(port: u16, method: &str, path: &str, extra: &str) -> impl Iterator<Item = String> {
    let good = format!("127.0.0.1:{port}");
    let with =
        |target: &str, headers: &str| format!("{method} {target} HTTP/1.1\r\n{headers}{extra}\r\n");
    let host = format!("Host: {good}\r\n");
    let evil = "Host: rebind.test\r\n";
    [
        with(path, ""),
        with(path, &format!("{host}{host}")),
        with(path, &format!("{host}{evil}")),
        with(path, &format!("{evil}{host}")),
        with(path, &format!("{host}hOST: {good}\r\n")),
        with(path, &format!("Host: rebind.test\r\n\tx: {good}\r\n")),
        with(path, &format!("Host:\r\n {good}\r\n")),
        with(path, &format!("Host: 127.0.0.1\r\n :{port}\r\n")),
        with(path, &format!(" Host: {good}\r\n")),
        with(path, &format!("Host : {good}\r\n")),
        with(path, &format!("Host\t: {good}\r\n")),
        with(path, &format!("Host;: {good}\r\n")),
        with(path, &format!("X: y\rHost: {good}\r\n")),
        with(path, &format!("X-Forwarded-Host: {good}\r\n{evil}")),
        with(path, &format!("Forwarded: host={good}\r\n{evil}")),
        with(path, &format!("X-Host: {good}\r\n{evil}")),
        with(&format!("http://{good}{path}"), &host),
        with(&format!("http://{good}{path}"), evil),
        with(&format!("http://rebind.test{path}"), &host),
        with(&format!("https://{good}{path}"), &host),
        with(&format!("HTTP://{good}{path}"), &host),
        with(&format!("//{good}{path}"), evil),
        with(&good, &host),
        with("*", &host),
        format!("{method} {path} HTTP/1.0\r\n{extra}\r\n"),
        format!("{method} {path} HTTP/1.0\r\n{evil}{extra}\r\n"),
        format!("{method} {path} HTTP/2.0\r\n{host}{extra}\r\n"),
        format!("{method} {path}\r\n\r\n"),
    ]
    .into_iter()
}

/// The right host with one letter too many, too few, or another.
fn misspelling(good: &str, dice: &mut Dice) -> String {
    const LETTERS: &[&str] =
        &["0", "1", "2", "7", "9", ".", ":", "a", "x", "-", "%", "@", "/", "["];
    let at = dice.below(good.len());
    let (before, rest) = good.split_at(at);
    let letter = dice.pick(LETTERS);
    let misspelt = match dice.below(3) {
        0 => format!("{before}{letter}{rest}"),
        1 => format!("{before}{letter}{}", &rest[1..]),
        _ => format!("{before}{}", &rest[1..]),
    };
    if misspelt == good { misspelling(good, dice) } else { misspelt }
}

/// Hosts that are not the redirect address; `{p}` is its port. After the last come generated ones.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1:",
    "127.0.0.1:80",
    "127.0.0.1:443",
    "127.0.0.1:0",
    "127.0.0.1:0{p}",
    "127.0.0.1:+{p}",
    "127.0.0.1:{p}.",
    "127.0.0.1:{p}/",
    "127.0.0.1:{p}#",
    "127.0.0.1:{p}?",
    "127.0.0.1.:{p}",
    "127.1:{p}",
    "127.0.1:{p}",
    "127.0.0.01:{p}",
    "127.000.000.001:{p}",
    "0127.0.0.1:{p}",
    "0177.0.0.1:{p}",
    "0x7f.0.0.1:{p}",
    "0x7f000001:{p}",
    "2130706433:{p}",
    "017700000001:{p}",
    "127.0.0.2:{p}",
    "127.255.255.254:{p}",
    "0.0.0.0:{p}",
    "0:{p}",
    "[::1]:{p}",
    "[::]:{p}",
    "[::ffff:127.0.0.1]:{p}",
    "[::ffff:7f00:1]:{p}",
    "[::127.0.0.1]:{p}",
    "::1:{p}",
    "localhost:{p}",
    "LOCALHOST:{p}",
    "localhost.:{p}",
    "localhost",
    "localhost.localdomain:{p}",
    "ip6-localhost:{p}",
    "app.localhost:{p}",
    "rebind.test:{p}",
    "REBIND.test:{p}",
    "rebind.test.:{p}",
    "127.0.0.1.nip.io:{p}",
    "7f000001.rbndr.test:{p}",
    "127.0.0.1.rebind.test:{p}",
    "127-0-0-1.rebind.test:{p}",
    "rebind.test",
    "xn--127-0-0-1.test:{p}",
    "user@127.0.0.1:{p}",
    "127.0.0.1:{p}@rebind.test",
    "127.0.0.1:{p}@",
    "@127.0.0.1:{p}",
    ":@127.0.0.1:{p}",
    "127.0.0.1:{p}:{p}",
    "127.0.0.1:{p},rebind.test",
    "rebind.test,127.0.0.1:{p}",
    "127.0.0.1:{p} rebind.test",
    "127.0.0.1 :{p}",
    "127.0.0.1: {p}",
    "http://127.0.0.1:{p}",
    "//127.0.0.1:{p}",
    "http:127.0.0.1:{p}",
    "127.0.0.1\\:{p}",
    "127.0.0.1%3A{p}",
    "127%2E0%2E0%2E1:{p}",
    "%31%32%37.0.0.1:{p}",
    "\"127.0.0.1:{p}\"",
    "'127.0.0.1:{p}'",
    "127.0.0.1:{p};",
    "127.0.0.1:{p}\u{0}",
    "127.0.0.1:{p}\u{b}",
    "127.0.0.1:{p}\u{a0}",
    "１２７.0.0.1:{p}",
    "127。0。0。1:{p}",
    "127.0.0.1：{p}",
    "*:{p}",
    "*",
    "-",
    "null",
    "",
];

/// Origins that are not the redirect address's.
const ORIGINS: &[&str] = &[
    "null",
    "NULL",
    "",
    "*",
    "file://",
    "about:blank",
    "http://127.0.0.1",
    "http://127.0.0.1:80",
    "https://127.0.0.1:{p}",
    "HTTP://127.0.0.1:{p}",
    "http://127.0.0.1:{p}/",
    "http://127.0.0.1:{p}.",
    "http://127.0.0.1:{p}/cb/hq",
    "http://127.0.0.1:0{p}",
    "http://127.0.0.1.:{p}",
    "http://127.1:{p}",
    "http://2130706433:{p}",
    "http://0x7f000001:{p}",
    "http://0.0.0.0:{p}",
    "http://127.0.0.2:{p}",
    "http://[::1]:{p}",
    "http://[::ffff:127.0.0.1]:{p}",
    "http://localhost:{p}",
    "http://LOCALHOST:{p}",
    "http://localhost",
    "http://app.localhost:{p}",
    "http://rebind.test:{p}",
    "http://rebind.test",
    "https://rebind.test",
    "http://127.0.0.1.rebind.test:{p}",
    "http://user@127.0.0.1:{p}",
    "http://127.0.0.1:{p}@rebind.test",
    "http://rebind.test#http://127.0.0.1:{p}",
    "127.0.0.1:{p}",
    "//127.0.0.1:{p}",
    "http://127.0.0.1:{p} http://rebind.test",
    "http://rebind.test http://127.0.0.1:{p}",
    "http://127.0.0.1:{p}, http://rebind.test",
    "http://127.0.0.1:{p};",
    "ws://127.0.0.1:{p}",
    "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
    "moz-extension://1",
    "https://cucm-pub.lab.localhost:8443",
    "http://127%2E0%2E0%2E1:{p}",
    "http://127.0.0.1:{p}%00",
    "http://127.0.0.1\\:{p}",
];
