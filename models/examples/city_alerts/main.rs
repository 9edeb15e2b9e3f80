//! What the live detectors say of a simulated city, as they would have said it when each window closed, and the alerts that become
//! of it.
//!
//! `cargo run --release -p arterial-models --example city_alerts -- --seed 1 --start 2026-01-05T00:00:00Z [--storms-from TIME]
//! [--incidents-per-day 6] [--planned-per-week 6] [--faults-per-day 2] [--interval 60s] [--model weekly-profile] [--ahead 6]`
//!
//! Four weeks pass: two to fit the model, one for the detectors to learn each key's scale, one that counts. Printed are JSON lines:
//! `label` as `arterial simulate` writes it, `place` of each reporter, and of the last week `signal` for one on or above the line and
//! `alert` for the last revision of each alert. `benches/anomaly/city.py` compares them.

mod judge;
mod options;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::city::{City, Topic};
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, Timestamp};
use arterial_models::alerts::{AlertBook, AlertSettings, Place, Places, Reason, Signal, Surroundings};
use serde_json::{Value, json};

use judge::Judge;
use options::Options;
use windows::Windows;

/// Days to fit the model, to warm the detectors up, and in all.
const TRAIN_DAYS: i64 = 14;
const WARM_DAYS: i64 = 7;
const DAYS: i64 = 28;
/// What is watched.
const TARGETS: [(Topic, &[&str]); 3] = [
    (Topic::TrafficSensors, &["speed_kmh", "vehicle_flow"]),
    (Topic::Parking, &["occupied_spaces"]),
    (Topic::AirQuality, &["pm25"]),
];

type AnyError = Box<dyn std::error::Error>;

fn main() -> Result<(), AnyError> {
    let options = Options::read(std::env::args().skip(1))?;
    let streams = StreamCatalog::built_in()?;
    let start = options.city.start;
    let timezone = options.city.timezone.clone();
    let mut watched = BTreeMap::new();
    for (topic, _) in TARGETS {
        watched.insert(topic, Windows::new(streams.get(topic.name())?, start));
    }
    live(City::new(options.city.clone())?, &mut watched)?;
    let counts = Timestamp(start.0 + (TRAIN_DAYS + WARM_DAYS) * DAY);
    let mut signals: BTreeMap<Timestamp, Vec<Signal>> = BTreeMap::new();
    let mut places = BTreeMap::new();
    for (topic, targets) in TARGETS {
        let windows = &watched[&topic];
        let judge = Judge::new(streams.get(topic.name())?, windows, &options, &timezone);
        for signal in judge
            .signals(targets)?
            .into_iter()
            .filter(|signal| signal.window >= counts)
        {
            signals.entry(signal.window).or_default().push(signal);
        }
        places.insert(topic, windows.places().clone());
    }
    tell(&signals, places, timezone)
}

/// Lets the four weeks pass and prints their labels.
fn live(mut city: City, watched: &mut BTreeMap<Topic, Windows>) -> Result<(), AnyError> {
    let end = Timestamp(city.now().0 + DAYS * DAY);
    while city.now() < end {
        let mut taken = Ok(());
        city.advance(Timestamp(city.now().0 + DAY), &mut |event| {
            if let Some(windows) = watched.get_mut(&event.topic)
                && taken.is_ok()
            {
                taken = windows.add(event.key, event.time, event.payload);
            }
        })?;
        taken?;
        for label in city.take_labels() {
            println!("{}", label.to_json()?);
        }
    }
    for label in city.finish() {
        println!("{}", label.to_json()?);
    }
    Ok(())
}

/// Prints where the reporters are, the signals on or above the line, and the alerts that become of all.
fn tell(
    signals: &BTreeMap<Timestamp, Vec<Signal>>,
    places: BTreeMap<Topic, BTreeMap<String, Place>>,
    timezone: String,
) -> Result<(), AnyError> {
    for (key, place) in places.values().flatten() {
        println!(
            "{}",
            json!({ "place": { "key": key, "lat": place.lat, "lon": place.lon } })
        );
    }
    let mut book = AlertBook::new(AlertSettings {
        timezone,
        ..AlertSettings::default()
    })?;
    let around = |places| Surroundings {
        places: Arc::new(Places::new(places, &[])),
        ..Surroundings::default()
    };
    let around = places.into_iter().map(|(topic, places)| (topic, around(places)));
    let around: BTreeMap<Topic, Surroundings> = around.collect();
    for (window, signals) in signals {
        for signal in signals.iter().filter(|signal| signal.score.is_alert()) {
            println!("{}", json!({ "signal": line_of(signal) }));
        }
        for (topic, around) in &around {
            book.window(topic.name(), *window, signals, around);
        }
    }
    for alert in book.alerts() {
        println!("{}", json!({ "alert": alert }));
    }
    Ok(())
}

fn line_of(signal: &Signal) -> Value {
    json!({
        "topic": &*signal.topic,
        "key": &*signal.key,
        "target": &*signal.target,
        "detector": signal.detector,
        "reason": name(signal.reason),
        "window": signal.window.to_string(),
        "score": f64::from(signal.score),
    })
}

fn name(reason: Reason) -> &'static str {
    match reason {
        Reason::Lower => "lower",
        Reason::Higher => "higher",
        Reason::Drift(_) => "drift",
        Reason::Stuck(_) => "stuck",
        Reason::Silent(_) => "silent",
        Reason::Impossible => "impossible",
        Reason::Jump => "jump",
        Reason::Erratic(_) => "erratic",
        Reason::OverCapacity(_) => "over capacity",
        Reason::SevereCongestion(_) => "severe congestion",
        Reason::Overcrowded(_) => "overcrowded",
        Reason::DegradedQuality(_) => "degraded quality",
    }
}
