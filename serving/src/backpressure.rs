//! Backpressure: how much of long answers waits for clients that read slowly or not at all, and for how long.
//!
//! HTTP/2 takes every piece of a body as a whole and one more ahead, however little the client takes, and by then the call has given its place
//! back. So a long answer is handed on in small pieces, what waits of it is counted against one budget, and whoever takes nothing of it for
//! long is given up. Flight's answers have a way of their own (`flight/handover.rs`).

mod paced;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::codegen::http::{Request, Response};
use tower::Service;

use crate::around::Surround;
use paced::Paced;

/// The bytes of long answers that may wait at the same time: some 350 answers of a thousand keys, or sixteen of the longest that are
/// sent by default. A machine that holds a city's history bears as much.
const BUDGET: u32 = 256 << 20;
/// A client that takes nothing for so long has left, over HTTP as here.
const PATIENCE: Duration = Duration::from_secs(30);
/// How the paths of Flight begin.
const FLIGHT: &str = "/arrow.flight.";

/// What all answers have in common. Around a service, its long answers wait for their clients within these bounds.
#[derive(Debug, Clone)]
pub(crate) struct Bounds {
    /// What is left of the budget.
    room: Arc<Semaphore>,
    /// The whole of it, in bytes.
    budget: u32,
    /// How long a client may take nothing.
    patience: Duration,
}

impl Bounds {
    fn new(budget: u32, patience: Duration) -> Self {
        Self {
            room: Arc::new(Semaphore::new(budget as usize)),
            budget,
            patience,
        }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self::new(BUDGET, PATIENCE)
    }
}

impl<S, B> Surround<S, Request<B>> for Bounds
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn surround(&self, inner: &mut S, request: Request<B>) -> Self::Future {
        let is_flight = request.uri().path().starts_with(FLIGHT);
        let answer = inner.call(request);
        if is_flight {
            return answer.boxed();
        }
        let bounds = self.clone();
        answer
            .map_ok(move |answer| answer.map(|body| Body::new(Paced::new(body, bounds))))
            .boxed()
    }
}
