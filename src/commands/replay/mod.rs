//! `arterial replay`.

mod history;
mod lake;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arterial_datasets::mapping::{Mapping, Replay, Speed};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::SystemClock;
use serde::Serialize;

use super::outlet::{BrokerSink, EventSink};
use crate::config::Config;
use crate::service::{Foundation, catalog};
use history::Told;

/// History from CSV, Parquet or JSON lines through the same pipeline as events from Kafka
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, or the folder with the files that the mapping names
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// The stream whose events the file tells
    #[arg(long, value_name = "NAME")]
    stream: String,
    /// How columns become fields: a file, or one of los-loop, aarhus-traffic, aarhus-parking, aarhus-weather,
    /// german-parking, beijing-air, washington-bikes, washington-weather [default: columns carry the stream's field names]
    #[arg(long, value_name = "FILE|NAME")]
    mapping: Option<String>,
    /// Send to these brokers
    #[arg(long, value_name = "LIST", required_unless_present = "lake", conflicts_with = "lake")]
    brokers: Option<String>,
    /// Make windows into this lake: a local path, or `s3://bucket/prefix`. A service that writes the stream is stopped first
    #[arg(long, value_name = "PATH")]
    lake: Option<String>,
    /// How fast history passes: 1x, 60x, max
    #[arg(long, value_name = "SPEED", default_value = "max")]
    speed: Speed,
    /// Print one JSON document at the end
    #[arg(long)]
    json: bool,
}

/// What was replayed.
#[derive(Debug, Default, Serialize)]
struct Summary {
    stream: String,
    records: u64,
    events: u64,
    duplicates: u64,
    windows: u64,
    revisions: u64,
    quarantined: u64,
    left_out: u64,
    seconds: f64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut config = Config::load(None, std::env::vars())?;
    let streams = catalog(&config)?;
    let mapping = args.mapping.as_deref().map(Mapping::find).transpose()?;
    let stream = as_told(streams.get(&args.stream)?, mapping.as_ref());
    let replay = Replay::open(&args.data, &stream, mapping.as_ref())?;
    let mut summary = if let Some(lake) = &args.lake {
        config.lake.url.clone_from(lake);
        let name = replay.digest(mapping.as_ref())?;
        let runtime = super::runtime()?;
        let foundation = runtime.block_on(Foundation::open(config, streams, Arc::new(SystemClock)))?;
        let _context = runtime.enter();
        lake::fill(&foundation, &stream, &name, Told::new(replay), args.speed)?
    } else {
        args.send(&config, Told::new(replay))?
    };
    summary.seconds = began.elapsed().as_secs_f64();
    if args.json {
        return super::print_json(&summary);
    }
    match &args.brokers {
        Some(brokers) => {
            let Summary {
                records,
                stream,
                seconds,
                ..
            } = &summary;
            println!("{records} records sent to {brokers}, topic {stream}, in {seconds:.1} s");
        }
        None => summary.print(),
    }
    Ok(())
}

/// The stream as the files tell it: completeness is judged by how often they report.
fn as_told(stream: &Arc<StreamDefinition>, mapping: Option<&Mapping>) -> Arc<StreamDefinition> {
    let interval = mapping.map_or(stream.interval, |mapping| mapping.interval);
    Arc::new(StreamDefinition {
        interval,
        ..stream.as_ref().clone()
    })
}

impl Args {
    fn send(&self, config: &Config, records: Told) -> anyhow::Result<Summary> {
        let brokers = self.brokers.as_deref().unwrap_or_default();
        let mut sink = BrokerSink::new(brokers, config, self.speed)?;
        let mut summary = Summary {
            stream: self.stream.clone(),
            ..Summary::default()
        };
        for record in records {
            let record = record?;
            sink.send(&record.topic, &record.key, record.time, &record.payload)?;
            summary.records += 1;
        }
        sink.finish()?;
        Ok(summary)
    }
}

impl Summary {
    fn print(&self) {
        let Self {
            stream,
            records,
            events,
            duplicates,
            windows,
            revisions,
            quarantined,
            left_out,
            seconds,
        } = self;
        println!(
            "{records} records of {stream}: {events} events, {duplicates} repeats, {windows} windows, {revisions} revisions, \
             {quarantined} in quarantine, in {seconds:.1} s"
        );
        if *left_out > 0 {
            eprintln!("{left_out} events were left out: their windows are final");
        }
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::stream::StreamCatalog;

    use super::*;

    #[test]
    fn completeness_is_judged_by_how_often_the_files_report() {
        let streams = StreamCatalog::built_in().unwrap();
        for name in Mapping::shipped() {
            let mapping = Mapping::find(name).unwrap();
            let stream = as_told(streams.get(&mapping.stream).unwrap(), Some(&mapping));
            let expected = stream.expected_events().unwrap();
            assert!(
                expected > 0.0 && expected <= 1.0,
                "{name} reports {expected} times a window"
            );
        }
        let parking = streams.get("parking").unwrap();
        assert_eq!(as_told(parking, None).interval, parking.interval);
    }
}
