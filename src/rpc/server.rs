//! Serves the API on a Unix socket.
//!
//! Whoever connects is identified by the kernel, before a byte of HTTP/2 is read: another user is
//! turned away. Called by `daemon`.

use std::{future::Future, io, sync::Arc, time::Duration};

use rustix::process::getuid;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status, service::interceptor::InterceptedService, transport::Server};
use tracing::warn;

use super::{
    METADATA_KEY, METADATA_VALUE, ServerFacts,
    authority::HarmlessAuthority,
    login::Logins,
    proto::{DESCRIPTORS, login_server::LoginServer, token_broker_server::TokenBrokerServer},
    refusal::Refusal,
    service::Tokens,
};
use crate::broker::{Broker, ports::Clock};

/// How many connections there may be. Ten for each of two dozen integrations.
const CONNECTIONS: usize = 256;
/// How many calls a connection may have open. One client could otherwise hold all memory.
const STREAMS: u32 = 32;
/// The longest request, in bytes. All of them are a name and a few numbers.
const MESSAGE: usize = 64 * 1024;
/// The longest list of headers, in bytes.
const HEADERS: u32 = 16 * 1024;

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
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    let tokens = Tokens { broker: Arc::clone(&broker), facts: Arc::new(facts) };
    let tokens = TokenBrokerServer::new(tokens).max_decoding_message_size(MESSAGE);
    let logins = Logins { broker: Arc::clone(&broker) };
    let logins = LoginServer::new(logins).max_decoding_message_size(MESSAGE);
    health.set_serving::<TokenBrokerServer<Tokens<C>>>().await;
    health.set_serving::<LoginServer<Logins<C>>>().await;
    let describe = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let clock = broker.clock().clone();
    Server::builder()
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADERS)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .add_service(InterceptedService::new(tokens, require_key))
        .add_service(InterceptedService::new(logins, require_key))
        .add_service(health_service)
        .add_service(describe().build_v1().map_err(Error::Reflection)?)
        .add_service(describe().build_v1alpha().map_err(Error::Reflection)?)
        .serve_with_incoming_shutdown(accept(listener, clock), stop)
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

type Connection = HarmlessAuthority<UnixStream, OwnedSemaphorePermit>;

/// Accepts connections of our own user, up to the limit.
fn accept<C: Clock>(
    listener: UnixListener,
    clock: C,
) -> ReceiverStream<Result<Connection, io::Error>> {
    let (accepted, incoming) = mpsc::channel(1);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    tokio::spawn(async move {
        while let Ok(place) = Arc::clone(&places).acquire_owned().await {
            let accept = tokio::select! {
                () = accepted.closed() => return,
                accept = listener.accept() => accept,
            };
            match accept {
                Ok((stream, _)) => {
                    if !is_ours(&stream) {
                        continue;
                    }
                    let connection = HarmlessAuthority::new(stream, place);
                    if accepted.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                Err(error) => {
                    // Out of descriptors, most likely: give others time to close some.
                    warn!(%error, "a connection could not be accepted");
                    clock.sleep_until(clock.now().plus(Duration::from_millis(100))).await;
                }
            }
        }
    });
    ReceiverStream::new(incoming)
}

/// Whether the program at the other end belongs to our own user.
fn is_ours(stream: &UnixStream) -> bool {
    let Ok(peer) = stream.peer_cred() else { return false };
    let ours = peer.uid() == getuid().as_raw();
    if !ours {
        warn!(uid = peer.uid(), "another user was turned away");
    }
    ours
}
