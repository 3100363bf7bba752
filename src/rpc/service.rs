//! `TokenBroker`, one function for each call.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;
use tonic::{Request, Response, Status};

use super::{
    ServerFacts,
    audit::Caller,
    convert, deadline,
    proto::{self, report_rejected_response::Verdict as Word, token_broker_server::TokenBroker},
    refusal::Refusal,
    watch::{self, Answers, Place},
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
        let place = begin(caller.as_deref())?;
        let clock = self.broker.clock().clone();
        Ok(Response::new(watch::token(cluster, clock, caller, place)))
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
        let caller = Caller::of(request.extensions());
        let asked = request.into_inner().clusters;
        let few = if asked.is_empty() { Vec::new() } else { self.named(&asked)? };
        let place = begin(caller.as_deref())?;
        let (broker, facts) = (Arc::clone(&self.broker), Arc::clone(&self.facts));
        Ok(Response::new(watch::status(few, broker, facts, place)))
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

/// A place among the streams of changes of the caller's connection.
fn begin(caller: Option<&Caller>) -> Result<Option<Place>, Refusal> {
    caller.map(|caller| caller.watches.begin()).transpose()
}

pub(super) fn refuse<C: Clock>(cluster: &ClusterHandle<C>, lack: Lack) -> Refusal {
    Refusal::Lack(cluster.name().clone(), lack)
}
