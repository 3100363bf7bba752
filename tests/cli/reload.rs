//! What `reload` prints of what became of each cluster, and of a configuration that is refused.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use ucsso::rpc::proto::{ClusterChange, ReloadResponse, ReloadedCluster};

use crate::{
    ask, assert_says,
    fake_daemon::{FakeDaemon, Script, refusal},
};

fn reloaded(cluster: &str, change: i32, settings: &[&str]) -> ReloadedCluster {
    let settings = settings.iter().map(ToString::to_string).collect();
    ReloadedCluster { cluster: cluster.into(), change, settings }
}

fn daemon(reload: Result<ReloadResponse, Status>) -> FakeDaemon {
    FakeDaemon::start(Script { reload: Some(reload), ..Script::default() })
}

fn everything() -> ReloadResponse {
    ReloadResponse {
        clusters: vec![
            reloaded("branch", ClusterChange::Adapted.into(), &["renew", "snooze"]),
            reloaded("emea", ClusterChange::Added.into(), &[]),
            reloaded("hq", ClusterChange::Unchanged.into(), &[]),
            reloaded("lab", ClusterChange::Removed.into(), &[]),
            reloaded("later", 77, &["of-a-later-version"]),
            reloaded("voicemail", ClusterChange::Reset.into(), &["user", "client_id"]),
        ],
        browser_changed: true,
        at_restart: vec!["persist".into()],
    }
}

#[test]
fn what_became_of_each_cluster_is_said() {
    let output = ask(&daemon(Ok(everything())), "reload");

    assert_says(&output, 0, include_str!("../fixtures/cli/reload.txt"), "");
}

#[test]
fn what_became_of_each_cluster_is_told_to_programs() {
    let output = ask(&daemon(Ok(everything())), "reload --json");

    assert_says(&output, 0, include_str!("../fixtures/cli/reload.json"), "");
}

#[test]
fn all_problems_of_a_configuration_are_shown_with_their_places() {
    let metadata = [("problems".to_owned(), "error: bad\n --> c.toml:3:1\u{1b}[2J\n".to_owned())];
    let mut details = ErrorDetails::new();
    details.set_error_info("CONFIG_INVALID", "ucsso.v1", metadata);
    let sentence = "1 problem in `c.toml`; nothing has changed";
    let status = Status::with_error_details(Code::InvalidArgument, sentence, details);

    let output = ask(&daemon(Err(status)), "reload");

    let said = "error: bad\n --> c.toml:3:1\u{fffd}[2J\nucssoctl: 1 problem in `c.toml`; nothing has changed\n";
    assert_says(&output, 1, "", said);
}

#[test]
fn a_configuration_that_is_not_believed_comes_with_what_mends_it() {
    let status = refusal(
        Code::FailedPrecondition,
        "CONFIG_UNUSABLE",
        "`c.toml` is not to be trusted; nothing has changed",
        "run `chmod go-w 'c.toml'`",
    );

    let output = ask(&daemon(Err(status)), "reload --json");

    let said = "ucssoctl: `c.toml` is not to be trusted; nothing has changed\n  help: run `chmod go-w 'c.toml'`\n";
    assert_says(&output, 1, "", said);
}
