//! What stands in the way of redirects, said before a login finds out.
//!
//! Asked at the start and for each status: what is in the way now may be gone when it matters.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use crate::{
    chain,
    cisco::Listeners,
    config::ClusterConfig,
    domain::ClusterName,
    identity::{Files, Flaw},
    loopback::{Origin, Scheme},
};

/// The redirect origins, and whose they are.
pub(super) fn of<'a>(
    clusters: impl Iterator<Item = &'a ClusterConfig>,
) -> BTreeMap<Origin, Vec<ClusterName>> {
    let mut redirects = BTreeMap::<_, Vec<_>>::new();
    for cluster in clusters {
        redirects.entry(cluster.redirect.origin).or_default().push(cluster.name.clone());
    }
    redirects
}

/// A sentence for each port that cannot be had, and for each socket that listens where no redirect
/// leads.
pub(super) fn port_warnings(
    redirects: &BTreeMap<Origin, Vec<ClusterName>>,
    listeners: &Listeners,
) -> Vec<String> {
    let bound = listeners.bound();
    // The next login finds the port free where this does: until then nobody has to listen there.
    let idle = redirects.iter().filter(|(origin, _)| !bound.contains(origin));
    let taken =
        idle.filter_map(|(origin, clusters)| Some((listeners.check(*origin).err()?, clusters)));
    let taken = taken.map(|(error, clusters)| {
        let error = chain::one_line(&error);
        format!("{error}: logins to {} will fail until it is free", named(clusters))
    });
    taken.chain(useless(redirects, listeners.passed())).collect()
}

/// A sentence for each passed socket to which no redirect leads. It is kept: another configuration
/// may want it.
fn useless(
    redirects: &BTreeMap<Origin, Vec<ClusterName>>,
    passed: Vec<SocketAddr>,
) -> impl Iterator<Item = String> {
    let wanted: BTreeSet<_> = redirects.keys().flat_map(|origin| origin.addresses()).collect();
    let origins: Vec<_> = redirects.keys().map(|origin| format!("`{origin}`")).collect();
    let origins = origins.join(", ");
    let useless = passed.into_iter().filter(move |addr| !wanted.contains(addr));
    useless.map(move |addr| {
        format!(
            "the service manager listens at {addr} for redirects, and none leads there: \
             `redirect_uri` says {origins}; change one of the two"
        )
    })
}

/// A sentence if a redirect is by https and there is no certificate that is good at this time.
pub(super) fn certificate_warning(
    redirects: &BTreeMap<Origin, Vec<ClusterName>>,
    identity: Option<&Files>,
    now: Duration,
) -> Option<String> {
    let by_https = redirects.iter().filter(|(origin, _)| origin.scheme == Scheme::Https);
    let clusters: Vec<_> = by_https.flat_map(|(_, clusters)| clusters).cloned().collect();
    if clusters.is_empty() {
        return None;
    }
    let loaded = identity.ok_or(Flaw::Missing).and_then(Files::load);
    let flaw = loaded.and_then(|identity| identity.check(now)).err()?;
    Some(format!(
        "the redirect by https cannot be served: {}: logins to {} will fail; {}",
        chain::one_line(&flaw),
        named(&clusters),
        flaw.advice()
    ))
}

fn named(clusters: &[ClusterName]) -> String {
    let names: Vec<_> = clusters.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
