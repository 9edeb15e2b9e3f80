//! The scores, from the sums of a [`Tally`]. With `e = |y - f|` over all scored forecasts of a step:
//!
//! ```text
//! mae      = mean e
//! rmse     = sqrt(mean e^2)
//! mape     = 100 * mean e / |y|                       over targets with |y| >= 1e-6, in percent
//! mase     = mean e / s                               s = in-sample MAE of seasonal naive of the series, on the training part
//! wql      = mean over quantiles q of 2 * sum pinball_q(y, f_q) / sum |y|
//! coverage = share of targets inside of the central interval, ends included
//! width    = mean width of that interval
//! skill    = 1 - mae / mae of seasonal naive          over the targets that both have a forecast for
//! ```
//!
//! MASE after Hyndman and Koehler (2006), "Another look at measures of forecast accuracy"; the weighted quantile loss as in
//! Gasthaus et al. (2019), "Probabilistic forecasting with spline quantile function RNNs".
//! A score without an observation, or divided by zero, does not exist: it is null in JSON and never NaN.

use serde::Serialize;

use crate::tally::{Layout, Mean, Tally};

/// The scores of one model at one step; none where they are undefined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Metrics {
    /// Mean absolute error, in the unit of the target.
    pub mae: Option<f64>,
    /// Root mean squared error, in the unit of the target.
    pub rmse: Option<f64>,
    /// Mean absolute percentage error, percent.
    pub mape: Option<f64>,
    /// Mean absolute scaled error.
    pub mase: Option<f64>,
    /// Weighted quantile loss.
    pub wql: Option<f64>,
    /// 1 - MAE / MAE of seasonal naive.
    pub skill: Option<f64>,
    /// MAE over the targets that every listed model has a forecast for.
    pub mae_common: Option<f64>,
}

impl Metrics {
    /// The scores of `tally`.
    pub fn of(tally: &Tally, layout: &Layout) -> Self {
        Self {
            mae: tally.absolute.value(),
            rmse: tally.squared.value().map(f64::sqrt),
            mape: tally.percentage.value().map(|share| 100.0 * share),
            mase: tally.scaled.value(),
            wql: weighted_quantile_loss(tally, layout),
            skill: skill(tally.beside_naive, tally.naive),
            mae_common: tally.common.value(),
        }
    }
}

/// `1 - own / naive`; none where either is missing or the naive error is zero.
pub fn skill(own: Mean, naive: Mean) -> Option<f64> {
    let (own, naive) = (own.value()?, naive.value()?);
    Some(1.0 - own / naive).filter(|skill| skill.is_finite())
}

fn weighted_quantile_loss(tally: &Tally, layout: &Layout) -> Option<f64> {
    if tally.magnitude.sum <= 0.0 || layout.weighted.is_empty() {
        return None;
    }
    let loss: f64 = layout.weighted.iter().map(|&place| tally.pinball[place]).sum();
    Some(2.0 * loss / layout.weighted.len() as f64 / tally.magnitude.sum)
}

/// The share of targets inside the interval at `place`, 0 to 1.
pub fn coverage(tally: &Tally, place: usize) -> Option<f64> {
    let count = tally.magnitude.count;
    (count > 0).then(|| tally.covered[place] as f64 / count as f64)
}

/// The mean width of the interval at `place`, in the unit of the target.
pub fn width(tally: &Tally, place: usize) -> Option<f64> {
    Mean {
        sum: tally.width[place],
        count: tally.magnitude.count,
    }
    .value()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::Observation;

    fn layout() -> Layout {
        Layout {
            fractions: vec![0.1, 0.5, 0.9],
            weighted: vec![0, 1, 2],
            intervals: vec![[0, 2]],
        }
    }

    fn tally(rows: &[(f64, f64, [f64; 3])]) -> Tally {
        let mut tally = Tally::new(&layout());
        for (target, point, quantiles) in rows {
            let seen = Observation {
                target: *target,
                point: *point,
                scale: Some(2.0),
                quantiles,
            };
            tally.push(&layout(), &seen);
        }
        tally
    }

    fn near(value: Option<f64>, expected: f64) {
        let value = value.unwrap();
        assert!((value - expected).abs() < 1e-12, "{value} instead of {expected}");
    }

    #[test]
    fn scores_agree_with_a_table_worked_by_hand() {
        // errors 2, 1, 4; targets 10, 4, 0 (left out of the percentage error)
        let rows = [
            (10.0, 8.0, [6.0, 8.0, 11.0]),
            (4.0, 5.0, [3.0, 5.0, 6.0]),
            (0.0, 4.0, [1.0, 4.0, 9.0]),
        ];
        let tally = tally(&rows);
        let metrics = Metrics::of(&tally, &layout());
        near(metrics.mae, 7.0 / 3.0);
        near(metrics.rmse, (21.0_f64 / 3.0).sqrt());
        near(metrics.mape, 100.0 * (0.2 + 0.25) / 2.0);
        near(metrics.mase, 7.0 / 6.0);
        // pinball by hand: q10 0.4 + 0.1 + 0.9, q50 1.0 + 0.5 + 2.0, q90 0.1 + 0.2 + 0.9
        near(metrics.wql, 2.0 * (1.4 + 3.5 + 1.2) / 3.0 / 14.0);
        near(coverage(&tally, 0), 2.0 / 3.0);
        near(width(&tally, 0), (5.0 + 3.0 + 8.0) / 3.0);
    }

    #[test]
    fn scores_without_observations_do_not_exist() {
        let metrics = Metrics::of(&Tally::new(&layout()), &layout());
        assert_eq!(
            metrics
                .mae
                .or(metrics.rmse)
                .or(metrics.mape)
                .or(metrics.mase)
                .or(metrics.wql)
                .or(metrics.skill),
            None
        );
        assert_eq!(
            coverage(&Tally::new(&layout()), 0).or(width(&Tally::new(&layout()), 0)),
            None
        );
    }

    #[test]
    fn targets_of_zero_have_an_error_but_no_percentage_and_no_quantile_score() {
        let metrics = Metrics::of(&tally(&[(0.0, 1.0, [0.0, 1.0, 2.0])]), &layout());
        assert_eq!((metrics.mae, metrics.mape, metrics.wql), (Some(1.0), None, None));
    }

    #[test]
    fn forecasts_without_quantiles_are_scored_as_points() {
        let tally = tally(&[(1.0, 3.0, [f64::NAN; 3])]);
        let metrics = Metrics::of(&tally, &layout());
        assert_eq!((metrics.mae, metrics.wql, coverage(&tally, 0)), (Some(2.0), None, None));
    }

    #[test]
    fn skill_against_a_perfect_naive_forecast_is_undefined() {
        let naive = Mean { sum: 0.0, count: 3 };
        assert_eq!(skill(Mean { sum: 3.0, count: 3 }, naive), None);
        assert_eq!(
            skill(Mean { sum: 1.0, count: 2 }, Mean { sum: 4.0, count: 2 }),
            Some(0.75)
        );
    }
}
