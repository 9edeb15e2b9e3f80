//! How long the live detectors take for one closed window of many keys.
//!
//! `cargo run --release -p arterial-models --example live_detectors -- [KEYS]`

use std::sync::Arc;
use std::time::Instant;

use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::alerts::Subject;
use arterial_models::detectors::residual::{Residual, Settings};
use arterial_models::detectors::rules::Rules;

const STEP: Duration = Duration(5 * MINUTE);
const WINDOWS: i64 = 20;
const LEVELS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
const OFFSETS: [f64; 7] = [-8.0, -6.0, -3.0, 0.0, 3.0, 6.0, 8.0];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys: usize = std::env::args().nth(1).as_deref().unwrap_or("10000").parse()?;
    let stream = StreamCatalog::built_in()?;
    let stream = stream.get("traffic-sensors")?;
    let names: Vec<Arc<str>> = (0..keys).map(|key| format!("TS-{key:05}").into()).collect();
    let topic: Arc<str> = stream.name.as_str().into();
    let targets = ["speed_kmh", "vehicle_flow", "occupancy_percent"];
    let mut residuals = targets.map(|target| Residual::new(target, Settings::default()));
    let mut rules = Rules::new(stream)?;
    let (mut for_residuals, mut for_rules, mut signals) = (0.0, 0.0, 0);
    for window in 0..WINDOWS {
        let subject = |key: usize| Subject {
            topic: Arc::clone(&topic),
            key: Arc::clone(&names[key]),
            zone: None,
            window: Timestamp(window * STEP.0),
            step: STEP,
        };
        // Numbers that wander about without a generator.
        let value = |key: usize| 50.0 + 5.0 * ((key as f64 * 0.7 + window as f64) * 1.3).sin();
        let began = Instant::now();
        for residual in &mut residuals {
            let residual = residual.as_mut().map_err(|error| error.to_string())?;
            for key in 0..keys {
                let forecast = OFFSETS.map(|offset| 50.0 + offset);
                signals += usize::from(
                    residual
                        .observe(&subject(key), value(key), &LEVELS, &forecast)
                        .is_some(),
                );
            }
        }
        for_residuals += began.elapsed().as_secs_f64();
        let began = Instant::now();
        let width = rules.columns().len();
        for key in 0..keys {
            let row: Vec<f64> = (0..width).map(|column| value(key) + column as f64).collect();
            signals += rules.observe(&subject(key), &row, &[])?.len();
        }
        signals += rules.silent(Timestamp((window + 1) * STEP.0)).len();
        for_rules += began.elapsed().as_secs_f64();
    }
    let each = |seconds: f64| seconds / WINDOWS as f64 * 1000.0;
    println!(
        "{keys} keys, one window, one thread: residual of {} targets {:.1} ms, rules {:.1} ms ({} signals)",
        targets.len(),
        each(for_residuals),
        each(for_rules),
        signals / WINDOWS as usize
    );
    Ok(())
}
