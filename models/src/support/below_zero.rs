//! Where a target that training never saw below zero has been below since: a temperature of a warm month, in frost.

use arterial_datasets::panel::Panel;
use rayon::prelude::*;

/// What forecasts were made from: of each of `origins` of `panel` that row and the ones before it, `history` of them.
#[derive(Clone, Copy)]
pub(crate) struct Read<'a> {
    /// The data.
    pub(crate) panel: &'a Panel,
    /// The last row of each forecast.
    pub(crate) origins: &'a [usize],
    /// How many rows a forecast may read.
    pub(crate) history: usize,
}

/// The rows in which each series was below zero, among those that were read.
pub(super) struct BelowZero {
    /// By series, ascending.
    rows: Vec<Vec<usize>>,
    history: usize,
}

impl BelowZero {
    pub(super) fn of(read: &Read<'_>) -> Self {
        let (target, history) = (read.panel.target(), read.history);
        let origins = || read.origins.iter().map(|origin| origin + 1);
        let first = origins().min().map_or(0, |behind| behind.saturating_sub(history));
        let behind = origins().max().unwrap_or(0).min(target.nrows());
        let below = |row: usize| {
            let values = target.row(row).into_iter().enumerate();
            let below = values.filter(|(_, value)| **value < 0.0);
            below.map(move |(series, _)| (row, series))
        };
        let found: Vec<(usize, usize)> = (first..behind).into_par_iter().flat_map_iter(below).collect();
        let mut rows = vec![Vec::new(); target.ncols()];
        for (row, series) in found {
            rows[series].push(row);
        }
        Self { rows, history }
    }

    /// Whether a forecast of `series` from `origin` read a value below zero.
    pub(super) fn is_read(&self, origin: usize, series: usize) -> bool {
        let Some(rows) = self.rows.get(series) else {
            return false;
        };
        let before = rows.partition_point(|row| *row <= origin);
        before > 0 && rows[before - 1] + self.history > origin
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::panel::{Channel, ChannelRole};
    use ndarray::Array3;

    use super::*;

    #[test]
    fn a_value_below_zero_is_read_from_its_row_on_for_as_long_as_the_history_reaches() {
        let target = Channel {
            name: "value".into(),
            role: ChannelRole::Target,
        };
        let values = Array3::from_shape_fn((8, 2, 1), |(row, series, _)| match (row, series) {
            (2, 0) => -1.0,
            (5, 1) => f64::NAN,
            _ => 3.0,
        });
        let start = "2026-01-05T00:00:00Z".parse().unwrap();
        let names = vec!["a".into(), "b".into()];
        let panel = Panel::new(start, "15m".parse().unwrap(), "UTC", names, vec![target], values).unwrap();
        let origins = [7, 0, 1, 2, 3, 4, 5, 6];
        let below = BelowZero::of(&Read {
            panel: &panel,
            origins: &origins,
            history: 3,
        });
        for origin in 0..8 {
            assert_eq!(below.is_read(origin, 0), (2..5).contains(&origin), "{origin}");
            assert!(!below.is_read(origin, 1), "{origin}");
        }
    }
}
