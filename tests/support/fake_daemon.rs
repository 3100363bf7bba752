//! A daemon that says what it is told to: the real generated services on a real socket, without
//! a broker behind them.

use std::{
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, Mutex},
    thread,
};

use tempfile::TempDir;
use tokio::{
    net::UnixListener,
    sync::{Notify, mpsc, oneshot},
};
use tokio_stream::{
    Stream, StreamExt as _,
    wrappers::{UnboundedReceiverStream, UnixListenerStream},
};
use tonic::{Code, Request, Response, Status, transport::Server};
use tonic_types::{ErrorDetails, StatusExt as _};
use ucsso::rpc::proto::{
    CancelLoginRequest, CancelLoginResponse, CompleteLoginRequest, CompleteLoginResponse,
    GetStatusRequest, GetStatusResponse, GetTokenRequest, GetTokenResponse, LogoutRequest,
    LogoutResponse, ReloadRequest, ReloadResponse, ReportRejectedRequest, ReportRejectedResponse,
    SetLogFilterRequest, SetLogFilterResponse, SnoozeRequest, SnoozeResponse, StartLoginRequest,
    StartLoginResponse, Token, WatchStatusRequest, WatchStatusResponse, WatchTokenRequest,
    WatchTokenResponse,
    admin_server::{Admin, AdminServer},
    login_server::{Login, LoginServer},
    start_login_response::Event,
    token_broker_server::{TokenBroker, TokenBrokerServer},
};

/// What the daemon says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script {
    /// The answer to `GetStatus`, and the first message of `WatchStatus`, cut down to the
    /// clusters named.
    pub(crate) status: GetStatusResponse,
    /// The answer to `GetToken`; none comes if there is none.
    pub(crate) token: Option<Result<Token, Status>>,
    /// What happens in a login.
    pub(crate) login: Vec<Event>,
    /// Whether the login stays open after that.
    pub(crate) login_hangs: bool,
    /// How pasted addresses are answered, in turn; whatever comes later is taken.
    pub(crate) refused: Vec<Status>,
    /// What happens once one is taken.
    pub(crate) completed: Vec<Event>,
    /// Whether there was a token to forget, or a login to cancel.
    pub(crate) there_was_one: bool,
    /// The answer to `Reload`.
    pub(crate) reload: Option<Result<ReloadResponse, Status>>,
    /// The answer to `SetLogFilter`.
    pub(crate) log_filter: Option<Result<SetLogFilterResponse, Status>>,
    /// Until when the human is left alone once they asked for it.
    pub(crate) snooze_time: Option<prost_types::Timestamp>,
}

/// A daemon on a socket in a folder of its own. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct FakeDaemon {
    folder: TempDir,
    calls: Arc<Mutex<Vec<String>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl FakeDaemon {
    /// Starts a daemon. It listens when this returns.
    pub(crate) fn start(script: Script) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = std::os::unix::net::UnixListener::bind(socket_in(folder.path())).unwrap();
        listener.set_nonblocking(true).unwrap();
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let service = Service { script, calls: Arc::clone(&calls), taken: Arc::default() };
        let thread = thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = UnixListener::from_std(listener).unwrap();
                let server = Server::builder()
                    .add_service(TokenBrokerServer::new(service.clone()))
                    .add_service(LoginServer::new(service.clone()))
                    .add_service(AdminServer::new(service))
                    .serve_with_incoming(UnixListenerStream::new(listener));
                tokio::select! {
                    end = server => end.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { folder, calls, stop: Some(stop), thread: Some(thread) }
    }

    /// The socket it listens on.
    pub(crate) fn socket(&self) -> PathBuf {
        socket_in(self.folder.path())
    }

    /// The calls it got, in words.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for FakeDaemon {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join("broker.sock")
}

/// A refusal in the form of this API.
pub(crate) fn refusal(code: Code, reason: &str, sentence: &str, advice: &str) -> Status {
    let metadata = [("advice".to_owned(), advice.to_owned())];
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "ucsso.v1", metadata);
    Status::with_error_details(code, sentence, details)
}

#[derive(Debug, Clone)]
struct Service {
    script: Script,
    calls: Arc<Mutex<Vec<String>>>,
    taken: Arc<Notify>,
}

impl Service {
    /// Notes a call, and refuses one that does not carry the mark.
    fn note<T>(&self, request: &Request<T>, call: impl FnOnce(&T) -> String) -> Result<(), Status> {
        self.calls.lock().unwrap().push(call(request.get_ref()));
        if request.metadata().get("ucsso").is_some_and(|mark| mark == "1") {
            Ok(())
        } else {
            Err(refusal(Code::InvalidArgument, "HEADER_MISSING", "the mark is missing", ""))
        }
    }

    fn status_of(&self, named: &[String]) -> Result<GetStatusResponse, Status> {
        let mut status = self.script.status.clone();
        if let Some(unknown) =
            named.iter().find(|name| status.clusters.iter().all(|c| c.cluster != **name))
        {
            let sentence = format!("the configuration has no cluster `{unknown}`");
            let advice = "ucssoctl config check";
            return Err(refusal(Code::NotFound, "CLUSTER_UNKNOWN", &sentence, advice));
        }
        status.clusters.retain(|cluster| named.is_empty() || named.contains(&cluster.cluster));
        Ok(status)
    }
}

type Messages<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl TokenBroker for Service {
    type WatchTokenStream = Messages<WatchTokenResponse>;
    type WatchStatusStream = Messages<WatchStatusResponse>;

    async fn get_token(
        &self,
        request: Request<GetTokenRequest>,
    ) -> Result<Response<GetTokenResponse>, Status> {
        self.note(&request, |asked| {
            let validity = asked.min_validity.map_or("-".to_owned(), |d| d.to_string());
            format!("GetToken {} {validity} {}", asked.cluster, asked.interaction().as_str_name())
        })?;
        match self.script.token.clone() {
            Some(answer) => Ok(Response::new(GetTokenResponse { token: Some(answer?) })),
            None => std::future::pending().await,
        }
    }

    async fn watch_token(
        &self,
        _: Request<WatchTokenRequest>,
    ) -> Result<Response<Self::WatchTokenStream>, Status> {
        Err(Status::unimplemented("the command line does not watch tokens"))
    }

    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        self.note(&request, |asked| format!("GetStatus {}", asked.clusters.join(" ")))?;
        Ok(Response::new(self.status_of(&request.get_ref().clusters)?))
    }

    async fn watch_status(
        &self,
        request: Request<WatchStatusRequest>,
    ) -> Result<Response<Self::WatchStatusStream>, Status> {
        self.note(&request, |asked| format!("WatchStatus {}", asked.clusters.join(" ")))?;
        let status = Some(self.status_of(&request.get_ref().clusters)?);
        let first = tokio_stream::once(Ok(WatchStatusResponse { status }));
        Ok(Response::new(Box::pin(first.chain(tokio_stream::pending()))))
    }

    async fn report_rejected(
        &self,
        _: Request<ReportRejectedRequest>,
    ) -> Result<Response<ReportRejectedResponse>, Status> {
        Err(Status::unimplemented("the command line does not report"))
    }
}

#[tonic::async_trait]
impl Login for Service {
    type StartLoginStream = Messages<StartLoginResponse>;

    async fn start_login(
        &self,
        request: Request<StartLoginRequest>,
    ) -> Result<Response<Self::StartLoginStream>, Status> {
        self.note(&request, |asked| {
            format!("StartLogin {} no_browser={}", asked.cluster, asked.no_browser)
        })?;
        let events = self.script.login.clone().into_iter();
        let messages = events.map(|event| Ok(StartLoginResponse { event: Some(event) }));
        let messages = tokio_stream::iter(messages);
        let (sender, later) = mpsc::unbounded_channel();
        let (taken, completed) = (Arc::clone(&self.taken), self.script.completed.clone());
        tokio::spawn(async move {
            taken.notified().await;
            for event in completed {
                let _ = sender.send(Ok(StartLoginResponse { event: Some(event) }));
            }
        });
        Ok(Response::new(if self.script.login_hangs {
            Box::pin(messages.chain(UnboundedReceiverStream::new(later)))
        } else {
            Box::pin(messages)
        }))
    }

    async fn cancel_login(
        &self,
        request: Request<CancelLoginRequest>,
    ) -> Result<Response<CancelLoginResponse>, Status> {
        self.note(&request, |asked| format!("CancelLogin {}", asked.cluster))?;
        let cancelled = self.script.there_was_one;
        let snooze_time = self.script.snooze_time.filter(|_| cancelled);
        Ok(Response::new(CancelLoginResponse { cancelled, snooze_time }))
    }

    async fn snooze(
        &self,
        request: Request<SnoozeRequest>,
    ) -> Result<Response<SnoozeResponse>, Status> {
        self.note(&request, |asked| {
            let duration = asked.duration.map_or("-".to_owned(), |d| d.to_string());
            format!("Snooze {} {duration}", asked.cluster)
        })?;
        let over = request.get_ref().duration == Some(prost_types::Duration::default());
        let snooze_time = self.script.snooze_time.filter(|_| !over);
        Ok(Response::new(SnoozeResponse { snooze_time }))
    }

    async fn logout(
        &self,
        request: Request<LogoutRequest>,
    ) -> Result<Response<LogoutResponse>, Status> {
        self.note(&request, |asked| format!("Logout {}", asked.cluster))?;
        Ok(Response::new(LogoutResponse { forgotten: self.script.there_was_one }))
    }

    async fn complete_login(
        &self,
        request: Request<CompleteLoginRequest>,
    ) -> Result<Response<CompleteLoginResponse>, Status> {
        self.note(&request, |asked| {
            let CompleteLoginRequest { cluster, attempt, start_url, address } = asked;
            format!("CompleteLogin {cluster} {attempt} {start_url} {address}")
        })?;
        let calls = self.calls.lock().unwrap().clone();
        let earlier = calls.iter().filter(|call| call.starts_with("CompleteLogin ")).count() - 1;
        if let Some(refusal) = self.script.refused.get(earlier) {
            return Err(refusal.clone());
        }
        self.taken.notify_one();
        Ok(Response::new(CompleteLoginResponse {}))
    }
}

#[tonic::async_trait]
impl Admin for Service {
    async fn reload(
        &self,
        request: Request<ReloadRequest>,
    ) -> Result<Response<ReloadResponse>, Status> {
        self.note(&request, |ReloadRequest {}| "Reload".to_owned())?;
        let none = || Err(Status::unimplemented("the script has no answer"));
        self.script.reload.clone().unwrap_or_else(none).map(Response::new)
    }

    async fn set_log_filter(
        &self,
        request: Request<SetLogFilterRequest>,
    ) -> Result<Response<SetLogFilterResponse>, Status> {
        self.note(&request, |asked| format!("SetLogFilter {}", asked.filter))?;
        let none = || Err(Status::unimplemented("the script has no answer"));
        self.script.log_filter.clone().unwrap_or_else(none).map(Response::new)
    }
}
