//! `arterial replay`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context;
use arterial_datasets::mapping::{Mapping, Pace, Replay, Speed};
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::SystemClock;
use arterial_features::pipeline::{OnRecreatedTopic, Pipeline, PipelineOptions, StreamState};
use arterial_features::source::ReplaySource;
use serde::Serialize;

use super::outlet::{BrokerSink, EventSink};
use crate::config::Config;
use crate::service::{Foundation, catalog};

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
    /// Make windows into this lake: a local path, or `s3://bucket/prefix`
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
    windows: u64,
    quarantined: u64,
    seconds: f64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut config = Config::load(None, std::env::vars())?;
    let streams = catalog(&config)?;
    let stream = Arc::clone(streams.get(&args.stream)?);
    let mapping = args.mapping.as_deref().map(Mapping::find).transpose()?;
    let replay = Replay::open(&args.data, &stream, mapping.as_ref())?;
    let mut summary = if let Some(lake) = &args.lake {
        config.lake.url.clone_from(lake);
        let runtime = super::runtime()?;
        let foundation = runtime.block_on(Foundation::open(config, streams, Arc::new(SystemClock)))?;
        let _context = runtime.enter();
        args.fill_lake(&foundation, &stream, replay)?
    } else {
        args.send(&config, replay)?
    };
    summary.seconds = began.elapsed().as_secs_f64();
    if args.json {
        return super::print_json(&summary);
    }
    let Summary {
        records,
        events,
        windows,
        quarantined,
        seconds,
        ..
    } = &summary;
    println!(
        "{records} records of {}: {events} events, {windows} windows, {quarantined} in quarantine, in {seconds:.1} s",
        stream.name
    );
    Ok(())
}

impl Args {
    fn send(&self, config: &Config, replay: Replay) -> anyhow::Result<Summary> {
        let brokers = self.brokers.as_deref().unwrap_or_default();
        let mut sink = BrokerSink::new(brokers, config, self.speed)?;
        let mut summary = Summary {
            stream: self.stream.clone(),
            ..Summary::default()
        };
        for record in replay {
            let record = record?;
            sink.send(&record.topic, &record.key, record.time, &record.payload)?;
            summary.records += 1;
        }
        sink.finish()?;
        Ok(summary)
    }

    /// Reads the history to its end and closes every window. Replaying the same file again adds nothing: its offsets are
    /// known, and those of another file with the same events are recognised by their identity.
    fn fill_lake(
        &self,
        foundation: &Foundation,
        stream: &Arc<StreamDefinition>,
        replay: Replay,
    ) -> anyhow::Result<Summary> {
        let history = History {
            replay,
            pace: Pace::new(self.speed),
            failed: Arc::default(),
        };
        let failed = Arc::clone(&history.failed);
        let source = ReplaySource::new(self.identity()?, [stream.name.clone()], history);
        let options = PipelineOptions {
            poll_records: 100_000,
            on_recreated_topic: OnRecreatedTopic::Restart,
            ..foundation.pipeline_options()
        };
        let runtime = tokio::runtime::Handle::current();
        let clock = Arc::clone(&foundation.clock);
        let mut pipeline = Pipeline::new(
            source,
            [Arc::clone(stream)],
            foundation.lake_address(),
            clock,
            runtime,
            options,
        )?;
        let mut records = 0;
        while !pipeline.source_mut().is_exhausted() {
            records += pipeline.turn()?.records as u64;
        }
        let failure = failed.lock().ok().and_then(|mut failed| failed.take());
        if let Some(error) = failure {
            return Err(error.into());
        }
        pipeline.finish()?;
        let status = pipeline.status();
        let told = status.streams.get(&stream.name).context("the stream was not read")?;
        if let StreamState::Fenced(why) | StreamState::Stopped(why) = &told.state {
            anyhow::bail!("{} was not replayed to its end: {why}", stream.name);
        }
        Ok(Summary {
            stream: stream.name.clone(),
            records,
            events: told.events,
            windows: told.windows,
            quarantined: told.quarantined,
            seconds: 0.0,
        })
    }

    /// What makes this history another than that one: its path, its size and its mapping.
    fn identity(&self) -> anyhow::Result<String> {
        let path = self
            .data
            .canonicalize()
            .with_context(|| format!("cannot read `{}`", self.data.display()))?;
        let size = path.metadata()?.len();
        Ok(format!(
            "{} ({size} bytes) by {}",
            path.display(),
            self.mapping.as_deref().unwrap_or("names")
        ))
    }
}

/// The records as the source takes them; the first that cannot be read ends them.
struct History {
    replay: Replay,
    pace: Pace,
    failed: Arc<Mutex<Option<arterial_datasets::Error>>>,
}

impl Iterator for History {
    type Item = (String, Vec<u8>);

    #[expect(
        clippy::disallowed_methods,
        reason = "history passes at the speed that was asked for"
    )]
    fn next(&mut self) -> Option<Self::Item> {
        match self.replay.next()? {
            Ok(record) => {
                let wait = self.pace.wait(record.time, &SystemClock);
                if !wait.is_zero() {
                    std::thread::sleep(wait);
                }
                Some((record.topic.to_string(), record.payload))
            }
            Err(error) => {
                if let Ok(mut failed) = self.failed.lock() {
                    *failed = Some(error);
                }
                None
            }
        }
    }
}
