//! From prepared columns to the matrix of some origins and one horizon.

use arterial_datasets::feature::{FeatureMatrix, PreparedFeatures, RecentColumns};
use arterial_datasets::{Error, Result};
use ndarray::{Array2, ArrayView1, ArrayViewMut2, s};
use polars::prelude::{Column, DataFrame};

use super::frame::{numbers, run};
use super::layout::Layout;
use super::neighbours::NEIGHBOURS;
use super::prepared::{Named, Prepared};
use super::profile::PROFILE;
use super::recent::RECENT;
use super::target::{TARGET, TARGET_INPUTS, TARGET_OF_RECENT};

/// Columns of the target's local clock that are taken as they are.
pub(super) const PLAIN: [&str; 2] = ["hour", "weekday"];
/// Rows for which target features are computed at a time.
const BLOCK_ROWS: usize = 1 << 18;

impl PreparedFeatures for Prepared {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn recent(&self) -> RecentColumns {
        RecentColumns {
            own: self.places(RECENT.kept.iter().chain(TARGET_OF_RECENT)),
            others: self.places(NEIGHBOURS.kept),
        }
    }

    fn matrix(&self, origins: &[usize], horizon: usize) -> Result<FeatureMatrix> {
        if horizon == 0 {
            return Err(Error::invalid("horizon", 0, "at least 1 step"));
        }
        if let Some(origin) = origins.iter().find(|origin| **origin >= self.steps) {
            return Err(Error::invalid("origin", origin, format!("a row before {}", self.steps)));
        }
        let section = &self.daily.section;
        if let Some(origin) = origins.iter().find(|origin| !section.rows.contains(origin)) {
            return Err(Error::invalid(
                "origin",
                origin,
                format!("a row of {:?}, as prepared", section.rows),
            ));
        }
        if horizon > section.horizon {
            return Err(Error::invalid(
                "horizon",
                horizon,
                format!("at most {} steps, as prepared", section.horizon),
            ));
        }
        let mut values = Array2::from_elem((origins.len() * self.series, self.columns.len()), f32::NAN);
        let mut series = Vec::with_capacity(values.nrows());
        let mut owners = Vec::with_capacity(values.nrows());
        let block = (BLOCK_ROWS / self.series.max(1)).max(1);
        for (place, chunk) in origins.chunks(block).enumerate() {
            let first = place * block * self.series;
            let rows = s![first..first + chunk.len() * self.series, ..];
            self.fill(chunk, horizon, values.slice_mut(rows))?;
            for &origin in chunk {
                series.extend(0..self.series as u32);
                owners.extend(std::iter::repeat_n(origin as u32, self.series));
            }
        }
        Ok(FeatureMatrix {
            columns: self.columns.clone(),
            series,
            origins: owners,
            values,
        })
    }
}

impl Prepared {
    /// The positions of the columns `names`.
    fn places<'a>(&self, names: impl IntoIterator<Item = &'a &'static str>) -> Vec<usize> {
        let place = |name: &&'static str| self.columns.iter().position(|column| column == name);
        names.into_iter().filter_map(place).collect()
    }

    /// Fills the rows of `origins`.
    fn fill(&self, origins: &[usize], horizon: usize, mut values: ArrayViewMut2<f32>) -> Result<()> {
        let before = [&self.rows, &self.days, &self.slots, &self.ahead, &self.attributes];
        let known = self.ahead.first().map_or(0, |(_, values)| values.nrows());
        let gathered = before.iter().map(|part| part.len()).sum::<usize>() + PROFILE.kept.len();
        let mut profile_now = Vec::with_capacity(values.nrows());
        for (place, &origin) in origins.iter().enumerate() {
            let rows = s![place * self.series..(place + 1) * self.series, ..];
            let mut block = values.slice_mut(rows);
            let now = self.daily.moments[origin];
            let then = self.daily.calendar.moment(origin + horizon)?;
            let slot = self.daily.row(now.day, then.slot);
            let table = self.table(then.day.saturating_sub(now.day))?;
            let mut column = 0;
            put_all(
                &mut block,
                &mut column,
                &self.rows,
                Some(origin - self.daily.section.rows.start),
            );
            put_all(&mut block, &mut column, &self.days, Some(now.day));
            put_all(&mut block, &mut column, &self.slots, Some(slot));
            put_all(
                &mut block,
                &mut column,
                &self.ahead,
                Some(origin + horizon).filter(|row| *row < known),
            );
            put_all(&mut block, &mut column, &self.attributes, Some(0));
            for values in table.iter() {
                put(&mut block, &mut column, &values.row(slot));
            }
            block.column_mut(self.columns.len() - 2).fill(then.hour as f32);
            block.column_mut(self.columns.len() - 1).fill(f32::from(then.weekday));
            let today = self.table(0)?;
            profile_now.extend(today[0].row(self.daily.row(now.day, now.slot)));
        }
        self.fill_targets(values, gathered, profile_now)
    }

    /// Computes the features that need both the origin and the target.
    fn fill_targets(&self, mut values: ArrayViewMut2<f32>, first: usize, profile_now: Vec<f32>) -> Result<()> {
        let refuse = |error: polars::prelude::PolarsError| Error::Features {
            set: TARGET.frame.into(),
            source: error.into(),
        };
        let mut inputs = vec![Column::new("profile_now".into(), profile_now)];
        for name in TARGET_INPUTS.iter().filter(|name| **name != "profile_now") {
            let place = self
                .columns
                .iter()
                .position(|column| column == name)
                .unwrap_or_default();
            inputs.push(Column::new((*name).into(), values.column(place).to_vec()));
        }
        let frame = DataFrame::new(values.nrows(), inputs).map_err(refuse)?;
        let layout = Layout {
            series: self.series as i64,
            ..self.daily.layout
        };
        let frame = run(frame, &TARGET, layout).map_err(refuse)?;
        for (place, name) in TARGET.kept.iter().enumerate() {
            let column = numbers(&frame, name).map_err(refuse)?;
            values.column_mut(first + place).assign(&ArrayView1::from(&column));
        }
        Ok(())
    }
}

fn put_all(block: &mut ArrayViewMut2<f32>, column: &mut usize, named: &[Named], row: Option<usize>) {
    for (_, values) in named {
        match row {
            Some(row) => put(block, column, &values.row(row)),
            None => *column += 1,
        }
    }
}

fn put(block: &mut ArrayViewMut2<f32>, column: &mut usize, values: &ArrayView1<f32>) {
    block.column_mut(*column).assign(values);
    *column += 1;
}

#[cfg(test)]
mod tests {
    use arterial_datasets::feature::FeatureState;
    use arterial_datasets::panel::{Channel, ChannelRole, Graph, Panel};
    use ndarray::Array3;

    use super::*;
    use crate::sets::standard;

    /// Twenty days of two neighbours until an evening, the last ten hours without values where `is_silent` says so.
    fn evening(is_silent: fn(usize) -> bool) -> (FeatureMatrix, RecentColumns) {
        let rows = 20 * 96 + 80;
        let target = Channel {
            name: "y".into(),
            role: ChannelRole::Target,
        };
        let values = Array3::from_shape_fn((rows, 2, 1), |(row, series, _)| {
            if row + 40 >= rows && is_silent(series) {
                f64::NAN
            } else {
                20.0 + ((row * 7 + series * 5) % 31) as f64
            }
        });
        let panel = Panel::new(
            "2026-05-01T22:00:00Z".parse().unwrap(),
            "15m".parse().unwrap(),
            "Europe/Copenhagen",
            vec!["a".into(), "b".into()],
            vec![target],
            values,
        );
        let panel = panel.unwrap().with_graph(Graph {
            edges: vec![(0, 1, 1.0)],
        });
        let features = standard().prepare(&panel, &FeatureState::default()).unwrap();
        (features.matrix(&[rows - 1], 1).unwrap(), features.recent())
    }

    #[test]
    fn recent_columns_are_those_that_an_outage_leaves_without_a_value() {
        let (complete, recent) = evening(|_| false);
        let (alone, _) = evening(|series| series == 0);
        let (together, _) = evening(|_| true);
        assert_eq!(recent.own.len(), RECENT.kept.len() + TARGET_OF_RECENT.len());
        assert_eq!(recent.others.len(), NEIGHBOURS.kept.len());
        for (column, name) in complete.columns.iter().enumerate() {
            let missing = [&complete, &alone, &together].map(|matrix| matrix.values[(0, column)].is_nan());
            // It counts what is missing instead.
            let is_own = recent.own.contains(&column) && name != "missing_12";
            let is_others = recent.others.contains(&column);
            let expected = [missing[0], missing[0] || is_own, missing[0] || is_own || is_others];
            assert_eq!(missing, expected, "{name}");
        }
    }
}
