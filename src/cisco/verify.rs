//! Whose token it is, and whether it lives: asks the cluster with the token itself.
//!
//! The token says nothing about its owner, so it is used on the one resource that only its owner
//! may read. A token goes to nodes of its own cluster and nowhere else. A 401 alone does not mean
//! "expired", and a busy node means nothing at all. Called by `mod`.

use std::time::Duration;

use url::form_urlencoded;

use super::{
    edge::{Answer, Edge},
    error::Error,
    fault::{Fault, Misses},
    nodes::Nodes,
    xml,
};
use crate::{
    broker::ports::Clock,
    config::{ClusterConfig, Product},
    domain::{Secret, Timestamp, Token, Verdict},
};

/// A token that a node vouched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Confirmed {
    /// Its owner, as the cluster spells the name; `None` where it vouches without a name.
    pub user: Option<String>,
    /// The node that vouched, as `host:port`.
    pub node: String,
}

/// What a node says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Ruling {
    /// It works, and is the configured user's; as the node spells it, if it does.
    Works { user: Option<String> },
    /// It works, but is another user's; who, if the node says so.
    Others { user: Option<String> },
    /// It is not accepted.
    NotAccepted,
    /// It is the user's, but the user may not use the service.
    NotPermitted,
    /// The node gave no useful answer.
    Nothing { fault: Fault, retry_after: Option<Duration> },
}

/// Has a fresh token confirmed, beginning with the node that issued it.
///
/// While nodes are busy or silent it waits and asks again, until `expires_at`: a login that a
/// human has finished is worth waiting for.
pub(super) async fn confirm<C: Clock>(
    nodes: &Nodes,
    config: &ClusterConfig,
    clock: &C,
    secret: &Secret,
    issuer: usize,
    expires_at: Timestamp,
) -> Result<Confirmed, Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        let (misses, asked_for) = match one_round(nodes, config, secret, issuer).await {
            Round::Ended(result) => return result,
            Round::Undecided { misses, retry_after } => (misses, retry_after.unwrap_or_default()),
        };
        let again_at = clock.now().plus(pause.max(asked_for.min(LONGEST_RETRY_AFTER)));
        if again_at >= expires_at {
            return Err(Error::ExpiredUnconfirmed { misses });
        }
        clock.sleep_until(again_at).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Asks whether a token that was confirmed before still works; once, and for seconds at most.
///
/// Only the node that confirmed it can reject it: the others ask that node, and answer 401 when it
/// is down.
pub(super) async fn verdict(nodes: &Nodes, config: &ClusterConfig, token: &Token) -> Verdict {
    let asking = async {
        let confirmed_by = nodes.position(&token.grant.node);
        for node in nodes.beginning_with(confirmed_by.unwrap_or_default()) {
            match rule(node, config, &token.grant.secret).await {
                Ruling::Works { .. } => return Verdict::StillValid,
                Ruling::NotAccepted | Ruling::Others { user: None }
                    if node.name() == token.grant.node =>
                {
                    return Verdict::Rejected;
                }
                Ruling::NotAccepted | Ruling::Others { .. } | Ruling::NotPermitted => {
                    return Verdict::Unknown;
                }
                Ruling::Nothing { fault, .. } => {
                    tracing::info!(cluster = %config.name, node = node.name(), %fault, "no word");
                }
            }
        }
        Verdict::Unknown
    };
    tokio::time::timeout(LONGEST_VERDICT, asking).await.unwrap_or(Verdict::Unknown)
}

/// How one round over the nodes ended.
enum Round {
    Ended(Result<Confirmed, Error>),
    Undecided { misses: Misses, retry_after: Option<Duration> },
}

async fn one_round(nodes: &Nodes, config: &ClusterConfig, secret: &Secret, first: usize) -> Round {
    let mut misses = Misses::default();
    let mut longest_wait = None;
    for edge in nodes.beginning_with(first) {
        let node = edge.name().to_owned();
        let ruling = match rule(edge, config, secret).await {
            Ruling::Works { .. } if config.product == Product::UnityConnection => {
                own_record(edge, config, secret).await
            }
            ruling => ruling,
        };
        let refusal = match ruling {
            Ruling::Works { user } => {
                nodes.remember(edge);
                return Round::Ended(Ok(Confirmed { user, node }));
            }
            Ruling::Nothing { fault, retry_after } => {
                tracing::info!(cluster = %config.name, node, %fault, "token not confirmed yet");
                misses.push(&node, fault);
                longest_wait = longest_wait.max(retry_after);
                continue;
            }
            Ruling::Others { user: Some(actual) } => {
                let expected = config.user.clone();
                return Round::Ended(Err(Error::WrongUser {
                    node,
                    expected,
                    actual: Some(actual),
                }));
            }
            Ruling::NotPermitted => return Round::Ended(Err(Error::NotPermitted { node })),
            // A node that did not issue the token asks the one that did. If that one is silent, a
            // 401 from here says nothing about the token.
            Ruling::Others { user: None } | Ruling::NotAccepted if misses.any_passing() => continue,
            Ruling::Others { user: None } => {
                let actual = who_else(edge, config, secret).await;
                Error::WrongUser { node, expected: config.user.clone(), actual }
            }
            Ruling::NotAccepted => Error::NotAccepted { node },
        };
        return Round::Ended(Err(refusal));
    }
    if misses.any_passing() {
        Round::Undecided { misses, retry_after: longest_wait }
    } else {
        Round::Ended(Err(Error::Nodes(misses)))
    }
}

async fn rule(node: &Edge, config: &ClusterConfig, secret: &Secret) -> Ruling {
    let path = path(config);
    let answer = match config.product {
        Product::Ucm => node.get(&path, Some(secret)).await,
        // An inbox has no limit, and nothing in it is looked at.
        Product::UnityConnection => node.peek(&path, Some(secret)).await,
    };
    match answer {
        Ok(answer) => judge(config.product, &config.user, &answer),
        Err(fault) => Ruling::Nothing { fault, retry_after: None },
    }
}

/// Asks a Unity Connection whose token it is. An inbox does not say.
async fn own_record(node: &Edge, config: &ClusterConfig, secret: &Secret) -> Ruling {
    match node.get(OWN_RECORD, Some(secret)).await {
        Ok(answer) => judge_own_record(&config.user, &answer),
        Err(fault) => Ruling::Nothing { fault, retry_after: None },
    }
}

/// Asks the node that knows a token to be somebody else's whose it is. What it says is told and
/// decides nothing.
async fn who_else(node: &Edge, config: &ClusterConfig, secret: &Secret) -> Option<String> {
    if config.product != Product::Ucm {
        return None;
    }
    let asked = tokio::time::timeout(LONGEST_CURIOSITY, node.get(WHOAMI, Some(secret))).await;
    owner_named(&config.user, &asked.ok()?.ok()?)
}

/// The name in an answer about the owner of a token; `None` for anything but a plain name of
/// somebody else than `expected`, who it is known not to be.
///
/// No document shows this answer. The names of its parts are those by which the same web
/// application calls a user in JSON (Cisco, *Revoke OAuth Refresh Tokens*), and UDS in XML.
fn owner_named(expected: &str, answer: &Answer) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Owner {
        user_id: String,
    }

    if answer.status != 200 || answer.is_web_page {
        return None;
    }
    let in_json = || serde_json::from_slice(&answer.body).ok().map(|owner: Owner| owner.user_id);
    let name = in_json().or_else(|| xml::user_name(&answer.body).ok().flatten())?;
    printable(&name).filter(|kept| *kept == name && !kept.eq_ignore_ascii_case(expected))
}

/// What the record of the token's owner means. A release or a role that does not offer it leaves
/// the owner unproven, and the token, which works, is taken as the configured user's.
fn judge_own_record(expected: &str, answer: &Answer) -> Ruling {
    match answer.status {
        429 | 500..=599 => {
            Ruling::Nothing { fault: Fault::Busy(answer.status), retry_after: answer.retry_after }
        }
        200 => match xml::alias(&answer.body) {
            Ok(Some(alias)) if alias.eq_ignore_ascii_case(expected) => {
                Ruling::Works { user: Some(alias) }
            }
            Ok(Some(alias)) => Ruling::Others { user: printable(&alias) },
            Ok(None) | Err(_) => Ruling::Works { user: None },
        },
        _ => Ruling::Works { user: None },
    }
}

/// What an answer means.
///
/// The codes are those of the UDS guide and the CUMI guide. A 401 without a challenge to a token
/// of another user was observed on Unified CM 15; with a challenge, the token itself is bad.
fn judge(product: Product, expected: &str, answer: &Answer) -> Ruling {
    let works = || Ruling::Works { user: None };
    let nothing = |fault| Ruling::Nothing { fault, retry_after: answer.retry_after };
    match (product, answer.status) {
        (Product::Ucm, 200) => match xml::user_name(&answer.body) {
            Ok(Some(name)) if name.eq_ignore_ascii_case(expected) => {
                Ruling::Works { user: Some(name) }
            }
            Ok(Some(name)) => Ruling::Others { user: printable(&name) },
            Ok(None) => works(),
            Err(flaw) => nothing(answer.misread(flaw)),
        },
        // A login form with a 200 would be no confirmation.
        (Product::UnityConnection, 200) if answer.is_web_page => nothing(Fault::WebPage),
        (Product::UnityConnection, 200) => works(),
        (Product::Ucm, 401) if !answer.is_challenge => Ruling::Others { user: None },
        (_, 401) => Ruling::NotAccepted,
        (_, 403) => Ruling::NotPermitted,
        (_, 429 | 500..=599) => nothing(Fault::Busy(answer.status)),
        (_, status) => nothing(Fault::Status(status)),
    }
}

/// The configured path, with the user as one segment of it.
fn path(config: &ClusterConfig) -> String {
    let user: String = form_urlencoded::byte_serialize(config.user.as_bytes()).collect();
    config.verify_path.replace("{user}", &user.replace('+', "%20"))
}

/// What of a name is fit for a sentence; `None` if that is nothing.
fn printable(name: &str) -> Option<String> {
    let kept = name.chars().filter(|c| c.is_alphanumeric() || "@._- ".contains(*c));
    Some(kept.take(128).collect::<String>()).filter(|kept| !kept.is_empty())
}

/// The record of whoever asks (Cisco, *CUPI API for End Users*; the `UserURI` of its documents).
const OWN_RECORD: &str = "/vmrest/user";
/// Who shows this token, as the login service sees it. That there is such a path is known of
/// Unified CM 15 alone, and from nobody but a third party; elsewhere it is a 404.
const WHOAMI: &str = "/ssosp/user/whoami";
/// How long that may take. It makes a refusal clearer and is worth no wait.
const LONGEST_CURIOSITY: Duration = Duration::from_secs(3);
/// The pause before the second round; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause of our own choice: a restart of Tomcat takes one to two minutes.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause that a node can ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);
/// The longest time for a verdict. A program waits for it.
const LONGEST_VERDICT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests;
