//! What the models answer: predictions as forecasts.

use ndarray::{Array2, Array3, Array4, Axis, s};
use rayon::prelude::*;

use super::description::{Output, Strategy};
use super::imported::Trees;
use super::rows::{Line, Rows};
use crate::forecaster::go_on;
use crate::{Outlook, Progress, Result};

/// About as many rows are predicted at once.
const ROWS: usize = 4096;

impl Trees {
    /// Forecasts every series from each of `origins`, given up soon after `progress` says so.
    pub(super) fn forecast(
        &self,
        rows: &Rows<'_>,
        origins: &[usize],
        horizon: usize,
        progress: &dyn Progress,
    ) -> Result<Outlook> {
        let width = (ROWS / rows.series().max(1)).max(1);
        let block = |origins: &[usize]| self.block(rows, origins, horizon, progress);
        let blocks: Vec<Outlook> = origins.par_chunks(width).map(block).collect::<Result<_>>()?;
        let mut whole = self.unanswered((origins.len(), rows.series(), horizon));
        for (number, block) in blocks.iter().enumerate() {
            put(&mut whole, number * width, block);
        }
        Ok(whole)
    }

    /// Forecasts step by step from a few origins.
    fn block(&self, rows: &Rows<'_>, origins: &[usize], horizon: usize, progress: &dyn Progress) -> Result<Outlook> {
        let mut outlook = self.unanswered((origins.len(), rows.series(), horizon));
        let mut lines = rows.lines(origins);
        for step in 1..=horizon {
            go_on(progress)?;
            let table = rows.table(&lines, step);
            let medians = self.answers(self.assignment.medians[step - 1], rows, &lines, &table)?;
            let tails = match &self.assignment.tails {
                Some(models) => {
                    let [low, high] = models[step - 1];
                    Some([
                        self.answers(low, rows, &lines, &table)?,
                        self.answers(high, rows, &lines, &table)?,
                    ])
                }
                None => None,
            };
            for (index, line) in lines.iter_mut().enumerate() {
                let tails = tails.as_ref().map(|[low, high]| [low[index], high[index]]);
                note(&mut outlook, line, step, medians[index], tails);
                if self.description.strategy == Strategy::Recursive {
                    line.made.push(medians[index]);
                }
            }
        }
        Ok(outlook)
    }

    /// What model `model` says of each of `lines`, in the unit of the target.
    fn answers(&self, model: usize, rows: &Rows<'_>, lines: &[Line], table: &Array2<f32>) -> Result<Vec<f64>> {
        let predictions = self.models[model].predict(table.view(), None)?;
        let answer = |(line, prediction): (&Line, &f32)| match self.description.output {
            Output::Value => f64::from(*prediction),
            Output::Change => rows.last(line) + f64::from(*prediction),
        };
        Ok(lines.iter().zip(predictions.column(0)).map(answer).collect())
    }

    /// No forecasts yet, for origins x series x horizon.
    fn unanswered(&self, shape: (usize, usize, usize)) -> Outlook {
        let (origins, series, horizon) = shape;
        let spread = || Array4::from_elem((origins, series, horizon, 2), f64::NAN);
        Outlook {
            points: Array3::from_elem(shape, f64::NAN),
            spread: self.assignment.tails.as_ref().map(|_| spread()),
        }
    }
}

/// Notes the forecast of a line; one that is not finite is refused.
fn note(outlook: &mut Outlook, line: &Line, step: usize, median: f64, tails: Option<[f64; 2]>) {
    if !median.is_finite() {
        return;
    }
    outlook.points[(line.at, line.series, step - 1)] = median;
    if let (Some(spread), Some([low, high])) = (&mut outlook.spread, tails) {
        spread[(line.at, line.series, step - 1, 0)] = (median - low).max(0.0);
        spread[(line.at, line.series, step - 1, 1)] = (high - median).max(0.0);
    }
}

/// Puts the forecasts of the origins from `first` on into `whole`.
fn put(whole: &mut Outlook, first: usize, block: &Outlook) {
    let range = first..first + block.points.len_of(Axis(0));
    whole.points.slice_mut(s![range.clone(), .., ..]).assign(&block.points);
    if let (Some(whole), Some(block)) = (&mut whole.spread, &block.spread) {
        whole.slice_mut(s![range, .., .., ..]).assign(block);
    }
}
