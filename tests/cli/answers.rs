//! What `status` and `token` print, and with which code they end.

use tonic::Code;
use ucsso::rpc::proto::{ClusterState, ClusterStatus, Failure, Lapse};

use crate::{
    TOKEN, ask, assert_says, at, cluster, daemon,
    fake_daemon::{FakeDaemon, Script, refusal},
    text, valid,
};

fn failed(name: &str, state: ClusterState, reason: &str, sentence: &str) -> ClusterStatus {
    let failure = Failure {
        reason: reason.into(),
        sentence: sentence.into(),
        time: at(-60),
        ..Failure::default()
    };
    ClusterStatus { failure: Some(failure), ..cluster(name, state, Lapse::NeverLoggedIn) }
}

/// One cluster in each state.
fn estate() -> Vec<ClusterStatus> {
    vec![
        valid("hq", ClusterState::Fresh),
        ClusterStatus {
            attempt: 8,
            give_up_time: at(300),
            renew_time: None,
            ..valid("emea", ClusterState::Renewing)
        },
        ClusterStatus {
            attempt: 3,
            ..cluster("lab", ClusterState::Authenticating, Lapse::NeverLoggedIn)
        },
        ClusterStatus {
            pause_time: at(60),
            windows_left: 1,
            ..cluster("branch", ClusterState::Cold, Lapse::Expired)
        },
        ClusterStatus {
            snooze_time: at(7200),
            windows_left: 3,
            ..cluster("voicemail", ClusterState::Cold, Lapse::Expired)
        },
        failed(
            "factory",
            ClusterState::Disabled,
            "SSO_DISABLED",
            "single sign-on is switched off on the cluster",
        ),
    ]
}

#[test]
fn the_status_of_every_state_is_shown() {
    let output = ask(&daemon(estate()), "status");

    assert_says(&output, 8, include_str!("../fixtures/cli/status.txt"), "");
}

#[test]
fn the_status_of_every_state_is_told_to_programs() {
    let output = ask(&daemon(estate()), "status --json");

    assert_says(&output, 8, include_str!("../fixtures/cli/status.json"), "");
}

#[test]
fn the_status_ends_with_the_code_of_the_clusters_that_were_named() {
    let daemon = daemon(estate());
    for (line, code) in [
        ("status hq", 0),
        ("status hq emea", 0),
        ("status hq lab", 5),
        ("status lab branch", 4),
        ("status branch factory", 8),
        ("status hq --json", 0),
        ("status branch --json", 4),
        ("status nowhere", 7),
        ("status Not/A/Name", 2),
    ] {
        assert_eq!(ask(&daemon, line).status.code(), Some(code), "{line}");
    }
}

#[test]
fn a_token_is_printed_alone() {
    let daemon = daemon(vec![]);

    assert_says(&ask(&daemon, "token hq"), 0, "canary-5559fada\n", "");
    assert_says(
        &ask(&daemon, "token hq --header"),
        0,
        "Authorization: Bearer canary-5559fada\n",
        "",
    );
    assert_says(
        &ask(&daemon, "token hq --json"),
        0,
        "{\"schema_version\":1,\"cluster\":\"hq\",\"access_token\":\"canary-5559fada\",\
         \"token_type\":\"Bearer\",\"expire_time\":\"2100-01-01T00:47:30Z\",\
         \"expire_epoch\":4102447650,\"remaining_seconds\":2850,\
         \"node\":\"cucm-pub.example.com:8443\",\"user\":\"alice\",\"generation\":7}\n",
        "",
    );
    for (option, name) in [("--env", "UCSSO_TOKEN"), ("--env=_HQ2", "_HQ2")] {
        let line = format!("export {name}='canary-5559fada'\n");
        assert_says(&ask(&daemon, &format!("token hq {option}")), 0, &line, "");
    }
}

#[test]
fn the_options_of_token_reach_the_daemon() {
    let daemon = daemon(vec![]);

    for line in ["token hq", "token hq --no-login --min-validity 5m", "token hq --force"] {
        assert_eq!(ask(&daemon, line).status.code(), Some(0), "{line}");
    }

    assert_eq!(
        daemon.calls(),
        [
            "GetToken hq - INTERACTION_IF_NEEDED",
            "GetToken hq 300s INTERACTION_NEVER",
            "GetToken hq - INTERACTION_FORCE",
        ]
    );
}

#[test]
fn the_status_never_contains_a_token() {
    let daemon = daemon(estate());

    for line in ["status", "status --json"] {
        let output = ask(&daemon, line);

        assert!(!text(&output.stdout).contains(TOKEN), "{line}");
    }
}

#[test]
fn a_refusal_is_a_sentence_with_what_mends_it_and_a_code() {
    for (code, reason, exit) in [
        (Code::FailedPrecondition, "LOGIN_REQUIRED", 4),
        (Code::Aborted, "LOGIN_CANCELLED", 4),
        (Code::FailedPrecondition, "BROWSER_UNAVAILABLE", 4),
        (Code::DeadlineExceeded, "LOGIN_TIMED_OUT", 5),
        (Code::DeadlineExceeded, "LOGIN_IN_PROGRESS", 5),
        (Code::PermissionDenied, "OF_A_LATER_VERSION", 6),
        (Code::NotFound, "CLUSTER_UNKNOWN", 7),
        (Code::Unavailable, "NODE_UNREACHABLE", 8),
        (Code::Unavailable, "CERTIFICATE_UNTRUSTED", 8),
        (Code::FailedPrecondition, "IDP_ERROR", 8),
        (Code::FailedPrecondition, "SSO_DISABLED", 8),
        (Code::FailedPrecondition, "MIN_VALIDITY_UNSATISFIABLE", 2),
        (Code::Unavailable, "SHUTTING_DOWN", 3),
        (Code::Internal, "INTERNAL", 1),
        (Code::ResourceExhausted, "TOO_MANY_WATCHES", 1),
    ] {
        let refused = refusal(code, reason, "this is what happened", "do this\nand that");
        let daemon = FakeDaemon::start(Script { token: Some(Err(refused)), ..Script::default() });

        let output = ask(&daemon, "token hq");

        assert_says(
            &output,
            exit,
            "",
            "ucssoctl: this is what happened\n  help: do this\n        and that\n",
        );
    }
}

#[test]
fn a_wait_that_is_over_is_said_so() {
    let daemon = FakeDaemon::start(Script::default());

    let output = ask(&daemon, "token hq --wait 1s");

    assert_says(
        &output,
        5,
        "",
        "ucssoctl: no token of `hq` within 1s; a login that is under way goes on\n",
    );
}
