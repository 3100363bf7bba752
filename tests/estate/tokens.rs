//! Tokens that the cluster revokes, that expire, or that do not last as long as somebody wants.

use std::time::{Duration, UNIX_EPOCH};

use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt as _;
use ucsso::{
    lab::{Lab, LabConfig, faults::Load},
    rpc::{
        client,
        proto::{
            GetTokenRequest, Interaction, ReportRejectedRequest, report_rejected_response::Verdict,
        },
    },
};

use crate::{
    estate::Estate,
    process::until,
    rig::{WRITING, estate, estate_with_browser},
};

impl Estate {
    /// Reports this generation as refused, and returns what the cluster said.
    async fn report(&self, cluster: &str, generation: u64) -> Verdict {
        let request = ReportRejectedRequest { cluster: cluster.into(), generation };
        let answer = self.client().await.broker().report_rejected(request).await.unwrap();
        answer.into_inner().verdict()
    }
}

fn revoke_all(lab: &Lab) {
    for node in ["cucm-pub", "cucm-sub", "cuc"] {
        lab.revoke_tokens(node);
    }
}

#[tokio::test]
async fn a_token_that_the_cluster_revoked_is_dropped_when_it_is_reported() {
    for cluster in ["hq", "vm"] {
        let estate = estate().await;
        estate.logged_in(cluster).await;
        let generation = estate.get_token(cluster, Interaction::Never).await.unwrap().generation;
        revoke_all(&estate.lab);

        let verdict = estate.report(cluster, generation).await;

        assert_eq!(verdict, Verdict::Rejected);
        let status = estate.status_of(cluster).await;
        assert_eq!((&status["state"], &status["lapse"]), (&"cold".into(), &"rejected".into()));
        let sentence = format!("the cluster `{cluster}` does not accept its token any more");
        estate.refused(&["token", cluster, "--no-login"]).await.is(4, &[&sentence]);
        estate.logged_in(cluster).await;
    }
}

#[tokio::test]
async fn a_token_that_works_is_kept_whatever_a_program_reports() {
    for cluster in ["hq", "vm"] {
        let estate = estate().await;
        let first = estate.logged_in(cluster).await;
        let generation = estate.get_token(cluster, Interaction::Never).await.unwrap().generation;

        assert_eq!(estate.report(cluster, generation).await, Verdict::StillValid);
        assert_eq!(estate.token(cluster).await, first);
        let second = estate.logged_in(cluster).await;
        assert_eq!(estate.report(cluster, generation).await, Verdict::Superseded);
        assert_eq!(estate.token(cluster).await, second);
    }
}

#[tokio::test]
async fn a_cluster_that_is_busy_or_silent_has_not_refused_the_token() {
    for (cluster, node) in [("hq", "cucm-pub"), ("vm", "cuc")] {
        let estate = estate().await;
        let token = estate.logged_in(cluster).await;
        let generation = estate.get_token(cluster, Interaction::Never).await.unwrap().generation;
        revoke_all(&estate.lab);
        estate.lab.behaviour().load = Load::Busy;

        assert_eq!(estate.report(cluster, generation).await, Verdict::Unknown, "{node}");

        assert_eq!(estate.token(cluster).await, token);
    }
}

#[tokio::test]
async fn any_number_of_reports_is_one_question_to_the_cluster() {
    let estate = estate_with_browser(&WRITING).await;
    estate.logged_in("hq").await;
    let generation = estate.get_token("hq", Interaction::Never).await.unwrap().generation;
    revoke_all(&estate.lab);
    let before = estate.lab.requests().len();
    let mut programs = JoinSet::new();
    for _ in 0..32 {
        let client = estate.client().await;
        programs.spawn(async move {
            let request = ReportRejectedRequest { cluster: "hq".into(), generation };
            client.broker().report_rejected(request).await.unwrap().into_inner().verdict()
        });
    }

    let verdicts = programs.join_all().await;

    assert_eq!(verdicts, [Verdict::Rejected; 32]);
    let asked = estate.lab.requests().split_off(before);
    assert_eq!(asked.iter().filter(|seen| seen.has_bearer).count(), 1, "{asked:#?}");
    assert_eq!(estate.opened(), [""; 0]);
}

#[tokio::test]
async fn a_report_opens_no_window() {
    let estate = estate_with_browser(&WRITING).await;
    estate.logged_in("hq").await;
    let generation = estate.get_token("hq", Interaction::Never).await.unwrap().generation;
    revoke_all(&estate.lab);

    assert_eq!(estate.report("hq", generation).await, Verdict::Rejected);
    assert_eq!(estate.report("hq", generation).await, Verdict::Rejected, "there is none now");

    assert_eq!(estate.opened(), [""; 0]);
}

#[tokio::test]
async fn a_token_is_served_until_it_expires_and_never_after() {
    let lab = LabConfig { token_lifetime: Duration::from_secs(2), ..LabConfig::default() };
    let estate = Estate::launch(lab, ToOwned::to_owned).await;
    let client = estate.client().await;
    let login = estate.log_in("hq").await;
    assert!(login.walked(&mut estate.walk("alice")).await.unwrap().ok);
    login.end().await;
    let any = GetTokenRequest {
        cluster: "hq".into(),
        min_validity: Some(prost_types::Duration::default()),
        interaction: Interaction::Never.into(),
    };

    let mut served = 0;
    let refusal = until("the token has expired", async || {
        let asked_at = estate.lab.now().duration_since(UNIX_EPOCH).unwrap();
        match client.broker().get_token(any.clone()).await {
            Ok(answer) => {
                let end = answer.into_inner().token.unwrap().expire_time.unwrap();
                let end = Duration::try_from(prost_types::Duration {
                    seconds: end.seconds,
                    nanos: end.nanos,
                });
                // The answer has whole milliseconds.
                assert!(asked_at < end.unwrap() + Duration::from_millis(1), "it was dead");
                served += 1;
                None
            }
            Err(refusal) => Some(refusal),
        }
    })
    .await;

    assert!(served > 0, "it was never served");
    assert_eq!(client::reason(&refusal).as_deref(), Some("LOGIN_REQUIRED"));
    assert_eq!(refusal.message(), "the token of `hq` has expired");
    let status = estate.status_of("hq").await;
    assert_eq!((&status["state"], &status["lapse"]), (&"cold".into(), &"expired".into()));
    estate.daemon.line_with("the token is short-lived").await;
}

#[tokio::test]
async fn a_token_that_lasts_longer_than_any_is_refused_with_the_longest() {
    let estate = estate_with_browser(&WRITING).await;
    estate.logged_in("hq").await;
    let request = GetTokenRequest {
        cluster: "hq".into(),
        min_validity: Some(prost_types::Duration { seconds: 7200, nanos: 0 }),
        interaction: Interaction::IfNeeded.into(),
    };

    let refusal = estate.client().await.broker().get_token(request).await.unwrap_err();
    let end = estate.refused(&["token", "hq", "--min-validity", "2h"]).await;

    let told = refusal.get_details_error_info().unwrap();
    assert_eq!(refusal.code(), Code::FailedPrecondition);
    assert_eq!(told.reason, "MIN_VALIDITY_UNSATISFIABLE");
    assert_eq!(told.metadata["max_validity_seconds"], "3600");
    end.is(2, &["no token of `hq` has been valid for longer than 3600 seconds"]);
    assert_eq!(estate.opened(), [""; 0], "a login would not help");
}
