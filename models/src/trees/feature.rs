//! What stands in a column that the models read.

use std::collections::BTreeMap;

use arterial_datasets::panel::Panel;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The most rows that a lag reaches back.
const MOST_LAG: usize = 10_000;

/// What stands in a column. Values are those of the target, missing ones NaN; clock times are those of the panel's zone, and
/// [`TimeOf`](super::TimeOf) says of which row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Feature {
    /// The value so many rows before the origin, 0 to 10,000; 0 is the value at the origin.
    Lag(usize),
    /// The mean of the values from the first to the second lag, both included; missing where one of them is.
    Mean([usize; 2]),
    /// Whole minutes since midnight: 0 to 1439.
    MinuteOfDay,
    /// The time of day as a fraction of the day: from 0, below 1.
    TimeOfDay,
    /// The sine of the time of day, one turn a day.
    TimeOfDaySine,
    /// The cosine of the time of day, one turn a day.
    TimeOfDayCosine,
    /// The hour of the day: 0 to 23.
    Hour,
    /// The day of the week: Monday 0 to Sunday 6; holidays count as Sundays.
    DayOfWeek,
    /// 1 on Saturdays, Sundays and holidays, otherwise 0.
    IsWeekend,
    /// The month: January 1 to December 12.
    Month,
    /// Steps ahead: 1 is the row behind the origin.
    Horizon,
    /// A number for each series, by its name.
    Series(BTreeMap<String, f64>),
    /// The static attribute of that name; missing where a series has none.
    Static(String),
}

impl Feature {
    /// The first and the last lag that is read; nothing where no value is.
    pub(super) fn lags(&self) -> Option<[usize; 2]> {
        match self {
            Self::Lag(lag) => Some([*lag; 2]),
            Self::Mean(lags) => Some(*lags),
            _ => None,
        }
    }

    /// Whether it tells a time.
    pub(super) fn is_of_time(&self) -> bool {
        matches!(
            self,
            Self::MinuteOfDay
                | Self::TimeOfDay
                | Self::TimeOfDaySine
                | Self::TimeOfDayCosine
                | Self::Hour
                | Self::DayOfWeek
                | Self::IsWeekend
                | Self::Month
        )
    }

    /// Checks the ranges of the feature in column `column`.
    pub(super) fn check(&self, column: usize) -> Result<()> {
        match self {
            Self::Lag(lag) if *lag > MOST_LAG => Err(Error::invalid(
                field(column, "lag"),
                lag,
                format!("a whole number from 0 to {MOST_LAG}"),
            )),
            Self::Mean([first, last]) if first > last || *last > MOST_LAG => Err(Error::invalid(
                field(column, "mean"),
                format!("[{first}, {last}]"),
                format!("two lags from 0 to {MOST_LAG}, the second not below the first"),
            )),
            Self::Series(codes) => match codes.iter().find(|(_, code)| !code.is_finite()) {
                Some((series, code)) => Err(Error::invalid(
                    field(column, &format!("series.{series}")),
                    code,
                    "a finite number",
                )),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// How messages call a key of the feature in column `column`.
fn field(column: usize, key: &str) -> String {
    format!("features[{column}].{key}")
}

/// What does not change about the series of `panel`.
///
/// # Shapes
/// Series x features, NaN in the columns of features that do change.
///
/// # Errors
/// A series without a number, an attribute that the panel does not have.
pub(super) fn constants(features: &[Feature], panel: &Panel) -> Result<Array2<f64>> {
    let mut constants = Array2::from_elem((panel.series().len(), features.len()), f64::NAN);
    for (column, feature) in features.iter().enumerate() {
        match feature {
            Feature::Series(codes) => {
                for (place, series) in panel.series().iter().enumerate() {
                    let code = codes.get(series).ok_or_else(|| no_code(column, series))?;
                    constants[(place, column)] = *code;
                }
            }
            Feature::Static(name) => {
                let attributes = panel.attributes();
                let found = attributes.names.iter().position(|known| known == name);
                let place = found.ok_or_else(|| no_attribute(column, name, &attributes.names))?;
                constants.column_mut(column).assign(&attributes.values.column(place));
            }
            _ => {}
        }
    }
    Ok(constants)
}

fn no_code(column: usize, series: &str) -> Error {
    let found = format!("nothing for `{series}`");
    Error::invalid(field(column, "series"), found, "a number for each series")
}

fn no_attribute(column: usize, name: &str, known: &[String]) -> Error {
    let known: String = match known {
        [] => "there is none".into(),
        names => names.join(", "),
    };
    let accepted = format!("a static attribute of the series: {known}");
    Error::invalid(field(column, "static"), name, accepted)
}
