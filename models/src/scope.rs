//! What a model was fitted on, and the check that a panel is of that kind.

use std::collections::HashSet;

use arterial_datasets::panel::{Channel, Panel};
use arterial_datasets::time::Duration;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How many series a message names.
const FEW: usize = 5;

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

    /// The position of the covariate `name` among the channels of a panel. `field` is where the name stands.
    ///
    /// # Errors
    /// A name that no covariate has.
    pub(crate) fn covariate(&self, field: String, name: &str) -> Result<usize> {
        if let Some(place) = self.covariates.iter().position(|channel| channel.name == name) {
            return Ok(place + 1);
        }
        let known: Vec<&str> = self.covariates.iter().map(|channel| channel.name.as_str()).collect();
        let known = match known[..] {
            [] => "there is none".to_owned(),
            _ => known.join(", "),
        };
        Err(Error::invalid(
            field,
            name,
            format!("a covariate of the panel: {known}"),
        ))
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
        let missing = only_in(&self.series, panel.series());
        let new = only_in(panel.series(), &self.series);
        let mut differences = Vec::new();
        if !missing.is_empty() {
            differences.push(format!("{} missing ({})", missing.len(), few(&missing)));
        }
        if !new.is_empty() {
            differences.push(format!("{} new ({})", new.len(), few(&new)));
        }
        if differences.is_empty() {
            differences.push("they stand in another order".into());
        }
        let all: Vec<&str> = self.series.iter().map(String::as_str).collect();
        Error::OtherSeries {
            difference: differences.join(", "),
            fitted: format!("{} series ({})", all.len(), few(&all)),
        }
    }
}

/// Those of `names` that are not among `others`.
fn only_in<'a>(names: &'a [String], others: &[String]) -> Vec<&'a str> {
    let others: HashSet<&String> = others.iter().collect();
    let only = names.iter().filter(|name| !others.contains(name));
    only.map(String::as_str).collect()
}

/// The first of `names`, and how many more there are.
fn few(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(FEW).map(|name| format!("`{name}`")).collect();
    let first = first.join(", ");
    match names.len().saturating_sub(FEW) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::ChannelRole;
    use arterial_datasets::time::{MINUTE, Timestamp};
    use ndarray::Array3;

    use super::*;

    fn panel(series: &[&str]) -> Panel {
        let target = Channel {
            name: "y".into(),
            role: ChannelRole::Target,
        };
        let names = series.iter().map(|name| (*name).to_owned()).collect();
        let values = Array3::zeros((3, series.len(), 1));
        Panel::new(Timestamp(0), Duration(5 * MINUTE), "UTC", names, vec![target], values).unwrap()
    }

    #[test]
    fn missing_and_new_series_are_named_and_counted() {
        let scope = Scope::of(&panel(&["a", "b", "c", "d", "e", "f", "g"]));
        assert!(scope.check(&panel(&["a", "b", "c", "d", "e", "f", "g"]), &[2]).is_ok());
        for (series, expected) in [
            (&["a", "b", "c", "d", "e", "f"][..], "1 missing (`g`);"),
            (
                &["a", "b", "c", "d", "e", "F", "g"],
                "1 missing (`f`), 1 new (`F`); the model knows 7 series (`a`, `b`, `c`, `d`, `e` and 2 more)",
            ),
            (&["z"], "7 missing (`a`, `b`, `c`, `d`, `e` and 2 more), 1 new (`z`);"),
            (&["b", "a", "c", "d", "e", "f", "g"], "they stand in another order;"),
        ] {
            let said = scope.check(&panel(series), &[]).unwrap_err().to_string();
            assert!(said.contains(expected), "{said}");
        }
    }
}
