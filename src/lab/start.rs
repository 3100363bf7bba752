//! From a plan to hosts that listen.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::{net::TcpListener, sync::Semaphore, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::{
    Error,
    ca::Authority,
    cumi,
    estate::{Cluster, Estate, Node, Product, Site},
    idp::{self, OwnIdp},
    plan::{Certificates, IdpChoice, LabConfig, Ports, TlsVersions},
    saml::{ForeignIdp, Signer, Trust},
    serve::serve,
};

/// A host whose port is taken, but that nobody is let into yet.
struct Door {
    site: Site,
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

/// What a node is called, and where.
struct Post {
    name: &'static str,
    host: &'static str,
    port: u16,
    number: u8,
}

pub(super) async fn start(
    config: LabConfig,
) -> Result<(Arc<Estate>, Authority, JoinSet<()>), Error> {
    let authority = Authority::new()?;
    let mut doors = Vec::new();
    let mut clusters = Vec::new();
    for (name, product, posts) in layout(config.ports) {
        let mut nodes = Vec::new();
        for post in posts {
            let site = Site::Node(clusters.len(), nodes.len());
            nodes.push(node(post, site, &authority, &config, &mut doors).await?);
        }
        let redirect_uris = registered(&config.redirect_uris, name);
        clusters.push(Cluster::new(name, product, nodes, redirect_uris));
    }
    let (idp, trust) = match &config.idp {
        IdpChoice::Own => {
            let idp = own_idp(config.ports.idp, &authority, &mut doors).await?;
            let trust = Trust::Own {
                entity_id: idp.entity_id.clone(),
                sso_url: idp.sso_url.clone(),
                key: idp.signer.public_key(),
            };
            (Some(idp), trust)
        }
        IdpChoice::Foreign { metadata_xml } => {
            (None, Trust::Foreign(ForeignIdp::read(metadata_xml)?))
        }
    };
    let estate =
        Arc::new(Estate::new(config.behaviour, config.token_lifetime, clusters, idp, trust));
    let mut servers = JoinSet::new();
    for Door { site, listener, acceptor } in doors {
        servers.spawn(serve(listener, acceptor, Arc::clone(&estate), site));
    }
    Ok((estate, authority, servers))
}

/// The estate. A publisher has the number 2 in the tokens that Cisco's documents print.
fn layout(ports: Ports) -> [(&'static str, Product, Vec<Post>); 2] {
    let post = |name, host, port, number| Post { name, host, port, number };
    [
        (
            "hq",
            Product::UnifiedCm,
            vec![
                post("cucm-pub", "cucm-pub.lab.localhost", ports.cucm_pub, 2),
                post("cucm-sub", "cucm-sub.lab.localhost", ports.cucm_sub, 3),
            ],
        ),
        ("vm", Product::UnityConnection, vec![post("cuc", "cuc.lab.localhost", ports.cuc, 2)]),
    ]
}

fn registered(
    redirect_uris: &BTreeMap<&'static str, Vec<String>>,
    cluster: &'static str,
) -> Vec<String> {
    redirect_uris.get(cluster).cloned().unwrap_or_default()
}

async fn node(
    called: Post,
    site: Site,
    authority: &Authority,
    config: &LabConfig,
    doors: &mut Vec<Door>,
) -> Result<Node, Error> {
    let identity = authority.identity(called.host, config.certificates, config.tls)?;
    let (listener, port) = listen(called.host, called.port).await?;
    doors.push(Door { site, listener, acceptor: identity.acceptor });
    Ok(Node {
        name: called.name,
        host: called.host,
        port,
        number: called.number,
        certificate: BASE64_STANDARD.encode(&identity.certificate),
        spki_sha256: identity.spki_sha256,
        tokens: super::token::Tokens::default(),
        browsers: super::session::Sessions::default(),
        clients: super::session::Sessions::default(),
        pending: std::sync::Mutex::default(),
        places: Semaphore::new(cumi::PLACES),
    })
}

async fn own_idp(port: u16, authority: &Authority, doors: &mut Vec<Door>) -> Result<OwnIdp, Error> {
    let signer = Signer::new(idp::HOST)?;
    let acceptor =
        authority.identity(idp::HOST, Certificates::Signed, TlsVersions::UpTo13)?.acceptor;
    let (listener, port) = listen(idp::HOST, port).await?;
    doors.push(Door { site: Site::Idp, listener, acceptor });
    Ok(OwnIdp::new(port, signer))
}

async fn listen(host: &'static str, port: u16) -> Result<(TcpListener, u16), Error> {
    let taken = |source| Error::PortTaken { host, port, source };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(taken)?;
    let port = listener.local_addr().map_err(taken)?.port();
    Ok((listener, port))
}
