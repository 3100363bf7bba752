//! The configuration, read again while the daemon runs.
//!
//! One task does it, so that reloads come one after another and signals in a storm become one.
//! What is wrong is said, and changes nothing.

use std::{collections::BTreeMap, path::PathBuf};

use tokio::{signal::unix::Signal, sync::mpsc};
use tracing::{info, warn};

use super::Error;
use crate::{
    chain,
    config::{self, Config, Difference},
    domain::ClusterName,
    rpc::{Change, NotReloaded, Reload, Reloaded},
};

/// How much of the rendered problems a status can carry, in bytes: it travels in headers, where
/// clients take 8 KiB altogether, in base64.
const PROBLEMS: usize = 4 * 1024;

/// The configuration that is served, and where it came from.
pub(super) struct Reloading {
    file: PathBuf,
    current: Config,
}

impl Reloading {
    pub(super) fn new(file: PathBuf, current: Config) -> Self {
        Self { file, current }
    }

    /// Reloads whenever somebody wishes it, until nobody can any more.
    pub(super) async fn run(mut self, mut hangups: Signal, mut wishes: mpsc::Receiver<Reload>) {
        loop {
            let wish = tokio::select! {
                Some(()) = hangups.recv() => None,
                wish = wishes.recv() => match wish {
                    Some(wish) => Some(wish),
                    None => return,
                },
            };
            let outcome = self.reload().await;
            match &outcome {
                Ok(_) => info!("the configuration was read again"),
                Err(error) => {
                    tell(error);
                    warn!("the configuration stays as it was");
                }
            }
            if let Some(wish) = wish {
                wish.done(outcome.map_err(|error| refused(&error)));
            }
        }
    }

    async fn reload(&mut self) -> Result<Reloaded, Error> {
        let file = self.file.clone();
        let loading = tokio::task::spawn_blocking(move || Config::load(&file));
        let next = loading.await.expect("reading a configuration does not panic")?;
        let clusters = changes(&self.current, &next);
        let browser = self.current.browser != next.browser;
        self.current = next;
        Ok(Reloaded { clusters: clusters.into_iter().collect(), browser })
    }
}

/// What becomes of each cluster.
fn changes(current: &Config, next: &Config) -> BTreeMap<ClusterName, Change> {
    let removed = current.clusters.keys().map(|name| (name.clone(), Change::Removed));
    let rest = next.clusters.iter().map(|(name, cluster)| {
        let before = current.clusters.get(name);
        (name.clone(), before.map_or(Change::Added, |before| change(&before.differences(cluster))))
    });
    removed.chain(rest).collect()
}

fn change(differences: &[Difference]) -> Change {
    let keys = |binds| {
        let some = differences.iter().filter(move |difference| difference.binds == binds);
        some.map(|difference| difference.key).collect::<Vec<_>>()
    };
    match (keys(true), keys(false)) {
        (bound, _) if !bound.is_empty() => Change::Reset(bound),
        (_, free) if !free.is_empty() => Change::Adapted(free),
        _ => Change::Unchanged,
    }
}

/// Says in the log what is wrong.
fn tell(error: &Error) {
    match error {
        Error::Config(config::Error::Wrong(problems)) => {
            for problem in problems.iter() {
                warn!("{}", problems.one_line(problem));
            }
        }
        error => warn!("{}", chain::one_line(error)),
    }
}

fn refused(error: &Error) -> NotReloaded {
    match error {
        Error::Config(config::Error::Wrong(problems)) => NotReloaded::Wrong {
            sentence: problems.to_string(),
            problems: problems.render_within(PROBLEMS),
        },
        error => NotReloaded::Unusable { sentence: chain::one_line(error), advice: error.advice() },
    }
}
