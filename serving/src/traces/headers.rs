//! Trace context in the headers of calls and answers, the same for gRPC and HTTP.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tonic::codegen::http::{HeaderMap, HeaderValue};
use tracing::Span;

use super::{TRACEPARENT, Trace, continue_from};

/// The header of answers that says where in a trace they were made.
pub(crate) const TRACERESPONSE: &str = "traceresponse";
/// The header of answers with forecasts that says where in a trace their window was committed and scored: that of a record behind it.
pub(crate) const WINDOW_TRACE: &str = "arterial-window-trace";

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(tonic::codegen::http::HeaderName::as_str).collect()
    }
}

/// Lets the span of a call go on in the caller's trace, where the request is in one, and notes the trace for the log. The place in it that
/// the answer tells of: the span, or the caller's own where there are no spans.
pub(crate) fn continue_call(span: &Span, headers: &HeaderMap) -> Trace {
    let caller = if headers.contains_key(TRACEPARENT) {
        Trace::from(&TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers)))
    } else {
        Trace::default()
    };
    if span.is_disabled() {
        return caller;
    }
    continue_from(span, &caller);
    let place = Trace::of(span).or(caller);
    if let Some(id) = place.id() {
        span.record("trace_id", id);
    }
    place
}

/// Says in an answer where in a trace it was made.
pub(crate) fn answer_with(place: &Trace, headers: &mut HeaderMap) {
    put(TRACERESPONSE, place, headers);
}

/// Says in an answer of which trace the window is that its forecasts were made from.
pub(crate) fn tell_window(place: &Trace, headers: &mut HeaderMap) {
    put(WINDOW_TRACE, place, headers);
}

fn put(name: &'static str, place: &Trace, headers: &mut HeaderMap) {
    if let Some(Ok(place)) = place.header().map(HeaderValue::try_from) {
        headers.insert(name, place);
    }
}
