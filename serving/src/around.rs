//! One layer and one service for everything that stands around each call of a server: a part says only what it does with a call.

use std::task::{Context, Poll};

use tower::{Layer, Service};

/// What is done with each call of the service `S`.
pub(crate) trait Surround<S: Service<R>, R> {
    /// What callers get.
    type Response;
    /// The same, on its way.
    type Future: Future<Output = Result<Self::Response, S::Error>>;

    /// Has `inner` answer `request`, or answers in its place.
    fn surround(&self, inner: &mut S, request: R) -> Self::Future;
}

/// Puts it around a service.
#[derive(Debug, Clone)]
pub(crate) struct Around<W>(pub W);

impl<S, W: Clone> Layer<S> for Around<W> {
    type Service = Surrounded<S, W>;

    fn layer(&self, inner: S) -> Self::Service {
        Surrounded {
            inner,
            with: self.0.clone(),
        }
    }
}

/// A service with something around its calls.
#[derive(Debug, Clone)]
pub(crate) struct Surrounded<S, W> {
    inner: S,
    with: W,
}

impl<S, W, R> Service<R> for Surrounded<S, W>
where
    S: Service<R>,
    W: Surround<S, R>,
{
    type Response = W::Response;
    type Error = S::Error;
    type Future = W::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.with.surround(&mut self.inner, request)
    }
}
