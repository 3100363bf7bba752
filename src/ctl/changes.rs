//! `ucssoctl watch`: a line for each change, for logs and for programs.
//!
//! `status --watch` draws a picture of how things are; this tells what happens, and goes on over a
//! restart of the daemon. Neither says a token.

use std::{collections::BTreeMap, path::Path};

use super::{
    args::WatchArgs,
    error::Error,
    json, moment, render,
    signals::{Signals, Told},
    statuses::Statuses,
    terminal,
};
use crate::rpc::proto::{ClusterStatus, GetStatusResponse};

/// What happened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Change<'a> {
    /// A cluster is as it is told here: at the beginning, and whenever that is something else.
    State(&'a ClusterStatus),
    /// A cluster is no longer configured.
    Removed(&'a str),
    /// The daemon cannot be reached. All clusters are told again once it can.
    Unreachable,
}

/// Tells changes until somebody ends it.
pub(super) async fn run(socket: &Path, args: &WatchArgs) -> Result<(), Error> {
    let mut statuses = Statuses::of(socket, &args.clusters);
    let mut signals = Signals::new()?;
    let mut known = None;
    loop {
        let next = tokio::select! {
            next = statuses.next() => next,
            // Cancel safe: a signal carries nothing.
            told = signals.next() => match told {
                Told::Interrupt | Told::End => return Err(Error::Interrupted),
                Told::Resume | Told::Resize => continue,
            },
        };
        match next {
            Ok(status) => {
                let known = known.get_or_insert_with(Known::default);
                known.take(&status, |change| say(change, args.json))?;
            }
            // One that was never there is not a change.
            Err(error) if error.passes() && known.is_some() => {
                if known.replace(Known::default()).is_some_and(|known| known.reachable) {
                    say(Change::Unreachable, args.json)?;
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What was told.
#[derive(Debug, Default)]
struct Known {
    reachable: bool,
    clusters: BTreeMap<String, ClusterStatus>,
}

impl Known {
    /// Takes a status, and tells what is new in it.
    fn take(
        &mut self,
        status: &GetStatusResponse,
        mut tell: impl FnMut(Change<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.reachable = true;
        let before = std::mem::take(&mut self.clusters);
        for cluster in &status.clusters {
            let lasting = without_time_left(cluster);
            if before.get(&cluster.cluster) != Some(&lasting) {
                tell(Change::State(cluster))?;
            }
            self.clusters.insert(cluster.cluster.clone(), lasting);
        }
        let gone = before.keys().filter(|name| !self.clusters.contains_key(*name));
        for name in gone {
            tell(Change::Removed(name))?;
        }
        Ok(())
    }
}

/// A status without what is another one each time it is told.
fn without_time_left(status: &ClusterStatus) -> ClusterStatus {
    ClusterStatus { remaining: None, ..status.clone() }
}

fn say(change: Change<'_>, as_json: bool) -> Result<(), Error> {
    let now = terminal::now();
    if as_json {
        return terminal::out(&json::change(change, now.timestamp()));
    }
    let words = match change {
        Change::State(status) => {
            format!("{}: {}", status.cluster, render::sentence(status, &now))
        }
        Change::Removed(name) => format!("{name}: removed from the configuration"),
        Change::Unreachable => "ucssod cannot be reached".to_owned(),
    };
    let words = terminal::harmless(&words);
    terminal::out(&format!("{} {words}\n", moment::rfc3339(now.timestamp())))
}

#[cfg(test)]
mod tests {
    use prost_types::Duration;

    use super::*;
    use crate::rpc::proto::ClusterState;

    fn told(known: &mut Known, clusters: &[(&str, ClusterState, i64)]) -> Vec<String> {
        let clusters = clusters.iter().map(|(name, state, seconds)| ClusterStatus {
            cluster: (*name).to_owned(),
            state: (*state).into(),
            remaining: Some(Duration { seconds: *seconds, nanos: 0 }),
            ..ClusterStatus::default()
        });
        let status = GetStatusResponse { clusters: clusters.collect(), server: None };
        let mut told = Vec::new();
        let tell = |change: Change<'_>| {
            told.push(match change {
                Change::State(status) => format!("{} {:?}", status.cluster, status.state()),
                Change::Removed(name) => format!("{name} removed"),
                Change::Unreachable => unreachable!("that is no status"),
            });
            Ok(())
        };
        known.take(&status, tell).unwrap();
        told
    }

    #[test]
    fn only_what_is_new_is_told_and_time_that_passes_is_not() {
        use ClusterState::{Cold, Fresh};
        let mut known = Known::default();

        assert_eq!(
            told(&mut known, &[("hq", Fresh, 90), ("vm", Cold, 0)]),
            ["hq Fresh", "vm Cold"]
        );
        assert_eq!(told(&mut known, &[("hq", Fresh, 80), ("vm", Fresh, 99)]), ["vm Fresh"]);
        assert_eq!(told(&mut known, &[("vm", Fresh, 98)]), ["hq removed"]);
    }
}
