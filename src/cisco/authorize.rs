//! Where a login begins: checks the `Uri` a node names, and builds the authorization request
//! (RFC 6749 4.2.1).
//!
//! Pure. The `Uri` comes from a document that anybody could have fetched and decides where the
//! human's browser goes, so it is taken apart by hand, compared with the configuration, and built
//! again from the parts that passed. Called by `discovery` and `mod`.

use std::net::Ipv6Addr;

use url::{Url, form_urlencoded};

use crate::config::{ClusterConfig, Node};

/// Why a `Uri` is not followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UriFlaw {
    /// Longer than any that a cluster sends.
    #[error("it is too long")]
    TooLong,
    /// A character that a URI does not have, or that hides what it says.
    #[error("it has characters that do not belong in a URI")]
    Characters,
    /// Anything but https.
    #[error("it does not begin with `https://`")]
    NotHttps,
    /// A user name or password before the host.
    #[error("it has a user name in it")]
    UserInfo,
    /// The host is none of this cluster's.
    #[error("its host `{host}` is not a node of this cluster")]
    ForeignHost {
        /// The host; made of letters, digits, `.`, `-`, `_` and `:` only.
        host: String,
    },
    /// A port on which this cluster has nothing.
    #[error("its port is not one of this cluster's")]
    ForeignPort,
    /// Another path than the one on which Cisco has the authorization page.
    #[error("its path is not `{PATH}`")]
    Path,
    /// It has a fragment.
    #[error("it has a fragment")]
    Fragment,
    /// Its query already has a parameter that is ours to send.
    #[error("its query sets a parameter of the authorization request")]
    Parameters,
}

/// The path of the authorization page on every node (Cisco's SSO tutorial).
const PATH: &str = "/ssosp/oauth/authorize";
/// The port Cisco serves it on.
const PORT: u16 = 8443;
/// A `Uri` has about 60 characters.
const MAX_LEN: usize = 2048;
/// The longest host name (RFC 1035 2.3.4, as text). A host that is refused is told in an error.
const MAX_HOST: usize = 253;
/// The parameters of the request that nobody else sets.
const OURS: [&str; 5] = ["scope", "response_type", "redirect_uri", "client_id", "state"];

/// Checks the `Uri` of a `singleSignOn` document.
///
/// The host may be any node, or one of `authorize_hosts`; a query that it has is kept.
pub(super) fn checked(uri: &str, config: &ClusterConfig) -> Result<Url, UriFlaw> {
    if uri.len() > MAX_LEN {
        return Err(UriFlaw::TooLong);
    }
    if !uri.bytes().all(is_uri_byte) {
        return Err(UriFlaw::Characters);
    }
    let (scheme, rest) = uri.split_once("://").ok_or(UriFlaw::NotHttps)?;
    if !scheme.eq_ignore_ascii_case("https") {
        return Err(UriFlaw::NotHttps);
    }
    if rest.contains('#') {
        return Err(UriFlaw::Fragment);
    }
    let (before, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = before.split_at(before.find('/').ok_or(UriFlaw::Path)?);
    let (host, port) = host_and_port(authority)?;
    if !is_of_cluster(&host, config) {
        return Err(UriFlaw::ForeignHost { host });
    }
    if port != PORT && !config.nodes.iter().any(|node| is_host(node, &host) && node.port == port) {
        return Err(UriFlaw::ForeignPort);
    }
    if path != PATH {
        return Err(UriFlaw::Path);
    }
    check_query(query.unwrap_or_default())?;

    let mut page = Url::parse(&format!("https://{}:{port}{PATH}", bracketed(&host)))
        .map_err(|_| UriFlaw::Characters)?;
    page.set_query(query);
    Ok(page)
}

/// Adds the authorization request to the page it is sent to.
pub(super) fn request(page: &Url, config: &ClusterConfig, state: Option<&str>) -> Url {
    let mut query = page.query().map(str::to_owned).unwrap_or_default();
    // The scope's colon is not escaped in any request that Cisco shows.
    add(&mut query, "scope", &encoded(&config.scope).replace("%3A", ":"));
    add(&mut query, "response_type", "token");
    add(&mut query, "redirect_uri", &encoded(&config.redirect.uri));
    add(&mut query, "client_id", &encoded(&config.client_id));
    if let Some(state) = state {
        add(&mut query, "state", &encoded(state));
    }
    for (key, value) in &config.extra_params {
        add(&mut query, &encoded(key), &encoded(value));
    }
    let mut request = page.clone();
    request.set_query(Some(&query));
    request
}

/// Which node has the authorization page. It issues the token, and others have to ask it.
pub(super) fn issuer(page: &Url, nodes: &[Node]) -> Option<usize> {
    let host = page.host_str()?.trim_start_matches('[').trim_end_matches(']');
    let same_port = |node: &Node| Some(node.port) == page.port_or_known_default();
    let named = |node: &Node| is_host(node, host);
    nodes
        .iter()
        .position(|node| named(node) && same_port(node))
        .or_else(|| nodes.iter().position(named))
}

/// A host as part of a URL: an IPv6 address gets its brackets.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

fn host_and_port(authority: &str) -> Result<(String, u16), UriFlaw> {
    if authority.contains('@') {
        return Err(UriFlaw::UserInfo);
    }
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (address, port) = v6.split_once(']').ok_or(UriFlaw::Characters)?;
            let address: Ipv6Addr = address.parse().map_err(|_| UriFlaw::Characters)?;
            (address.to_string(), port.strip_prefix(':').or(port.is_empty().then_some("")))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host.to_ascii_lowercase(), Some(port)),
            None => (authority.to_ascii_lowercase(), Some("")),
        },
    };
    let port = match port.ok_or(UriFlaw::Characters)? {
        "" if !authority.ends_with(':') => 443,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
            digits.parse().map_err(|_| UriFlaw::ForeignPort)?
        }
        _ => return Err(UriFlaw::Characters),
    };
    if host.len() > MAX_HOST {
        return Err(UriFlaw::TooLong);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || b".-_:".contains(&b);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(UriFlaw::Characters);
    }
    Ok((host, port))
}

fn check_query(query: &str) -> Result<(), UriFlaw> {
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        if key.chars().chain(value.chars()).any(char::is_control) {
            return Err(UriFlaw::Characters);
        }
        if OURS.contains(&&*key) {
            return Err(UriFlaw::Parameters);
        }
    }
    Ok(())
}

fn is_of_cluster(host: &str, config: &ClusterConfig) -> bool {
    config.nodes.iter().any(|node| is_host(node, host))
        || config.authorize_hosts.iter().any(|known| known.eq_ignore_ascii_case(host))
}

fn is_host(node: &Node, host: &str) -> bool {
    let same_address = || {
        let (Ok(a), Ok(b)) = (node.host.parse::<Ipv6Addr>(), host.parse::<Ipv6Addr>()) else {
            return false;
        };
        a == b
    };
    node.host.eq_ignore_ascii_case(host) || same_address()
}

/// The characters of RFC 3986 2.2 and 2.3, and `%`.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn add(query: &mut String, key: &str, value: &str) {
    if !query.is_empty() && !query.ends_with('&') {
        query.push('&');
    }
    query.push_str(key);
    query.push('=');
    query.push_str(value);
}

#[cfg(test)]
mod tests;
