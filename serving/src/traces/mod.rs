//! Traces: what one event, or one call, sets in motion, as spans that an OpenTelemetry collector puts together.
//!
//! Spans are those of the library `tracing` under the target [`TARGET`]. Without a collector the log's filter switches this target
//! off: a span then costs one look at a flag. Whose trace a record or a call is in is handed on all the same, for those on both sides who
//! do collect.

mod export;
mod headers;

use opentelemetry::trace::{FutureExt, SpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard, propagation::TextMapPropagator};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub use export::{Exporter, TraceSettings};
pub(crate) use headers::{TRACERESPONSE, WINDOW_TRACE, answer_with, continue_call, tell_window};

/// The target of all spans, for filters.
pub const TARGET: &str = "arterial_trace";
/// The header of requests and of Kafka's records that says where in a trace they were made.
pub const TRACEPARENT: &str = "traceparent";

/// A place in a trace; none where something is in no trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trace(Option<SpanContext>);

impl Trace {
    /// The place of `span`, which begins with this at the latest.
    pub fn of(span: &Span) -> Self {
        if span.is_disabled() {
            return Self::default();
        }
        Self::from(&span.context())
    }

    /// The place of the span that is entered, or else the one that this thread has entered.
    pub fn current() -> Self {
        Self::of(&Span::current()).or(Self::from(&Context::current()))
    }

    /// Lets what this thread makes be in this place until the guard is dropped, where there are no spans: where there are, they say it.
    pub fn enter(&self) -> Option<ContextGuard> {
        self.beside_spans().map(Context::attach)
    }

    /// The same of all that `work` makes.
    pub async fn around<F: Future>(&self, work: F) -> F::Output {
        match self.beside_spans() {
            Some(context) => work.with_context(context).await,
            None => work.await,
        }
    }

    /// This place for whoever is in no span.
    fn beside_spans(&self) -> Option<Context> {
        let place = self.0.clone()?;
        let is_in_span = Self::of(&Span::current()) != Self::default();
        (!is_in_span).then(|| Context::new().with_remote_span_context(place))
    }

    /// This place, or the other one where this is none.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0.or(other.0))
    }

    /// What a header says; none where it does not read.
    pub fn parse(traceparent: &str) -> Self {
        let carrier = [(TRACEPARENT.to_owned(), traceparent.to_owned())].into_iter().collect();
        let carrier: std::collections::HashMap<String, String> = carrier;
        Self::from(&TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier))
    }

    /// The header that says this place: `00-<trace>-<span>-<flags>`.
    pub fn header(&self) -> Option<String> {
        let Self(Some(place)) = self else { return None };
        let flags = u8::from(place.is_sampled());
        Some(format!("00-{}-{}-{flags:02x}", place.trace_id(), place.span_id()))
    }

    /// The trace's id.
    pub fn id(&self) -> Option<String> {
        self.0.as_ref().map(|place| place.trace_id().to_string())
    }
}

impl From<&Context> for Trace {
    fn from(context: &Context) -> Self {
        let place = context.span().span_context().clone();
        Self(Some(place).filter(SpanContext::is_valid))
    }
}

/// Lets `span`, which has not begun yet, go on in the trace of `from`, where there is one.
pub fn continue_from(span: &Span, from: &Trace) {
    if let Some(place) = &from.0
        && !span.is_disabled()
        && let Err(error) = span.set_parent(Context::new().with_remote_span_context(place.clone()))
    {
        tracing::debug!(%error, "a span does not go on in the trace that it came from");
    }
}

/// Notes on `span` that it has to do with `with`.
pub fn link(span: &Span, with: &Trace) {
    if let Some(place) = &with.0 {
        span.add_link(place.clone());
    }
}

/// Lets the span of a commit go on in the trace of the first of the records that it makes durable, and links the others. The place of the
/// first, for where there are no spans.
pub fn continue_records(span: &Span, traceparents: &[String]) -> Trace {
    let mut records = traceparents.iter().map(|header| Trace::parse(header));
    let first = records.next().unwrap_or_default();
    if !span.is_disabled() {
        continue_from(span, &first);
        records.for_each(|other| link(span, &other));
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_header_is_read_and_written_again() {
        let place = Trace::parse(HEADER);
        assert_eq!(place.header().as_deref(), Some(HEADER));
        assert_eq!(place.id().as_deref(), Some("4bf92f3577b34da6a3ce929d0e0e4736"));
    }

    #[test]
    fn what_is_no_header_is_no_trace() {
        for bad in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0\u{e9}",
        ] {
            assert_eq!(Trace::parse(bad), Trace::default(), "{bad}");
        }
    }

    #[test]
    fn without_a_collector_nothing_is_in_a_trace() {
        let span = tracing::info_span!(target: TARGET, "call");
        continue_from(&span, &Trace::parse(HEADER));
        assert_eq!(Trace::of(&span), Trace::default());
        assert_eq!(Trace::current().header(), None);
    }

    #[test]
    fn what_is_made_for_a_record_is_in_its_trace_without_a_collector_too() {
        let span = tracing::info_span!(target: TARGET, "commit");
        let records = [HEADER.to_owned(), "nonsense".to_owned()];
        let first = continue_records(&span, &records);
        let entered = first.enter();
        assert_eq!(Trace::current().header().as_deref(), Some(HEADER));
        drop(entered);
        assert_eq!(Trace::current(), Trace::default());
        let _nowhere = continue_records(&span, &[]).enter();
        assert_eq!(Trace::current(), Trace::default());
    }
}
