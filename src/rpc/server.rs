//! Serves the API on a Unix socket.
//!
//! Whoever connects is identified by the kernel, before a byte of HTTP/2 is read: another user is
//! turned away. Called by `daemon`.

use std::{future::Future, io, sync::Arc};

use rustix::process::getuid;
use tokio::{
    io::AsyncReadExt as _,
    net::{UnixListener, UnixStream},
    sync::mpsc,
    time::timeout,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Request, Status,
    service::interceptor::InterceptedService,
    transport::{Server, server::Connected},
};
use tracing::{debug, warn};

use super::{
    Limits, LogFilter, METADATA_KEY, METADATA_VALUE, Reloads, ServerFacts,
    admin::Administration,
    audit::Caller,
    authority::{HarmlessAuthority, PREFACE_LEN},
    calls::Counting,
    held::Held,
    limits::{
        ACCEPT_PAUSE, BREACHES, HEADERS, KEEP_ALIVE, LOGIN_MESSAGE, MESSAGE, PREFACE_TIME, RESETS,
        UNREAD,
    },
    login::Logins,
    places::{Entry, Place, Places},
    proto::{
        DESCRIPTORS, admin_server::AdminServer, login_server::LoginServer,
        token_broker_server::TokenBrokerServer,
    },
    refusal::Refusal,
    service::Tokens,
    watch::Watches,
};
use crate::{
    broker::{Broker, ports::Clock},
    domain::Timestamp,
    sys::peer::Peer,
};

/// The API cannot be served any more.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The built-in description of the API is broken.
    #[error("the description of the API is broken")]
    Reflection(#[source] tonic_reflection::server::Error),
    /// The server ended.
    #[error("the API server ended")]
    Transport(#[source] tonic::transport::Error),
}

/// Serves until `stop` is ready and the calls under way have ended.
pub async fn serve<C: Clock>(
    listener: UnixListener,
    broker: Arc<Broker<C>>,
    facts: ServerFacts,
    reloads: Reloads,
    log_filter: LogFilter,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let tokens = Tokens { broker: Arc::clone(&broker), facts: Arc::new(facts) };
    let tokens = TokenBrokerServer::new(tokens).max_decoding_message_size(MESSAGE);
    let logins = Logins { broker: Arc::clone(&broker) };
    let logins = LoginServer::new(logins).max_decoding_message_size(LOGIN_MESSAGE);
    let admin =
        AdminServer::new(Administration { reloads, log_filter }).max_decoding_message_size(MESSAGE);
    health.set_serving::<TokenBrokerServer<Tokens<C>>>().await;
    health.set_serving::<LoginServer<Logins<C>>>().await;
    health.set_serving::<AdminServer<Administration>>().await;
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let clock = broker.clock().clone();
    Server::builder()
        .max_concurrent_streams(limits.streams)
        .http2_max_header_list_size(HEADERS)
        .http2_max_pending_accept_reset_streams(Some(RESETS))
        .http2_max_local_error_reset_streams(Some(BREACHES))
        .initial_stream_window_size(UNREAD.0)
        .initial_connection_window_size(UNREAD.1)
        .http2_keepalive_interval(Some(KEEP_ALIVE.0))
        .http2_keepalive_timeout(Some(KEEP_ALIVE.1))
        .layer(Counting)
        .add_service(InterceptedService::new(tokens, require_key))
        .add_service(InterceptedService::new(logins, require_key))
        .add_service(InterceptedService::new(admin, require_key))
        .add_service(health_service)
        .add_service(describe().build_v1().map_err(Error::Reflection)?)
        .add_service(describe().build_v1alpha().map_err(Error::Reflection)?)
        .serve_with_incoming_shutdown(accept(listener, clock, limits), stop)
        .await
        .map_err(Error::Transport)
}

fn require_key(request: Request<()>) -> Result<Request<()>, Status> {
    let value = request.metadata().get(METADATA_KEY);
    if value.is_some_and(|value| value == METADATA_VALUE) {
        Ok(request)
    } else {
        Err(Refusal::HeaderMissing.into())
    }
}

type Connection = HarmlessAuthority<Held, Admitted>;

/// Who was let in.
struct Admitted(Arc<Caller>);

impl Connected for Admitted {
    type ConnectInfo = Arc<Caller>;

    fn connect_info(&self) -> Self::ConnectInfo {
        Arc::clone(&self.0)
    }
}

/// Accepts connections of our own user, up to the limits.
fn accept<C: Clock>(
    listener: UnixListener,
    clock: C,
    limits: Limits,
) -> ReceiverStream<Result<Connection, io::Error>> {
    let (accepted, incoming) = mpsc::channel(1);
    let now = clock.clone();
    let places = Places::new(limits, move || now.now());
    let mut strangers = Strangers::default();
    tokio::spawn(async move {
        loop {
            let look_again = places.end_idle();
            let accept = tokio::select! {
                () = accepted.closed() => return,
                accept = listener.accept() => accept,
                () = until(&clock, look_again) => continue,
            };
            match accept {
                Ok((stream, _)) => {
                    let Some(peer) = strangers.apart_from(&stream) else { continue };
                    let Some(place) = place_for(&peer, &places).await else { continue };
                    let watches = Watches::new(limits.watches);
                    let caller = Caller::new(peer, place.seat(), watches);
                    tokio::spawn(admit(Held::new(stream, place), caller, accepted.clone()));
                }
                Err(error) => {
                    // Out of descriptors, most likely: give others time to close some.
                    warn!(%error, "a connection could not be accepted");
                    clock.sleep_until(clock.now().plus(ACCEPT_PAUSE)).await;
                }
            }
        }
    });
    ReceiverStream::new(incoming)
}

async fn until<C: Clock>(clock: &C, moment: Option<Timestamp>) {
    match moment {
        Some(moment) => clock.sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

/// A place for whoever connected, if there will be one. Until then those after them wait too.
async fn place_for(peer: &Peer, places: &Arc<Places>) -> Option<Place> {
    loop {
        match places.enter(peer.sight()) {
            Entry::Free(place) => return Some(place),
            Entry::Later => places.stirs().await,
            Entry::Crowded => {
                debug!(pid = peer.pid, "a program has as many connections as it may, all in use");
                return None;
            }
        }
    }
}

/// Passes a connection on once its client has begun to speak HTTP/2.
async fn admit(
    mut stream: Held,
    caller: Arc<Caller>,
    accepted: mpsc::Sender<Result<Connection, io::Error>>,
) {
    let mut preface = [0; PREFACE_LEN];
    if let Ok(Ok(_)) = timeout(PREFACE_TIME, stream.read_exact(&mut preface)).await {
        // If the server has ended meanwhile, so does the connection.
        let _ = accepted.send(Ok(HarmlessAuthority::new(stream, Admitted(caller), preface))).await;
    }
}

/// Other users who connected, counted so that they cannot fill the log.
#[derive(Debug, Default)]
struct Strangers(u64);

impl Strangers {
    /// Who connected, if they are of our own user. Equality is all there is to go by: in a user
    /// namespace every other user looks like one.
    fn apart_from(&mut self, stream: &UnixStream) -> Option<Peer> {
        let peer = Peer::of(stream).ok()?;
        if peer.uid == getuid().as_raw() {
            return Some(peer);
        }
        self.0 += 1;
        if self.0 < 10 || self.0.is_power_of_two() {
            warn!(uid = peer.uid, count = self.0, "another user was turned away");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::AsyncWriteExt as _;
    use tokio_stream::StreamExt as _;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    #[derive(Clone)]
    struct NoClock;

    impl Clock for NoClock {
        fn now(&self) -> Timestamp {
            Timestamp::default()
        }

        fn wall_time(&self, at: Timestamp) -> Timestamp {
            at
        }

        async fn sleep_until(&self, _: Timestamp) {
            std::future::pending().await
        }
    }

    fn listening() -> (tempfile::TempDir, UnixListener, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        (folder, listener, path)
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_does_not_keep_the_place() {
        for said in [&b""[..], b"PRI * HTTP/2.0\r\n"] {
            let (_folder, listener, path) = listening();
            let _incoming = accept(listener, NoClock, Limits::default());
            let mut client = UnixStream::connect(&path).await.unwrap();
            client.write_all(said).await.unwrap();

            let ended = timeout(Duration::from_hours(1), client.read(&mut [0])).await;

            assert_eq!(ended.expect("nobody waits for him").unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn whoever_speaks_is_heard_from_the_first_byte() {
        let (_folder, listener, path) = listening();
        let mut incoming = accept(listener, NoClock, Limits::default());
        let _silent = UnixStream::connect(&path).await.unwrap();
        let mut client = UnixStream::connect(&path).await.unwrap();
        let said = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        client.write_all(&said).await.unwrap();
        client.shutdown().await.unwrap();

        let mut connection = incoming.next().await.unwrap().unwrap();

        let mut heard = Vec::new();
        connection.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, said);
    }
}
