//! The configuration, read again while the daemon runs.
//!
//! One task does it, so that reloads come one after another and signals in a storm become one.
//! What is wrong is said, and changes nothing.

use std::{io, path::PathBuf};

use tokio::{signal::unix::Signal, sync::mpsc};
use tracing::{info, warn};

use super::{Error, clusters::Clusters, systemd::Supervisor};
use crate::{
    broker::Phase,
    chain,
    config::{self, Config},
    domain::Remembered,
    rpc::{NotReloaded, Reload, Reloaded},
};

/// How much of the rendered problems a status can carry, in bytes: it travels in headers, where
/// clients take 8 KiB altogether, in base64.
const PROBLEMS: usize = 4 * 1024;

/// The clusters that are served, and where their configuration comes from.
pub(super) struct Reloading {
    file: PathBuf,
    clusters: Clusters,
    supervisor: Supervisor,
}

impl Reloading {
    pub(super) const fn new(file: PathBuf, clusters: Clusters, supervisor: Supervisor) -> Self {
        Self { file, clusters, supervisor }
    }

    /// Reloads whenever somebody wishes it, until the broker has stopped. Whoever wishes it then is
    /// told so.
    pub(super) async fn run(mut self, mut hangups: Signal, mut wishes: mpsc::Receiver<Reload>) {
        let mut phase = self.clusters.broker().changes();
        loop {
            let wish = tokio::select! {
                biased;
                _ = phase.wait_for(|phase| *phase == Phase::Ended) => return,
                Some(()) = hangups.recv() => None,
                Some(wish) = wishes.recv() => Some(wish),
            };
            self.supervisor.reloading().await;
            let outcome = self.reload().await;
            // Whatever came of it: the daemon serves.
            self.supervisor.ready(self.clusters.broker()).await;
            match &outcome {
                Ok(_) => info!("the configuration was read again"),
                Err(error) => tell(error),
            }
            if let Some(wish) = wish {
                wish.done(outcome.map_err(|error| refused(&error)));
            }
        }
    }

    /// First everything that can fail, then everything else.
    async fn reload(&mut self) -> Result<Reloaded, Error> {
        let (file, planner) = (self.file.clone(), self.clusters.planner());
        let planning = tokio::task::spawn_blocking(move || planner.plan(Config::load(&file)?));
        // A configuration that ends the reading in a bug of ours changes nothing either.
        let bug = |_| Error::System(io::Error::other("the reading ended in a bug"));
        let plan = planning.await.map_err(bug)??;
        Ok(self.clusters.carry_out(plan, |_| Remembered::default()).await)
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
    warn!("the configuration stays as it was");
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
