//! `ucssoctl config`: write the example, check a file, say where it is.

use std::{
    fmt::Write as _,
    fs::{DirBuilder, OpenOptions, Permissions},
    io::{self, IsTerminal as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use super::{
    args::ConfigCommand,
    error::Error,
    terminal::{note, out, say},
};
use crate::{
    config::{self, ClusterConfig, Config, show_duration},
    paths,
};

/// The annotated example.
const EXAMPLE: &str = include_str!("../../examples/ucsso.toml");

/// Does what was asked about the configuration.
pub(super) fn run(command: ConfigCommand) -> Result<(), Error> {
    match command {
        ConfigCommand::Init { force } => init(&own_file()?, force),
        ConfigCommand::Check { file } => check(&file.map_or_else(own_file, Ok)?),
        ConfigCommand::Path => out(&format!("{}\n", own_file()?.display())),
    }
}

fn own_file() -> Result<PathBuf, Error> {
    Ok(paths::config_file(paths::process_environment)?)
}

/// Writes the example, for this user's eyes only.
fn init(path: &Path, force: bool) -> Result<(), Error> {
    write(path, force).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
        _ => Error::Unwritable { path: path.to_owned(), source },
    })?;
    out(&format!("wrote {}\n", path.display()))?;
    note("Put your nodes and your user into it, then run `ucssoctl config check`.\n");
    Ok(())
}

fn write(path: &Path, force: bool) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    let mut file = if force {
        options.create(true).truncate(true).open(path)?
    } else {
        options.create_new(true).open(path)?
    };
    // A file that was there keeps its mode when it is opened.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(EXAMPLE.as_bytes())?;
    file.sync_all()
}

/// Says all that is wrong, or what was understood.
fn check(path: &Path) -> Result<(), Error> {
    match Config::load(path) {
        Ok(config) => say(&summary(path, &config)),
        Err(error) => {
            if let config::Error::Wrong(problems) = &error {
                let text = problems.render(io::stderr().is_terminal());
                note(text.strip_suffix(&problems.to_string()).unwrap_or(&text));
            }
            Err(error.into())
        }
    }
}

fn summary(path: &Path, config: &Config) -> String {
    let count = config.clusters.len();
    let plural = if count == 1 { "" } else { "s" };
    let mut text = format!("{} is right: {count} cluster{plural}\n", path.display());
    for cluster in config.clusters.values() {
        let _ = writeln!(text, "\n{}", cluster.name);
        for (what, value) in facts(cluster) {
            let _ = writeln!(text, "  {what:<9} {value}");
        }
    }
    text.push_str(
        "\nThe administrator of each cluster registers its redirect URI there, letter by letter.\n",
    );
    text
}

fn facts(cluster: &ClusterConfig) -> Vec<(&'static str, String)> {
    let nodes: Vec<_> = cluster.nodes.iter().map(|node| address(&node.host, node.port)).collect();
    let policy = &cluster.policy;
    let mut facts = vec![
        ("product", cluster.product.as_str().to_owned()),
        ("nodes", nodes.join(", ")),
        ("user", cluster.user.clone()),
        ("register", cluster.redirect.uri.clone()),
    ];
    if cluster.redirect.is_hosted() {
        facts.push(("landing", cluster.redirect.landing.clone()));
    }
    facts.extend([
        (
            "renews",
            format!(
                "{}, login within {}",
                policy.renew.as_str(),
                show_duration(policy.login_timeout)
            ),
        ),
        ("trusts", trust(cluster)),
    ]);
    facts.extend(cluster.proxy.iter().map(|proxy| ("proxy", proxy.to_string())));
    facts
}

fn address(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

fn trust(cluster: &ClusterConfig) -> String {
    let authorities = match &cluster.ca_file {
        None => "the system's certificate authorities".to_owned(),
        Some(file) if file.exists() => format!("the authorities in {}", file.display()),
        Some(file) => format!("the authorities in {}, which is not there", file.display()),
    };
    let pins: usize = cluster.nodes.iter().map(|node| node.pins.len()).sum();
    let pinned = cluster.nodes.iter().filter(|node| !node.pins.is_empty()).count();
    match (pins, pinned) {
        (0, _) => authorities,
        (1, _) => format!("{authorities}, and 1 pinned key"),
        (pins, 1) => format!("{authorities}, and {pins} pinned keys of 1 node"),
        (pins, pinned) => format!("{authorities}, and {pins} pinned keys of {pinned} nodes"),
    }
}
