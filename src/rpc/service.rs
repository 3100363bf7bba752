//! `TokenBroker`, one function for each call.

use std::{pin::Pin, sync::Arc};

use tokio_stream::{Stream, StreamExt as _, StreamMap, wrappers::WatchStream};
use tonic::{Request, Response, Status};

use super::{
    ServerFacts, convert,
    proto::{self, report_rejected_response::Verdict as Word, token_broker_server::TokenBroker},
    refusal::Refusal,
};
use crate::{
    broker::{Ask, Broker, ClusterHandle, Lack, Report, ports::Clock},
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
        let request = request.into_inner();
        let cluster = find(&self.broker, &request.cluster)?;
        let ask = Ask {
            min_validity: convert::wished(request.min_validity)?,
            interaction: convert::interaction(request.interaction),
        };
        let token = cluster.token(ask).await.map_err(|lack| refuse(cluster, lack))?;
        let token = proto::Token::new(&token, self.broker.clock());
        Ok(Response::new(proto::GetTokenResponse { token: Some(token) }))
    }

    type WatchTokenStream = Answers<proto::WatchTokenResponse>;

    async fn watch_token(
        &self,
        request: Request<proto::WatchTokenRequest>,
    ) -> Result<Response<Self::WatchTokenStream>, Status> {
        let cluster = find(&self.broker, &request.into_inner().cluster)?.clone();
        let clock = self.broker.clock().clone();
        let watching = cluster.watching();
        let last = Status::from(refuse(&cluster, Lack::Stopping));
        let answers = WatchStream::new(cluster.subscribe()).map(move |published| {
            let _ = &watching;
            let now = clock.now();
            let token = published.state.token().filter(|token| !token.is_expired(now));
            Ok(proto::WatchTokenResponse {
                token: token.map(|token| proto::Token::new(token, &clock)),
                status: Some(proto::ClusterStatus::new(&cluster, &published, &clock)),
            })
        });
        Ok(Response::new(Box::pin(answers.chain(tokio_stream::once(Err(last))))))
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
        let clusters = self.named(&request.into_inner().clusters)?;
        let changes: StreamMap<_, _> = clusters
            .iter()
            .enumerate()
            .map(|(n, cluster)| (n, WatchStream::new(cluster.subscribe())))
            .collect();
        let (facts, broker) = (Arc::clone(&self.facts), Arc::clone(&self.broker));
        let answers = changes.map(move |_| {
            Ok(proto::WatchStatusResponse { status: Some(facts.status(&clusters, &broker)) })
        });
        let last = Status::from(Refusal::Stopping);
        Ok(Response::new(Box::pin(answers.chain(tokio_stream::once(Err(last))))))
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
            .map_err(|lack| refuse(cluster, lack))?;
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
            return Ok(self.broker.clusters().cloned().collect());
        }
        names.iter().map(|name| find(&self.broker, name).cloned()).collect()
    }
}

/// The cluster of this name.
pub(super) fn find<'a, C: Clock>(
    broker: &'a Broker<C>,
    name: &str,
) -> Result<&'a ClusterHandle<C>, Refusal> {
    let name = name.parse().map_err(Refusal::ClusterName)?;
    broker.cluster(&name).ok_or(Refusal::ClusterUnknown(name))
}

pub(super) fn refuse<C: Clock>(cluster: &ClusterHandle<C>, lack: Lack) -> Refusal {
    Refusal::Lack(cluster.cluster().name.clone(), lack)
}
