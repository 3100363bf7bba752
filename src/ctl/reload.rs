//! `ucssoctl reload`: has the daemon read its configuration again, and shows what that did.

use clap::Args;
use serde::Serialize;
use tonic::Request;

use super::{
    error::Error,
    json,
    terminal::{self, harmless},
};
use crate::rpc::{
    client::{self, Client},
    proto::{ClusterChange, ReloadRequest, ReloadResponse, ReloadedCluster},
};

pub(super) const HELP: &str = "\
A configuration that is wrong changes nothing: its problems are listed, and the exit code is 1. \
SIGHUP has the daemon do the same, and say the same in its log.

Clusters whose settings are as before are not touched. Where a setting changed that a token is \
bound to (a node, a pin, what is in `ca_file`, the user, the redirect URI, the client id, and \
whatever else decides where the token comes from), the token is dropped and a login under way is \
ended. Every other setting has effect at once, and the token is kept; a login under way ends with \
the settings it began with.

The JSON has \"schema_version\": 1, with the same promise as that of the status.";

/// `ucssoctl reload`.
#[derive(Debug, Args)]
pub(super) struct ReloadArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Asks for it. Problems are shown as the check of the configuration shows them.
pub(super) async fn run(client: &Client, args: ReloadArgs) -> Result<(), Error> {
    let reloaded = client.admin().reload(Request::new(ReloadRequest {})).await;
    let reloaded = reloaded.inspect_err(|status| {
        for line in client::problems(status).unwrap_or_default().lines() {
            terminal::note(&format!("{}\n", harmless(line)));
        }
    })?;
    let reloaded = reloaded.into_inner();
    terminal::out(&if args.json { document(&reloaded) } else { lines(&reloaded) })
}

/// One line for each cluster.
fn lines(reloaded: &ReloadResponse) -> String {
    let width = reloaded.clusters.iter().map(|one| one.cluster.len()).max().unwrap_or(0);
    let line =
        |one: &ReloadedCluster| format!("{:width$}  {}\n", harmless(&one.cluster), what(one));
    let mut text: String = reloaded.clusters.iter().map(line).collect();
    if reloaded.browser_changed {
        text.push_str("another browser is opened from now on\n");
    }
    let waiting =
        |key: &String| format!("{}: has effect when the daemon is started again\n", harmless(key));
    text.extend(reloaded.at_restart.iter().map(waiting));
    text
}

fn what(one: &ReloadedCluster) -> String {
    let settings = harmless(&one.settings.join(", "));
    match one.change() {
        ClusterChange::Unchanged => "unchanged".to_owned(),
        ClusterChange::Adapted => format!("changed, a token is kept: {settings}"),
        ClusterChange::Reset => format!("changed, a token is dropped: {settings}"),
        ClusterChange::Added => "added".to_owned(),
        ClusterChange::Removed => "removed".to_owned(),
        ClusterChange::Unspecified => "changed".to_owned(),
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    clusters: Vec<Entry<'a>>,
    browser_changed: bool,
    at_restart: &'a [String],
}

#[derive(Serialize)]
struct Entry<'a> {
    cluster: &'a str,
    change: &'static str,
    settings: &'a [String],
}

fn document(reloaded: &ReloadResponse) -> String {
    let clusters = reloaded.clusters.iter().map(|one| Entry {
        cluster: &one.cluster,
        change: word(one.change()),
        settings: &one.settings,
    });
    json::pretty(&Document {
        schema_version: json::SCHEMA_VERSION,
        clusters: clusters.collect(),
        browser_changed: reloaded.browser_changed,
        at_restart: &reloaded.at_restart,
    })
}

const fn word(change: ClusterChange) -> &'static str {
    match change {
        ClusterChange::Unspecified => "unknown",
        ClusterChange::Unchanged => "unchanged",
        ClusterChange::Adapted => "adapted",
        ClusterChange::Reset => "reset",
        ClusterChange::Added => "added",
        ClusterChange::Removed => "removed",
    }
}
