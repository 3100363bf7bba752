//! Where things are on a network: nodes, the redirect URI, the authorization page, the proxy.
//!
//! Nothing in here resolves a name. Called by `cluster`.

use std::net::{Ipv4Addr, Ipv6Addr};

use url::Url;

use super::{
    RedirectUri,
    value::{Wrong, shown},
};
use crate::loopback::Origin;

/// The HTTPS port of a node that names none: the one of Unified CM's web services.
const NODE_PORT: u16 = 8443;

/// The first port that any user may listen on.
const FIRST_USER_PORT: u16 = 1024;

/// The path of the daemon's own start pages; a redirect there would meet them.
const START_PATH: &str = "/start";

/// Reads `host` or `host:port`. The host comes back in lower case, IPv6 without brackets.
pub(super) fn node(text: &str) -> Result<(String, u16), Wrong> {
    let (host, port) = split(text);
    if text.contains("://") || text.contains('/') {
        let after = text.split_once("://").map_or(text, |(_, after)| after);
        let host = after.split('/').next().unwrap_or_default();
        return Err(Wrong::new(
            format!("{} is not a host", shown(text)),
            format!("write the host alone, \"{host}\""),
        ));
    }
    let port = match port {
        None => NODE_PORT,
        Some(digits) => port_number(digits).ok_or_else(|| {
            Wrong::new(
                format!("{} is not a port", shown(digits)),
                "write a number from 1 to 65535 after the colon, or no colon for 8443",
            )
        })?,
    };
    Ok((host_name(host)?, port))
}

/// Reads a host without a port, in lower case, IPv6 without brackets.
pub(super) fn host_name(text: &str) -> Result<String, Wrong> {
    if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'))
        && let Ok(address) = address.parse::<Ipv6Addr>()
    {
        return Ok(address.to_string());
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric =
        text.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    let well_formed = if numeric {
        text.parse::<Ipv4Addr>().is_ok()
    } else {
        text.len() <= 253 && text.split('.').all(label)
    };
    if well_formed {
        return Ok(text.to_ascii_lowercase());
    }
    let help = if text.is_ascii() {
        "write a host name, an IPv4 address, or an IPv6 address in brackets"
    } else {
        "write the ASCII form of the name, which begins with `xn--`"
    };
    Err(Wrong::new(format!("{} is not a host", shown(text)), help))
}

/// Reads where the cluster sends the browser. `example` is what would be right.
pub(super) fn redirect_uri(text: &str, example: &str) -> Result<RedirectUri, Wrong> {
    let wrong = |message: String| Wrong::new(message, format!("write for example \"{example}\""));
    let url = Url::parse(text).map_err(|_| wrong(format!("{} is not a URL", shown(text))))?;
    if !matches!(url.scheme(), "http" | "https") {
        let message = format!("the scheme is `{}`, and has to be `http` or `https`", url.scheme());
        return Err(wrong(message));
    }
    let origin = Origin::of(&url);
    let origin =
        origin.ok_or_else(|| wrong("the token would be sent to another machine".to_owned()))?;
    let port = url.port().ok_or_else(|| {
        wrong("there is no port, and the port is part of what the cluster compares".to_owned())
    })?;
    if port < FIRST_USER_PORT {
        return Err(wrong(format!("port {port} is reserved for root")));
    }
    if url.query().is_some() || url.fragment().is_some() || has_userinfo(&url) {
        return Err(wrong("it has a query, a fragment or a user name".to_owned()));
    }
    let path = url.path();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._~-".contains(&byte);
    if path == "/" || !path.bytes().all(plain) {
        return Err(wrong("there has to be a path, of plain letters".to_owned()));
    }
    if path == START_PATH || path.starts_with("/start/") {
        return Err(wrong(format!("the pages under `{START_PATH}` are the daemon's own")));
    }
    if url.as_str() != text {
        return Err(Wrong::new(
            "the cluster compares this text letter by letter, and browsers write it differently",
            format!("write \"{url}\""),
        ));
    }
    let (uri, landing) = (text.to_owned(), text.to_owned());
    Ok(RedirectUri { uri, landing, origin, path: path.to_owned() })
}

/// Reads the URL of the authorization page.
pub(super) fn authorize_url(text: &str) -> Result<Url, Wrong> {
    let wrong = |message| {
        Wrong::new(
            message,
            "write for example \"https://cucm-pub.example.com:8443/ssosp/oauth/authorize\"",
        )
    };
    let url = Url::parse(text).map_err(|_| wrong(format!("{} is not a URL", shown(text))))?;
    if url.scheme() != "https" {
        return Err(wrong("a login page is reached by `https` alone".to_owned()));
    }
    if url.fragment().is_some() || has_userinfo(&url) {
        return Err(wrong("it has a fragment or a user name".to_owned()));
    }
    Ok(url)
}

/// Reads the URL of an HTTP proxy.
pub(super) fn proxy(text: &str) -> Result<Url, Wrong> {
    let wrong =
        |message: &str| Wrong::new(message, "write for example \"http://proxy.example.com:3128\"");
    let url = Url::parse(text).map_err(|_| wrong("this is not a URL"))?;
    if url.scheme() != "http" || url.host().is_none() {
        return Err(wrong("a proxy is reached by `http`"));
    }
    if has_userinfo(&url) {
        return Err(wrong("a user name and password do not belong in this file"));
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("a proxy is a host and a port, without a path"));
    }
    Ok(url)
}

fn has_userinfo(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

/// Splits `host:port` at its last colon, unless that is inside of brackets.
fn split(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (text, None),
    }
}

fn port_number(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|port| plain && *port > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loopback::{Host, Scheme};

    #[test]
    fn a_node_is_a_host_and_maybe_a_port() {
        let read = |text| node(text).unwrap();

        assert_eq!(read("CUCM-Pub.Example.com"), ("cucm-pub.example.com".into(), 8443));
        assert_eq!(read("cucm_1:443"), ("cucm_1".into(), 443));
        assert_eq!(read("10.0.0.7:8443"), ("10.0.0.7".into(), 8443));
        assert_eq!(read("[2001:DB8::7]"), ("2001:db8::7".into(), 8443));
        assert_eq!(read("[::1]:9443"), ("::1".into(), 9443));
    }

    #[test]
    fn what_is_no_node_is_refused() {
        for wrong in [
            "",
            ":8443",
            "a b",
            "a:",
            "a:0",
            "a:+1",
            "a:65536",
            "a..b",
            "-a",
            "a-",
            "10.0.0",
            "256.0.0.1",
            "2001:db8::7",
            "[::1",
            "https://a",
            "a/b",
            "user@a",
            "bücher.example",
            &"x".repeat(64),
        ] {
            assert!(node(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_redirect_uri_is_kept_letter_by_letter() {
        let text = "http://[::1]:27443/cb/hq";

        let redirect = redirect_uri(text, "").unwrap();

        assert_eq!(redirect.uri, text);
        assert_eq!(redirect.origin.addresses(), ["[::1]:27443".parse().unwrap()]);
        assert_eq!(redirect.path, "/cb/hq");
        let named = redirect_uri("http://localhost:27443/cb/hq", "").unwrap();
        assert_eq!(named.origin.host, Host::Localhost);
        let secure = redirect_uri("https://localhost:27443/cb/hq", "").unwrap();
        assert_eq!(secure.origin.scheme, Scheme::Https);
    }

    #[test]
    fn a_redirect_uri_leads_to_this_machine_and_nowhere_else() {
        for wrong in [
            "",
            "27443",
            "ftp://127.0.0.1:27443/cb",
            "https://127.0.0.1:443/cb",
            "https://example.com:27443/cb",
            "http://localhost/cb",
            "http://localhost.:27443/cb",
            "http://LOCALHOST:27443/cb",
            "http://hq.localhost:27443/cb",
            "http://127.0.0.2:27443/cb",
            "http://10.0.0.1:27443/cb",
            "http://example.com:27443/cb",
            "http://[::ffff:127.0.0.1]:27443/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:80/cb",
            "http://127.0.0.1:1023/cb",
            "http://127.0.0.1:27443",
            "http://127.0.0.1:27443/",
            "http://127.0.0.1:27443/start",
            "http://127.0.0.1:27443/start/x",
            "http://127.0.0.1:27443/cb?x",
            "http://127.0.0.1:27443/cb#x",
            "http://me@127.0.0.1:27443/cb",
            "http://127.1:27443/cb",
            "HTTP://127.0.0.1:27443/cb",
            "http://127.0.0.1:27443/a/../cb",
            "http://127.0.0.1:27443/%63b",
            "http://127.0.0.1:027443/cb",
            " http://127.0.0.1:27443/cb",
        ] {
            assert!(redirect_uri(wrong, "").is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_proxy_is_a_host_and_a_port() {
        assert_eq!(proxy("http://proxy:3128").unwrap().port(), Some(3128));
        for wrong in ["proxy:3128", "https://p", "http://a:b@p", "http://p/x", "http://p?x", ""] {
            assert!(proxy(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_authorization_page_is_on_https() {
        assert!(authorize_url("https://cucm:8443/ssosp/oauth/authorize").is_ok());
        for wrong in ["http://cucm/", "https://me@cucm/", "https://cucm/#x", "cucm"] {
            assert!(authorize_url(wrong).is_err(), "{wrong:?}");
        }
    }
}
