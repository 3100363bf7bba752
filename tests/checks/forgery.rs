//! Requests that are almost, or not at all, what the landing page posts: made by a grammar, then
//! spoiled byte by byte.
//!
//! None of them may be let in. Each lacks the nonce of the pending login, or has it and is wrong in
//! something that a page of somebody else, or a rebound name, cannot get right. Called by
//! `forged_callbacks`, which sends them.

use std::fmt::Write as _;

use crate::dice::Dice;

/// What whoever forges knows. Everything but the nonce that is right.
pub(crate) struct Known {
    pub(crate) port: u16,
    /// Nonces and tickets that were right once, or are right elsewhere.
    pub(crate) stale: Vec<String>,
    /// What a redirect would bring: a token that lives.
    pub(crate) fragment: String,
    /// The right nonce, for forgeries that are wrong in something else.
    pub(crate) nonce: Option<String>,
}

/// One forged request.
pub(crate) struct Forgery {
    pub(crate) bytes: Vec<u8>,
    /// Whether the sender has to say that this is all: it may look like a beginning.
    pub(crate) is_all: bool,
}

/// A request in parts.
struct Parts {
    method: String,
    target: String,
    version: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framing: Framing,
}

/// How the end of the body is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length,
    Chunks,
    /// By two headers that do not agree, by none, or by one that promises more.
    Wrong(&'static str),
}

const WRONG_FRAMINGS: &[&Framing] = &[
    &Framing::Wrong(""),
    &Framing::Wrong("Content-Length: 99999\r\n"),
    &Framing::Wrong("Content-Length: 1073741824\r\n"),
    &Framing::Wrong("Content-Length: 18446744073709551616\r\n"),
    &Framing::Wrong("Content-Length: -1\r\n"),
    &Framing::Wrong("Content-Length: +10\r\n"),
    &Framing::Wrong("Content-Length: 1\r\nContent-Length: 2\r\n"),
    &Framing::Wrong("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
    &Framing::Wrong("Transfer-Encoding: chunked\r\n"),
    &Framing::Wrong("Transfer-Encoding: gzip, chunked\r\n"),
    &Framing::Wrong("Transfer-Encoding: chunked, identity\r\n"),
    &Framing::Wrong("Transfer-Encoding: \u{b}chunked\r\n"),
    &Framing::Wrong("Content-Encoding: gzip\r\nContent-Length: 20\r\n"),
    &Framing::Wrong("Expect: 100-continue\r\nContent-Length: 20\r\n"),
    &Framing::Wrong("Upgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 20\r\n"),
];

const METHODS: &[&str] = &[
    "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "POST\t",
    "P\0ST", "", "PROPFIND", "QUERY", "PRI",
];

const TARGETS: &[&str] = &[
    "/",
    "/cb",
    "/cb/",
    "/cb/hq/",
    "//cb/hq",
    "/cb//hq",
    "/CB/hq",
    "/cb/HQ",
    "/cb/vm",
    "/cb/hq%00",
    "/cb/h%71",
    "/cb/hq;x",
    "/cb/hq/../vm",
    "/cb/vm/../hq",
    "/./cb/hq",
    "/cb\\hq",
    "/start/",
    "/start/../cb/hq",
    "/token",
    "/favicon.ico",
    "/cb/hq x",
    "*",
    "cb/hq",
    "http://127.0.0.1/cb/hq",
    "",
    "/cb/\u{fb01}",
    "/cb/hq\u{0}",
];

const CONTENT_TYPES: &[&str] = &[
    "",
    "text/plain",
    "text/plain;charset=UTF-8",
    "application/x-www-form-urlencoded",
    "text/json",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-8",
    "application/json,text/plain",
    "application/csp-report",
    "application/JSON",
    "application/json+x",
    "application/ld+json",
];

const VERSIONS: &[&str] = &["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/1.1 x"];

const ORIGINS: &[&str] = &["null", "", "http://rebind.test", "https://127.0.0.1"];

const SITES: &[&str] =
    &["cross-site", "same-site", "none", "SAME-ORIGIN", "", "same-origin,same-origin"];

impl Forgery {
    /// The next one.
    pub(crate) fn throw(known: &Known, dice: &mut Dice) -> Self {
        if let Some(nonce) = known.nonce.as_ref().filter(|_| dice.once_in(4)) {
            return Parts::with_nonce(known, nonce, dice).written();
        }
        let mut parts = Parts::genuine(known, body(known, dice));
        for _ in 0..dice.below(4) {
            parts.spoil(known, dice);
        }
        if dice.once_in(6) {
            parts.flip(dice);
        }
        let mut forgery = parts.written();
        if dice.once_in(8) {
            forgery.mutate(dice);
        }
        forgery
    }

    /// Changes, adds, takes out or cuts off a few bytes.
    fn mutate(&mut self, dice: &mut Dice) {
        self.is_all = true;
        for _ in 0..=dice.below(4) {
            let at = dice.below(self.bytes.len().max(1));
            match dice.below(5) {
                _ if self.bytes.is_empty() => self.bytes.push(dice.byte()),
                0 => self.bytes[at] = dice.byte(),
                1 => self.bytes[at] ^= 1 << dice.below(8),
                2 => self.bytes.insert(at, dice.byte()),
                3 => drop(self.bytes.remove(at)),
                _ => self.bytes.truncate(at),
            }
        }
    }
}

impl Parts {
    /// Just what the landing page would send, around this body.
    fn genuine(known: &Known, body: Vec<u8>) -> Self {
        let here = format!("127.0.0.1:{}", known.port);
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Self {
            method: "POST".to_owned(),
            target: "/cb/hq".to_owned(),
            version: "HTTP/1.1".to_owned(),
            headers: vec![
                header("Host", &here),
                header("Origin", &format!("http://{here}")),
                header("Content-Type", "application/json"),
                header("Sec-Fetch-Site", "same-origin"),
                header("Sec-Fetch-Mode", "cors"),
                header("Sec-Fetch-Dest", "empty"),
            ],
            body,
            framing: Framing::Length,
        }
    }

    /// With the right nonce, and one thing wrong that cannot be made good by anything else.
    fn with_nonce(known: &Known, nonce: &str, dice: &mut Dice) -> Self {
        let body = message(&quoted(nonce), &quoted(&known.fragment));
        let mut parts = Self::genuine(known, body.into_bytes());
        match dice.below(8) {
            0 => parts.set("Host", "rebind.test"),
            1 => parts.set("Origin", dice.pick(ORIGINS)),
            2 => parts.headers.retain(|(name, _)| name != "Origin"),
            3 => parts.set("Content-Type", dice.pick(CONTENT_TYPES)),
            4 => parts.set("Sec-Fetch-Site", dice.pick(SITES)),
            5 => dice.pick(METHODS).clone_into(&mut parts.method),
            6 => dice.pick(TARGETS).clone_into(&mut parts.target),
            _ => {
                let stray = format!(",\"{}\":1}}", dice.letters(3));
                parts.body.pop();
                parts.body.extend(stray.bytes());
            }
        }
        parts
    }

    fn set(&mut self, name: &str, value: &str) {
        for header in self.headers.iter_mut().filter(|(own, _)| own == name) {
            value.clone_into(&mut header.1);
        }
    }

    /// Makes one thing wrong, or leaves it away, or has it twice.
    fn spoil(&mut self, known: &Known, dice: &mut Dice) {
        let here = format!("127.0.0.1:{}", known.port);
        match dice.below(12) {
            0 => dice.pick(METHODS).clone_into(&mut self.method),
            1 => dice.pick(TARGETS).clone_into(&mut self.target),
            2 => self.target = format!("/start/{}", dice.letters(43)),
            3 => self.target = format!("/cb/hq?{}", known.fragment),
            4 => dice.pick(VERSIONS).clone_into(&mut self.version),
            5 => self.set("Host", dice.pick(&["", "localhost", "rebind.test", "127.0.0.1", &here])),
            6 => self.set("Origin", dice.pick(ORIGINS)),
            7 => self.set("Content-Type", dice.pick(CONTENT_TYPES)),
            8 => self.set("Sec-Fetch-Site", dice.pick(SITES)),
            9 => drop(self.headers.remove(dice.below(self.headers.len()))),
            10 => self.headers.push(self.headers[dice.below(self.headers.len())].clone()),
            _ => {
                let length = 1 << dice.below(16);
                self.headers.push((dice.letters(6), dice.letters(length)));
            }
        }
        match dice.below(8) {
            0 => self.framing = *dice.pick(WRONG_FRAMINGS),
            1 => self.framing = Framing::Chunks,
            _ => {}
        }
        if self.headers.is_empty() {
            self.headers.push(("Host".to_owned(), here));
        }
    }

    /// Changes a few bytes of the body, none of its length.
    fn flip(&mut self, dice: &mut Dice) {
        for _ in 0..=dice.below(4) {
            let at = dice.below(self.body.len().max(1));
            if let Some(byte) = self.body.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
    }

    fn written(self) -> Forgery {
        let mut head = format!("{} {} {}\r\n", self.method, self.target, self.version);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").unwrap();
        }
        let length = self.body.len();
        match self.framing {
            Framing::Length => write!(head, "Content-Length: {length}\r\n\r\n").unwrap(),
            Framing::Chunks => {
                write!(head, "Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n").unwrap();
            }
            Framing::Wrong(headers) => write!(head, "{headers}\r\n").unwrap(),
        }
        let mut bytes = head.into_bytes();
        bytes.extend(self.body);
        if self.framing == Framing::Chunks {
            bytes.extend(b"\r\n0\r\n\r\n");
        }
        Forgery { bytes, is_all: matches!(self.framing, Framing::Wrong(_)) }
    }
}

/// A body: the message with a nonce that is wrong, or no such message.
fn body(known: &Known, dice: &mut Dice) -> Vec<u8> {
    let stale: Vec<&str> = known.stale.iter().map(String::as_str).collect();
    let nonce = match dice.below(8) {
        0 => quoted(""),
        1 => quoted(&dice.letters(43)),
        2 | 3 => quoted(dice.pick(&stale)),
        4 => quoted(&dice.pick(&stale)[..42]),
        5 => {
            let length = 1 << dice.below(15);
            quoted(&dice.letters(length))
        }
        6 => format!("[{}]", quoted(dice.pick(&stale))),
        _ => dice
            .pick(&["null", "true", "0", "1e999", "{}", "\"\\ud800\"", "\"\\u0000\""])
            .to_owned(),
    };
    let fragment = match dice.below(6) {
        0 => quoted("error=access_denied"),
        1 => dice.pick(&["null", "[]", "\"\"", "\"\\u0026\""]).to_owned(),
        _ => quoted(&known.fragment),
    };
    let message = message(&nonce, &fragment);
    let text = match dice.below(16) {
        0 => format!("{{\"fragment\":{fragment},\"query\":\"\"}}"),
        1 => format!(
            "{{\"nonce\":{nonce},\"nonce\":{nonce},\"query\":\"\",\"fragment\":{fragment}}}"
        ),
        2 => format!("[{message}]"),
        3 => format!("\u{feff}{message}"),
        4 => format!("{message}{message}"),
        5 => format!("nonce={nonce}&{}", known.fragment),
        6 => "[".repeat(1 << dice.below(15)),
        7 => format!("{{\"a\":{}", "{\"a\":".repeat(1 << dice.below(12))),
        8 => String::new(),
        9 => {
            format!("--x\r\nContent-Disposition: form-data; name=\"nonce\"\r\n\r\n{nonce}\r\n--x--")
        }
        10 => {
            let bytes = (0..dice.below(4096)).map(|_| dice.byte()).collect();
            return bytes;
        }
        11 => "x".repeat(dice.below(80_000)),
        _ => message,
    };
    text.into_bytes()
}

fn message(nonce: &str, fragment: &str) -> String {
    format!("{{\"nonce\":{nonce},\"query\":\"\",\"fragment\":{fragment}}}")
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}
