//! A configuration of the daemon that fits the lab.
//!
//! The lab does not name the daemon's rooms; this is the text that an operator would write.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use super::{
    estate::{Estate, Product},
    users::USERS,
};

/// The port of a broker's redirect URIs where nothing else was chosen.
pub(super) const REDIRECT_PORT: u16 = 27443;

/// What a broker on `port` needs to have registered on each cluster.
pub(super) fn redirect_uris(port: u16) -> BTreeMap<&'static str, Vec<String>> {
    ["hq", "vm"].map(|cluster| (cluster, vec![redirect_uri(port, cluster)])).into()
}

/// The redirect URI of a broker on `port`.
fn redirect_uri(port: u16, cluster: &str) -> String {
    format!("http://127.0.0.1:{port}/cb/{cluster}")
}

pub(super) fn ucsso_toml(estate: &Estate, redirect_port: u16, ca_file: &Path) -> String {
    let ca_file = toml::Value::String(ca_file.display().to_string());
    let user = USERS[0].id;
    estate.clusters.iter().fold(String::new(), |mut text, cluster| {
        let name = cluster.name;
        let product = match cluster.product {
            Product::UnifiedCm => "ucm",
            Product::UnityConnection => "unity-connection",
        };
        let nodes: Vec<String> =
            cluster.nodes.iter().map(|node| format!("\"{}:{}\"", node.host, node.port)).collect();
        let nodes = nodes.join(", ");
        if !text.is_empty() {
            text.push('\n');
        }
        writeln!(
            text,
            "[clusters.{name}]\nproduct = \"{product}\"\nnodes = [{nodes}]\nuser = \"{user}\"\n\
             redirect_uri = \"{}\"\nca_file = {ca_file}",
            redirect_uri(redirect_port, name),
        )
        .expect("a string takes what is written");
        text
    })
}
