//! The real `ucssoctl` against a daemon that says what it is told to: golden output, and every
//! exit code.

#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::unnecessary_wraps, reason = "the fields of messages are optional")]

mod answers;
mod config;
#[path = "../support/fake_daemon.rs"]
mod fake_daemon;
mod log_filter;
mod login;
mod paste;
mod reach;
mod redirect_page;
mod reload;

use std::process::Output;

use assert_cmd::Command;
use prost_types::{Duration, Timestamp};
use ucsso::rpc::proto::{
    ClusterState, ClusterStatus, GetStatusResponse, Lapse, RefusedRedirects, ServerStatus, Token,
};

use fake_daemon::{FakeDaemon, Script};

/// The first second of the year 2100 in UTC: never today, so that dates are written out.
const Y2100: i64 = 4_102_444_800;

/// What a token looks like in these tests.
const TOKEN: &str = "canary-5559fada";

/// `ucssoctl` with an environment of its own: Berlin's time, ASCII, no configuration.
fn ucssoctl() -> Command {
    let mut command = Command::cargo_bin("ucssoctl").unwrap();
    command.env_clear().env("TZ", "CET-1CEST,M3.5.0,M10.5.0/3").env("HOME", "/nonexistent");
    command
}

/// Runs a command line against a daemon.
fn ask(daemon: &FakeDaemon, line: &str) -> Output {
    let socket = daemon.socket();
    ucssoctl().arg("--socket").arg(socket).args(line.split(' ')).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Asserts what was printed, and with which code the program ended.
fn assert_says(output: &Output, code: i32, stdout: &str, stderr: &str) {
    assert_eq!(text(&output.stdout), stdout);
    assert_eq!(text(&output.stderr), stderr);
    assert_eq!(output.status.code(), Some(code));
}

fn at(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: Y2100 + seconds, nanos: 0 })
}

fn cluster(name: &str, state: ClusterState, lapse: Lapse) -> ClusterStatus {
    ClusterStatus {
        cluster: name.into(),
        product: "ucm".into(),
        state: state.into(),
        lapse: lapse.into(),
        user: "alice".into(),
        renew: "when-used".into(),
        login_on_demand: state != ClusterState::Disabled && lapse != Lapse::LoggedOut,
        ..ClusterStatus::default()
    }
}

fn valid(name: &str, state: ClusterState) -> ClusterStatus {
    ClusterStatus {
        node: "cucm-pub.example.com:8443".into(),
        generation: 7,
        obtain_time: at(-750),
        expire_time: at(2850),
        remaining: Some(Duration { seconds: 2850, nanos: 999_999_999 }),
        renew_time: at(2130),
        ..cluster(name, state, Lapse::Unspecified)
    }
}

/// A daemon with these clusters and a token for each of them.
fn daemon(clusters: Vec<ClusterStatus>) -> FakeDaemon {
    let server = ServerStatus {
        version: "1.2.3".into(),
        start_time: at(-3600),
        pid: 4211,
        warnings: vec!["port 27443 is taken by another program".into()],
        reserve: "spent".into(),
        reserve_time: at(1200),
        windows_left: 0,
        refused_redirects: [("foreign_peer", 9), ("wrong_nonce", 3)]
            .map(|(reason, count)| RefusedRedirects { reason: reason.into(), count })
            .to_vec(),
        persistence:
            "not sealed: tokens are in memory only: the keyring is locked; unlock it, then \
                      `systemctl --user restart ucssod`"
                .into(),
        memory: "not locked: the limit of 64 KiB (RLIMIT_MEMLOCK) is reached".into(),
    };
    let token = Token {
        access_token: TOKEN.into(),
        token_type: "Bearer".into(),
        expire_time: at(2850),
        remaining: Some(Duration { seconds: 2850, nanos: 0 }),
        node: "cucm-pub.example.com:8443".into(),
        user: "alice".into(),
        generation: 7,
    };
    FakeDaemon::start(Script {
        status: GetStatusResponse { clusters, server: Some(server) },
        token: Some(Ok(token)),
        ..Script::default()
    })
}
