//! After an outage a forecast goes back to what is usual, and is not surer of itself than before.

use std::sync::Arc;

use arterial_datasets::feature::{
    FeatureMatrix, FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, RecentColumns, Waits, Wanted,
};
use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_models::forecasters::{by_name, list};
use arterial_models::{FittedForecaster, Silent, Task};
use ndarray::{Array3, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::Lags;

const DAYS: usize = 14;
const SERIES: usize = 3;
/// The midnight after two weeks.
const MIDNIGHT: usize = DAYS * 96;
/// Nothing comes in from a quarter past ten in the evening on.
const SILENT: usize = MIDNIGHT - 7;
const TASK: Task = Task {
    context: 12,
    horizon: 4,
    seed: 1,
};

/// The lags, which tell that an outage leaves nothing of them.
struct Telling;

struct PreparedTelling(Box<dyn PreparedFeatures>);

impl FeatureSet for Telling {
    fn id(&self) -> FeatureSetId {
        Lags.id()
    }

    fn learn_while(&self, training: &Panel, waits: Waits<'_>) -> arterial_datasets::Result<FeatureState> {
        Lags.learn_while(training, waits)
    }

    fn prepare_while(
        &self,
        panel: &Panel,
        state: &FeatureState,
        wanted: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> arterial_datasets::Result<Box<dyn PreparedFeatures>> {
        Ok(Box::new(PreparedTelling(
            Lags.prepare_while(panel, state, wanted, waits)?,
        )))
    }
}

impl PreparedFeatures for PreparedTelling {
    fn columns(&self) -> &[String] {
        self.0.columns()
    }

    fn recent(&self) -> RecentColumns {
        RecentColumns {
            own: (0..self.0.columns().len()).collect(),
            others: Vec::new(),
        }
    }

    fn matrix(&self, origins: &[usize], horizon: usize) -> arterial_datasets::Result<FeatureMatrix> {
        self.0.matrix(origins, horizon)
    }
}

/// Quarter hours of two weeks and a day with a rush hour at eight, from a Monday on, and a jam in the last evening; all silent
/// after it where `is_silent`.
fn panel(is_silent: bool) -> Panel {
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut values = Array3::zeros((MIDNIGHT + 96, SERIES, 1));
    for series in 0..SERIES {
        let mut disturbance = 0.0;
        for row in 0..values.dim().0 {
            let hour = (row % 96) as f64 / 4.0;
            disturbance = 0.9 * disturbance + random.random_range(-1.0..1.0);
            let jam = if (SILENT - 24..SILENT).contains(&row) { 6.0 } else { 0.0 };
            let rush = 20.0 * (-((hour - 8.0) / 2.0).powi(2)).exp();
            values[(row, series, 0)] = 60.0 + series as f64 - rush - jam + disturbance;
        }
    }
    if is_silent {
        values.slice_mut(s![SILENT.., .., ..]).fill(f64::NAN);
    }
    let target = Channel {
        name: "value".into(),
        role: ChannelRole::Target,
    };
    let (start, step) = ("2026-05-04T00:00:00Z".parse().unwrap(), "15m".parse().unwrap());
    let names = (0..SERIES).map(|series| format!("s{series}")).collect();
    Panel::new(start, step, "UTC", names, vec![target], values).unwrap()
}

/// Fitted on what came before the jam, which lacks nothing.
fn fit(name: &str) -> Box<dyn FittedForecaster> {
    let kinds = list(Arc::new(Telling));
    let training = panel(false).rows(0..SILENT - 24);
    by_name(&kinds, name).unwrap().fit(&training, &TASK, &Silent).unwrap()
}

/// From six to eight in the morning, when the outage has lasted for eight hours and more.
fn origins() -> Vec<usize> {
    (MIDNIGHT + 24..=MIDNIGHT + 32).collect()
}

#[test]
fn after_an_outage_of_hours_the_forecast_is_what_is_usual() {
    let usual = fit("weekly-profile").forecast(&panel(true), &origins()).unwrap().points;
    for name in ["linear", "gbdt", "forest"] {
        let points = fit(name).forecast(&panel(true), &origins()).unwrap().points;
        let furthest = (&points - &usual)
            .iter()
            .fold(0.0, |most: f64, off| most.max(off.abs()));
        assert!(furthest < 4.0, "{name} is {furthest} off:\n{points}\n{usual}");
    }
}

#[test]
fn after_an_outage_of_hours_intervals_are_not_narrower_than_without_one() {
    let gbdt = fit("gbdt");
    let width = |is_silent: bool| {
        let outlook = gbdt.forecast(&panel(is_silent), &origins()).unwrap();
        outlook.spread.unwrap().sum()
    };
    let [seen, silent] = [false, true].map(width);
    assert!(silent >= seen, "{silent} instead of {seen}");
}

#[test]
fn a_short_gap_leaves_most_of_what_was_seen_before_it() {
    let (gap, last) = (2, MIDNIGHT + 60);
    let mut values = panel(false).values().clone();
    // A disturbance that begins an hour before the gap.
    values
        .slice_mut(s![last - 3..=last, .., ..])
        .map_inplace(|value| *value -= 4.0);
    values.slice_mut(s![last + 1.., .., ..]).fill(f64::NAN);
    let panel = panel(false).with_values(values).unwrap();
    let usual = fit("weekly-profile").forecast(&panel, &[last + gap]).unwrap().points;
    for name in ["linear", "gbdt", "forest"] {
        let points = fit(name).forecast(&panel, &[last + gap]).unwrap().points;
        let first = (&points - &usual).slice(s![0, .., 0]).mean().unwrap();
        assert!((-6.0..-0.5).contains(&first), "{name}: {first}");
    }
}
