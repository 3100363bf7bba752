//! The status and tokens as JSON, for programs.
//!
//! The schema has a version. Within one version, fields are only ever added; a field that has no
//! value is `null`, never left out. Times come twice, as RFC 3339 in UTC and as seconds since
//! the epoch. The status never contains a token.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{changes::Change, moment};
use crate::rpc::proto;

/// The version of all schemas.
pub(super) const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct StatusDocument<'a> {
    schema_version: u32,
    server: Server<'a>,
    clusters: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Server<'a> {
    version: &'a str,
    pid: u32,
    start_time: Option<String>,
    start_epoch: Option<i64>,
    warnings: &'a [String],
    reserve: Option<&'a str>,
    reserve_time: Option<String>,
    reserve_epoch: Option<i64>,
    windows_left: Option<u32>,
    refused_redirects: BTreeMap<&'a str, u64>,
    persistence: Option<&'a str>,
    memory: Option<&'a str>,
}

#[derive(Serialize)]
struct Entry<'a> {
    cluster: &'a str,
    product: &'a str,
    state: &'static str,
    lapse: Option<&'static str>,
    user: &'a str,
    node: Option<&'a str>,
    generation: Option<u64>,
    obtain_time: Option<String>,
    obtain_epoch: Option<i64>,
    expire_time: Option<String>,
    expire_epoch: Option<i64>,
    remaining_seconds: Option<u64>,
    renew: &'a str,
    login_on_demand: bool,
    renew_time: Option<String>,
    renew_epoch: Option<i64>,
    pause_time: Option<String>,
    pause_epoch: Option<i64>,
    snooze_time: Option<String>,
    snooze_epoch: Option<i64>,
    windows_left: u32,
    attempt: Option<u64>,
    give_up_time: Option<String>,
    give_up_epoch: Option<i64>,
    failure: Option<Failure<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    reason: &'a str,
    sentence: &'a str,
    advice: Option<&'a str>,
    time: Option<String>,
    epoch: Option<i64>,
}

#[derive(Serialize)]
struct ChangeDocument<'a> {
    schema_version: u32,
    time: String,
    epoch: i64,
    change: &'static str,
    cluster: Option<&'a str>,
    status: Option<Entry<'a>>,
}

#[derive(Serialize)]
struct TokenDocument<'a> {
    schema_version: u32,
    cluster: &'a str,
    access_token: &'a str,
    token_type: &'a str,
    expire_time: Option<String>,
    expire_epoch: Option<i64>,
    remaining_seconds: u64,
    node: &'a str,
    user: &'a str,
    generation: u64,
}

/// The status on several lines, for one answer.
pub(super) fn status(status: &proto::GetStatusResponse) -> String {
    pretty(&StatusDocument::of(status))
}

/// A document on several lines.
pub(super) fn pretty(document: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(document).expect(WRITABLE);
    text.push('\n');
    text
}

/// The status on one line, for a stream of answers.
pub(super) fn status_line(status: &proto::GetStatusResponse) -> String {
    let mut text = serde_json::to_string(&StatusDocument::of(status)).expect(WRITABLE);
    text.push('\n');
    text
}

/// A change on one line, for a stream of them.
pub(super) fn change(change: Change<'_>, at: Timestamp) -> String {
    let (word, cluster, status) = match change {
        Change::State(status) => ("state", Some(&*status.cluster), Some(Entry::of(status))),
        Change::Removed(name) => ("removed", Some(name), None),
        Change::Unreachable => ("unreachable", None, None),
    };
    let document = ChangeDocument {
        schema_version: SCHEMA_VERSION,
        time: moment::rfc3339(at),
        epoch: at.as_second(),
        change: word,
        cluster,
        status,
    };
    let mut text = serde_json::to_string(&document).expect(WRITABLE);
    text.push('\n');
    text
}

/// A token with what is known about it.
pub(super) fn token(cluster: &str, token: &proto::Token) -> String {
    let expiry = moment::timestamp(token.expire_time.as_ref());
    let token = TokenDocument {
        schema_version: SCHEMA_VERSION,
        cluster,
        access_token: &token.access_token,
        token_type: &token.token_type,
        expire_time: expiry.map(moment::rfc3339),
        expire_epoch: expiry.map(Timestamp::as_second),
        remaining_seconds: moment::duration(token.remaining.as_ref()).as_secs(),
        node: &token.node,
        user: &token.user,
        generation: token.generation,
    };
    let mut text = serde_json::to_string(&token).expect(WRITABLE);
    text.push('\n');
    text
}

/// Why writing cannot fail: there are no maps and no numbers that JSON lacks.
const WRITABLE: &str = "these structs can be written as JSON";

impl<'a> StatusDocument<'a> {
    fn of(status: &'a proto::GetStatusResponse) -> Self {
        let server = status.server.as_ref();
        let start = server.and_then(|server| moment::timestamp(server.start_time.as_ref()));
        let reserve = server.and_then(|server| moment::timestamp(server.reserve_time.as_ref()));
        let refused = server.into_iter().flat_map(|server| &server.refused_redirects);
        Self {
            schema_version: SCHEMA_VERSION,
            server: Server {
                version: server.map_or("", |server| &server.version),
                pid: server.map_or(0, |server| server.pid),
                start_time: start.map(moment::rfc3339),
                start_epoch: start.map(Timestamp::as_second),
                warnings: server.map_or(&[], |server| &server.warnings),
                reserve: server.and_then(|server| some_text(&server.reserve)),
                reserve_time: reserve.map(moment::rfc3339),
                reserve_epoch: reserve.map(Timestamp::as_second),
                windows_left: server.map(|server| server.windows_left),
                refused_redirects: refused
                    .map(|refused| (refused.reason.as_str(), refused.count))
                    .collect(),
                persistence: server.and_then(|server| some_text(&server.persistence)),
                memory: server.and_then(|server| some_text(&server.memory)),
            },
            clusters: status.clusters.iter().map(Entry::of).collect(),
        }
    }
}

impl<'a> Entry<'a> {
    fn of(status: &'a proto::ClusterStatus) -> Self {
        let time = |sent: &Option<_>| moment::timestamp(sent.as_ref());
        let [obtained, expiry, renewal, pause, snooze, give_up] = [
            time(&status.obtain_time),
            time(&status.expire_time),
            time(&status.renew_time),
            time(&status.pause_time),
            time(&status.snooze_time),
            time(&status.give_up_time),
        ];
        Self {
            cluster: &status.cluster,
            product: &status.product,
            state: state(status.state()),
            lapse: lapse(status.lapse()),
            user: &status.user,
            node: some_text(&status.node),
            generation: some_number(status.generation),
            obtain_time: obtained.map(moment::rfc3339),
            obtain_epoch: obtained.map(Timestamp::as_second),
            expire_time: expiry.map(moment::rfc3339),
            expire_epoch: expiry.map(Timestamp::as_second),
            remaining_seconds: status
                .remaining
                .as_ref()
                .map(|remaining| moment::duration(Some(remaining)).as_secs()),
            renew: &status.renew,
            login_on_demand: status.login_on_demand,
            renew_time: renewal.map(moment::rfc3339),
            renew_epoch: renewal.map(Timestamp::as_second),
            pause_time: pause.map(moment::rfc3339),
            pause_epoch: pause.map(Timestamp::as_second),
            snooze_time: snooze.map(moment::rfc3339),
            snooze_epoch: snooze.map(Timestamp::as_second),
            windows_left: status.windows_left,
            attempt: some_number(status.attempt),
            give_up_time: give_up.map(moment::rfc3339),
            give_up_epoch: give_up.map(Timestamp::as_second),
            failure: status.failure.as_ref().map(Failure::of),
        }
    }
}

impl<'a> Failure<'a> {
    fn of(failure: &'a proto::Failure) -> Self {
        let time = moment::timestamp(failure.time.as_ref());
        Self {
            reason: &failure.reason,
            sentence: &failure.sentence,
            advice: some_text(&failure.advice),
            time: time.map(moment::rfc3339),
            epoch: time.map(Timestamp::as_second),
        }
    }
}

const fn state(state: proto::ClusterState) -> &'static str {
    match state {
        proto::ClusterState::Unspecified => "unknown",
        proto::ClusterState::Cold => "cold",
        proto::ClusterState::Authenticating => "authenticating",
        proto::ClusterState::Fresh => "fresh",
        proto::ClusterState::Renewing => "renewing",
        proto::ClusterState::Disabled => "disabled",
    }
}

const fn lapse(lapse: proto::Lapse) -> Option<&'static str> {
    match lapse {
        proto::Lapse::Unspecified => None,
        proto::Lapse::NeverLoggedIn => Some("never-logged-in"),
        proto::Lapse::Expired => Some("expired"),
        proto::Lapse::Rejected => Some("rejected"),
        proto::Lapse::LoggedOut => Some("logged-out"),
        proto::Lapse::Reconfigured => Some("reconfigured"),
    }
}

fn some_text(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn some_number(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number > 0)
}
