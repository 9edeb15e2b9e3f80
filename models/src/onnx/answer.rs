//! What a network answers: output tensors as forecasts.

use ndarray::{Array3, Array4, ArrayD, ArrayView2, s};

use super::FILE;
use super::axes;
use super::description::Description;
use super::scaling::Scales;
use super::window::{Item, Windows};
use crate::{Error, Outlook, Quantile, Result};

/// Forecasts that are filled in item by item; NaN where no answer came.
pub(super) struct Answers<'a> {
    description: &'a Description,
    scales: &'a Scales,
    outlook: Outlook,
    /// Where the median stands among the quantiles.
    median: usize,
    /// Where those of 10 % and 90 % stand.
    tails: Option<[usize; 2]>,
}

impl<'a> Answers<'a> {
    /// No answers yet, for origins x series x horizon.
    pub(super) fn none(description: &'a Description, scales: &'a Scales, shape: (usize, usize, usize)) -> Result<Self> {
        let (low, high) = Quantile::of_level(80.0)?;
        let place = |quantile| description.output.place_of(quantile);
        let tails = place(low).zip(place(high)).map(|(low, high)| [low, high]);
        let (origins, series, horizon) = shape;
        Ok(Self {
            description,
            scales,
            outlook: Outlook {
                points: Array3::from_elem(shape, f64::NAN),
                spread: tails.map(|_| Array4::from_elem((origins, series, horizon, 2), f64::NAN)),
            },
            median: place(Quantile::MEDIAN).unwrap_or(0),
            tails,
        })
    }

    /// Takes the answers to `items`: batch x time x series x quantile.
    pub(super) fn take(&mut self, windows: &Windows<'_>, items: &[Item], answers: &Array4<f32>) {
        for (index, item) in items.iter().enumerate() {
            for (place, series) in item.series.clone().enumerate() {
                if windows.knows(item.origin, series) {
                    self.note(item.at, series, &answers.slice(s![index, .., place, ..]));
                }
            }
        }
    }

    /// Notes the answer for one series, steps x quantiles; steps where it is not finite are refused.
    fn note(&mut self, at: usize, series: usize, answer: &ArrayView2<'_, f32>) {
        let horizon = self.outlook.points.dim().2;
        for (step, quantiles) in answer.outer_iter().take(horizon).enumerate() {
            if quantiles.iter().any(|value| !value.is_finite()) {
                continue;
            }
            let value = |place: usize| self.unit(f64::from(quantiles[place]), series);
            let median = value(self.median);
            let tails = self.tails.map(|tails| tails.map(value));
            self.outlook.points[(at, series, step)] = median;
            if let (Some(spread), Some([low, high])) = (&mut self.outlook.spread, tails) {
                spread[(at, series, step, 0)] = (median - low).max(0.0);
                spread[(at, series, step, 1)] = (high - median).max(0.0);
            }
        }
    }

    /// An answered value in the unit of the target.
    fn unit(&self, value: f64, series: usize) -> f64 {
        if self.description.output.scaled {
            self.scales.undo(value, series)
        } else {
            value
        }
    }

    /// The forecasts.
    pub(super) fn outlook(self) -> Outlook {
        self.outlook
    }
}

/// Brings an answer to `batch` windows of `series` series into batch x time x series x quantile.
///
/// # Errors
/// An answer of another shape than `description` says.
pub(super) fn ordered(
    description: &Description,
    answer: ArrayD<f32>,
    batch: usize,
    series: usize,
) -> Result<Array4<f32>> {
    let output = &description.output;
    let found = format!("{:?}", answer.shape());
    let expected = (batch, description.horizon, series, output.quantiles.len().max(1));
    match axes::restore(answer, &output.axes) {
        Some(answer) if answer.dim() == expected => Ok(answer),
        _ => Err(Error::malformed(
            FILE,
            format!(
                "`{}` answers {found}; its description says axes {} of {batch} windows, {} steps, {series} series, {} \
                 quantiles",
                output.name,
                axes::written(&output.axes),
                expected.1,
                expected.3
            ),
        )),
    }
}
