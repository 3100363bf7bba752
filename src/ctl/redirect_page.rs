//! `ucssoctl redirect-page`: the page for a company's web server that leads a browser on to the
//! landing page.
//!
//! The page knows one address, and takes none from whoever sends somebody there. It carries query
//! and fragment on and keeps nothing, and the landing page takes them only in a tab in which the
//! daemon's own start page was first. So it may be public: an attacker who sends somebody there
//! gains no more than by sending them to the landing page.

use std::{fs, path::PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{
    args::RedirectPageArgs,
    error::Error,
    terminal::{note, out},
};
use crate::{
    config::{ClusterConfig, Config},
    domain::ClusterName,
    paths,
};

const PAGE: &str = include_str!("redirect_page.html");

/// Writes the page of a cluster.
pub(super) fn run(args: RedirectPageArgs) -> Result<(), Error> {
    let own = || Ok::<_, Error>(paths::config_file(paths::process_environment)?);
    let config = Config::load(&args.config.map_or_else(own, Ok)?)?;
    let cluster = choose(&config, args.cluster.as_ref())?;
    let html = page(cluster);
    match args.output {
        None => out(&html),
        Some(path) => write(path, &html, cluster),
    }
}

/// The cluster that is named, or the only one that has such a page.
fn choose<'a>(config: &'a Config, asked: Option<&ClusterName>) -> Result<&'a ClusterConfig, Error> {
    if let Some(name) = asked {
        let cluster = config.clusters.get(name);
        let cluster = cluster.ok_or_else(|| Error::NoSuchCluster { name: name.clone() })?;
        return if cluster.redirect.is_hosted() {
            Ok(cluster)
        } else {
            Err(Error::NoPage { name: Some(name.clone()) })
        };
    }
    let mut hosted = config.clusters.values().filter(|cluster| cluster.redirect.is_hosted());
    match (hosted.next(), hosted.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Error::NoPage { name: None }),
        (Some(first), Some(second)) => {
            let all = [first, second].into_iter().chain(hosted);
            let names = all.map(|cluster| cluster.name.to_string()).collect();
            Err(Error::WhichPage { names })
        }
    }
}

fn write(path: PathBuf, html: &str, cluster: &ClusterConfig) -> Result<(), Error> {
    if let Err(source) = fs::write(&path, html) {
        return Err(Error::Unwritable { path, source });
    }
    note(&format!(
        "wrote {}: it belongs at {}, which is what the administrator registers\n",
        path.display(),
        cluster.redirect.uri
    ));
    Ok(())
}

fn page(cluster: &ClusterConfig) -> String {
    let landing = &cluster.redirect.landing;
    // The configuration lets in nothing that would have to be escaped. A frame is led nowhere.
    let script = format!(
        "if (top === self) location.replace(\"{landing}\" + location.search + location.hash);"
    );
    let hash = BASE64_STANDARD.encode(digest(&SHA256, script.as_bytes()));
    PAGE.replace("{{digest}}", &format!("'sha256-{hash}'"))
        .replace("{{script}}", &script)
        .replace("{{cluster}}", cluster.name.as_str())
        .replace("{{landing}}", landing)
}
