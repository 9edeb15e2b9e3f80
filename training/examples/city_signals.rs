//! What the live detectors say of the windows of a lake, as they would have said it when each window closed.
//!
//! `cargo run -p arterial-training --example city_signals -- LAKE [MODEL] [TRAIN_DAYS] [WARM_DAYS] [AHEAD]`
//!
//! The model (default `linear`) is fitted on the first days (default 14); the detectors then see every window with the forecast that
//! was made so many windows ahead (default 6), and what they say after the days of warm-up (default 7) is printed: one JSON line a
//! signal on or above the line. `benches/anomaly/city.py` compares it with the labels of the simulated city.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arterial_datasets::lake::{Lake, LakeOptions};
use arterial_datasets::panel::{Holidays, Panel};
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::{DAY, Duration, Timestamp};
use arterial_models::alerts::{Reason, Signal, Subject};
use arterial_models::detectors::residual::{Residual, Settings};
use arterial_models::detectors::rules::Rules;
use arterial_models::forecasters;
use arterial_models::pipeline::Pipeline;
use arterial_models::{Quantile, Silent, Task};
use arterial_training::windows::{Wanted, panel};

/// What is watched.
const TARGETS: [(&str, &[&str]); 3] = [
    ("traffic-sensors", &["speed_kmh", "vehicle_flow"]),
    ("parking", &["occupied_spaces"]),
    ("air-quality", &["pm25"]),
];
const LEVELS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];
/// So many windows are forecast at once.
const BATCH: usize = 144;

type AnyError = Box<dyn std::error::Error>;

/// How the exam goes.
struct Exam {
    lake: Lake,
    model: String,
    train_days: usize,
    warm_days: usize,
    ahead: usize,
    timezone: String,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let lake = arguments.next().ok_or("which lake?")?;
    let mut next = |otherwise: &str| arguments.next().unwrap_or_else(|| otherwise.to_owned());
    let exam = Exam {
        lake: Lake::open_existing(&lake, LakeOptions::default()).await?,
        model: next("linear"),
        train_days: next("14").parse()?,
        warm_days: next("7").parse()?,
        ahead: next("6").parse()?,
        timezone: next("Europe/Paris"),
    };
    let catalog = StreamCatalog::built_in()?;
    for (topic, targets) in TARGETS {
        let stream = catalog.get(topic)?;
        for target in targets {
            exam.residual(stream, target).await?;
        }
        exam.rules(stream).await?;
    }
    Ok(())
}

impl Exam {
    async fn panel(&self, topic: &str, field: &str) -> Result<Panel, AnyError> {
        let wanted = Wanted {
            topic,
            field,
            timezone: &self.timezone,
            holidays: &Holidays::default(),
            covariates: &[],
            versions: &BTreeMap::new(),
        };
        Ok(panel(&self.lake, &wanted).await?.panel)
    }

    async fn residual(&self, stream: &StreamDefinition, target: &str) -> Result<(), AnyError> {
        let panel = self.panel(&stream.name, target).await?;
        let train = self.train_days * rows_a_day(&panel);
        let task = Task {
            context: 12,
            horizon: 12,
            seed: 1,
        };
        let kinds = forecasters::all();
        let kind = forecasters::by_name(&kinds, &self.model)?;
        let pipeline = Pipeline::fit(kind, &panel.rows(0..train), 0, &task, &Silent)?;
        let quantiles = LEVELS
            .into_iter()
            .map(Quantile::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        let mut residual = Residual::new(target, Settings::default())?;
        let mut spent = 0.0;
        let mut first = train;
        while first < panel.steps() {
            let windows = first..panel.steps().min(first + BATCH);
            let origins: Vec<usize> = windows.clone().map(|window| window - self.ahead).collect();
            let forecasts = pipeline.forecast(&panel, &origins, &quantiles)?;
            let began = Instant::now();
            for (number, window) in windows.clone().enumerate() {
                for series in 0..panel.series().len() {
                    let forecast = forecasts.values.slice(ndarray::s![number, series, self.ahead - 1, ..]);
                    let forecast: Vec<f64> = forecast.iter().copied().collect();
                    let value = panel.target()[[window, series]];
                    let subject = subject(stream, &panel, window, series);
                    let signal = residual.observe(&subject, value, &LEVELS, &forecast);
                    self.print(window, &panel, signal)?;
                }
            }
            spent += began.elapsed().as_secs_f64();
            first = windows.end;
        }
        let judged = (panel.steps() - train) * panel.series().len();
        eprintln!(
            "{} {target}: {:.2} us a window and key",
            stream.name,
            spent / judged as f64 * 1e6
        );
        Ok(())
    }

    async fn rules(&self, stream: &StreamDefinition) -> Result<(), AnyError> {
        let mut rules = Rules::new(stream)?;
        // Every window has events: by them absent windows are told from windows without a number.
        let events = self.panel(&stream.name, "events").await?;
        let mut columns = Vec::new();
        for column in rules.columns() {
            columns.push(self.panel(&stream.name, column).await?);
        }
        let mut spent = 0.0;
        for window in self.train_days * rows_a_day(&events)..events.steps() {
            let began = Instant::now();
            for series in 0..events.series().len() {
                if events.target()[[window, series]].is_nan() {
                    continue;
                }
                let row: Vec<f64> = columns.iter().map(|column| column.target()[[window, series]]).collect();
                for signal in rules.observe(&subject(stream, &events, window, series), &row)? {
                    self.print(window, &events, Some(signal))?;
                }
            }
            let closed = Timestamp(events.time(window).0 + events.step().0);
            for signal in rules.silent(closed) {
                self.print(window, &events, Some(signal))?;
            }
            spent += began.elapsed().as_secs_f64();
        }
        let windows = events.steps() - self.train_days * rows_a_day(&events);
        let each = spent / (windows * events.series().len()) as f64 * 1e6;
        eprintln!("{} rules: {each:.2} us a window and key", stream.name);
        Ok(())
    }

    /// Prints a signal that is on or above the line, once the warm-up is over.
    fn print(&self, window: usize, panel: &Panel, signal: Option<Signal>) -> Result<(), AnyError> {
        let warm = (self.train_days + self.warm_days) * rows_a_day(panel);
        let Some(signal) = signal.filter(|signal| signal.score.is_alert() && window >= warm) else {
            return Ok(());
        };
        let line = serde_json::json!({
            "topic": &*signal.topic,
            "key": &*signal.key,
            "target": &*signal.target,
            "detector": signal.detector,
            "reason": name(signal.reason),
            "window": signal.window.to_string(),
            "score": f64::from(signal.score),
        });
        println!("{}", serde_json::to_string(&line)?);
        Ok(())
    }
}

fn rows_a_day(panel: &Panel) -> usize {
    (DAY / panel.step().0) as usize
}

fn subject(stream: &StreamDefinition, panel: &Panel, window: usize, series: usize) -> Subject {
    Subject {
        topic: Arc::from(stream.name.as_str()),
        key: Arc::from(panel.series()[series].as_str()),
        zone: None,
        window: panel.time(window),
        step: Duration(panel.step().0),
    }
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
