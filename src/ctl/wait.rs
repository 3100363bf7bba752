//! `ucssoctl wait`: until there is a token, for what is to start only then.
//!
//! It asks for no token and begins no login. A daemon that is not there yet is waited for too.

use std::path::Path;

use tokio::time::timeout;
use tonic::Status;

use super::{
    args::{Goal, WaitArgs},
    error::Error,
    render::is_usable,
    statuses::Statuses,
};
use crate::{config::show_duration, rpc::proto::GetStatusResponse};

/// Waits until the clusters are as they are wanted.
pub(super) async fn run(socket: &Path, args: WaitArgs) -> Result<(), Error> {
    let Goal::Valid = args.goal;
    let mut statuses = Statuses::of(socket, &args.clusters);
    // Why it is not over yet, as far as it is known.
    let mut missing = None;
    let waiting = until_valid(&mut statuses, &mut missing);
    let Some(limit) = args.timeout else { return waiting.await };
    match timeout(limit, waiting).await {
        Ok(end) => end,
        Err(_) => Err(match missing {
            Some(Missing::Daemon(error)) => error,
            Some(Missing::Tokens(names)) => {
                Error::StillMissing { names, waited: show_duration(limit) }
            }
            None => Status::unavailable("it did not answer").into(),
        }),
    }
}

/// What is waited for.
enum Missing {
    /// The daemon.
    Daemon(Error),
    /// Tokens of these clusters.
    Tokens(Vec<String>),
}

async fn until_valid(statuses: &mut Statuses, missing: &mut Option<Missing>) -> Result<(), Error> {
    loop {
        match statuses.next().await {
            Ok(status) => {
                let names = without_token(&status);
                if names.is_empty() {
                    return Ok(());
                }
                *missing = Some(Missing::Tokens(names));
            }
            Err(error) if error.passes() => *missing = Some(Missing::Daemon(error.into())),
            Err(error) => return Err(error.into()),
        }
    }
}

fn without_token(status: &GetStatusResponse) -> Vec<String> {
    let missing = status.clusters.iter().filter(|cluster| !is_usable(cluster.state()));
    missing.map(|cluster| cluster.cluster.clone()).collect()
}
