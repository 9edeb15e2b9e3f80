//! `arterial simulate`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use arterial_datasets::city::{City, CityConfig, CitySize, Topic};
use arterial_datasets::time::{DAY, Duration, HOUR, Timestamp};
use serde::Serialize;

use super::outlet::{BrokerSink, EventSink, FolderSink, Target, lines};
use crate::config::Config;

/// A labelled synthetic city, to files or to Kafka
///
/// A day of a medium city whose reporters report every 5 seconds is about 1.1 GB of events; `--interval 1m` makes it about a twelfth,
/// `--size small` less.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many days
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3660))]
    days: u32,
    /// Everything that is drawn is drawn from it
    #[arg(long)]
    seed: u64,
    #[command(flatten)]
    target: Target,
    /// The first instant, UTC
    #[arg(
        long,
        value_name = "TIME",
        default_value = "2026-01-05T00:00:00Z",
        allow_hyphen_values = true
    )]
    start: Timestamp,
    /// small, medium or large: about 80, 110 or 160 traffic sensors
    #[arg(long, default_value = "medium")]
    size: CitySize,
    /// How often each reporter reports; what is written grows as this shrinks
    #[arg(long, value_name = "DURATION", default_value = "5s")]
    interval: Duration,
    /// The zone whose clock people follow
    #[arg(long, value_name = "ZONE", default_value = "Europe/Paris")]
    timezone: String,
    /// Unplanned incidents a usual day
    #[arg(long, value_name = "N", default_value_t = 6.0)]
    incidents_per_day: f64,
    /// Planned roadworks and events a week
    #[arg(long, value_name = "N", default_value_t = 6.0)]
    planned_per_week: f64,
    /// From when on the weather is stormy
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    storms_from: Option<Timestamp>,
    /// Sensor faults a day
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    faults_per_day: f64,
    /// Where the truth goes when events go to Kafka
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    labels: Option<PathBuf>,
    /// Print one JSON document at the end
    #[arg(long)]
    json: bool,
}

/// What was simulated.
#[derive(Debug, Serialize)]
struct Summary {
    synthetic: bool,
    seed: u64,
    days: u32,
    events: u64,
    bytes: u64,
    labels: u64,
    seconds: f64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut city = City::new(args.city())?;
    let mut sink = args.sink()?;
    let labels = args
        .target
        .out
        .as_ref()
        .map(|folder| folder.join("labels.jsonl"))
        .or_else(|| args.labels.clone());
    let mut labels = labels.map(|path| lines(&path)).transpose()?;
    let mut summary = Summary {
        synthetic: true,
        seed: args.seed,
        days: args.days,
        events: 0,
        bytes: 0,
        labels: 0,
        seconds: 0.0,
    };
    let end = Timestamp(args.start.0 + i64::from(args.days) * DAY);
    while city.now() < end {
        let mut sent = Ok(());
        city.advance(Timestamp((city.now().0 + HOUR).min(end.0)), &mut |event| {
            if sent.is_ok() {
                summary.events += 1;
                summary.bytes += event.payload.len() as u64;
                sent = sink.send(event.topic.name(), event.key, event.time, event.payload);
            }
        })?;
        sent?;
        summary.labels += write(&mut labels, &city.take_labels())?;
    }
    sink.finish()?;
    summary.labels += write(&mut labels, &city.finish())?;
    if let Some(file) = &mut labels {
        file.flush()?;
    }
    summary.seconds = began.elapsed().as_secs_f64();
    args.say(&summary)
}

fn write(file: &mut Option<impl Write>, labels: &[arterial_datasets::city::Label]) -> anyhow::Result<u64> {
    if let Some(file) = file {
        for label in labels {
            writeln!(file, "{}", label.to_json()?)?;
        }
    }
    Ok(labels.len() as u64)
}

impl Args {
    fn city(&self) -> CityConfig {
        CityConfig {
            seed: self.seed,
            start: self.start,
            timezone: self.timezone.clone(),
            size: self.size,
            report_interval: self.interval,
            incidents_per_day: self.incidents_per_day,
            planned_per_week: self.planned_per_week,
            storms_from: self.storms_from,
            faults_per_day: self.faults_per_day,
            ..CityConfig::default()
        }
    }

    fn sink(&self) -> anyhow::Result<Box<dyn EventSink>> {
        if let Some(folder) = &self.target.out {
            return Ok(Box::new(FolderSink::create(
                folder,
                Topic::ALL.iter().map(|topic| topic.name()),
            )?));
        }
        let brokers = self.target.brokers.as_deref().unwrap_or_default();
        let config = Config::load(None, std::env::vars())?;
        Ok(Box::new(BrokerSink::new(brokers, &config, self.target.speed)?))
    }

    fn say(&self, summary: &Summary) -> anyhow::Result<()> {
        if self.json {
            return super::print_json(summary);
        }
        let Summary {
            events,
            bytes,
            labels,
            seconds,
            ..
        } = summary;
        println!(
            "{events} synthetic events ({bytes} bytes) and {labels} labels of {} days in {seconds:.1} s",
            self.days
        );
        Ok(())
    }
}
