//! The JSON of a backtest. Field names are promises; an undefined number is null.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};

use crate::areas::AreaLevel;
use crate::evaluate::Scores;
use crate::folds::{Fold, FoldSummary};
use crate::metrics::{self, Metrics};
use crate::protocol::{Level, Partition, Protocol};
use crate::tally::{Layout, Mean};
use crate::{Error, Result};

/// What was measured on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DataBlock {
    /// The file or lake table, as it was given.
    pub path: String,
    /// SHA-256 of the file's bytes, or of the panel's content for a lake.
    pub sha256: String,
    /// How many series.
    pub series: usize,
    /// How many rows.
    pub steps: usize,
    /// The time between rows in seconds.
    #[serde(serialize_with = "whole")]
    pub step_seconds: f64,
    /// The zone whose clock seasonality follows.
    pub timezone: String,
    /// The share of missing values, 0 to 1.
    pub missing_share: f64,
}

/// How it was measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProtocolBlock {
    /// Rows that a network reads.
    pub context: usize,
    /// Steps ahead.
    pub horizon: usize,
    /// The shares of a split; null with a rolling origin.
    pub split: Option<String>,
    /// Windows of the training part (of the last fold).
    pub train_windows: usize,
    /// Windows of the validation part (of the last fold).
    pub validation_windows: usize,
    /// Windows that were scored, over all folds.
    pub test_windows: usize,
    /// The row of the first test target.
    pub test_start: usize,
    /// Where randomness starts.
    pub seed: u64,
    /// Rows between the origins that were scored.
    pub stride: usize,
    /// Whether contexts of test windows may reach into the part before.
    pub context_across: bool,
    /// The steps that are reported.
    pub report_at: Vec<usize>,
    /// The central intervals that were measured, percent.
    pub levels: Vec<Level>,
    /// What the weighted quantile loss is taken over.
    pub quantiles: Vec<f64>,
    /// Rows of each fold's test part with a rolling origin; null with a split.
    pub fold_steps: Option<usize>,
    /// The season of the scale of `mase`: in-sample seasonal naive on the training part, per series.
    pub mase_season_steps: usize,
    /// Each fold, in order.
    pub folds: Vec<FoldSummary>,
}

/// The scores of one model at one step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Score {
    /// The model.
    pub model: String,
    /// The step, counted from 1.
    pub step: usize,
    /// The same in minutes.
    #[serde(serialize_with = "whole")]
    pub minutes: f64,
    /// Mean absolute error, root mean squared error and so on.
    #[serde(flatten)]
    pub metrics: Metrics,
    /// The share of targets inside the central 80 % interval; null where level 80 was not asked for.
    pub coverage_80: Option<f64>,
    /// The mean width of that interval.
    pub width_80: Option<f64>,
    /// MAE over steps 1 to this one.
    pub mae_through: Option<f64>,
    /// RMSE over steps 1 to this one.
    pub rmse_through: Option<f64>,
    /// Forecasts that were scored.
    pub forecasts: u64,
    /// Forecasts that were refused for want of data.
    pub refused: u64,
    /// MAE over steps 1 to this one, over the targets that every listed model has a forecast for.
    pub mae_common_through: Option<f64>,
    /// Targets that are present.
    pub targets: u64,
    /// Targets that every listed model has a forecast for.
    pub common: u64,
    /// `coverage_N` and `width_N` of every other level.
    #[serde(flatten)]
    pub other_levels: BTreeMap<String, Option<f64>>,
}

/// The scores of one model at one step for all areas of a level: means over their members.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AreaScore {
    /// The model.
    pub model: String,
    /// The zones, or the city.
    pub level: AreaLevel,
    /// The step, counted from 1.
    pub step: usize,
    /// The same in minutes.
    #[serde(serialize_with = "whole")]
    pub minutes: f64,
    /// Mean absolute error of the means.
    pub mae: Option<f64>,
    /// The share of means inside the central 80 % interval of their area.
    pub coverage_80: Option<f64>,
    /// Forecasts that were scored.
    pub forecasts: u64,
}

/// What it cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timing {
    /// The model.
    pub model: String,
    /// Seconds of fitting and calibrating, over all folds.
    pub fit_seconds: f64,
    /// Seconds of forecasting the test windows, over all folds.
    pub predict_seconds: f64,
    /// Values forecast in that time.
    pub forecasts: u64,
}

/// A backtest, whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Document {
    /// What was measured on.
    pub data: DataBlock,
    /// How it was measured.
    pub protocol: ProtocolBlock,
    /// What came out, by model and step.
    pub scores: Vec<Score>,
    /// The same of zones and the city, where the data have zones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<AreaScore>,
    /// What has to be known of how models were fitted, where there is anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What it cost; the only part that differs between two runs.
    pub timing: Vec<Timing>,
}

impl ProtocolBlock {
    /// The block for `protocol` with the windows of `folds`.
    pub fn new(protocol: &Protocol, folds: &[Fold], layout: &Layout, season: usize) -> Self {
        let last = folds.last().map(Fold::summary);
        Self {
            context: protocol.context,
            horizon: protocol.horizon,
            split: match protocol.partition {
                Partition::Split(shares) => Some(shares.to_string()),
                Partition::Rolling { .. } => None,
            },
            train_windows: last.as_ref().map_or(0, |fold| fold.train_windows),
            validation_windows: last.as_ref().map_or(0, |fold| fold.validation_windows),
            test_windows: folds.iter().map(|fold| fold.test_origins.len()).sum(),
            test_start: folds.first().map_or(0, Fold::test_start),
            seed: protocol.seed,
            stride: protocol.stride,
            context_across: protocol.context_across,
            report_at: protocol.report_at.clone(),
            levels: protocol.levels.clone(),
            quantiles: layout.weighted.iter().map(|&place| layout.fractions[place]).collect(),
            fold_steps: match protocol.partition {
                Partition::Split(_) => None,
                Partition::Rolling { fold_steps, .. } => Some(fold_steps),
            },
            mase_season_steps: season,
            folds: folds.iter().map(Fold::summary).collect(),
        }
    }

    /// The protocol that gives these windows again on the same data.
    ///
    /// # Errors
    /// A block that no protocol gives.
    pub fn to_protocol(&self) -> Result<Protocol> {
        let (partition, test_start) = match (&self.split, self.fold_steps) {
            (Some(split), _) => (Partition::Split(split.parse()?), Some(self.test_start)),
            (None, Some(fold_steps)) => (
                Partition::Rolling {
                    folds: self.folds.len(),
                    fold_steps,
                },
                None,
            ),
            (None, None) => {
                return Err(Error::invalid(
                    "protocol.split",
                    "null",
                    "shares, or folds with fold_steps",
                ));
            }
        };
        Ok(Protocol {
            context: self.context,
            horizon: self.horizon,
            report_at: self.report_at.clone(),
            partition,
            test_start,
            stride: self.stride,
            context_across: self.context_across,
            levels: self.levels.clone(),
            seed: self.seed,
        })
    }
}

/// The score rows of one model, one a reported step.
pub fn score_rows(model: &str, scores: &Scores, protocol: &Protocol, layout: &Layout, step_minutes: f64) -> Vec<Score> {
    protocol
        .report_at
        .iter()
        .map(|&step| score_row(model, scores, protocol, layout, step, step_minutes))
        .collect()
}

fn score_row(
    model: &str,
    scores: &Scores,
    protocol: &Protocol,
    layout: &Layout,
    step: usize,
    step_minutes: f64,
) -> Score {
    let tally = &scores.steps[step - 1];
    let through = Metrics::of(&scores.through(step, layout), layout);
    let interval = |level: Level| protocol.levels.iter().position(|known| *known == level);
    let eighty = interval(Level::EIGHTY);
    let mut other_levels = BTreeMap::new();
    for (place, level) in protocol
        .levels
        .iter()
        .enumerate()
        .filter(|(_, level)| **level != Level::EIGHTY)
    {
        other_levels.insert(format!("coverage_{level}"), metrics::coverage(tally, place));
        other_levels.insert(format!("width_{level}"), metrics::width(tally, place));
    }
    Score {
        model: model.into(),
        step,
        minutes: step_minutes * step as f64,
        metrics: Metrics::of(tally, layout),
        coverage_80: eighty.and_then(|place| metrics::coverage(tally, place)),
        width_80: eighty.and_then(|place| metrics::width(tally, place)),
        mae_through: through.mae,
        rmse_through: through.rmse,
        forecasts: tally.absolute.count,
        refused: tally.refused,
        mae_common_through: through.mae_common,
        targets: tally.targets,
        common: tally.common.count,
        other_levels,
    }
}

/// The rows of one model for zones and the city, one a level and reported step; none where no area was scored.
pub fn area_rows(model: &str, scores: &Scores, protocol: &Protocol, step_minutes: f64) -> Vec<AreaScore> {
    let mut rows = Vec::new();
    for level in AreaLevel::ALL {
        let steps = scores.areas.level(level);
        for &step in &protocol.report_at {
            let tally = steps[step - 1];
            rows.push(AreaScore {
                model: model.into(),
                level,
                step,
                minutes: step_minutes * step as f64,
                mae: tally.absolute.value(),
                coverage_80: tally.covered.value(),
                forecasts: tally.absolute.count,
            });
        }
    }
    rows.retain(|row| row.forecasts > 0);
    rows
}

/// The mean absolute error of `scores` over all steps, where every listed model has a forecast.
pub fn common_error(scores: &Scores) -> Option<f64> {
    let mut sum = Mean::default();
    scores.steps.iter().for_each(|tally| sum.merge(tally.common));
    sum.value()
}

/// Writes a number without a fraction as an integer.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn whole<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}
