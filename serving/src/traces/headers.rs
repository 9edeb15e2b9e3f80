//! Trace context in the headers of calls and answers, the same for gRPC and HTTP.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::codegen::http::{HeaderMap, HeaderValue};
use tracing::Span;

use super::{Trace, continue_from};

/// The header of answers that says where in a trace they were made.
const TRACERESPONSE: &str = "traceresponse";

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(tonic::codegen::http::HeaderName::as_str).collect()
    }
}

/// Lets the span of a call go on in the caller's trace, where the request is in one, and notes the trace for the log.
pub(crate) fn continue_call(span: &Span, headers: &HeaderMap) {
    if span.is_disabled() {
        return;
    }
    let caller = TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
    continue_from(span, &Trace::from(&caller));
    if let Some(id) = Trace::of(span).id() {
        span.record("trace_id", id);
    }
}

/// Says in an answer where in a trace it was made.
pub(crate) fn answer_with(span: &Span, headers: &mut HeaderMap) {
    let place = Trace::of(span).header().map(HeaderValue::try_from);
    if let Some(Ok(place)) = place {
        headers.insert(TRACERESPONSE, place);
    }
}
