//! The server as a library, in this process, within limits that the daemon does not have.

use std::{path::PathBuf, sync::Arc};

use tempfile::TempDir;
use tokio::{net::UnixListener, task::JoinHandle};
use ucsso::{
    broker::{Interaction, ports::Clock as _},
    domain::Policy,
    rpc::{self, Limits, LogFilter, Reloads, ServerFacts},
};

use crate::{
    broker_rig::{HOUR, Rig, ask},
    login::Answer,
};

/// Serves a cluster that has a token, until it is dropped.
pub(crate) struct Wide {
    pub(crate) socket: PathBuf,
    server: JoinHandle<Result<(), rpc::Error>>,
    _rig: Rig,
    _folder: TempDir,
}

impl Wide {
    pub(crate) async fn serve(limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = UnixListener::bind(&socket).unwrap();
        let rig = Rig::new(Policy::default());
        rig.login.answer(Answer::Token(HOUR));
        rig.hq().token(ask(Interaction::IfNeeded)).await.unwrap();
        let facts = ServerFacts {
            refused_redirects: Box::new(Vec::new),
            memory: Box::new(String::new),
            persistence: Box::new(String::new),
            started: rig.clock.now(),
            warnings: Box::new(Vec::new),
        };
        let broker = Arc::clone(&rig.broker);
        let server = tokio::spawn(async move {
            let (reloads, _) = Reloads::new();
            let no_log = LogFilter(Box::new(|_, _| Err(String::new())));
            rpc::serve(listener, broker, facts, reloads, no_log, limits, std::future::pending())
                .await
        });
        Self { socket, server, _rig: rig, _folder: folder }
    }
}

impl Drop for Wide {
    fn drop(&mut self) {
        self.server.abort();
    }
}
