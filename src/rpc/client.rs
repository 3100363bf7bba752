//! A client of the broker: the way in, and how to read its errors.
//!
//! Owns the connection over the Unix socket, the mark that every call carries, and the reading
//! of `google.rpc.ErrorInfo`. It sends nothing to a socket that another user listens on, or could. What a
//! call means is up to its callers, `client` and `ctl`.

use std::{
    error::Error as _,
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::{
    Code, Request, Status,
    metadata::MetadataValue,
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt as _;

use super::{
    ERROR_DOMAIN, METADATA_KEY, METADATA_VALUE, PROBLEMS,
    proto::{
        admin_client::AdminClient, login_client::LoginClient,
        token_broker_client::TokenBrokerClient,
    },
};

/// The key of an `ErrorInfo`'s metadata that says what mends the situation.
const ADVICE: &str = "advice";

/// A connection to the broker.
#[derive(Debug, Clone)]
pub struct Client {
    channel: Marked,
}

/// A channel that marks every call.
pub type Marked = InterceptedService<Channel, Mark>;

/// Puts the mark on a call. A relay that cannot set metadata cannot ask for a token.
#[derive(Debug, Clone, Copy)]
pub struct Mark;

impl Interceptor for Mark {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert(METADATA_KEY, MetadataValue::from_static(METADATA_VALUE));
        Ok(request)
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nothing listens there.
    #[error("ucssod is not running: nothing listens on `{}`", .path.display())]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// The kernel does not let this user near the socket.
    #[error("the socket `{}` is not open to this user", .path.display())]
    Denied {
        /// The socket.
        path: PathBuf,
    },
    /// Another user listens there. Nothing was sent.
    #[error("the socket `{}` belongs to the user with the id {uid}", .path.display())]
    OtherUser {
        /// The socket.
        path: PathBuf,
        /// Who listens.
        uid: u32,
    },
    /// Another user can put a socket of theirs in the place at any time. Nothing was sent.
    #[error("the folder of the socket `{}` belongs to the user with the id {uid}", .path.display())]
    OtherFolder {
        /// The socket.
        path: PathBuf,
        /// Whose folder it is.
        uid: u32,
    },
    /// The socket cannot be reached for another reason.
    #[error("the socket `{}` cannot be reached", .path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something listens, but it does not speak gRPC.
    #[error("what listens on `{}` is not ucssod", .path.display())]
    NotABroker {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: tonic::transport::Error,
    },
}

impl Client {
    /// Connects to the broker's socket.
    ///
    /// # Errors
    ///
    /// Why there is no connection. A socket of another user is an error before a byte is sent.
    pub async fn connect(socket: &Path) -> Result<Self, ConnectError> {
        Self::connect_allowing(socket, None).await
    }

    /// The same, where the user with this id may listen too.
    pub(crate) async fn connect_allowing(
        socket: &Path,
        also: Option<u32>,
    ) -> Result<Self, ConnectError> {
        // The first connection is made here, where its error keeps its type.
        let mut first = Some(dial(socket, also).await?);
        let path = socket.to_owned();
        let connector = tower::service_fn(move |_| {
            let (first, path) = (first.take(), path.clone());
            async move {
                match first {
                    Some(stream) => Ok(TokioIo::new(stream)),
                    None => dial(&path, also).await.map(TokioIo::new),
                }
            }
        });
        // The URI gives `:authority`; the connector does not look at it.
        let channel = Endpoint::from_static("http://localhost")
            .connect_with_connector(connector)
            .await
            .map_err(|source| ConnectError::NotABroker { path: socket.to_owned(), source })?;
        Ok(Self { channel: InterceptedService::new(channel, Mark) })
    }

    /// The calls that ask for tokens and for the status.
    #[must_use]
    pub fn broker(&self) -> TokenBrokerClient<Marked> {
        TokenBrokerClient::new(self.channel.clone())
    }

    /// The calls that need a human.
    #[must_use]
    pub fn login(&self) -> LoginClient<Marked> {
        LoginClient::new(self.channel.clone())
    }

    /// The calls that act on the broker as a whole.
    #[must_use]
    pub fn admin(&self) -> AdminClient<Marked> {
        AdminClient::new(self.channel.clone())
    }
}

/// The problems of a configuration that was refused, with their places, as a text for people.
#[must_use]
pub fn problems(status: &Status) -> Option<String> {
    error_info(status)?.metadata.remove(PROBLEMS)
}

/// The stable word for what went wrong, where the broker said it.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    error_info(status).map(|info| info.reason)
}

/// What mends what went wrong, where the broker said it.
#[must_use]
pub fn advice(status: &Status) -> Option<String> {
    error_info(status)?.metadata.remove(ADVICE).filter(|advice| !advice.is_empty())
}

/// How long to wait before the same call is taken, where the broker said that there were too many.
#[must_use]
pub fn retry_delay(status: &Status) -> Option<Duration> {
    error_info(status)?;
    status.get_details_retry_info()?.retry_delay
}

/// Whether the call did not reach the broker or its answer did not come back, as opposed to an
/// answer that says no.
#[must_use]
pub fn is_broken(status: &Status) -> bool {
    // tonic makes a status of an error of its own; only then does it have a source.
    let local = status.source().is_some() && status.code() != Code::Cancelled;
    local || (status.code() == Code::Unavailable && reason(status).is_none())
}

/// Whether time ran out on this side, without a word of the daemon.
#[must_use]
pub fn is_late(status: &Status) -> bool {
    matches!(status.code(), Code::Cancelled | Code::DeadlineExceeded) && reason(status).is_none()
}

/// What happened: the daemon's sentence; where the connection broke, one of our own.
#[must_use]
pub fn sentence(status: &Status) -> &str {
    match status.message() {
        _ if is_broken(status) => "the connection to ucssod broke",
        _ if is_late(status) => "ucssod did not answer in time",
        "" => "ucssod refused without saying why",
        message => message,
    }
}

fn error_info(status: &Status) -> Option<tonic_types::ErrorInfo> {
    status.get_details_error_info().filter(|info| info.domain == ERROR_DOMAIN)
}

/// Opens the socket and looks who is at its other end.
async fn dial(path: &Path, also: Option<u32>) -> Result<UnixStream, ConnectError> {
    let owned = || path.to_owned();
    let us = rustix::process::geteuid().as_raw();
    let allowed = |uid| uid == us || also == Some(uid);
    refuse_other_folder(path, allowed)?;
    let stream = UnixStream::connect(path).await.map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ConnectError::NotRunning { path: owned() }
        }
        io::ErrorKind::PermissionDenied => ConnectError::Denied { path: owned() },
        _ => ConnectError::Unreachable { path: owned(), source },
    })?;
    let peer =
        stream.peer_cred().map_err(|source| ConnectError::Unreachable { path: owned(), source })?;
    refuse_other_user(peer.uid(), allowed, path)?;
    Ok(stream)
}

/// A folder that does not exist is left to whoever connects to find.
fn refuse_other_folder(path: &Path, allowed: impl Fn(u32) -> bool) -> Result<(), ConnectError> {
    let folder = path.parent().and_then(|folder| fs::metadata(folder).ok());
    match folder.map(|folder| folder.uid()) {
        Some(uid) if !allowed(uid) && uid != 0 => {
            Err(ConnectError::OtherFolder { path: path.to_owned(), uid })
        }
        _ => Ok(()),
    }
}

/// Whoever gets there first can listen on a path; only the kernel says who did.
fn refuse_other_user(
    uid: u32,
    allowed: impl Fn(u32) -> bool,
    path: &Path,
) -> Result<(), ConnectError> {
    if allowed(uid) { Ok(()) } else { Err(ConnectError::OtherUser { path: path.to_owned(), uid }) }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn status(domain: &str, advice: &str) -> Status {
        let metadata = [(ADVICE.to_owned(), advice.to_owned())];
        let mut details = ErrorDetails::new();
        details.set_error_info("LOGIN_REQUIRED", domain, metadata);
        Status::with_error_details(Code::FailedPrecondition, "nobody has logged in", details)
    }

    #[test]
    fn the_reason_and_the_advice_are_read_from_the_details() {
        let status = status("ucsso.v1", "run `ucssoctl login hq`");

        assert_eq!(reason(&status).as_deref(), Some("LOGIN_REQUIRED"));
        assert_eq!(advice(&status).as_deref(), Some("run `ucssoctl login hq`"));
    }

    #[test]
    fn the_words_of_another_api_are_not_taken_for_ours() {
        assert_eq!(reason(&status("example.com", "x")), None);
        assert_eq!(advice(&status("ucsso.v1", "")), None);
        assert_eq!(reason(&Status::unavailable("gone")), None);
    }

    #[test]
    fn every_call_is_marked() {
        let request = Mark.call(Request::new(())).unwrap();

        assert_eq!(request.metadata().get("ucsso").unwrap(), "1");
    }

    #[test]
    fn a_socket_of_another_user_is_refused() {
        let path = Path::new("/tmp/s");
        let us = |uid| uid == 1000;

        assert!(refuse_other_user(1000, us, path).is_ok());
        let refused = refuse_other_user(1001, us, path).unwrap_err();
        assert_eq!(refused.to_string(), "the socket `/tmp/s` belongs to the user with the id 1001");
    }

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_not_running() {
        let folder = tempfile::tempdir().unwrap();
        let stale = folder.path().join("stale.sock");
        drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());

        for path in [&folder.path().join("absent.sock"), &stale] {
            let error = Client::connect(path).await.unwrap_err();

            assert!(matches!(error, ConnectError::NotRunning { .. }), "{error:?}");
        }
    }
}
