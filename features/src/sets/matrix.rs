//! From prepared columns to the matrix of some origins and one horizon.

use arterial_datasets::feature::{FeatureMatrix, PreparedFeatures};
use arterial_datasets::{Error, Result};
use ndarray::{Array2, ArrayView1, ArrayViewMut2, s};
use polars::prelude::{Column, DataFrame};

use super::frame::{numbers, run};
use super::layout::Layout;
use super::prepared::{Named, Prepared};
use super::profile::PROFILE;
use super::target::{TARGET, TARGET_INPUTS};

/// Columns of the target's local clock that are taken as they are.
pub(super) const PLAIN: [&str; 2] = ["hour", "weekday"];
/// Rows for which target features are computed at a time.
const BLOCK_ROWS: usize = 1 << 18;

impl PreparedFeatures for Prepared {
    fn columns(&self) -> &[String] {
        &self.columns
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
    /// Fills the rows of `origins`.
    fn fill(&self, origins: &[usize], horizon: usize, mut values: ArrayViewMut2<f32>) -> Result<()> {
        let before = [&self.rows, &self.days, &self.slots, &self.ahead, &self.attributes];
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
                Some(origin + horizon).filter(|row| *row < self.steps),
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
