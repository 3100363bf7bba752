//! What the hosts of the lab share: clusters, their nodes, and who answers where.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard},
    time::{Duration, SystemTime},
};

use super::{
    authorize,
    clock::Clock,
    faults::Behaviour,
    http::{Answer, Ask},
    idp::OwnIdp,
    journal::Journal,
    node,
    saml::Trust,
    session::Sessions,
    token::{Issued, Tokens},
};

/// Everything there is.
pub(super) struct Estate {
    pub(super) clock: Clock,
    pub(super) journal: Journal,
    behaviour: Mutex<Behaviour>,
    pub(super) token_lifetime: Duration,
    pub(super) clusters: Vec<Cluster>,
    /// The lab's own identity provider, unless a foreign one was chosen.
    pub(super) idp: Option<OwnIdp>,
    /// How the clusters know a response of their identity provider.
    pub(super) trust: Trust,
}

/// Which host a listener stands for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Site {
    /// A node: the places of the cluster and of the node in it.
    Node(usize, usize),
    /// The lab's own identity provider.
    Idp,
}

/// A node at work: what every page of it needs.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) estate: &'a Estate,
    pub(super) cluster: &'a Cluster,
    pub(super) node: &'a Node,
}

/// A cluster of nodes of one product.
pub(super) struct Cluster {
    pub(super) name: &'static str,
    pub(super) product: Product,
    pub(super) nodes: Vec<Node>,
    /// The enterprise parameter *Redirect URIs for Third Party SSO Client*.
    redirect_uris: Mutex<Vec<String>>,
}

/// What runs on a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    UnifiedCm,
    UnityConnection,
}

/// One node.
pub(super) struct Node {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    pub(super) port: u16,
    /// Its number in the cluster, the first part of its tokens.
    pub(super) number: u8,
    /// Its TLS certificate, base64 of the DER.
    pub(super) certificate: String,
    pub(super) spki_sha256: [u8; 32],
    pub(super) tokens: Tokens,
    /// Browsers that have logged in.
    pub(super) browsers: Sessions,
    /// Clients that have shown a token (`JSESSIONIDSSO`).
    pub(super) clients: Sessions,
    /// Logins that are at the identity provider: where each goes on, by request id.
    pub(super) pending: Mutex<HashMap<String, Pending>>,
    /// Requests that CUMI works on at this moment have a place each.
    pub(super) places: tokio::sync::Semaphore,
}

/// A login that is at the identity provider.
pub(super) struct Pending {
    pub(super) path_and_query: String,
    pub(super) since: SystemTime,
}

impl Estate {
    pub(super) fn new(
        behaviour: Behaviour,
        token_lifetime: Duration,
        clusters: Vec<Cluster>,
        idp: Option<OwnIdp>,
        trust: Trust,
    ) -> Self {
        let behaviour = Mutex::new(behaviour);
        let (clock, journal) = (Clock::default(), Journal::default());
        Self { clock, journal, behaviour, token_lifetime, clusters, idp, trust }
    }

    pub(super) fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour.lock().expect("nobody panics while changing the behaviour")
    }

    pub(super) fn name_of(&self, site: Site) -> &'static str {
        match site {
            Site::Node(cluster, node) => self.clusters[cluster].nodes[node].name,
            Site::Idp => "idp",
        }
    }

    pub(super) fn is_down(&self, site: Site) -> bool {
        self.behaviour().down.contains(self.name_of(site))
    }

    pub(super) async fn answer(&self, site: Site, ask: &Ask) -> Answer {
        match (site, &self.idp) {
            (Site::Node(cluster, node), _) => {
                let cluster = &self.clusters[cluster];
                node::answer(At { estate: self, cluster, node: &cluster.nodes[node] }, ask).await
            }
            (Site::Idp, Some(idp)) => idp.answer(self, ask).await,
            (Site::Idp, None) => unreachable!("only an own identity provider has a listener"),
        }
    }

    pub(super) fn cluster(&self, name: &str) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.name == name)
    }

    pub(super) fn node(&self, name: &str) -> Option<&Node> {
        self.clusters.iter().flat_map(|cluster| &cluster.nodes).find(|node| node.name == name)
    }
}

impl At<'_> {
    pub(super) fn now(&self) -> SystemTime {
        self.estate.clock.now()
    }

    /// The token, if this node can find out that it lives. The issuer of an opaque one has to
    /// be up for that.
    pub(super) fn validate(&self, token: &str) -> Option<Issued> {
        let now = self.now();
        let down = self.estate.behaviour().down.clone();
        self.cluster.nodes.iter().find_map(|issuer| {
            let issued = issuer.tokens.find(token, now)?;
            (issuer.name == self.node.name || !issued.opaque || !down.contains(issuer.name))
                .then_some(issued)
        })
    }

    /// The node that `singleSignOn` sends browsers to: another one, where there is another one.
    pub(super) fn authorizer(&self) -> &Node {
        self.cluster.nodes.iter().find(|node| node.name != self.node.name).unwrap_or(self.node)
    }
}

impl Cluster {
    pub(super) fn new(
        name: &'static str,
        product: Product,
        nodes: Vec<Node>,
        redirect_uris: Vec<String>,
    ) -> Self {
        Self { name, product, nodes, redirect_uris: Mutex::new(redirect_uris) }
    }

    pub(super) fn redirect_uris(&self) -> MutexGuard<'_, Vec<String>> {
        self.redirect_uris.lock().expect("nobody panics while registering a redirect URI")
    }
}

impl Node {
    /// `https://host:port` followed by `path`.
    pub(super) fn url(&self, path: &str) -> String {
        format!("https://{}:{}{path}", self.host, self.port)
    }

    pub(super) fn authorize_url(&self) -> String {
        self.url(authorize::PATH)
    }

    /// Where the identity provider delivers its responses.
    pub(super) fn acs_url(&self) -> String {
        self.url(&format!("/ssosp/saml/SSO/alias/{}", self.host))
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, HashMap<String, Pending>> {
        self.pending.lock().expect("nobody panics while a login is noted")
    }
}
