//! Where a cluster has its authorization page: `GET /ssosp/ws/public/singleSignOn`.
//!
//! Asks the nodes in turn, the one that answered last first, until one names a page that may be
//! followed. It may well be on another node. Called by `mod` at the beginning of a login.

use url::Url;

use super::{
    authorize,
    edge::Edge,
    error::Error,
    fault::{Fault, Misses},
    nodes::Nodes,
    xml::{self, SingleSignOn},
};
use crate::config::ClusterConfig;

/// The resource of Cisco's SSO tutorial. It needs no token.
const SINGLE_SIGN_ON: &str = "/ssosp/ws/public/singleSignOn";

/// Finds the authorization page of a cluster.
///
/// Where the configuration names the page no node is asked: then what `singleSignOn` says is what
/// the operator chose not to go by.
pub(super) async fn authorize_page(nodes: &Nodes, config: &ClusterConfig) -> Result<Url, Error> {
    if let Some(page) = &config.authorize_url {
        return Ok(page.clone());
    }
    let mut misses = Misses::default();
    let mut switched_off = None;
    for node in nodes.beginning_with(nodes.last_good()) {
        match ask(node, config).await {
            Ok(Some(page)) => {
                tracing::debug!(cluster = %config.name, node = node.name(), "found the page");
                nodes.remember(node);
                return Ok(page);
            }
            // Where single sign-on is set up node by node, another node may have it.
            Ok(None) => switched_off = switched_off.or(Some(node.name())),
            Err(fault) => {
                tracing::info!(cluster = %config.name, node = node.name(), %fault, "node skipped");
                misses.push(node.name(), fault);
            }
        }
    }
    Err(match switched_off {
        Some(node) => Error::SsoDisabled { node: node.to_owned() },
        None => Error::Nodes(misses),
    })
}

/// Asks one node; `None` means that single sign-on is switched off there.
async fn ask(node: &Edge, config: &ClusterConfig) -> Result<Option<Url>, Fault> {
    let answer = node.get(SINGLE_SIGN_ON, None).await?;
    match answer.status {
        200 => match xml::single_sign_on(&answer.body).map_err(|flaw| answer.misread(flaw))? {
            SingleSignOn::Enabled { uri } => {
                authorize::checked(&uri, config).map(Some).map_err(Fault::AuthorizePage)
            }
            SingleSignOn::Disabled => Ok(None),
        },
        429 | 500..=599 => Err(Fault::Busy(answer.status)),
        other => Err(Fault::Status(other)),
    }
}

#[cfg(test)]
mod tests;
