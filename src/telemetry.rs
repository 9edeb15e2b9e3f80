//! The log, on stderr, for people or for machines, and the traces.

use std::io::IsTerminal;

use arterial_serving::traces::{self, Exporter};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use crate::config::{Config, LogFormat};
use crate::outcome::{Logged, Usage};

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// The filter that `text` stands for, or else what is accepted. A lone word is a level: as the name of a module, which
/// the library takes it for, a misspelt level would silence everything.
pub fn filter(text: &str) -> Result<EnvFilter, String> {
    let accepted = "error, warn, info, debug, trace, or a filter such as info,arterial_features=debug";
    let misspelt = |part: &&str| {
        let word = part.trim().to_ascii_lowercase();
        word.chars().all(|letter| letter.is_alphanumeric() || letter == '_') && !LEVELS.contains(&word.as_str())
    };
    if let Some(part) = text.split(',').find(misspelt) {
        return Err(format!("{accepted} (`{part}` is no level)"));
    }
    EnvFilter::try_new(text).map_err(|error| format!("{accepted} ({error})"))
}

/// The log of this process, and where its traces go.
pub struct Log {
    format: LogFormat,
    change: reload::Handle<EnvFilter, Registry>,
    traces: Option<Exporter>,
}

impl Log {
    /// Starts the log, and the traces where a collector is configured, for the rest of the process.
    ///
    /// # Errors
    /// A filter that does not read, a collector's address that is none.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where a collector is configured.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        let settings = &config.telemetry;
        let traces = Exporter::start(&config.trace_settings())?;
        let (filter, change) = reload::Layer::new(usable(&settings.log, traces.is_some())?);
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = match settings.format {
            LogFormat::Text => lines
                .with_target(false)
                .with_ansi(std::io::stderr().is_terminal())
                .boxed(),
            LogFormat::Json => lines.json().flatten_event(true).boxed(),
        };
        let spans = traces.as_ref().map(|traces| {
            let only_ours = Targets::new().with_target(traces::TARGET, tracing::Level::INFO);
            traces.layer().with_filter(only_ours)
        });
        let started = tracing_subscriber::registry()
            .with(lines.with_filter(filter))
            .with(spans)
            .try_init();
        started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))?;
        if settings.format == LogFormat::Json {
            log_panics();
        }
        Ok(Self {
            format: settings.format,
            change,
            traces,
        })
    }

    /// Filters by `text` from now on.
    ///
    /// # Errors
    /// A filter that does not read; the former one stays.
    pub fn filter_by(&self, text: &str) -> anyhow::Result<()> {
        Ok(self.change.reload(usable(text, self.traces.is_some())?)?)
    }

    /// The last line of a service that ended, and its last spans; blocks until the collector has them, or for a few seconds.
    ///
    /// # Errors
    /// What the service ended with; where every line is for machines, it is a line of the log, too.
    pub fn end(self, ended: anyhow::Result<()>) -> anyhow::Result<()> {
        if let Some(traces) = &self.traces {
            traces.shutdown();
        }
        ended.map_err(|error| match self.format {
            LogFormat::Text => error,
            LogFormat::Json => {
                tracing::error!(error = format!("{error:#}"), "the service ends");
                error.context(Logged)
            }
        })
    }
}

/// Says a panic, too, as a line of JSON: whoever reads the log line by line does not find half a stack trace.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(
            place,
            panic = panic.payload_as_str().unwrap_or_default(),
            "a part of the service broke off"
        );
    }));
}

/// The filter that the log uses. Without a collector nobody wants the spans of traces, and nobody pays for them.
fn usable(text: &str, traced: bool) -> Result<EnvFilter, Usage> {
    let refused = |accepted| Usage(format!("`telemetry.log` is `{text}`, accepted: {accepted}"));
    let wanted = if traced {
        text.to_owned()
    } else {
        format!("{text},{}=off", traces::TARGET)
    };
    filter(text).and_then(|_| filter(&wanted)).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_and_calls_are_spans_of_the_same_target() {
        assert_eq!(traces::TARGET, arterial_features::pipeline::TRACE_TARGET);
    }

    #[test]
    fn without_a_collector_a_span_is_not_even_made() {
        let made = |traced: bool| {
            let lines = fmt::layer()
                .with_writer(std::io::sink)
                .with_filter(usable("trace", traced).unwrap());
            let subscriber = tracing_subscriber::registry().with(lines);
            tracing::subscriber::with_default(subscriber, || {
                !tracing::info_span!(target: traces::TARGET, "call").is_disabled()
            })
        };
        assert!(made(true) && !made(false));
    }

    #[test]
    fn a_filter_is_levels_and_modules_with_levels() {
        for good in [
            "info",
            "WARN",
            "info,arterial_features=debug",
            "arterial::service=trace,off",
        ] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["bogus", "info,bogus", "", "info,", "arterial=loud"] {
            let accepted = filter(bad).unwrap_err();
            assert!(accepted.contains("info,arterial_features=debug"), "{bad}: {accepted}");
        }
    }
}
