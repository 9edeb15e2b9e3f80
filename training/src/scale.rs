//! The scale of the scaled error: how badly seasonal naive fits the training part itself.

use arterial_datasets::panel::Panel;
use arterial_datasets::time::{DAY, Duration};
use ndarray::ArrayView2;

/// The rows of a season: a day where the step is shorter than a day, a week of days otherwise; at least 1.
pub fn season_rows(step: Duration) -> usize {
    let season = if step.0 < DAY { DAY } else { 7 * DAY };
    usize::try_from(season / step.0.max(1)).unwrap_or(1).max(1)
}

/// For each series the mean of `|y[t] - y[t - season]|` over the rows of `training`; none where it is zero or undefined.
///
/// # Shapes
/// One entry a series of the panel.
pub fn naive_scales(training: &Panel, season: usize) -> Vec<Option<f64>> {
    let target = training.target();
    (0..target.ncols())
        .map(|series| naive_scale(&target, series, season))
        .collect()
}

fn naive_scale(target: &ArrayView2<'_, f64>, series: usize, season: usize) -> Option<f64> {
    let column = target.column(series);
    let mut sum = 0.0;
    let mut count = 0_u64;
    for (now, before) in column.iter().skip(season).zip(column) {
        let change = (now - before).abs();
        if change.is_finite() {
            sum += change;
            count += 1;
        }
    }
    let scale = if count > 0 { sum / count as f64 } else { 0.0 };
    (scale > 0.0 && scale.is_finite()).then_some(scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_scale_is_the_mean_change_over_a_season_and_skips_gaps() {
        let target = array![[1.0, 5.0], [2.0, 5.0], [4.0, 5.0], [f64::NAN, 5.0], [3.0, 5.0]];
        assert_eq!(naive_scale(&target.view(), 0, 2), Some((3.0 + 1.0) / 2.0));
        assert_eq!(
            naive_scale(&target.view(), 1, 2),
            None,
            "a constant series has no scale"
        );
        assert_eq!(
            naive_scale(&target.view(), 0, 5),
            None,
            "the training part is shorter than the season"
        );
    }

    #[test]
    fn a_season_is_a_day_below_daily_steps_and_a_week_from_there() {
        let rows = |text: &str| season_rows(text.parse().unwrap());
        assert_eq!(
            (rows("5m"), rows("15m"), rows("1h"), rows("1d"), rows("30d")),
            (288, 96, 24, 7, 1)
        );
    }
}
