//! What is known ahead of a panel's last row: channels such as calendars and weather forecasts go on behind it.

use ndarray::{Array3, s};

use super::{ChannelRole, Panel};
use crate::{Error, Result};

impl Panel {
    /// This panel where its channels that are known ahead go on with the rows `ahead`, the first of which stands behind the last
    /// row. Of other channels nothing is taken: nobody knows them before their time.
    ///
    /// # Shapes
    /// `ahead` is time x series x channel, NaN where missing.
    ///
    /// # Errors
    /// Other series or channels than the panel has.
    pub fn with_ahead(mut self, mut ahead: Array3<f64>) -> Result<Self> {
        let (_, width, depth) = ahead.dim();
        if (width, depth) != (self.series.len(), self.channels.len()) {
            return Err(Error::invalid(
                "rows known ahead",
                format!("{width} series x {depth} channels"),
                format!("{} series x {} channels", self.series.len(), self.channels.len()),
            ));
        }
        for (place, channel) in self.channels.iter().enumerate() {
            if channel.role != ChannelRole::KnownAhead {
                ahead.slice_mut(s![.., .., place]).fill(f64::NAN);
            }
        }
        let last = ahead
            .outer_iter()
            .rposition(|row| row.iter().any(|value| !value.is_nan()));
        let rows = last.map_or(0, |last| last + 1);
        self.ahead = ahead.slice(s![..rows, .., ..]).to_owned();
        Ok(self)
    }

    /// The number of rows that anything is known of: those of the target, and behind them those that are known ahead.
    #[must_use]
    pub fn known_steps(&self) -> usize {
        self.steps() + self.ahead.dim().0
    }

    /// The value of channel `channel` at row `row`, which may lie behind the last one; NaN where it is missing, and there
    /// for every channel that is not known ahead.
    ///
    /// # Panics
    /// A series or channel that there is not.
    #[must_use]
    pub fn known(&self, row: usize, series: usize, channel: usize) -> f64 {
        match row.checked_sub(self.steps()) {
            None => self.values[(row, series, channel)],
            Some(behind) if behind < self.ahead.dim().0 => self.ahead[(behind, series, channel)],
            Some(_) => f64::NAN,
        }
    }

    /// The last row, maybe one behind the panel's last, that channel `channel` has a value at.
    #[must_use]
    pub fn last_known(&self, channel: usize) -> Option<usize> {
        let is_known = |row: &usize| (0..self.series.len()).any(|series| !self.known(*row, series, channel).is_nan());
        (0..self.known_steps()).rev().find(is_known)
    }

    /// What is known ahead from row `first` on.
    pub(super) fn ahead_of(&self, first: usize) -> Array3<f64> {
        let (steps, series, channels) = self.values.dim();
        let known: Vec<usize> = (0..channels)
            .filter(|place| self.channels[*place].role == ChannelRole::KnownAhead)
            .collect();
        let rows = if known.is_empty() {
            0
        } else {
            self.known_steps() - first
        };
        let mut ahead = Array3::from_elem((rows, series, channels), f64::NAN);
        for place in known {
            let inside = self.values.slice(s![first.., .., place]);
            let behind = self.ahead.slice(s![.., .., place]);
            ahead.slice_mut(s![..steps - first, .., place]).assign(&inside);
            ahead.slice_mut(s![steps - first.., .., place]).assign(&behind);
        }
        ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::{Channel, CityMeans};
    use crate::time::{Duration, MINUTE, Timestamp};

    /// Tells its row, its series and its channel.
    fn told((row, series, channel): (usize, usize, usize)) -> f64 {
        (100 * row + 10 * series + channel) as f64
    }

    /// Three rows of two series, and behind them two in which something is known ahead.
    fn panel() -> Panel {
        let channel = |name: &str, role| Channel {
            name: name.into(),
            role,
        };
        let channels = vec![
            channel("y", ChannelRole::Target),
            channel("rain", ChannelRole::Observed),
            channel("event", ChannelRole::KnownAhead),
        ];
        let (step, names) = (Duration(5 * MINUTE), vec!["a".into(), "b".into()]);
        let values = Array3::from_shape_fn((3, 2, 3), told);
        let mut ahead = Array3::from_shape_fn((4, 2, 3), |(row, series, channel)| told((3 + row, series, channel)));
        ahead.slice_mut(s![2.., .., 2]).fill(f64::NAN);
        let panel = Panel::new(Timestamp(0), step, "UTC", names, channels, values).unwrap();
        panel.with_ahead(ahead).unwrap()
    }

    /// What a channel is known to be at every row and one more, of series `b`.
    fn known(panel: &Panel, channel: usize) -> Vec<Option<i64>> {
        let last = panel.known_steps();
        let values = (0..=last).map(|row| panel.known(row, 1, channel));
        values.map(|value| (!value.is_nan()).then_some(value as i64)).collect()
    }

    #[test]
    fn a_channel_known_ahead_goes_on_behind_the_last_row_and_no_other_one_does() {
        let panel = panel();
        assert_eq!((panel.steps(), panel.known_steps()), (3, 5));
        let event = [12, 112, 212, 312, 412].map(Some);
        assert_eq!(known(&panel, 2), [&event[..], &[None]].concat());
        assert_eq!(
            known(&panel, 0),
            [Some(10), Some(110), Some(210), None, None, None],
            "the target"
        );
        assert_eq!(
            known(&panel, 1),
            [Some(11), Some(111), Some(211), None, None, None],
            "what is observed"
        );
        assert_eq!((panel.last_known(2), panel.last_known(1)), (Some(4), Some(2)));
    }

    #[test]
    fn rows_know_ahead_what_the_whole_panel_knows() {
        let panel = panel();
        let rows = panel.rows(1..2);
        assert_eq!((rows.steps(), rows.known_steps()), (1, 4));
        assert_eq!(known(&rows, 2), [Some(112), Some(212), Some(312), Some(412), None]);
        assert_eq!(known(&rows, 1), [Some(111), None, None, None, None]);
        assert_eq!(known(&rows.rows(0..1), 2), known(&rows, 2));
        let bare = panel.without("event").unwrap();
        assert_eq!(bare.rows(0..2).known_steps(), 2);
    }

    #[test]
    fn what_is_known_ahead_follows_its_series_and_its_channel() {
        let arranged = panel().arranged(&["b".into(), "a".into()]).unwrap();
        assert_eq!(known(&arranged, 2)[3..5], [Some(302), Some(402)]);
        let without = panel().without("rain").unwrap();
        assert_eq!(known(&without, 1)[3..5], [Some(312), Some(412)]);
        let means = CityMeans {
            covariate: "air.pm10".parse().unwrap(),
            window: Duration(5 * MINUTE),
            means: [(Timestamp(0), 7.0)].into(),
        };
        let further = panel().with_covariate(&means);
        assert_eq!(known(&further, 2)[3..5], [Some(312), Some(412)]);
        assert_eq!(known(&further, 3)[3..5], [None, None]);
    }

    #[test]
    fn rows_of_other_series_or_channels_are_refused() {
        for shape in [(1, 1, 3), (1, 2, 2)] {
            let said = panel().with_ahead(Array3::zeros(shape)).unwrap_err().to_string();
            assert!(said.contains("2 series x 3 channels"), "{said}");
        }
        assert!(panel().with_values(Array3::zeros((2, 2, 3))).is_err());
    }
}
