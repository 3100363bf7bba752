//! `ucssoctl status`: once, or again whenever something changes.

use std::{process::ExitCode, time::Duration};

use tonic::Request;

use super::{
    args::StatusArgs,
    error::Error,
    exit::Exit,
    json,
    render::{View, is_usable},
    terminal::{self, Canvas},
    watch,
};
use crate::rpc::{
    client::Client,
    proto::{ClusterState, ClusterStatus, GetStatusRequest, GetStatusResponse},
};

/// How long an answer that needs nobody may take.
const PROMPT: Duration = Duration::from_secs(10);

/// Shows the status and ends with the code of the worst cluster.
pub(super) async fn run(client: &Client, args: StatusArgs) -> Result<ExitCode, Error> {
    let clusters = args.clusters.iter().map(ToString::to_string).collect();
    if args.watch {
        return watch::run(client, clusters, args.json).await;
    }
    let status = get(client, clusters).await?;
    let text = if args.json {
        json::status(&status)
    } else {
        let (now, canvas) = (terminal::now(), Canvas::of_stdout());
        View { status: &status, elapsed: Duration::ZERO, now: &now, canvas }.draw()
    };
    terminal::out(&text)?;
    Ok(worst(&status).into())
}

/// Asks for the status of these clusters; of all, if none is named.
pub(super) async fn get(
    client: &Client,
    clusters: Vec<String>,
) -> Result<GetStatusResponse, Error> {
    let mut request = Request::new(GetStatusRequest { clusters });
    request.set_timeout(PROMPT);
    Ok(client.broker().get_status(request).await?.into_inner())
}

/// The code of the worst of the clusters.
pub(super) fn worst(status: &GetStatusResponse) -> Exit {
    status.clusters.iter().map(exit_of).fold(Exit::Done, Exit::worse)
}

/// Why this cluster has no usable token, as a code. A login that nobody finished wants a login.
fn exit_of(status: &ClusterStatus) -> Exit {
    let failed = || {
        let failure = status.failure.as_ref()?;
        Exit::of_reason(&failure.reason).filter(|exit| *exit != Exit::TimedOut)
    };
    match status.state() {
        state if is_usable(state) => Exit::Done,
        ClusterState::Authenticating => Exit::TimedOut,
        ClusterState::Disabled => failed().unwrap_or(Exit::ClusterFailed),
        _ => failed().unwrap_or(Exit::LoginRequired),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::proto::Failure;

    fn cluster(state: ClusterState, reason: &str) -> ClusterStatus {
        let failure = Failure { reason: reason.to_owned(), ..Failure::default() };
        let failure = Some(failure).filter(|failure| !failure.reason.is_empty());
        ClusterStatus { state: state.into(), failure, ..ClusterStatus::default() }
    }

    #[test]
    fn a_cluster_ends_the_command_with_the_reason_why_it_has_no_token() {
        for (state, reason, exit) in [
            (ClusterState::Fresh, "", Exit::Done),
            (ClusterState::Fresh, "NODE_UNREACHABLE", Exit::Done),
            (ClusterState::Renewing, "", Exit::Done),
            (ClusterState::Authenticating, "IDP_ERROR", Exit::TimedOut),
            (ClusterState::Cold, "", Exit::LoginRequired),
            (ClusterState::Cold, "LOGIN_TIMED_OUT", Exit::LoginRequired),
            (ClusterState::Cold, "LOGIN_CANCELLED", Exit::LoginRequired),
            (ClusterState::Cold, "NODE_UNREACHABLE", Exit::ClusterFailed),
            (ClusterState::Cold, "INTERNAL", Exit::Other),
            (ClusterState::Cold, "OF_A_LATER_VERSION", Exit::LoginRequired),
            (ClusterState::Disabled, "SSO_DISABLED", Exit::ClusterFailed),
            (ClusterState::Disabled, "", Exit::ClusterFailed),
            (ClusterState::Unspecified, "", Exit::LoginRequired),
        ] {
            assert_eq!(exit_of(&cluster(state, reason)), exit, "{state:?} {reason}");
        }
    }

    #[test]
    fn one_bad_cluster_among_good_ones_shows_in_the_code() {
        let good = cluster(ClusterState::Fresh, "");
        let bad = cluster(ClusterState::Cold, "");
        let of = |clusters| worst(&GetStatusResponse { clusters, server: None });

        assert_eq!(of(vec![]), Exit::Done);
        assert_eq!(of(vec![good.clone(), good.clone()]), Exit::Done);
        assert_eq!(of(vec![bad, good]), Exit::LoginRequired);
    }
}
