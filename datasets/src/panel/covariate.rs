//! Numbers of other streams beside a target: one value a window for the whole city, counted from when it was known.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use ndarray::{Array3, s};

use super::{Channel, ChannelRole, Panel};
use crate::time::{Duration, Timestamp};
use crate::{Error, Result};

/// A value holds for so many windows of its stream; then it is missing.
const HELD_WINDOWS: i64 = 2;

/// A number of a stream: `weather.precipitation_mm`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Covariate {
    /// The topic.
    pub topic: String,
    /// The field, as the windows of the topic name it.
    pub field: String,
}

impl FromStr for Covariate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once('.') {
            Some((topic, field)) if !topic.is_empty() && !field.is_empty() => Ok(Self {
                topic: topic.into(),
                field: field.into(),
            }),
            _ => Err(Error::invalid(
                "covariate",
                text,
                "topic.field, such as weather.precipitation_mm",
            )),
        }
    }
}

impl fmt::Display for Covariate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.topic, self.field)
    }
}

impl Covariate {
    /// The channel that it makes in a panel.
    #[must_use]
    pub fn channel(&self) -> Channel {
        Channel {
            name: self.to_string(),
            role: ChannelRole::Observed,
        }
    }
}

/// The mean of what a stream's keys said in one window, in whatever order they stand; NaN where none said anything.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "keys are far below 2^52")]
pub fn city_mean(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut present: Vec<f64> = values.into_iter().filter(|value| !value.is_nan()).collect();
    // Sums depend on the order of their terms.
    present.sort_by(f64::total_cmp);
    present.iter().sum::<f64>() / present.len() as f64
}

/// The means of one covariate by the start of their window.
#[derive(Debug, Clone, PartialEq)]
pub struct CityMeans {
    /// Which number.
    pub covariate: Covariate,
    /// The length of its windows.
    pub window: Duration,
    /// Its means by the start of their window; windows without a value are absent.
    pub means: BTreeMap<Timestamp, f64>,
}

impl CityMeans {
    /// The value that counts for a target's window that starts at `start`: the newest whose own window had ended then.
    ///
    /// A window closes a little after its end, when its stream's allowed lateness has passed. Whoever takes part in the
    /// forecast from the target's window must have closed before that one: windows that end when it starts have.
    fn at(&self, start: Timestamp) -> f64 {
        let last = Timestamp(start.0 - self.window.0);
        let first = Timestamp(last.0 - (HELD_WINDOWS - 1) * self.window.0);
        let newest = self.means.range(first..=last).next_back();
        newest.map_or(f64::NAN, |(_, mean)| *mean)
    }
}

impl Panel {
    /// This panel with a further channel, the same for every series.
    #[must_use]
    pub fn with_covariate(mut self, means: &CityMeans) -> Self {
        let (steps, _, channels) = self.values.dim();
        self.values = with_room(&self.values);
        self.ahead = with_room(&self.ahead);
        for row in 0..steps {
            let value = means.at(self.time(row));
            self.values.slice_mut(s![row, .., channels]).fill(value);
        }
        self.channels.push(means.covariate.channel());
        self
    }
}

/// These values with one channel more, in which all is missing.
fn with_room(values: &Array3<f64>) -> Array3<f64> {
    let (rows, series, channels) = values.dim();
    let mut wider = Array3::from_elem((rows, series, channels + 1), f64::NAN);
    wider.slice_mut(s![.., .., ..channels]).assign(values);
    wider
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE;

    fn means(values: &[(i64, f64)]) -> CityMeans {
        CityMeans {
            covariate: "weather.precipitation_mm".parse().unwrap(),
            window: Duration(5 * MINUTE),
            means: values
                .iter()
                .map(|(minute, mean)| (Timestamp(minute * MINUTE), *mean))
                .collect(),
        }
    }

    #[test]
    fn a_value_counts_from_the_end_of_its_window_and_not_for_ever() {
        let means = means(&[(0, 1.0), (5, 2.0)]);
        let at = |minute: i64| means.at(Timestamp(minute * MINUTE));
        assert!(at(0).is_nan(), "its own window has not ended");
        assert_eq!((at(5), at(10), at(15)), (1.0, 2.0, 2.0));
        assert!(at(20).is_nan(), "two windows later nobody knows");
    }

    #[test]
    fn the_mean_does_not_depend_on_the_order_of_keys() {
        let values = [0.1, 1e16, -1e16, 0.7, f64::NAN, 0.3];
        let reversed = values.iter().rev().copied();
        assert_eq!(city_mean(values).to_bits(), city_mean(reversed).to_bits());
        assert!(city_mean([f64::NAN]).is_nan());
    }

    #[test]
    fn a_covariate_becomes_a_channel_of_every_series() {
        let channels = vec![Channel {
            name: "y".into(),
            role: ChannelRole::Target,
        }];
        let series = vec!["a".into(), "b".into()];
        let panel = Panel::new(
            Timestamp(0),
            Duration(5 * MINUTE),
            "UTC",
            series,
            channels,
            Array3::zeros((3, 2, 1)),
        );
        let panel = panel.unwrap().with_covariate(&means(&[(0, 1.0)]));
        assert_eq!(panel.channels()[1].name, "weather.precipitation_mm");
        assert_eq!((panel.values()[[1, 0, 1]], panel.values()[[1, 1, 1]]), (1.0, 1.0));
        assert!(panel.values()[[0, 0, 1]].is_nan());
        assert!(
            panel.target().iter().all(|value| value.abs() < 1e-12),
            "the target is left alone"
        );
    }

    #[test]
    fn a_covariate_without_topic_or_field_is_refused() {
        for text in ["weather", ".rain", "weather.", ""] {
            assert!(text.parse::<Covariate>().is_err(), "{text}");
        }
    }
}
