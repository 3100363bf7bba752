//! The table of refusals, row by row.

use std::time::Duration;

use Code::{Aborted, DeadlineExceeded, FailedPrecondition as Fix, Internal, Unavailable as Later};

use super::*;
use crate::domain::{Failure, Timestamp};

fn failure(cause: Cause, advice: &str) -> Failure {
    Failure { cause, sentence: "it failed".into(), advice: advice.into(), at: Timestamp::default() }
}

fn hq(lack: Lack) -> Refusal {
    Refusal::Lack("hq".parse().unwrap(), lack)
}

fn row(refusal: Refusal) -> (Code, String, String) {
    let status = Status::from(refusal);
    let details = status.get_error_details();
    let info = details.error_info().expect("every refusal has a reason");
    assert_eq!(info.domain, "ucsso.v1");
    (status.code(), info.reason.clone(), status.message().to_owned())
}

fn metadata(refusal: Refusal, key: &str) -> Option<String> {
    let details = Status::from(refusal).get_error_details();
    details.error_info().unwrap().metadata.get(key).cloned()
}

#[test]
fn every_situation_has_its_code_reason_and_sentence() {
    let required = |lapse| hq(Lack::LoginRequired { lapse, failure: None });
    let table = [
        (Refusal::HeaderMissing, Code::InvalidArgument, "HEADER_MISSING", "`ucsso: 1`"),
        (Refusal::ClusterName(InvalidClusterName), Code::InvalidArgument, "BAD_REQUEST", "1 to 64"),
        (Refusal::Duration, Code::InvalidArgument, "BAD_REQUEST", "duration"),
        (Refusal::ClusterUnknown("xy".parse().unwrap()), Code::NotFound, "CLUSTER_UNKNOWN", "`xy`"),
        (
            Refusal::TooManyWatches { most: 8 },
            Code::ResourceExhausted,
            "TOO_MANY_WATCHES",
            "watches 8 times",
        ),
        (
            Refusal::RateLimited { delay: Duration::from_millis(20) },
            Code::ResourceExhausted,
            "RATE_LIMITED",
            "in 20 ms",
        ),
        (
            Refusal::TimeIsUp("hq".parse().unwrap()),
            DeadlineExceeded,
            "LOGIN_IN_PROGRESS",
            "under way and goes on",
        ),
        (
            Refusal::NotReloaded(NotReloaded::Wrong {
                sentence: "bad".into(),
                problems: "p".into(),
            }),
            Code::InvalidArgument,
            "CONFIG_INVALID",
            "bad; nothing has changed",
        ),
        (
            Refusal::NotReloaded(NotReloaded::Unusable {
                sentence: "no".into(),
                advice: "a".into(),
            }),
            Code::FailedPrecondition,
            "CONFIG_UNUSABLE",
            "no; nothing has changed",
        ),
        (
            Refusal::LogFilter("no".into()),
            Code::InvalidArgument,
            "LOG_FILTER_INVALID",
            "no; nothing has changed",
        ),
        (required(None), Code::FailedPrecondition, "LOGIN_REQUIRED", "long enough"),
        (required(Some(Lapse::NeverLoggedIn)), Code::FailedPrecondition, "LOGIN_REQUIRED", "yet"),
        (required(Some(Lapse::Expired)), Code::FailedPrecondition, "LOGIN_REQUIRED", "has expired"),
        (required(Some(Lapse::Rejected)), Code::FailedPrecondition, "LOGIN_REQUIRED", "not accept"),
        (
            required(Some(Lapse::LoggedOut)),
            Code::FailedPrecondition,
            "LOGIN_REQUIRED",
            "logged out",
        ),
        (
            required(Some(Lapse::Reconfigured)),
            Code::FailedPrecondition,
            "LOGIN_REQUIRED",
            "settings of `hq` have changed",
        ),
        (
            hq(Lack::Snoozed { until: Timestamp::default() }),
            Code::FailedPrecondition,
            "USER_SNOOZED",
            "not now",
        ),
        (hq(Lack::Reserved(Reserve::Locked)), Code::FailedPrecondition, "USER_AWAY", "is locked"),
        (hq(Lack::Reserved(Reserve::Idle)), Code::FailedPrecondition, "USER_AWAY", "has touched"),
        (
            hq(Lack::Reserved(Reserve::JustWoke { until: Timestamp::default() })),
            Code::FailedPrecondition,
            "USER_AWAY",
            "woken",
        ),
        (
            hq(Lack::Reserved(Reserve::Spent { until: Timestamp::default() })),
            Code::FailedPrecondition,
            "WINDOWS_SPENT",
            "nobody answered",
        ),
        (hq(Lack::LoginUnderWay), Code::FailedPrecondition, "LOGIN_IN_PROGRESS", "under way"),
        (
            hq(Lack::Unsatisfiable { longest: Duration::from_hours(1) }),
            Code::FailedPrecondition,
            "MIN_VALIDITY_UNSATISFIABLE",
            "3600 seconds",
        ),
        (hq(Lack::Stopping), Code::Unavailable, "SHUTTING_DOWN", "stops"),
        (Refusal::Stopping, Code::Unavailable, "SHUTTING_DOWN", "stops"),
    ];
    for (refusal, code, reason, part) in table {
        let (got_code, got_reason, sentence) = row(refusal);
        assert_eq!((got_code, &*got_reason), (code, reason));
        assert!(sentence.contains(part), "{sentence}");
    }
}

#[test]
fn every_cause_of_a_failure_has_its_code() {
    let codes: Vec<_> =
        Cause::ALL.iter().map(|cause| row(hq(Lack::Failed(failure(*cause, ""))))).collect();

    for (cause, (_, reason, sentence)) in Cause::ALL.iter().zip(&codes) {
        assert_eq!((&**reason, &**sentence), (cause.reason(), "it failed"));
    }
    assert_eq!(
        codes.iter().map(|(code, ..)| *code).collect::<Vec<_>>(),
        [Later, Later, Later, Later, Fix, DeadlineExceeded, Aborted, Fix, Fix, Fix, Fix, Internal]
    );
}

#[test]
fn a_refusal_says_what_mends_it() {
    let required = |failure| hq(Lack::LoginRequired { lapse: None, failure });
    let failed = |advice| hq(Lack::Failed(failure(Cause::IdpError, advice)));

    assert_eq!(metadata(required(None), "advice").unwrap(), "run `ucssoctl login hq`");
    let with_advice = required(Some(failure(Cause::IdpError, "look")));
    assert_eq!(metadata(with_advice, "advice").unwrap(), "look");
    let without = required(Some(failure(Cause::IdpError, "")));
    assert_eq!(metadata(without, "advice").unwrap(), "run `ucssoctl login hq`");
    assert_eq!(metadata(failed("look"), "advice").unwrap(), "look");
    assert_eq!(metadata(failed(""), "advice"), None);
    assert_eq!(metadata(failed(""), "cluster").unwrap(), "hq");
    let short = hq(Lack::Unsatisfiable { longest: Duration::from_mins(1) });
    assert_eq!(metadata(short, "max_validity_seconds").unwrap(), "60");
}

#[test]
fn no_refusal_is_too_long_for_the_headers_of_a_client() {
    let mut failure = failure(Cause::NodeUnreachable, &"é".repeat(5000));
    failure.sentence = "a node did not answer; ".repeat(500);

    let status = Status::from(hq(Lack::Failed(failure)));

    let headers = status.into_http::<()>().into_parts().0.headers;
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    assert!(bytes < 8 * 1024, "{bytes}");
    assert!(headers.contains_key("grpc-status-details-bin"));
}
