//! `Admin`, one function for each call.
//!
//! What is done lies with the daemon, which is on a higher floor: this room has its end of a
//! channel, and the words that go through it.

use std::collections::HashMap;

use tokio::sync::{mpsc, oneshot};
use tonic::{Code, Request, Response, Status};

use super::{
    LogFilter, PROBLEMS,
    audit::Caller,
    log_filter::FilterChange,
    proto::{self, admin_server::Admin},
    refusal::Refusal,
};
use crate::domain::ClusterName;

/// What a reload has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reloaded {
    /// What became of each cluster, in the order of their names.
    pub clusters: Vec<(ClusterName, Change)>,
    /// Whether the command of the browser has changed.
    pub browser: bool,
    /// The settings that wait for the next start.
    pub at_restart: Vec<&'static str>,
}

/// What a reload made of one cluster. Settings are named by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Nothing about it has changed.
    Unchanged,
    /// These have changed, and none that a token is bound to.
    Adapted(Vec<&'static str>),
    /// These have changed, and the token was bound to them.
    Reset(Vec<&'static str>),
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

/// Why a reload changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReloaded {
    /// The text is wrong.
    Wrong {
        /// How many problems there are, and where.
        sentence: String,
        /// All of them, as the start of the daemon would show them; as many as a status can
        /// carry.
        problems: String,
    },
    /// There is no text to go by, or what it names is of no use.
    Unusable {
        /// Why.
        sentence: String,
        /// What mends it; may be empty.
        advice: String,
    },
}

impl NotReloaded {
    pub(super) const fn code(&self) -> Code {
        match self {
            Self::Wrong { .. } => Code::InvalidArgument,
            Self::Unusable { .. } => Code::FailedPrecondition,
        }
    }

    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Wrong { .. } => "CONFIG_INVALID",
            Self::Unusable { .. } => "CONFIG_UNUSABLE",
        }
    }

    pub(super) fn sentence(&self) -> String {
        let (Self::Wrong { sentence, .. } | Self::Unusable { sentence, .. }) = self;
        format!("{sentence}; nothing has changed")
    }

    pub(super) fn metadata(&self) -> HashMap<String, String> {
        let (key, text) = match self {
            Self::Wrong { problems, .. } => (PROBLEMS, problems),
            Self::Unusable { advice, .. } => ("advice", advice),
        };
        let some = (!text.is_empty()).then(|| (key.to_owned(), text.clone()));
        some.into_iter().collect()
    }
}

/// Somebody's wish that the configuration be read again; carries the way back to them.
#[derive(Debug)]
pub struct Reload(oneshot::Sender<Result<Reloaded, NotReloaded>>);

impl Reload {
    /// Tells them what came of it. Whoever has gone does not need to know.
    pub fn done(self, outcome: Result<Reloaded, NotReloaded>) {
        let _ = self.0.send(outcome);
    }
}

/// Where such wishes go.
#[derive(Debug, Clone)]
pub struct Reloads(mpsc::Sender<Reload>);

/// How many may wait; who finds it full waits its turn.
const WISHES: usize = 8;

impl Reloads {
    /// Where wishes go, and where they arrive.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Reload>) {
        let (wishes, arrivals) = mpsc::channel(WISHES);
        (Self(wishes), arrivals)
    }

    async fn wish(&self) -> Result<Reloaded, Refusal> {
        let (answer, outcome) = oneshot::channel();
        self.0.send(Reload(answer)).await.map_err(|_| Refusal::Stopping)?;
        outcome.await.map_err(|_| Refusal::Stopping)?.map_err(Refusal::NotReloaded)
    }
}

/// Answers whoever looks after the daemon.
#[derive(Debug)]
pub(super) struct Administration {
    pub(super) reloads: Reloads,
    pub(super) log_filter: LogFilter,
}

#[tonic::async_trait]
impl Admin for Administration {
    async fn reload(
        &self,
        _: Request<proto::ReloadRequest>,
    ) -> Result<Response<proto::ReloadResponse>, Status> {
        let Reloaded { clusters, browser, at_restart } = self.reloads.wish().await?;
        let clusters = clusters.into_iter().map(|(name, change)| reloaded(&name, &change));
        let response = proto::ReloadResponse {
            clusters: clusters.collect(),
            browser_changed: browser,
            at_restart: at_restart.into_iter().map(str::to_owned).collect(),
        };
        Ok(Response::new(response))
    }

    async fn set_log_filter(
        &self,
        request: Request<proto::SetLogFilterRequest>,
    ) -> Result<Response<proto::SetLogFilterResponse>, Status> {
        let caller = Caller::of(request.extensions());
        let filter = request.into_inner().filter;
        let FilterChange { before, now } = self.log_filter.set(&filter, caller.as_deref())?;
        let response = proto::SetLogFilterResponse { filter: now, filter_before: before };
        Ok(Response::new(response))
    }
}

fn reloaded(name: &ClusterName, change: &Change) -> proto::ReloadedCluster {
    let (word, settings) = match change {
        Change::Unchanged => (proto::ClusterChange::Unchanged, &[][..]),
        Change::Adapted(settings) => (proto::ClusterChange::Adapted, &settings[..]),
        Change::Reset(settings) => (proto::ClusterChange::Reset, &settings[..]),
        Change::Added => (proto::ClusterChange::Added, &[][..]),
        Change::Removed => (proto::ClusterChange::Removed, &[][..]),
    };
    proto::ReloadedCluster {
        cluster: name.to_string(),
        change: word.into(),
        settings: settings.iter().map(ToString::to_string).collect(),
    }
}
