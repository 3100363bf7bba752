//! What a cluster may say of where its authorization page is: three hundred addresses that a
//! browser must never be sent to. Made by a grammar, as whoever has a node in hand would try them.

use std::collections::BTreeSet;

use ucsso::rpc::proto::{StartLoginRequest, start_login_response::Event};

use crate::{
    estate::Estate,
    rig::{WRITING, estate_with_browser},
};

const PATH: &str = "/ssosp/oauth/authorize";

#[tokio::test]
async fn no_hostile_address_of_an_authorization_page_reaches_the_browser() {
    let estate = estate_with_browser(&WRITING).await;
    let (host, port) = estate.lab.node("cucm-sub");
    let addresses = hostile(&host, port);
    assert!(addresses.len() >= 300, "{}", addresses.len());

    for address in addresses {
        estate.lab.behaviour().status_uri = Some(address.clone());

        let reason = login_failure(&estate).await;

        assert_eq!(reason, "UNEXPECTED_ANSWER", "{address:?}");
        assert_eq!(estate.opened(), [""; 0], "{address:?}");
    }
    assert_eq!(estate.lab.counters().windows, 0);
    estate.lab.behaviour().status_uri = None;
    estate.logged_in("hq").await;
}

/// Asks for a login, and returns the reason for which there is none.
async fn login_failure(estate: &Estate) -> String {
    let request = StartLoginRequest { cluster: "hq".into(), no_browser: false };
    let client = estate.client().await;
    let mut events = client.login().start_login(request).await.unwrap().into_inner();
    while let Some(answer) = events.message().await.unwrap() {
        match answer.event.unwrap() {
            Event::Failed(failure) => return failure.reason,
            Event::Opened(_) | Event::Done(_) => return "a window was opened".into(),
            Event::Waiting(_) => {}
        }
    }
    "the stream ended".into()
}

/// Addresses that are wrong in scheme, in what comes before the host, in the host, in the port, in
/// the path or in what follows it.
fn hostile(host: &str, port: u16) -> BTreeSet<String> {
    let good = format!("https://{host}:{port}{PATH}");
    let at = format!("{host}:{port}");
    let mut all = BTreeSet::new();
    let mut add = |address: String| {
        // White space around it belongs to the document.
        if address.trim_ascii() != good {
            all.insert(address);
        }
    };
    for scheme in SCHEMES {
        add(format!("{scheme}{at}{PATH}"));
        add(format!("{scheme}evil.test{PATH}"));
        add(format!("{scheme}/etc/passwd"));
    }
    for option in OPTIONS {
        add((*option).to_owned());
        add(format!("{option} {good}"));
        add(format!("{good} {option}"));
        add(format!("{good}\n{option}"));
    }
    for user in USERS {
        add(format!("https://{user}@{at}{PATH}"));
        add(format!("https://{at}{user}@evil.test{PATH}"));
    }
    for evil in HOSTS {
        add(format!("https://{evil}:{port}{PATH}"));
        add(format!("https://{evil}{PATH}"));
        add(format!("https://{host}.{evil}:{port}{PATH}"));
        add(format!("https://{evil}{host}:{port}{PATH}"));
    }
    for sign in SIGNS {
        add(format!("https://{host}{sign}:{port}{PATH}"));
        add(format!("https://{host}{sign}evil.test:{port}{PATH}"));
        add(format!("https://{at}{PATH}{sign}"));
        add(format!("https{sign}://{at}{PATH}"));
        add(format!("{sign}{good}"));
    }
    for wrong in ["", "0", "1", "22", "443", "8080", "65536", "99999999999", "+8443", "-1", "8443x"]
    {
        add(format!("https://{host}:{wrong}{PATH}"));
    }
    for path in PATHS {
        add(format!("https://{at}{path}"));
    }
    for query in [
        "scope=x",
        "response_type=code",
        "redirect_uri=https://evil.test",
        "client_id=x",
        "state=x",
    ] {
        add(format!("{good}?{query}"));
        add(format!("{good}?a=b&{query}"));
        add(format!("{good}#{query}"));
    }
    add(format!("{good}?{}", "x".repeat(5_000)));
    all
}

const SCHEMES: &[&str] = &[
    "http://",
    "HTTP://",
    "file://",
    "file:",
    "ftp://",
    "javascript://",
    "javascript:alert(1)//",
    "data:text/html,",
    "vbscript:",
    "ssh://",
    "smb://",
    "mailto:",
    "tel:",
    "about:",
    "chrome://",
    "view-source:https://",
    "blob:https://",
    "ms-settings://",
    "steam://",
    "x-scheme-handler://",
    "jar:https://",
    "ws://",
    "wss://",
    "gopher://",
    "ldap://",
    "https:/",
    "https:",
    "https:///",
    "https:\\\\",
    "//",
    "\\\\",
    "",
    "/",
    "://",
    "httpss://",
    "https ://",
];

const OPTIONS: &[&str] = &[
    "-opt",
    "--version",
    "--remote-debugging-port=1",
    "-new-window",
    "--user-data-dir=/tmp",
    "%action",
    "`id`",
    "$(id)",
    ";id",
    "|id",
    "&& id",
    "'; id #",
    "\"; id #",
    "${IFS}id",
    "{url}",
    "%s",
    "~root",
    "*",
];

const USERS: &[&str] = &["evil", "evil:secret", "", ":", "a@b", "evil.test", "%40", "cucm-pub"];

const HOSTS: &[&str] = &[
    "evil.test",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "0x7f000001",
    "2130706433",
    "169.254.169.254",
    "cucm-pub",
    "cucm-sub",
    "lab.localhost",
    "idp.lab.localhost",
    "xn--ccm-sub-9f.lab.localhost",
    "cuсm-sub.lab.localhost",
    "ｃucm-sub.lab.localhost",
    "-",
    "*",
    "%63ucm-sub.lab.localhost",
    "evil.test\\",
];

const SIGNS: &[&str] = &[
    "@", "\\", "\\@", "%00", "%0d%0a", "\t", "\r\n", " ", "%20", "\u{200b}", "\u{202e}",
    "\u{feff}", "\u{a0}", "。", "．", "／", "？", "＃", "\"", "<", ">", "^", "`", "{", "|", "}",
    "%", "%zz",
];

const PATHS: &[&str] = &[
    "",
    "/",
    "/ssosp",
    "/ssosp/oauth",
    "/ssosp/oauth/",
    "/ssosp/oauth/authorize/",
    "//ssosp/oauth/authorize",
    "/ssosp//oauth/authorize",
    "/SSOSP/oauth/authorize",
    "/ssosp/oauth/authorize;x",
    "/ssosp/oauth/../oauth/authorize",
    "/./ssosp/oauth/authorize",
    "/ssosp/oauth/%61uthorize",
    "/ssosp/oauth/authorize%2f",
    "/ssosp/oauth/authorize%00",
    "/ssosp/oauth/authorize/../../../ccmadmin",
    "/ssosp\\oauth\\authorize",
    "/ccmadmin",
    "/cb/hq",
    "\\evil.test/",
];
