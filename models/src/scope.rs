//! What a model was fitted on, and the check that a panel is of that kind.

use arterial_datasets::panel::{Channel, Panel};
use arterial_datasets::time::Duration;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The series, step, clock and covariates that a model was fitted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The name of the target channel.
    pub target: String,
    /// The names of the series, in column order.
    pub series: Vec<String>,
    /// The time between rows.
    pub step: Duration,
    /// The IANA zone whose clock seasonality follows.
    pub timezone: String,
    /// The channels beside the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covariates: Vec<Channel>,
}

impl Scope {
    /// The scope of `panel`.
    #[must_use]
    pub fn of(panel: &Panel) -> Self {
        Self {
            target: panel
                .channels()
                .first()
                .map(|channel| channel.name.clone())
                .unwrap_or_default(),
            series: panel.series().to_vec(),
            step: panel.step(),
            timezone: panel.timezone().into(),
            covariates: panel.channels().iter().skip(1).cloned().collect(),
        }
    }

    /// Checks that a model of this scope can forecast `panel` from `origins`.
    ///
    /// # Errors
    /// Other series, another step or zone, or an origin outside of the panel.
    pub fn check(&self, panel: &Panel, origins: &[usize]) -> Result<()> {
        if panel.series() != self.series {
            return Err(self.other_series(panel));
        }
        if panel.step() != self.step {
            return Err(Error::other_step(panel.step(), self.step));
        }
        if panel.timezone() != self.timezone {
            return Err(Error::OtherPanel {
                what: "timezone",
                got: panel.timezone().into(),
                fitted: self.timezone.clone(),
            });
        }
        if panel.channels().get(1..).unwrap_or_default() != self.covariates {
            let names = |channels: &[Channel]| {
                let names: Vec<&str> = channels.iter().map(|channel| channel.name.as_str()).collect();
                names.join(", ")
            };
            return Err(Error::OtherPanel {
                what: "covariates",
                got: names(panel.channels().get(1..).unwrap_or_default()),
                fitted: names(&self.covariates),
            });
        }
        match origins.iter().find(|&&origin| origin >= panel.steps()) {
            Some(origin) => Err(Error::invalid(
                "origin",
                origin,
                format!("a row of the panel, below {}", panel.steps()),
            )),
            None => Ok(()),
        }
    }

    fn other_series(&self, panel: &Panel) -> Error {
        let first = panel
            .series()
            .iter()
            .zip(&self.series)
            .find(|(got, fitted)| got != fitted);
        let (got, fitted) = match first {
            Some((got, fitted)) => (got.clone(), fitted.clone()),
            None => (
                format!("{} series", panel.series().len()),
                format!("{} series", self.series.len()),
            ),
        };
        Error::OtherPanel {
            what: "series",
            got,
            fitted,
        }
    }
}
