//! One HTTPS listener for each host, HTTP/1.1 as Tomcat speaks it.

use std::{convert::Infallible, sync::Arc};

use hyper::{Request, StatusCode, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    estate::{Estate, Site},
    http::{Answer, Ask, tomcat},
    journal::Seen,
};

/// Serves `site` until the task is aborted; its connections end with it.
pub(super) async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    estate: Arc<Estate>,
    site: Site,
) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        if !estate.is_down(site) {
            connections.spawn(converse(stream, acceptor.clone(), Arc::clone(&estate), site));
        }
    }
}

/// Speaks with one client to the end. That a client hangs up is no concern of the lab's.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, estate: Arc<Estate>, site: Site) {
    let Ok(stream) = acceptor.accept(stream).await else { return };
    let respond = service_fn(|request| {
        let estate = Arc::clone(&estate);
        async move { Ok::<_, Infallible>(respond(&estate, site, request).await) }
    });
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), respond).await;
}

async fn respond(estate: &Estate, site: Site, request: Request<Incoming>) -> Answer {
    let Some(ask) = Ask::read(request).await else {
        return tomcat(StatusCode::PAYLOAD_TOO_LARGE);
    };
    estate.journal.note(Seen {
        node: estate.name_of(site),
        method: ask.method.to_string(),
        path: ask.path.clone(),
        has_bearer: ask.bearer().is_some(),
    });
    estate.answer(site, &ask).await
}
