//! A UC estate in a box: nodes, an identity provider, UDS and CUMI, all on loopback.
//!
//! One process holds a Unified CM cluster of two nodes (`hq`), a Unity Connection (`vm`) and a
//! SAML identity provider, each an HTTPS host of its own under `lab.localhost` (RFC 6761 6.3: such
//! names are loopback). It behaves as Cisco's documents say; what they leave open, and every
//! fault a client should survive, is a switch in [`Behaviour`] that tests flip while it runs.
//!
//! | file | what |
//! | --- | --- |
//! | `plan`, `faults` | what a lab is to be, and how it misbehaves |
//! | `estate`, `node`, `serve`, `http` | who answers where |
//! | `sso`, `authorize`, `redirect`, `sp` | from discovery to the token |
//! | `token`, `session`, `gate` | who is let in |
//! | `uds`, `cumi` | what a token is for |
//! | `idp`, `saml` | who says who a user is |
//! | `walk` | a browser made of a script |
//! | `cli`, `orientation`, `recipe`, `demo` | the lab for people |
//!
//! The lab must never name what it is there to test (`cisco`, `browser`, `broker`, `rpc`,
//! `config`, `daemon`, `ctl`): a mistake that both sides share would go unseen. Called by tests
//! and by the program `ucsso-lab`.

mod authorize;
mod ca;
pub mod cli;
mod clock;
mod cumi;
pub mod demo;
mod error;
mod estate;
pub mod faults;
mod gate;
mod http;
mod idp;
mod journal;
mod node;
mod orientation;
mod plan;
mod random;
mod recipe;
mod redirect;
mod saml;
mod serve;
mod session;
mod sp;
mod sso;
mod start;
mod token;
mod uds;
mod users;
pub mod walk;

use std::{
    path::Path,
    sync::{Arc, MutexGuard},
    time::{Duration, SystemTime},
};

use tokio::task::JoinSet;
use url::Url;

pub use ca::CertificateError;
pub use error::Error;
pub use faults::Behaviour;
pub use journal::{Counters, Seen};
pub use plan::{Certificates, IdpChoice, LabConfig, Ports, TlsVersions};
pub use saml::MetadataError;

use estate::Estate;

/// A lab that runs. It stops when it is dropped.
pub struct Lab {
    estate: Arc<Estate>,
    authority: ca::Authority,
    servers: JoinSet<()>,
}

impl Lab {
    /// Starts a lab in the present runtime. When this returns, every host listens.
    pub async fn start(config: LabConfig) -> Result<Self, Error> {
        let (estate, authority, servers) = start::start(config).await?;
        Ok(Self { estate, authority, servers })
    }

    /// Stops it and waits until no host listens any more.
    pub async fn stop(mut self) {
        self.servers.shutdown().await;
    }

    /// The certificate of the lab's authority.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        &self.authority.pem
    }

    /// The SHA-256 digest of the authority's public key.
    #[must_use]
    pub(super) fn ca_spki_sha256(&self) -> [u8; 32] {
        self.authority.spki_sha256
    }

    /// The SHA-256 digest of a node's public key, as a pin has it (RFC 7469 2.4).
    ///
    /// # Panics
    ///
    /// If there is no node of this name.
    #[must_use]
    pub fn node_spki_sha256(&self, name: &str) -> [u8; 32] {
        self.find(name).spki_sha256
    }

    /// Host and port of `cucm-pub`, `cucm-sub` or `cuc`.
    ///
    /// # Panics
    ///
    /// If there is no node of this name.
    #[must_use]
    pub fn node(&self, name: &str) -> (String, u16) {
        let node = self.find(name);
        (node.host.to_owned(), node.port)
    }

    /// Where the identity provider takes requests, be it the lab's own or a foreign one.
    ///
    /// # Panics
    ///
    /// If the metadata of a foreign one has an address there that is no URL.
    #[must_use]
    pub fn idp_url(&self) -> Url {
        self.estate.trust.sso_url().parse().expect("the identity provider has a URL")
    }

    /// The metadata of a cluster as a SAML service provider: an `EntityDescriptor`, or an
    /// `EntitiesDescriptor` of one for each node, whose entity id is its host.
    ///
    /// # Panics
    ///
    /// If the cluster is neither `hq` nor `vm`.
    #[must_use]
    pub fn sp_metadata(&self, cluster: &str) -> String {
        sp::cluster_metadata(self.cluster(cluster))
    }

    /// A configuration for the daemon: both clusters, for the user alice. Where the port is not
    /// the one of the registered redirect URIs, [`Self::allow_redirect`] has to follow.
    #[must_use]
    pub fn ucsso_toml(&self, redirect_port: u16, ca_file: &Path) -> String {
        recipe::ucsso_toml(&self.estate, redirect_port, ca_file)
    }

    /// How the lab behaves, to be changed. Do not hold it across an `await`: requests wait for it.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held it.
    pub fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.estate.behaviour()
    }

    /// How often things have happened since the start.
    #[must_use]
    pub fn counters(&self) -> Counters {
        *self.estate.journal.count()
    }

    /// The latest ten thousand requests, the oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<Seen> {
        self.estate.journal.requests()
    }

    /// Forgets the tokens that a node has issued, as a restart of its Tomcat does.
    ///
    /// # Panics
    ///
    /// If there is no node of this name.
    pub fn revoke_tokens(&self, node: &str) {
        self.find(node).tokens.forget();
    }

    /// Registers one more redirect URI on a cluster.
    ///
    /// # Panics
    ///
    /// If the cluster is neither `hq` nor `vm`.
    pub fn allow_redirect(&self, cluster: &str, uri: &str) {
        self.cluster(cluster).redirect_uris().push(uri.to_owned());
    }

    /// Lets time pass for the lab: tokens, sessions and responses age. Certificates do not.
    pub fn advance(&self, by: Duration) {
        self.estate.clock.advance(by);
    }

    /// What time it is in the lab.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        self.estate.clock.now()
    }

    fn find(&self, node: &str) -> &estate::Node {
        self.estate.node(node).expect("a lab has the nodes cucm-pub, cucm-sub and cuc")
    }

    fn cluster(&self, name: &str) -> &estate::Cluster {
        self.estate.cluster(name).expect("a lab has the clusters hq and vm")
    }
}
