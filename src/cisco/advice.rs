//! What mends a failed login: commands, settings, and where an administrator finds them.
//!
//! Owns the sentences; the classification is `error`'s. Nothing here is decided, and nothing that
//! came from outside is repeated but what the configuration or a checked field says.

use std::fmt::Write as _;

use super::{
    edge::node_name,
    fault::{Fault, Misses},
    redirect::{Denial, RedirectFlaw},
    trust::{Distrust, DistrustReason},
};
use crate::{
    browser,
    config::{ClusterConfig, Product},
};

/// What to say when nobody came back from a login.
///
/// A redirect URI that is not registered leaves the browser on an error page of the cluster and
/// tells us nothing, so this is the only place to say it.
#[must_use]
pub fn timeout_advice(config: &ClusterConfig) -> String {
    format!(
        "if the browser stayed on an error page of the cluster, the redirect URI is not \
         registered there: ask the administrator to add {uri} to *Redirect URIs for Third Party \
         SSO Client* ({place}); then: {login}",
        uri = config.redirect.uri,
        place = match config.product {
            Product::Ucm => "Unified CM Administration, System, Enterprise Parameters",
            Product::UnityConnection =>
                "Unity Connection Administration, System Settings, Enterprise Parameters",
        },
        login = log_in_again(config),
    )
}

pub(super) fn log_in_again(config: &ClusterConfig) -> String {
    format!("`ucssoctl login {}`", config.name)
}

pub(super) fn ca_file(config: &ClusterConfig) -> String {
    format!("correct `ca_file` of cluster {}, or remove it to use the system's", config.name)
}

pub(super) fn sso_disabled(config: &ClusterConfig) -> String {
    let place = match config.product {
        Product::Ucm => "Unified CM Administration, System, SAML Single Sign-On",
        Product::UnityConnection => {
            "Unity Connection Administration, System Settings, SAML Single Sign-On"
        }
    };
    format!("ask the administrator to enable it ({place}); then: {}", log_in_again(config))
}

pub(super) fn not_permitted(config: &ClusterConfig) -> String {
    match config.product {
        Product::Ucm => format!(
            "ask the administrator to add {} to the access control group *Standard CCM End Users*",
            config.user
        ),
        Product::UnityConnection => format!(
            "ask the administrator whether the class of service of {} allows messaging clients",
            config.user
        ),
    }
}

pub(super) fn wrong_user(expected: &str, actual: Option<&str>) -> String {
    match actual {
        Some(actual) => format!("the browser is logged in as {actual}, not as {expected}"),
        None => format!("the browser is logged in as somebody else than {expected}"),
    }
}

pub(super) fn wrong_user_advice(config: &ClusterConfig) -> String {
    format!(
        "log out at the identity provider in the browser, or correct `user` of cluster {}; then: \
         {}",
        config.name,
        log_in_again(config)
    )
}

pub(super) fn other_than_first(config: &ClusterConfig) -> String {
    format!(
        "log out at the identity provider in the browser, then: {}; if the user has another name \
         now, run `ucssoctl logout {}` and restart ucssod",
        log_in_again(config),
        config.name
    )
}

pub(super) fn misses(config: &ClusterConfig, misses: &Misses) -> String {
    let Some(miss) = misses.most_telling() else { return String::new() };
    match &miss.fault {
        Fault::Refused | Fault::TimedOut | Fault::Broken => {
            "check the network or VPN to the cluster, and host and port of its nodes".to_owned()
        }
        Fault::NoAddress => "check the host names of the nodes, and the network or VPN".to_owned(),
        Fault::Busy(_) => "the cluster may be restarting; it is tried again later".to_owned(),
        Fault::Handshake => "the node may offer only TLS 1.0 or ciphers without ECDHE: ask the \
                             administrator to look at *Cipher Management*, *HTTPS TLS*"
            .to_owned(),
        Fault::NotTls | Fault::NotHttp => {
            format!("check the port of {}; Cisco's is 8443", miss.node)
        }
        Fault::Untrusted(distrust) => untrusted(config, &miss.node, distrust, misses),
        Fault::Oversized | Fault::Document(_) | Fault::WebPage => {
            format!("check that {} is a node of the cluster and not a proxy", miss.node)
        }
        Fault::Status(404) => format!(
            "check that {} runs {} 10.5 or later, with single sign-on set up",
            miss.node,
            product(config)
        ),
        Fault::Status(_) => format!("check that {} is a node of the cluster", miss.node),
        Fault::AuthorizePage(_) => format!(
            "if the page is right, add its host to `nodes` or `authorize_hosts` of cluster {}, or \
             set `authorize_url`",
            config.name
        ),
    }
}

/// The lines that pin the keys of all nodes that are not trusted, ready to be pasted: at the end
/// of the configuration, where a table of its own may always stand.
fn untrusted(config: &ClusterConfig, node: &str, distrust: &Distrust, misses: &Misses) -> String {
    let clock = match distrust.reason {
        DistrustReason::Expired | DistrustReason::NotYetValid => "check this computer's clock. ",
        DistrustReason::Unproven => {
            return format!("somebody may be in between: reach {node} from another network");
        }
        DistrustReason::UnknownIssuer
        | DistrustReason::SelfSigned
        | DistrustReason::OtherKey
        | DistrustReason::WrongName
        | DistrustReason::Revoked
        | DistrustReason::Unusable => "",
    };
    if distrust.pin.is_none() {
        return format!("{clock}ask the administrator to renew the Tomcat certificate of {node}");
    }
    let lines = misses.untrusted_keys().fold(String::new(), |mut lines, (node, pin)| {
        let place = node.strip_suffix(":8443").unwrap_or(node);
        writeln!(lines, "\"{place}\" = [\"{pin}\"]").expect("a string takes what is written");
        lines
    });
    let name = config.name.as_str();
    let table = if name.contains('.') { format!("\"{name}\"") } else { name.to_owned() };
    let lines = format!("[clusters.{table}.pins]\n{lines}");
    if distrust.reason == DistrustReason::OtherKey {
        let pinned = pinned(config, node);
        return format!(
            "pinned for {node} is {pinned}: somebody may be in between; if the administrator \
             confirms that its certificate was replaced, and these fingerprints, correct:\n{}",
            lines.trim_end()
        );
    }
    let has_pins = config.nodes.iter().any(|node| !node.pins.is_empty());
    let verb = if has_pins { "correct" } else { "add" };
    format!(
        "{clock}if the administrator confirms that these are the fingerprints of the keys, \
         {verb}:\n{lines}or set `ca_file` to the authority that signed the certificates"
    )
}

/// The pins that the configuration has for a node, as it writes them.
fn pinned(config: &ClusterConfig, name: &str) -> String {
    let node = config.nodes.iter().find(|node| node_name(node) == name);
    let pins = node.into_iter().flat_map(|node| &node.pins);
    pins.map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}

pub(super) fn browser(config: &ClusterConfig, error: &browser::Error) -> String {
    match error {
        browser::Error::NotOurs { uid: None, .. } => format!(
            "restart ucssod; where that does not help, configure another `redirect_uri` for \
             cluster {} and register it",
            config.name
        ),
        browser::Error::PortTaken { addr, .. } | browser::Error::NotOurs { addr, .. } => format!(
            "cluster {} needs port {} for its redirect URI: end the program that has it, or \
             configure and register another port",
            config.name,
            addr.port()
        ),
        browser::Error::Bind { .. } => {
            let key = if config.redirect.is_hosted() { "landing" } else { "redirect_uri" };
            format!("check `{key}` of cluster {}", config.name)
        }
        browser::Error::Certificate { source } => {
            format!("{}; then: {}", source.advice(), log_in_again(config))
        }
        browser::Error::AlreadyExpected { .. }
        | browser::Error::NotAWebUrl
        | browser::Error::PortalDeclined => log_in_again(config),
        browser::Error::OpenerMissing { .. }
        | browser::Error::OpenerFailed { .. }
        | browser::Error::PortalFailed { .. }
        | browser::Error::UnitFailed { .. }
        | browser::Error::TooSlow
        | browser::Error::NoDisplay => format!("`ucssoctl login --no-browser {}`", config.name),
    }
}

pub(super) fn redirect(config: &ClusterConfig, flaw: RedirectFlaw) -> String {
    match flaw {
        RedirectFlaw::WrongState => format!(
            "something else than this login answered; log in again with {}, and tell the \
             administrator if it happens again",
            log_in_again(config)
        ),
        RedirectFlaw::NoState => {
            format!("if it never returns, write `state = \"send\"` for cluster {}", config.name)
        }
        RedirectFlaw::Twice(_)
        | RedirectFlaw::Encoding
        | RedirectFlaw::Empty
        | RedirectFlaw::Contradiction
        | RedirectFlaw::TokenTooLong
        | RedirectFlaw::TokenCharacters
        | RedirectFlaw::TokenType => log_in_again(config),
    }
}

/// What an error code means.
pub(super) fn denial(denial: &Denial) -> String {
    let text = match denial {
        Denial::InvalidRequest => "the cluster found the authorization request wrong",
        Denial::UnauthorizedClient => "the cluster does not let this client id ask for tokens",
        Denial::AccessDenied => "the login was declined",
        Denial::UnsupportedResponseType => "the cluster does not issue tokens in this way",
        Denial::InvalidScope => "the cluster does not know the scope that was asked for",
        Denial::ServerError => "the cluster failed while it issued the token",
        Denial::TemporarilyUnavailable => "the cluster is too busy to issue a token",
        Denial::Other(Some(code)) => return format!("the login ended with the error `{code}`"),
        Denial::Other(None) => "the login ended with an error that has no name",
    };
    text.to_owned()
}

pub(super) fn denied(config: &ClusterConfig, denial: &Denial) -> String {
    let name = &config.name;
    match denial {
        Denial::InvalidRequest => timeout_advice(config),
        Denial::UnauthorizedClient => format!("check `client_id` of cluster {name}"),
        Denial::InvalidScope => format!("check `scope` of cluster {name}"),
        Denial::UnsupportedResponseType
        | Denial::AccessDenied
        | Denial::ServerError
        | Denial::TemporarilyUnavailable
        | Denial::Other(_) => log_in_again(config),
    }
}

const fn product(config: &ClusterConfig) -> &'static str {
    match config.product {
        Product::Ucm => "Unified CM",
        Product::UnityConnection => "Unity Connection",
    }
}
