//! Networks and covariates: one that is known ahead is read behind the last row, nothing else is.

use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_models::forecasters::Neural;
use arterial_models::neural::{Kind, Stid};
use arterial_models::{Forecaster, Silent, Task};
use ndarray::{Array3, s};

use crate::support::panel;

const ROWS: usize = 14 * 96;
const TASK: Task = Task {
    context: 12,
    horizon: 4,
    seed: 1,
};

/// Two series with weather that is observed and events that are known ahead and slow them down.
fn eventful(rows: usize) -> Panel {
    let plain = panel(rows, 2, 0.05);
    let event = |row: usize| f64::from(u8::from(row * row % 13 < 4));
    let values = Array3::from_shape_fn((rows, 2, 3), |(row, series, channel)| match channel {
        0 => plain.target()[(row, series)] - 10.0 * event(row),
        1 => (row % 7) as f64,
        _ => event(row),
    });
    let channel = |name: &str, role| Channel {
        name: name.into(),
        role,
    };
    let channels = vec![
        channel("speed", ChannelRole::Target),
        channel("rain", ChannelRole::Observed),
        channel("event", ChannelRole::KnownAhead),
    ];
    let names = plain.series().to_vec();
    Panel::new(plain.start(), plain.step(), plain.timezone(), names, channels, values).unwrap()
}

#[test]
fn a_network_reads_what_is_known_ahead_of_the_last_row_and_nothing_else_behind_it() {
    let panel = eventful(ROWS + 96);
    let ended = panel.rows(0..ROWS);
    let kind = Neural::new("stid", Kind::Stid(Stid::default()), 2, 3000);
    let fitted = kind.fit(&ended, &TASK, &Silent).unwrap();
    let points = |panel: &Panel| fitted.forecast(panel, &[ROWS - 1]).unwrap().points;
    let expected = points(&ended);
    assert_eq!(points(&panel), expected, "as in a backtest");

    let mut values = panel.values().clone();
    values.slice_mut(s![ROWS.., .., ..2]).fill(-50.0);
    assert_eq!(points(&panel.with_values(values).unwrap()), expected);

    let other = Array3::from_elem((TASK.horizon, 2, 3), 5.0);
    assert_ne!(points(&ended.clone().with_ahead(other).unwrap()), expected);
    let unknown = points(&ended.with_ahead(Array3::zeros((0, 2, 3))).unwrap());
    assert!(unknown.iter().all(|point| point.is_finite()), "{unknown}");
}
