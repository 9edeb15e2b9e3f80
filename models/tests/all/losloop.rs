//! The reference on real data: Los-loop, 80/0/20, 12 rows of context, 12 steps ahead.

use std::sync::Arc;
use std::time::Instant;

use arterial_datasets::panel::{Panel, PanelOptions, read};
use arterial_models::forecasters::list;
use arterial_models::{Silent, Task};

use crate::support::Lags;

const TRAINING: usize = 1612;
const TASK: Task = Task {
    context: 12,
    horizon: 12,
    seed: 1,
};

fn losloop() -> Option<Panel> {
    let path = arterial_testing::data("traffic/losloop/losloop_speed.parquet")?;
    Some(read(&path, &PanelOptions::default()).unwrap().0)
}

/// Mean absolute errors at steps 3, 6 and 12 over the windows that lie in the test part.
fn errors(panel: &Panel, name: &str) -> [f64; 3] {
    let kinds = list(Arc::new(Lags));
    let kind = kinds.iter().find(|kind| kind.name() == name).unwrap();
    let started = Instant::now();
    let fitted = kind.fit(&panel.rows(0..TRAINING), &TASK, &Silent).unwrap();
    let fit = started.elapsed();
    let origins: Vec<usize> = (TRAINING + TASK.context - 1..panel.steps() - TASK.horizon).collect();
    assert_eq!(origins.len(), 381);
    let forecasts = fitted.forecast(panel, &origins).unwrap().points;
    let target = panel.target();
    let errors = [3, 6, 12].map(|step| {
        let mut sum = 0.0;
        for (at, origin) in origins.iter().enumerate() {
            for series in 0..target.ncols() {
                sum += (target[(origin + step, series)] - forecasts[(at, series, step - 1)]).abs();
            }
        }
        sum / (origins.len() * target.ncols()) as f64
    });
    eprintln!(
        "{name}: {errors:.3?}, fitted in {fit:.1?}, all in {:.1?}",
        started.elapsed()
    );
    errors
}

#[test]
fn persistence_agrees_with_the_published_figures() {
    let Some(panel) = losloop() else { return };
    let rounded = errors(&panel, "persistence").map(|error| format!("{error:.3}"));
    assert_eq!(rounded, ["3.578", "4.382", "5.795"]);
}

#[test]
fn linear_beats_least_squares_on_lags_and_the_decayed_profile() {
    let Some(panel) = losloop() else { return };
    let errors = errors(&panel, "linear");
    for (error, limit) in errors.iter().zip([3.40, 3.95, 4.23]) {
        assert!(*error < limit, "{errors:?}");
    }
}

#[test]
fn the_other_baselines_beat_persistence_an_hour_ahead() {
    let Some(panel) = losloop() else { return };
    for name in ["weekly-profile", "ets", "seasonal-naive", "forest"] {
        assert!(errors(&panel, name)[2] < 5.795, "{name}");
    }
}
