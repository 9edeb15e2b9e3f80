//! What stands in a column that the models read.

use std::collections::BTreeMap;

use arterial_datasets::panel::Panel;
use ndarray::Array2;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::covariate::CovariateValue;
use crate::{Error, Result};

/// The most rows that a lag reaches back.
pub(super) const MOST_LAG: usize = 10_000;
/// The key by which the value of a covariate is told from other features.
const COVARIATE: &str = "covariate";

/// What stands in a column. Values are those of the target, missing ones NaN; clock times are those of the panel's zone, and
/// [`TimeOf`](super::TimeOf) says of which row.
// `remote` leaves the traits to the impls below: a covariate has its name and its row side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, remote = "Self")]
pub enum Feature {
    /// The value so many rows before the origin, 0 to 10,000; 0 is the value at the origin.
    Lag(usize),
    /// The mean of the values from the first to the second lag, both included; missing where one of them is.
    Mean([usize; 2]),
    /// The standard deviation of the values from the first to the second lag, divided by one less than their number, as in
    /// pandas; missing where one of them is.
    Std([usize; 2]),
    /// The least of the values from the first to the second lag; missing where one of them is.
    Min([usize; 2]),
    /// The greatest of the values from the first to the second lag; missing where one of them is.
    Max([usize; 2]),
    /// The value of a covariate.
    Covariate(CovariateValue),
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
    /// The day of the week by the calendar: Monday 0 to Sunday 6.
    DayOfWeek,
    /// 1 on Saturdays and Sundays, otherwise 0.
    IsWeekend,
    /// 1 on holidays, otherwise 0; 0 where the panel knows none.
    IsHoliday,
    /// The month: January 1 to December 12.
    Month,
    /// Steps ahead: 1 is the row behind the origin.
    Horizon,
    /// A number for each series, by its name.
    Series(BTreeMap<String, f64>),
    /// The static attribute of that name; missing where a series has none.
    Static(String),
}

impl Serialize for Feature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Covariate(value) => value.serialize(serializer),
            other => Self::serialize(other, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Feature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let feature = if value.get(COVARIATE).is_some() {
            CovariateValue::deserialize(value).map(Self::Covariate)
        } else {
            Self::deserialize(value)
        };
        feature.map_err(D::Error::custom)
    }
}

impl Feature {
    /// The first and the last lag of the target that is read; nothing where no value of it is.
    pub(super) fn lags(&self) -> Option<[usize; 2]> {
        match self {
            Self::Lag(lag) => Some([*lag; 2]),
            Self::Mean(lags) | Self::Std(lags) | Self::Min(lags) | Self::Max(lags) => Some(*lags),
            _ => None,
        }
    }

    /// How many rows before the origin are read, of the target or of a covariate.
    pub(super) fn reach(&self) -> usize {
        match self {
            Self::Covariate(value) => value.lag(),
            _ => self.lags().map_or(0, |[_, last]| last),
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
                | Self::IsHoliday
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
            Self::Mean(lags) => check_span(column, "mean", *lags),
            Self::Min(lags) => check_span(column, "min", *lags),
            Self::Max(lags) => check_span(column, "max", *lags),
            Self::Std([first, last]) if first == last => Err(Error::invalid(
                field(column, "std"),
                format!("[{first}, {last}]"),
                "two lags, the second above the first, as one value has no deviation",
            )),
            Self::Std(lags) => check_span(column, "std", *lags),
            Self::Covariate(value) => value.check(column),
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

fn check_span(column: usize, key: &str, [first, last]: [usize; 2]) -> Result<()> {
    if first <= last && last <= MOST_LAG {
        return Ok(());
    }
    Err(Error::invalid(
        field(column, key),
        format!("[{first}, {last}]"),
        format!("two lags from 0 to {MOST_LAG}, the second not below the first"),
    ))
}

/// How messages call a key of the feature in column `column`.
pub(super) fn field(column: usize, key: &str) -> String {
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
