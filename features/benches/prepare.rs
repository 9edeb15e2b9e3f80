//! Features for a forecast from the newest window: of the whole panel, and of no more than that forecast reads.
//!
//! ```text
//! cargo bench -p arterial-features --bench prepare -- 160 57
//! ```
//!
//! The panel has so many series (160) over so many days (57) of five-minute windows; the forecast reaches an hour ahead.

use std::time::Instant;

use arterial_datasets::feature::{FeatureState, PreparedFeatures, Wanted};
use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::{DAY, Duration, MINUTE, Timestamp};
use arterial_features::sets::standard;
use ndarray::Array3;

const ROUNDS: usize = 5;
const HORIZON: usize = 12;

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse().ok());
    let series = numbers.next().unwrap_or(160);
    let days = numbers.next().unwrap_or(57);
    let panel = panel(series, days);
    let origins = [panel.steps() - 1];
    let (set, state) = (standard(), FeatureState::default());
    let wanted = Wanted {
        origins: &origins,
        horizon: HORIZON,
    };
    let (mut whole, mut needed) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        whole.push(seconds(&origins, || set.prepare(&panel, &state)));
        needed.push(seconds(&origins, || set.prepare_for(&panel, &state, wanted)));
    }
    let (whole, needed) = (median(whole), median(needed));
    println!(
        "{series} series, {days} days: whole panel {whole:.3} s, what is needed {needed:.3} s, ratio {:.1} (median of {ROUNDS} rounds in turn)",
        whole / needed
    );
}

/// How long it takes to prepare and to make the columns of each step ahead.
fn seconds(origins: &[usize], prepare: impl Fn() -> arterial_datasets::Result<Box<dyn PreparedFeatures>>) -> f64 {
    let begun = Instant::now();
    let features = prepare().expect("the panel is in order");
    for step in 1..=HORIZON {
        let matrix = features.matrix(origins, step).expect("the origin is in the panel");
        std::hint::black_box(matrix.values.len());
    }
    begun.elapsed().as_secs_f64()
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn panel(series: usize, days: usize) -> Panel {
    let step = Duration(5 * MINUTE);
    let rows = days * (DAY / step.0) as usize;
    let channels = vec![Channel {
        name: "speed_kmh".into(),
        role: ChannelRole::Target,
    }];
    let names = (0..series).map(|one| format!("TS-{one:05}")).collect();
    let values = Array3::from_shape_fn((rows, series, 1), |(row, one, _)| {
        50.0 + 15.0 * (row as f64 / 46.0 + one as f64).sin() + ((row * 31 + one * 17) % 13) as f64
    });
    // 2026-01-05 was a Monday.
    let start = Timestamp(1_767_571_200_000_000);
    Panel::new(start, step, "Europe/Copenhagen", names, channels, values).expect("the panel is in order")
}
