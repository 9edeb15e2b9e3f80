//! Where spans go: an OpenTelemetry collector, over OTLP.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use tonic::transport::Endpoint;
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::registry::LookupSpan;

use crate::{Error, Result};

/// The longest that one export may take, and the wait for the last one.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where spans go, and how many of them.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// `http://host:port` of a collector that takes OTLP over gRPC; empty for no traces. Default empty.
    pub endpoint: String,
    /// The share of traces that are kept where the caller or the record does not decide it, 0 to 1. Default 0.1.
    pub ratio: f64,
    /// What the service is called there. Default `arterial`.
    pub service: String,
}

impl Default for TraceSettings {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            ratio: 0.1,
            service: "arterial".into(),
        }
    }
}

impl TraceSettings {
    /// Checks the values; nothing is connected.
    ///
    /// # Errors
    /// The first value that is not accepted.
    pub fn check(&self) -> Result<()> {
        let is_address = self.endpoint.starts_with("http://")
            && Endpoint::from_shared(self.endpoint.clone()).is_ok_and(|one| one.uri().authority().is_some());
        if !self.endpoint.is_empty() && !is_address {
            let accepted = "http://host:port of a collector, such as http://127.0.0.1:4317";
            return Err(Error::invalid("telemetry.otlp_endpoint", &self.endpoint, accepted));
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(Error::invalid("telemetry.trace_ratio", self.ratio, "0 to 1"));
        }
        if self.service.is_empty() {
            return Err(Error::invalid("telemetry.service_name", "", "a name, such as arterial"));
        }
        Ok(())
    }
}

/// Sends spans, in batches, by a thread of its own. A collector that is away costs the spans and nothing else.
#[derive(Debug)]
pub struct Exporter(SdkTracerProvider);

impl Exporter {
    /// Begins to send, where a collector is named; it need not be there yet.
    ///
    /// # Errors
    /// Settings that do not check.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(settings: &TraceSettings) -> Result<Option<Self>> {
        settings.check()?;
        if settings.endpoint.is_empty() {
            return Ok(None);
        }
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&settings.endpoint)
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| {
                Error::invalid(
                    "telemetry.otlp_endpoint",
                    &settings.endpoint,
                    format!("a collector's address ({error})"),
                )
            })?;
        let sampler = Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(settings.ratio)));
        let resource = Resource::builder().with_service_name(settings.service.clone()).build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(Watched {
                exporter,
                failing: AtomicBool::new(false),
            })
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What turns spans of the log's library into spans of the trace; to be filtered by [`TARGET`](super::TARGET).
    pub fn layer<S>(&self) -> OpenTelemetryLayer<S, SdkTracer>
    where
        S: tracing::Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("arterial"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
    }

    /// Sends what is left; blocks until it is sent, or for a few seconds.
    pub fn shutdown(&self) {
        if let Err(error) = self.0.shutdown_with_timeout(PATIENCE) {
            tracing::warn!(%error, "the last spans did not reach the collector");
        }
    }
}

/// An exporter that says when the collector goes away, and when it is back.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    failing: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let result = self.exporter.export(batch).await;
        let failed_before = self.failing.swap(result.is_err(), Ordering::Relaxed);
        match &result {
            Err(error) if !failed_before => {
                tracing::warn!(%error, spans, "spans do not reach the collector and are lost");
            }
            Ok(()) if failed_before => tracing::info!("spans reach the collector again"),
            _ => {}
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_refused_with_their_key() {
        let good = TraceSettings::default();
        good.check().unwrap();
        let endpoint = |text: &str| TraceSettings {
            endpoint: text.into(),
            ..good.clone()
        };
        endpoint("http://127.0.0.1:4317").check().unwrap();
        for (wrong, key) in [
            (endpoint("127.0.0.1:4317"), "telemetry.otlp_endpoint"),
            (endpoint("https://host:4317"), "telemetry.otlp_endpoint"),
            (endpoint("http://"), "telemetry.otlp_endpoint"),
            (
                TraceSettings {
                    ratio: 1.5,
                    ..good.clone()
                },
                "telemetry.trace_ratio",
            ),
            (
                TraceSettings {
                    ratio: f64::NAN,
                    ..good.clone()
                },
                "telemetry.trace_ratio",
            ),
            (
                TraceSettings {
                    service: String::new(),
                    ..good.clone()
                },
                "telemetry.service_name",
            ),
        ] {
            let error = wrong.check().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{key}` is")), "{error}");
        }
    }
}
