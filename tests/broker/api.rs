//! The API over a real socket, with the clock and the cluster of the other tests behind it.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio::{net::UnixListener, sync::oneshot, task::JoinHandle};
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;
use ucsso::{
    broker::ports::Clock,
    domain::*,
    rpc::{
        Limits, LogFilter, Reloads, ServerFacts,
        client::Client,
        proto::{self, report_rejected_response::Verdict as Word, start_login_response::Event},
        serve,
    },
};

use crate::{login::Answer, rig::*};

/// What these tests do not log.
fn no_log() -> LogFilter {
    LogFilter(Box::new(|_, _| Err("there is no log".to_owned())))
}

/// Time passes in leaps here, so a connection is never idle for too long.
fn patient() -> Limits {
    Limits { idle: Duration::MAX, ..Limits::default() }
}

/// The rig, served.
pub(crate) struct Served {
    pub(crate) rig: Arc<Rig>,
    pub(crate) client: Client,
    pub(crate) socket: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Served {
    pub(crate) async fn start(policy: Policy) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), patient(), policy).await
    }

    pub(crate) async fn within(limits: Limits, policy: Policy) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), limits, policy).await
    }

    /// Another daemon on the socket of this one, which ends first.
    pub(crate) async fn restart(mut self, policy: Policy) -> Self {
        self.stop().await;
        drop(self.client);
        self.server.await.unwrap();
        std::fs::remove_file(&self.socket).unwrap();
        Self::start_in(self.folder, patient(), policy).await
    }

    /// Ends the daemon, and tells its callers.
    pub(crate) async fn stop(&mut self) {
        self.rig.broker.stop().await;
        drop(self.stop.take());
    }

    async fn start_in(folder: tempfile::TempDir, limits: Limits, policy: Policy) -> Self {
        let socket = folder.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let rig = Arc::new(Rig::new(policy));
        let facts = ServerFacts {
            refused_redirects: Box::new(|| vec![("wrong_nonce", 3), ("ticket", 0)]),
            persistence: Box::new(|| "memory".to_owned()),
            memory: Box::new(|| "locked".to_owned()),
            started: rig.clock.now(),
            warnings: Box::new(|| vec!["the port is taken".into()]),
        };
        let (stop, stopped) = oneshot::channel();
        let broker = Arc::clone(&rig.broker);
        let server = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            let (reloads, _) = Reloads::new();
            serve(listener, broker, facts, reloads, no_log(), limits, stopped).await.unwrap();
        });
        let client = Client::connect(&socket).await.unwrap();
        Self { rig, client, socket, stop: Some(stop), server, folder }
    }

    pub(crate) async fn with_token(self) -> Self {
        self.rig.login.answer(Answer::Token(HOUR));
        self.get(proto::Interaction::IfNeeded).await.unwrap();
        self
    }

    pub(crate) async fn get(
        &self,
        interaction: proto::Interaction,
    ) -> Result<proto::Token, Status> {
        let request = proto::GetTokenRequest {
            cluster: "hq".into(),
            min_validity: None,
            interaction: interaction.into(),
        };
        let answer = self.client.broker().get_token(request).await?;
        Ok(answer.into_inner().token.unwrap())
    }

    pub(crate) async fn watch(&self) -> Streaming<proto::WatchTokenResponse> {
        let request = proto::WatchTokenRequest { cluster: "hq".into() };
        self.client.broker().watch_token(request).await.unwrap().into_inner()
    }

    async fn report(&self, generation: u64) -> Word {
        let request = proto::ReportRejectedRequest { cluster: "hq".into(), generation };
        self.client.broker().report_rejected(request).await.unwrap().into_inner().verdict()
    }
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_error_details().error_info().unwrap().reason.clone()
}

/// The next message that is as a test wants it; the ones before it do not matter.
pub(crate) async fn next_like<T>(stream: &mut Streaming<T>, wanted: impl Fn(&T) -> bool) -> T {
    loop {
        let message = stream.message().await.unwrap().expect("the stream goes on");
        if wanted(&message) {
            return message;
        }
    }
}

#[tokio::test]
async fn a_token_comes_with_all_that_is_known_of_it() {
    let served = Served::start(Policy::default()).await.with_token().await;
    served.rig.clock.advance(Duration::from_mins(10));

    let token = served.get(proto::Interaction::Never).await.unwrap();

    assert_eq!((&*token.access_token, &*token.token_type), ("token-1", "Bearer"));
    assert_eq!((&*token.user, &*token.node), ("alice", "cucm-pub:8443"));
    assert_eq!((token.generation, token.remaining.unwrap().seconds), (1, 50 * 60));
    let expiry = u64::try_from(token.expire_time.unwrap().seconds).unwrap() * 1000;
    assert_eq!(expiry, served.rig.clock.now().plus(Duration::from_mins(50)).as_millis());
}

#[tokio::test]
async fn whoever_watches_gets_the_state_at_once_and_after_each_change() {
    let served = Served::start(Policy::default()).await;
    let mut watch = served.watch().await;

    let first = watch.message().await.unwrap().unwrap();
    assert_eq!(first.token, None);
    assert_eq!(first.status.unwrap().lapse(), proto::Lapse::NeverLoggedIn);
    served.rig.login.answer(Answer::Token(HOUR));
    served.get(proto::Interaction::IfNeeded).await.unwrap();
    let fresh = next_like(&mut watch, |message| message.token.is_some()).await;
    assert_eq!(fresh.token.unwrap().generation, 1);
    served.rig.clock.advance(Duration::from_mins(55));
    served.rig.until(seated).await;
    served.rig.login.answer(Answer::Token(HOUR));
    let renewed =
        next_like(&mut watch, |m| m.token.as_ref().is_some_and(|token| token.generation == 2))
            .await;

    assert_eq!(renewed.status.unwrap().state(), proto::ClusterState::Fresh);
    assert_eq!(served.rig.login.windows(), 2, "watching is using");
}

#[tokio::test]
async fn whoever_watches_sees_a_token_go() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let mut watch = served.watch().await;

    let request = proto::LogoutRequest { cluster: "hq".into() };
    let forgotten = served.client.login().logout(request).await.unwrap().into_inner().forgotten;

    assert!(forgotten);
    let gone = next_like(&mut watch, |message| message.token.is_none()).await;
    assert_eq!(gone.status.unwrap().lapse(), proto::Lapse::LoggedOut);
}

#[tokio::test]
async fn the_status_is_told_once_or_as_it_changes() {
    let served = Served::start(Policy::default()).await;
    let request = proto::WatchStatusRequest { clusters: vec![] };
    let mut watch = served.client.broker().watch_status(request).await.unwrap().into_inner();

    let state = |status: &proto::GetStatusResponse| status.clusters[0].state();
    let first = watch.message().await.unwrap().unwrap().status.unwrap();
    assert_eq!(state(&first), proto::ClusterState::Cold);
    assert_eq!(first.server.unwrap().warnings, ["the port is taken"]);
    served.rig.login.answer(Answer::Failure(Cause::IdpError));
    served.get(proto::Interaction::IfNeeded).await.unwrap_err();
    let failed = next_like(&mut watch, |message| {
        message.status.as_ref().unwrap().clusters[0].failure.is_some()
    });
    let told = failed.await.status.unwrap();

    let request = proto::GetStatusRequest { clusters: vec!["hq".into()] };
    let asked = served.client.broker().get_status(request).await.unwrap().into_inner();
    assert_eq!(asked.clusters, told.clusters);
    let failure = asked.clusters[0].failure.clone().unwrap();
    assert_eq!((&*failure.reason, &*failure.sentence), ("IDP_ERROR", "it failed"));
    assert!(asked.clusters[0].pause_time.is_some());
}

#[tokio::test]
async fn a_report_is_answered_with_the_word_of_the_cluster() {
    let served = Served::start(Policy::default()).await.with_token().await;

    assert_eq!(served.report(1).await, Word::StillValid);
    served.rig.clock.advance(Duration::from_secs(10));
    served.rig.login.say(Verdict::Unknown);
    assert_eq!(served.report(1).await, Word::Unknown);
    assert!(served.get(proto::Interaction::Never).await.is_ok());
    for replaced in [0, 2, u64::MAX] {
        assert_eq!(served.report(replaced).await, Word::Superseded, "{replaced} is not held");
    }
    served.rig.clock.advance(Duration::from_secs(10));
    served.rig.login.say(Verdict::Rejected);
    assert_eq!(served.report(1).await, Word::Rejected);

    let status = served.get(proto::Interaction::Never).await.unwrap_err();
    let said = (status.code(), reason(&status));
    let next = "a token that was in use is replaced";
    assert_eq!(said, (Code::FailedPrecondition, "LOGIN_IN_PROGRESS".into()), "{next}");
}

#[tokio::test]
async fn a_login_is_streamed_to_its_end_and_can_be_joined() {
    let served = Served::start(Policy::default()).await;
    let begin = async || {
        let request = proto::StartLoginRequest { cluster: "hq".into(), no_browser: true };
        served.client.login().start_login(request).await.unwrap().into_inner()
    };
    let (mut first, mut second) = (begin().await, begin().await);
    let opened =
        |message: &proto::StartLoginResponse| matches!(message.event, Some(Event::Opened(_)));

    let (one, two) = (next_like(&mut first, opened).await, next_like(&mut second, opened).await);
    served.rig.login.answer(Answer::Token(HOUR));
    let done = first.message().await.unwrap().unwrap().event.unwrap();

    assert_eq!(one, two, "the second joined the first");
    let Some(Event::Opened(page)) = one.event else { unreachable!() };
    assert!(!page.browser_opened && page.give_up_time.is_some());
    assert!(!format!("{page:?}").contains("start/1"), "the ticket does not show");
    let Event::Done(done) = done else { panic!("{done:?}") };
    assert_eq!(done.status.unwrap().generation, 1);
    assert!(first.message().await.unwrap().is_none());
    assert_eq!(served.rig.login.windows(), 1);
}

#[tokio::test]
async fn a_cancelled_login_ends_its_stream_with_the_failure() {
    let served = Served::start(Policy::default()).await;
    let request = proto::StartLoginRequest { cluster: "hq".into(), no_browser: false };
    let mut login = served.client.login().start_login(request).await.unwrap().into_inner();
    served.rig.until(seated).await;

    let request = proto::CancelLoginRequest { cluster: "hq".into() };
    assert!(served.client.login().cancel_login(request).await.unwrap().into_inner().cancelled);

    let failed =
        next_like(&mut login, |message| matches!(message.event, Some(Event::Failed(_)))).await;
    let Some(Event::Failed(failure)) = failed.event else { unreachable!() };
    assert_eq!(failure.reason, "LOGIN_CANCELLED");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let served = Served::start(Policy::default()).await.with_token().await;
    let ask = async |cluster: &str, seconds: i64| {
        let min_validity = Some(prost_types::Duration { seconds, nanos: 0 });
        let cluster = cluster.to_owned();
        let request = proto::GetTokenRequest { cluster, min_validity, interaction: 0 };
        let status = served.client.broker().get_token(request).await.unwrap_err();
        (status.code(), reason(&status))
    };

    assert_eq!(ask("HQ!", 0).await, (Code::InvalidArgument, "BAD_REQUEST".into()));
    assert_eq!(ask("hq", -1).await, (Code::InvalidArgument, "BAD_REQUEST".into()));
    assert_eq!(ask("other", 0).await, (Code::NotFound, "CLUSTER_UNKNOWN".into()));
    let too_long = (Code::FailedPrecondition, "MIN_VALIDITY_UNSATISFIABLE".into());
    assert_eq!(ask("hq", 7200).await, too_long);
    assert_eq!(served.rig.login.windows(), 1);
}

#[tokio::test]
async fn a_call_without_the_metadata_key_is_refused_but_health_answers() {
    let served = Served::start(Policy::default()).await;
    let channel = tonic::transport::Endpoint::try_from(format!("unix:{}", served.socket.display()))
        .unwrap()
        .connect()
        .await
        .unwrap();
    let mut unmarked = proto::token_broker_client::TokenBrokerClient::new(channel.clone());

    let refused = unmarked.get_status(proto::GetStatusRequest::default()).await.unwrap_err();
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let service = "ucsso.v1.TokenBroker".to_owned();
    let request = tonic_health::pb::HealthCheckRequest { service };
    let healthy = health.check(request).await.unwrap().into_inner();

    assert_eq!((refused.code(), &*reason(&refused)), (Code::InvalidArgument, "HEADER_MISSING"));
    assert_eq!(healthy.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
}

#[tokio::test]
async fn a_caller_whose_time_runs_out_does_not_end_the_login() {
    let served = Served::start(Policy::default()).await;
    let mut request = tonic::Request::new(proto::GetTokenRequest {
        cluster: "hq".into(),
        ..proto::GetTokenRequest::default()
    });
    request.set_timeout(Duration::from_secs(1));

    let late = served.client.broker().get_token(request).await.unwrap_err();
    served.rig.login.answer(Answer::Token(HOUR));

    assert_eq!((late.code(), &*reason(&late)), (Code::DeadlineExceeded, "LOGIN_IN_PROGRESS"));
    served.rig.until(|published| published.state.token().is_some()).await;
    assert_eq!(served.rig.login.windows(), 1);
}

#[tokio::test]
async fn everybody_is_told_when_the_broker_stops() {
    let mut served = Served::start(Policy::default()).await;
    let mut watch = served.watch().await;
    watch.message().await.unwrap();
    let request = proto::WatchStatusRequest::default();
    let mut status = served.client.broker().watch_status(request).await.unwrap().into_inner();
    status.message().await.unwrap();

    served.stop().await;

    for ended in [watch.message().await.map(drop), status.message().await.map(drop)] {
        let ended = ended.unwrap_err();
        assert_eq!((ended.code(), &*reason(&ended)), (Code::Unavailable, "SHUTTING_DOWN"));
    }
    drop((watch, status, served.client));
    served.server.await.unwrap();
}
