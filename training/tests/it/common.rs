//! A panel, and how it is measured, for several tests.

use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::Forecaster;
use arterial_models::forecasters::SeasonalNaive;
use arterial_training::backtest::Request;
use arterial_training::document::DataBlock;
use arterial_training::protocol::Protocol;
use ndarray::Array3;

/// A protocol for panels of a few days.
pub fn small() -> Protocol {
    Protocol {
        horizon: 4,
        context: 8,
        report_at: vec![1, 4],
        ..Protocol::default()
    }
}

/// A backtest of `kinds` alone, without what only a report shows.
pub fn request<'a>(panel: &'a Panel, kinds: &'a [&'a dyn Forecaster], protocol: &'a Protocol) -> Request<'a> {
    Request {
        panel,
        kinds,
        naive: &SeasonalNaive,
        veterans: &[],
        protocol,
        for_report: false,
    }
}

/// What the JSON says of `panel`.
pub fn block(panel: &Panel) -> DataBlock {
    DataBlock {
        path: "panel.csv".into(),
        sha256: "0".repeat(64),
        series: panel.series().len(),
        steps: panel.steps(),
        step_seconds: panel.step().seconds(),
        timezone: panel.timezone().into(),
        missing_share: panel.missing_share(),
    }
}

/// Four days of four daily waves with a gap.
pub fn waves() -> Panel {
    let rows = 4 * 96;
    let values = Array3::from_shape_fn((rows, 4, 1), |(row, series, _)| {
        if series == 3 && (200..230).contains(&row) {
            return f64::NAN;
        }
        let phase = row as f64 / 96.0 * std::f64::consts::TAU + series as f64;
        50.0 + 20.0 * phase.sin() + ((row * 7 + series * 13) % 11) as f64
    });
    let names = ["north", "east", "south", "west"].map(str::to_owned).to_vec();
    let channels = vec![Channel {
        name: "y".into(),
        role: ChannelRole::Target,
    }];
    Panel::new(
        Timestamp(0),
        Duration(15 * MINUTE),
        "Europe/Copenhagen",
        names,
        channels,
        values,
    )
    .unwrap()
}
