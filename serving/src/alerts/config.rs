//! What is watched, and how alerts are made of it.

use arterial_datasets::panel::Flow;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, Duration};
use arterial_models::alerts::AlertSettings;
use arterial_models::detectors::residual;
use arterial_models::registry::Target;

use crate::live::{target_column, target_fields};
use crate::{Error, Result};

/// What is watched, and how alerts are made of it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertsConfig {
    /// The numbers that are held against what was expected of them; the rules of their streams are watched with them. Default none.
    pub watch: Vec<Target>,
    /// How long alerts that are over stay at hand; a day or more. Default 30 days.
    pub keep: Duration,
    /// From which key traffic flows on to which other: strangeness spreads against it. Default none, and only what is near belongs together.
    pub flows: Vec<Flow>,
    /// The detector of surprises.
    pub residual: residual::Settings,
    /// From signals to alerts, and where they go.
    pub settings: AlertSettings,
}

impl Default for AlertsConfig {
    fn default() -> Self {
        Self {
            watch: Vec::new(),
            keep: Duration(30 * DAY),
            flows: Vec::new(),
            residual: residual::Settings::default(),
            settings: AlertSettings::default(),
        }
    }
}

impl AlertsConfig {
    /// Checks the ranges, and what is watched against the streams that are defined.
    ///
    /// # Errors
    /// The first value that is not accepted.
    pub fn check(&self, catalog: &StreamCatalog) -> Result<()> {
        if self.keep.0 < DAY {
            return Err(Error::invalid("alerts.keep", self.keep, "1d or more"));
        }
        self.settings.check()?;
        self.residual.check().map_err(|error| match error {
            arterial_models::Error::Invalid { field, value, accepted } => {
                Error::invalid(format!("alerts.{field}"), value, accepted)
            }
            other => other.into(),
        })?;
        for target in &self.watch {
            let refuse = |accepted: String| Error::invalid("alerts.watch", target, accepted);
            let Ok(stream) = catalog.get(&target.topic) else {
                let known: Vec<&str> = catalog.names().collect();
                return Err(refuse(format!("a field of {}", known.join(", "))));
            };
            if target_column(stream, &target.field).is_none() {
                let fields = target_fields(stream).join(", ");
                return Err(refuse(format!("`{}` and one of its numbers: {fields}", stream.name)));
            }
        }
        self.check_flows(catalog)
    }

    /// The streams that the graph names are those of the catalog.
    fn check_flows(&self, catalog: &StreamCatalog) -> Result<()> {
        let mut named = self.flows.iter().filter_map(|flow| flow.topic.as_ref());
        let Some(topic) = named.find(|topic| catalog.get(topic).is_err()) else {
            return Ok(());
        };
        let known: Vec<&str> = catalog.names().collect();
        let accepted = format!("in its column `topic` the stream of the keys: {}", known.join(", "));
        Err(Error::invalid("alerts.graph", topic, accepted))
    }
}
