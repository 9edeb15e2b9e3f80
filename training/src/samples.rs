//! Stretches of forecasts beside what happened, for the report: an easy, a typical and a hard series.

use arterial_datasets::time::Timestamp;

use crate::Result;
use crate::document::common_error;
use crate::evaluate::{Predict, Scores, Setting};
use crate::protocol::{Level, Protocol};

/// Targets that a stretch shows at most.
const LONGEST: usize = 288;
/// Origins that are forecast at once.
const CHUNK: usize = 96;

/// One model's forecasts of one series at one step ahead.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The series.
    pub series: String,
    /// Why this one is shown.
    pub label: &'static str,
    /// The model.
    pub model: String,
    /// How many steps ahead the forecasts were made.
    pub step: usize,
    /// The level of the band.
    pub level: Level,
    /// One point a target row, in order.
    pub points: Vec<SamplePoint>,
}

/// One target and its forecast; NaN where missing or refused.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SamplePoint {
    /// The target's instant.
    pub time: Timestamp,
    /// What happened.
    pub actual: f64,
    /// The point forecast.
    pub point: f64,
    /// The lower end of the band.
    pub low: f64,
    /// The upper end of the band.
    pub high: f64,
}

/// Forecasts of the best of `models` over the last rows of the test part.
pub(crate) fn gather(
    setting: &Setting<'_>,
    models: &[&dyn Predict],
    scores: &[Scores],
    protocol: &Protocol,
) -> Result<Vec<Sample>> {
    let Some(best) = best(scores) else {
        return Ok(Vec::new());
    };
    let Some(&level) = protocol.levels.first() else {
        return Ok(Vec::new());
    };
    let step = protocol.report_at[protocol.report_at.len() / 2];
    let from = setting.origins.len().saturating_sub(LONGEST);
    let mut samples: Vec<(usize, Sample)> = shown_series(&scores[best])
        .into_iter()
        .map(|(label, series)| {
            let name = setting.panel.series()[series].clone();
            let model = models[best].name().to_owned();
            (
                series,
                Sample {
                    series: name,
                    label,
                    model,
                    step,
                    level,
                    points: Vec::new(),
                },
            )
        })
        .collect();
    let [low, high] = setting.layout.intervals[0];
    let target = setting.panel.target();
    for origins in setting.origins[from..].chunks(CHUNK) {
        let outlook = models[best].outlook(setting.panel, origins)?;
        let quantiles = models[best].around(setting.panel, origins, &outlook, setting.quantiles)?;
        for (place, origin) in origins.iter().enumerate() {
            for (series, sample) in &mut samples {
                let row = origin + step;
                sample.points.push(SamplePoint {
                    time: setting.panel.time(row),
                    actual: target[[row, *series]],
                    point: outlook.points[[place, *series, step - 1]],
                    low: quantiles[[place, *series, step - 1, low]],
                    high: quantiles[[place, *series, step - 1, high]],
                });
            }
        }
    }
    Ok(samples.into_iter().map(|(_, sample)| sample).collect())
}

/// The model with the least error where all have forecasts; the first of equals.
pub(crate) fn best(scores: &[Scores]) -> Option<usize> {
    let mut best: Option<(usize, f64)> = None;
    for (place, error) in scores.iter().map(common_error).enumerate() {
        let Some(error) = error else { continue };
        if best.is_none_or(|(_, least)| error < least) {
            best = Some((place, error));
        }
    }
    best.map(|(place, _)| place)
}

/// The series at the 10th, 50th and 90th percentile of the error.
fn shown_series(scores: &Scores) -> Vec<(&'static str, usize)> {
    let mut errors: Vec<(f64, usize)> = scores
        .series
        .iter()
        .enumerate()
        .filter_map(|(series, mean)| mean.value().map(|error| (error, series)))
        .collect();
    errors.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
    let mut shown: Vec<(&'static str, usize)> = Vec::new();
    for (label, percentile) in [("typical", 50), ("hard", 90), ("easy", 10)] {
        let Some(&(_, series)) = errors.get(errors.len().saturating_sub(1) * percentile / 100) else {
            continue;
        };
        if shown.iter().all(|(_, known)| *known != series) {
            shown.push((label, series));
        }
    }
    shown
}
