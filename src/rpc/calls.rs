//! Counts the calls that a connection has open, and refuses those of a program that makes too many.
//!
//! In front of all services, whatever is called: a call has begun when its headers are here, and
//! has ended when its answer is sent or nobody waits for it any more. Called by `server`.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::{
    body::{Body as HttpBody, Bytes, Frame, SizeHint},
    http::{Request, Response},
};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{audit::Caller, places::Call, refusal::Refusal};

/// Puts [`Counted`] in front of a service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counting;

/// A service whose calls are counted.
#[derive(Debug, Clone)]
pub(super) struct Counted<S>(S);

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Counted(inner)
    }
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let caller = request.extensions().get::<Arc<Caller>>();
        let call = match caller.map(|caller| caller.seat.call()).transpose() {
            Ok(call) => call,
            Err(delay) => {
                let refused = Status::from(Refusal::RateLimited { delay }).into_http();
                return Box::pin(async { Ok(refused) });
            }
        };
        let answer = self.0.call(request);
        Box::pin(async {
            let answer = answer.await?;
            Ok(answer.map(|body| Body::new(Lasting { body, _call: call })))
        })
    }
}

/// An answer, and the call that lasts as long as it is sent.
struct Lasting {
    body: Body,
    _call: Option<Call>,
}

impl HttpBody for Lasting {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
