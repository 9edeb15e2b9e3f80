//! Around every gRPC call: what is counted of it, and its span.
//!
//! Standing outside of everything else, it sees how a call ends: by the status behind its answer, by an error without answer,
//! or because the caller went away, which counts as `Canceled`.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::BoxFuture;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tonic::body::Body;
use tonic::codegen::Bytes;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tonic::{Code, Status};
use tower::Service;
use tracing::field::Empty;
use tracing::{Instrument, Span};

use crate::around::Surround;
use crate::metrics::GrpcCall;
use crate::state::AppState;
use crate::traces::{TARGET, answer_with, continue_call};

/// Around a service, it has its calls counted.
#[derive(Clone)]
pub(crate) struct Calls(pub Arc<AppState>);

impl<S, B> Surround<S, Request<B>> for Calls
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<Body>;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn surround(&self, inner: &mut S, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let span = span(path);
        let place = continue_call(&span, request.headers());
        let mut call = Call {
            begun: self.0.metrics.grpc.started(path),
            state: Arc::clone(&self.0),
            span: span.clone(),
            ended: false,
        };
        let answer = inner.call(request).instrument(span);
        async move {
            let answer = answer.await.inspect_err(|_| call.end(Code::Unknown))?;
            let (mut head, body) = answer.into_parts();
            answer_with(&place, &mut head.headers);
            // Without anything behind them, the headers say how it ended, or nothing does.
            let ended = code(&head.headers).or(body.is_end_stream().then_some(Code::Unknown));
            if let Some(code) = ended {
                call.end(code);
                return Ok(Response::from_parts(head, body));
            }
            Ok(Response::from_parts(head, Body::new(Watched { body, call })))
        }
        .boxed()
    }
}

/// Whether a call is one of those by which the server itself is looked after: health and reflection.
pub(crate) fn is_upkeep(path: &str) -> bool {
    path.starts_with("/grpc.health.") || path.starts_with("/grpc.reflection.")
}

/// The span of a call; none of upkeep.
fn span(path: &str) -> Span {
    if is_upkeep(path) {
        return Span::none();
    }
    tracing::info_span!(
        target: TARGET,
        "call",
        otel.name = path.trim_start_matches('/'),
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system = "grpc",
        rpc.grpc.status_code = Empty,
        trace_id = Empty,
    )
}

/// A call that goes on; where it is dropped before its end, the caller went away.
struct Call {
    begun: GrpcCall,
    state: Arc<AppState>,
    span: Span,
    ended: bool,
}

impl Call {
    fn end(&mut self, code: Code) {
        if !self.ended {
            self.ended = true;
            self.state.metrics.grpc.ended(self.begun, code);
            self.span.record("rpc.grpc.status_code", code as i64);
            let ours = [
                Code::Unknown,
                Code::DeadlineExceeded,
                Code::Unimplemented,
                Code::Internal,
                Code::Unavailable,
                Code::DataLoss,
            ];
            if ours.contains(&code) {
                self.span.record("otel.status_code", "ERROR");
            }
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

/// An answer on its way, whose last frame says how the call ended.
struct Watched {
    body: Body,
    call: Call,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.call.end(code(trailers).unwrap_or(Code::Unknown));
                }
            }
            Poll::Ready(Some(Err(status))) => self.call.end(status.code()),
            // An answer without a status at its end is none of gRPC's: of its web variant, or of no service at all.
            Poll::Ready(None) => self.call.end(Code::Unknown),
            Poll::Pending => {}
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The status among headers or trailers.
fn code(headers: &HeaderMap) -> Option<Code> {
    headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()))
}
