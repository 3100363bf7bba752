//! Where a cluster has its authorization page: `GET /ssosp/ws/public/singleSignOn`.
//!
//! Asks the nodes in turn, the one that answered last first, until one names a page that may be
//! followed. It may well be on another node. One that is silent has a head start and no more: the
//! others are asked meanwhile, so that a name server or a publisher that is gone does not cost its
//! time once for each node. Called by `mod` at the beginning of a login.

use std::{future, pin::Pin, task::Poll, time::Duration};

use tokio::time::timeout;
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

/// How long a node may be silent until the next is asked too.
const HEAD_START: Duration = Duration::from_millis(400);

/// After how long all nodes are asked, however many there are, if all are silent: a cluster is
/// given up within five seconds.
const ALL_ASKED: Duration = Duration::from_millis(800);

/// A node that was asked.
type Asked<'a> = Pin<Box<dyn Future<Output = (&'a Edge, Answer)> + Send + 'a>>;

/// What a node says; `None` means that single sign-on is switched off there.
type Answer = Result<Option<Url>, Fault>;

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
    let mut others = nodes.beginning_with(nodes.last_good()).peekable();
    let mut asked: Vec<Asked<'_>> = Vec::new();
    let nodes_after_the_first = u32::try_from(config.nodes.len().max(2) - 1).unwrap_or(u32::MAX);
    let head_start = HEAD_START.min(ALL_ASKED / nodes_after_the_first);
    loop {
        asked.extend(
            others.next().map(|node| -> Asked<'_> {
                Box::pin(async move { (node, ask(node, config).await) })
            }),
        );
        if asked.is_empty() {
            break;
        }
        let answer = first_of(&mut asked);
        let answer = match others.peek() {
            Some(_) => timeout(head_start, answer).await.ok(),
            None => Some(answer.await),
        };
        let Some((node, answer)) = answer else { continue };
        match answer {
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

/// The answer that comes first, of those that are still awaited.
async fn first_of<'a>(asked: &mut Vec<Asked<'a>>) -> (&'a Edge, Answer) {
    let (at, answer) = future::poll_fn(|context| {
        let ready = asked.iter_mut().enumerate().find_map(|(at, node)| {
            let Poll::Ready(answer) = node.as_mut().poll(context) else { return None };
            Some((at, answer))
        });
        ready.map_or(Poll::Pending, Poll::Ready)
    })
    .await;
    drop(asked.swap_remove(at));
    answer
}

/// Asks one node.
async fn ask(node: &Edge, config: &ClusterConfig) -> Answer {
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
