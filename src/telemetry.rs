//! The log: on stderr, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, reload};

use crate::config::{LogFormat, Telemetry};
use crate::outcome::Usage;

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

/// The log of this process.
pub struct Log {
    change: Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>,
}

impl Log {
    /// Starts the log for the rest of the process.
    ///
    /// # Errors
    /// A filter that does not read.
    pub fn start(settings: &Telemetry) -> anyhow::Result<Self> {
        let filter = usable(&settings.log)?;
        let builder = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
        let started = match settings.format {
            LogFormat::Text => {
                let builder = builder.with_target(false).with_filter_reloading();
                let handle = builder.reload_handle();
                let change = Box::new(move |filter| handle.reload(filter));
                builder.try_init().map(|()| Self { change })
            }
            LogFormat::Json => {
                let builder = builder.json().flatten_event(true).with_filter_reloading();
                let handle = builder.reload_handle();
                let change = Box::new(move |filter| handle.reload(filter));
                builder.try_init().map(|()| Self { change })
            }
        };
        started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
    }

    /// Filters by `text` from now on.
    ///
    /// # Errors
    /// A filter that does not read; the former one stays.
    pub fn filter_by(&self, text: &str) -> anyhow::Result<()> {
        Ok((self.change)(usable(text)?)?)
    }
}

fn usable(text: &str) -> Result<EnvFilter, Usage> {
    filter(text).map_err(|accepted| Usage(format!("`telemetry.log` is `{text}`, accepted: {accepted}")))
}

#[cfg(test)]
mod tests {
    use super::*;

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
