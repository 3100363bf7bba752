//! `Login`, one function for each call.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use zeroize::Zeroizing;

use super::{
    convert,
    proto::{self, login_server::Login, start_login_response as response},
    refusal::Refusal,
    service::{find, refuse},
};
use crate::{
    broker::{
        Broker, ClusterHandle, Lack, LoginEvent,
        ports::{Clock, Pasted},
    },
    domain::{AttemptId, Manner, Stage},
};

/// Answers whoever acts for the human.
#[derive(Debug)]
pub(super) struct Logins<C> {
    pub(super) broker: Arc<Broker<C>>,
}

impl<C: Clock> Logins<C> {
    fn clock(&self) -> &C {
        self.broker.clock()
    }
}

/// How many events may wait for a slow reader; a login has three or four.
const EVENTS: usize = 8;

#[tonic::async_trait]
impl<C: Clock> Login for Logins<C> {
    type StartLoginStream = ReceiverStream<Result<proto::StartLoginResponse, Status>>;

    async fn start_login(
        &self,
        request: Request<proto::StartLoginRequest>,
    ) -> Result<Response<Self::StartLoginStream>, Status> {
        let request = request.into_inner();
        let cluster = find(&self.broker, &request.cluster)?;
        let clock = self.broker.clock().clone();
        let manner = if request.no_browser { Manner::ShowUrl } else { Manner::OpenBrowser };
        let mut login = cluster.log_in(manner).await.map_err(|lack| refuse(&cluster, lack))?;
        let (events, answers) = mpsc::channel(EVENTS);
        tokio::spawn(async move {
            while let Some(event) = login.next().await {
                let answer = answer(&cluster, event, manner, &clock);
                // The caller has gone; the login goes on.
                if events.send(answer).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(answers)))
    }

    async fn cancel_login(
        &self,
        request: Request<proto::CancelLoginRequest>,
    ) -> Result<Response<proto::CancelLoginResponse>, Status> {
        let cluster = find(&self.broker, &request.into_inner().cluster)?;
        let cancelled = cluster.cancel().await.map_err(|lack| refuse(&cluster, lack))?;
        let snooze_time = cluster.snoozed_until().map(|at| convert::time(self.clock(), at));
        Ok(Response::new(proto::CancelLoginResponse { cancelled, snooze_time }))
    }

    async fn snooze(
        &self,
        request: Request<proto::SnoozeRequest>,
    ) -> Result<Response<proto::SnoozeResponse>, Status> {
        let request = request.into_inner();
        let cluster = find(&self.broker, &request.cluster)?;
        let length = convert::wished(request.duration)?;
        let until = cluster.snooze(length).await.map_err(|lack| refuse(&cluster, lack))?;
        let snooze_time = until.map(|at| convert::time(self.clock(), at));
        Ok(Response::new(proto::SnoozeResponse { snooze_time }))
    }

    async fn logout(
        &self,
        request: Request<proto::LogoutRequest>,
    ) -> Result<Response<proto::LogoutResponse>, Status> {
        let cluster = find(&self.broker, &request.into_inner().cluster)?;
        let forgotten = cluster.log_out().await.map_err(|lack| refuse(&cluster, lack))?;
        Ok(Response::new(proto::LogoutResponse { forgotten }))
    }

    async fn complete_login(
        &self,
        request: Request<proto::CompleteLoginRequest>,
    ) -> Result<Response<proto::CompleteLoginResponse>, Status> {
        let request = request.into_inner();
        let pasted = Pasted {
            start_url: Zeroizing::new(request.start_url),
            address: Zeroizing::new(request.address),
        };
        let cluster = find(&self.broker, &request.cluster)?;
        let taken = cluster.complete(AttemptId(request.attempt), pasted).await;
        taken
            .map_err(|lack| refuse(&cluster, lack))?
            .map_err(|why| Refusal::NotTaken(cluster.name().clone(), why))?;
        Ok(Response::new(proto::CompleteLoginResponse {}))
    }
}

fn answer<C: Clock>(
    cluster: &ClusterHandle<C>,
    event: LoginEvent,
    asked: Manner,
    clock: &C,
) -> Result<proto::StartLoginResponse, Status> {
    let event = match event {
        LoginEvent::Waiting(attempt) => {
            response::Event::Waiting(response::Waiting { attempt: attempt.0 })
        }
        LoginEvent::Opened(attempt, opened) => response::Event::Opened(response::Opened {
            attempt: attempt.0,
            url: opened.start_url,
            give_up_time: give_up_time(cluster, clock),
            browser_opened: opened.browser_opened,
            authorize_url: match asked {
                Manner::ShowUrl => opened.authorize_url,
                Manner::OpenBrowser => String::new(),
            },
        }),
        LoginEvent::Done(published) => {
            let status = proto::ClusterStatus::new(cluster, &published, clock);
            response::Event::Done(response::Done { status: Some(status) })
        }
        LoginEvent::Failed(failure) => {
            response::Event::Failed(proto::Failure::new(&failure, clock))
        }
        LoginEvent::Abandoned => return Err(abandoned(cluster)),
    };
    Ok(proto::StartLoginResponse { event: Some(event) })
}

fn give_up_time<C: Clock>(cluster: &ClusterHandle<C>, clock: &C) -> Option<prost_types::Timestamp> {
    match cluster.published().state.attempt()?.stage {
        Stage::Queued => None,
        Stage::Seated { give_up_at } => Some(convert::time(clock, give_up_at)),
    }
}

/// Somebody logged out while the login was under way, the settings changed, or nobody is there
/// any more.
fn abandoned<C: Clock>(cluster: &ClusterHandle<C>) -> Status {
    if let Some(gone) = cluster.gone() {
        return refuse(cluster, gone).into();
    }
    let published = cluster.published();
    match published.state {
        crate::domain::State::Cold { lapse, .. } => {
            let lack = Lack::LoginRequired { lapse: Some(lapse), failure: None };
            refuse(cluster, lack).into()
        }
        _ => Refusal::Stopping.into(),
    }
}
