//! `TokenBroker`, one function for each call.

use std::{pin::Pin, sync::Arc, time::Duration};

use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt as _, wrappers::WatchStream};
use tonic::{Request, Response, Status};

use super::{
    ServerFacts,
    audit::Caller,
    convert, deadline,
    proto::{self, report_rejected_response::Verdict as Word, token_broker_server::TokenBroker},
    refusal::Refusal,
};
use crate::{
    broker::{Ask, Broker, ClusterHandle, Lack, Phase, Report, ports::Clock},
    domain::{Generation, Verdict},
};

/// Answers programs that ask for tokens.
#[derive(Debug)]
pub(super) struct Tokens<C> {
    pub(super) broker: Arc<Broker<C>>,
    pub(super) facts: Arc<ServerFacts>,
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl<C: Clock> TokenBroker for Tokens<C> {
    async fn get_token(
        &self,
        request: Request<proto::GetTokenRequest>,
    ) -> Result<Response<proto::GetTokenResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let allowed = deadline::of(request.metadata()).unwrap_or(Duration::MAX);
        let request = request.into_inner();
        let cluster = find(&self.broker, &request.cluster)?;
        let ask = Ask {
            min_validity: convert::wished(request.min_validity)?,
            interaction: convert::interaction(request.interaction),
        };
        let token = timeout(allowed, cluster.token(ask))
            .await
            .map_err(|_| Refusal::TimeIsUp(cluster.name().clone()))?
            .map_err(|lack| refuse(&cluster, lack))?;
        if let Some(caller) = caller {
            caller.is_given(&cluster.cluster().name, token.generation, "GetToken");
        }
        let token = proto::Token::new(&token, self.broker.clock());
        Ok(Response::new(proto::GetTokenResponse { token: Some(token) }))
    }

    type WatchTokenStream = Answers<proto::WatchTokenResponse>;

    async fn watch_token(
        &self,
        request: Request<proto::WatchTokenRequest>,
    ) -> Result<Response<Self::WatchTokenStream>, Status> {
        let caller = Caller::of(request.extensions());
        let cluster = find(&self.broker, &request.into_inner().cluster)?;
        let clock = self.broker.clock().clone();
        let watching = cluster.watching();
        let watched = cluster.clone();
        let answers = WatchStream::new(cluster.subscribe()).map(move |published| {
            let (_, cluster) = (&watching, &watched);
            let now = clock.now();
            let token = published.state.token().filter(|token| !token.is_expired(now));
            if let (Some(caller), Some(token)) = (&caller, token) {
                caller.is_given(&cluster.cluster().name, token.generation, "WatchToken");
            }
            Ok(proto::WatchTokenResponse {
                token: token.map(|token| proto::Token::new(token, &clock)),
                status: Some(proto::ClusterStatus::new(cluster, &published, &clock)),
            })
        });
        let last = tokio_stream::once(()).map(move |()| {
            let why = cluster.gone().unwrap_or(Lack::Stopping);
            Err(refuse(&cluster, why).into())
        });
        Ok(Response::new(Box::pin(answers.chain(last))))
    }

    async fn get_status(
        &self,
        request: Request<proto::GetStatusRequest>,
    ) -> Result<Response<proto::GetStatusResponse>, Status> {
        let clusters = self.named(&request.into_inner().clusters)?;
        Ok(Response::new(self.facts.status(&clusters, &self.broker)))
    }

    type WatchStatusStream = Answers<proto::WatchStatusResponse>;

    async fn watch_status(
        &self,
        request: Request<proto::WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        let asked = request.into_inner().clusters;
        let all = asked.is_empty();
        let few = if all { Vec::new() } else { self.named(&asked)? };
        let mut sights: Vec<_> = few.iter().map(ClusterHandle::subscribe).collect();
        let (facts, broker) = (Arc::clone(&self.facts), Arc::clone(&self.broker));
        let answers = WatchStream::new(broker.changes()).filter_map(move |phase| {
            if phase == Phase::Ended {
                return Some(Err(Refusal::Stopping.into()));
            }
            if let Some((cluster, gone)) = few.iter().find_map(|c| Some((c, c.gone()?))) {
                return Some(Err(refuse(cluster, gone).into()));
            }
            // Other clusters than these change too.
            let mut news = all;
            for sight in &mut sights {
                news |= sight.has_changed().unwrap_or(true);
                sight.mark_unchanged();
            }
            let shown = if all { &broker.clusters() } else { &few };
            let status = || Some(facts.status(shown, &broker));
            news.then(|| Ok(proto::WatchStatusResponse { status: status() }))
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn report_rejected(
        &self,
        request: Request<proto::ReportRejectedRequest>,
    ) -> Result<Response<proto::ReportRejectedResponse>, Status> {
        let request = request.into_inner();
        let cluster = find(&self.broker, &request.cluster)?;
        let report = cluster
            .report_rejected(Generation(request.generation))
            .await
            .map_err(|lack| refuse(&cluster, lack))?;
        let verdict = match report {
            Report::Superseded => Word::Superseded,
            Report::Asked(Verdict::StillValid) => Word::StillValid,
            Report::Asked(Verdict::Rejected) => Word::Rejected,
            Report::Asked(Verdict::Unknown) => Word::Unknown,
        };
        Ok(Response::new(proto::ReportRejectedResponse { verdict: verdict.into() }))
    }
}

impl<C: Clock> Tokens<C> {
    /// The clusters of these names; all, where there are none.
    fn named(&self, names: &[String]) -> Result<Vec<ClusterHandle<C>>, Refusal> {
        if names.is_empty() {
            return Ok(self.broker.clusters());
        }
        names.iter().map(|name| find(&self.broker, name)).collect()
    }
}

/// The cluster of this name.
pub(super) fn find<C: Clock>(broker: &Broker<C>, name: &str) -> Result<ClusterHandle<C>, Refusal> {
    let name = name.parse().map_err(Refusal::ClusterName)?;
    broker.cluster(&name).ok_or(Refusal::ClusterUnknown(name))
}

pub(super) fn refuse<C: Clock>(cluster: &ClusterHandle<C>, lack: Lack) -> Refusal {
    Refusal::Lack(cluster.name().clone(), lack)
}
