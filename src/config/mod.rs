//! What the operator wants, as validated values.
//!
//! Owns the configuration: its meaning here, its text in `file`. A [`Config`] that exists is
//! right; whatever is wrong with the text is found in one pass and reported together. Nothing
//! in here opens a connection or asks a clock. `daemon` and `ctl` load it, `cisco` reads it.

mod cluster;
mod difference;
mod file;
mod fingerprint;
mod hosted;
mod load;
mod place;
mod problem;
mod reader;
#[cfg(test)]
mod tests;
mod value;

use std::{collections::BTreeMap, fmt, path::PathBuf};

use base64::{display::Base64Display, prelude::BASE64_STANDARD};
use url::Url;

pub use self::{
    cluster::REDIRECT_PORT,
    difference::Difference,
    load::{Error, Untrusted},
    problem::{Problem, Problems},
    value::{InvalidDuration, parse_duration, show_duration},
};
use crate::{
    domain::{ClusterName, Policy},
    loopback::Origin,
};

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The command that opens a URL, as an argument vector with one `{url}` in it; without it
    /// `$BROWSER`, then the desktop, then `xdg-open`.
    pub browser: Option<Vec<String>>,
    /// What tokens outlive.
    pub persist: Persist,
    /// The clusters, by name.
    pub clusters: BTreeMap<ClusterName, ClusterConfig>,
}

/// What tokens outlive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Persist {
    /// The daemon, where the service manager keeps them for the next one. Nothing is on disk.
    #[default]
    Memory,
    /// The machine's restart, in an encrypted file.
    Sealed,
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct ClusterConfig {
    /// Its name.
    pub name: ClusterName,
    /// What runs there.
    pub product: Product,
    /// Its nodes, in the order in which they are tried. Never empty.
    pub nodes: Vec<Node>,
    /// Hosts, besides the nodes, on which the cluster may have its authorization page.
    pub authorize_hosts: Vec<String>,
    /// The user whose token is wanted, as the cluster spells it.
    pub user: String,
    /// Where the cluster sends the browser after a login.
    pub redirect: RedirectUri,
    /// The clusters that trust each other as far as one may pass another's token off as its own:
    /// those of one name may share a redirect URI.
    pub trust_domain: Option<String>,
    /// The OAuth client id; by default the one Cisco publishes for third parties.
    pub client_id: String,
    /// The OAuth scope.
    pub scope: String,
    /// Further parameters of the authorization request.
    pub extra_params: Vec<(String, String)>,
    /// The authorization page, in place of the one the cluster names.
    pub authorize_url: Option<Url>,
    /// What is done about `state`.
    pub state: StateParam,
    /// The only certificate authorities trusted for this cluster; without it, the system's.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy for this cluster.
    pub proxy: Option<Url>,
    /// The path that answers whose token it is; `{user}` stands for the user.
    pub verify_path: String,
    /// How `expires_in` is taken.
    pub lifetime: LifetimeBounds,
    /// When to renew, how long to wait.
    pub policy: Policy,
}

/// What runs on a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Unified CM: tokens for UDS.
    Ucm,
    /// Unity Connection: tokens for CUMI.
    UnityConnection,
}

impl Product {
    /// The word of the configuration and of the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ucm => "ucm",
            Self::UnityConnection => "unity-connection",
        }
    }
}

/// One node of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// A host name in lower case, or an IP address (IPv6 without brackets).
    pub host: String,
    /// The HTTPS port; 8443 unless written.
    pub port: u16,
    /// SHA-256 digests of public keys (`SubjectPublicKeyInfo`, RFC 7469 2.4). Where there are any,
    /// these keys are trusted on this node whatever the certificate says, and no other is.
    pub pins: Vec<SpkiPin>,
}

/// The SHA-256 digest of a `SubjectPublicKeyInfo`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpkiPin(pub [u8; 32]);

/// As the configuration writes it: `sha256/` and the digest in base64.
impl fmt::Display for SpkiPin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256/{}", Base64Display::new(&self.0, &BASE64_STANDARD))
    }
}

/// Where the cluster sends the browser: a page that the daemon serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri {
    /// The URI exactly as it is registered on the cluster.
    pub uri: String,
    /// The landing page, which the daemon serves: what is registered, or where the page that is
    /// registered leads on to.
    pub landing: String,
    /// Where that is on this machine: what is listened on.
    pub origin: Origin,
    /// The path, `/cb/hq` for example.
    pub path: String,
}

impl RedirectUri {
    /// Whether what is registered is a page on another server.
    #[must_use]
    pub fn is_hosted(&self) -> bool {
        self.uri != self.landing
    }
}

/// What is done about the OAuth `state` parameter. No Cisco document says that clusters echo it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StateParam {
    /// It is not sent.
    Off,
    /// It is sent; a wrong one is refused, a missing one is not, until the cluster was seen to
    /// echo it.
    #[default]
    Send,
    /// It is sent, and a redirect without it is refused.
    Require,
}

/// How `expires_in` is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LifetimeBounds {
    /// The lifetime where the cluster names none, in seconds.
    pub fallback: u32,
    /// The longest lifetime believed, in seconds.
    pub max: u32,
}
