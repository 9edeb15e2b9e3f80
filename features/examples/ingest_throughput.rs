//! How many traffic events a CPU-second takes from JSON to durable windows.
//!
//! ```text
//! cargo run --release -p arterial-features --example ingest_throughput -- [EVENTS] [KEYS] [archive]
//! ```
//! The records are rendered into memory first. Then the pipeline decodes them, makes windows and commits them to a local lake
//! with fsync; CPU time is that of the whole process, every thread, from the first record to the last commit. Prints one JSON
//! line.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use arterial_datasets::lake::LakeOptions;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{Clock, SECOND, SystemClock, Timestamp};
use arterial_datasets::topic::TopicPartition;
use arterial_features::Result;
use arterial_features::decode::IdentityKey;
use arterial_features::pipeline::{LakeAddress, Pipeline, PipelineOptions};
use arterial_features::record::RecordRef;
use arterial_features::source::{Change, Polled, Source, SourceIdentity};

const TOPIC: &str = "traffic-sensors";
/// 2026-01-05T00:00:00Z.
const BEGIN: i64 = 1_767_571_200 * SECOND;

/// Records one behind the other in one buffer, as a fetched batch of the broker holds them.
struct Rendered {
    bytes: String,
    ends: Vec<usize>,
    next: usize,
    assigned: bool,
}

impl Rendered {
    fn new(events: usize, keys: usize) -> Self {
        let mut rendered = Self {
            bytes: String::with_capacity(events * 300),
            ends: Vec::new(),
            next: 0,
            assigned: false,
        };
        for number in 0..events {
            let (key, round) = (number % keys, number / keys);
            let time = Timestamp(BEGIN + round as i64 * 5 * SECOND);
            let speed = 20.0 + ((number * 7919) % 600) as f64 / 10.0;
            let _ = write!(
                rendered.bytes,
                r#"{{"sensor_id":"SENSOR_{key:05}","timestamp":"{time}","road_id":"R{:04}","road_name":"Ring road {}","zone_id":"Z{:02}","location":{{"lat":56.{:05},"lon":10.{:05}}},"speed_kmh":{speed:.1},"vehicle_flow":{},"occupancy_percent":{:.1},"congestion_level":"{}","data_quality":"good"}}"#,
                key / 8,
                key / 8,
                key % 40,
                10_000 + key,
                20_000 + key,
                (number * 31) % 180,
                ((number * 17) % 900) as f64 / 10.0,
                ["low", "medium", "high"][number % 3],
            );
            rendered.ends.push(rendered.bytes.len());
        }
        rendered
    }

    fn partition() -> TopicPartition {
        TopicPartition::new(TOPIC, 0)
    }
}

impl Source for Rendered {
    fn poll(&mut self, _: Duration, limit: usize, each: &mut dyn FnMut(&str, RecordRef<'_>)) -> Result<Polled> {
        if !std::mem::replace(&mut self.assigned, true) {
            return Ok(Polled {
                records: 0,
                changes: vec![Change::Assigned(vec![Self::partition()])],
            });
        }
        let last = self.ends.len().min(self.next + limit);
        for number in self.next..last {
            let begin = if number == 0 { 0 } else { self.ends[number - 1] };
            let payload = &self.bytes.as_bytes()[begin..self.ends[number]];
            each(
                TOPIC,
                RecordRef {
                    partition: 0,
                    offset: number as i64,
                    payload: Some(payload),
                },
            );
        }
        let records = last - self.next;
        self.next = last;
        Ok(Polled {
            records,
            changes: Vec::new(),
        })
    }

    fn seek(&mut self, _: &BTreeMap<TopicPartition, i64>) -> Result<()> {
        Ok(())
    }

    fn high_watermark(&self, _: &TopicPartition) -> Option<i64> {
        Some(self.ends.len() as i64)
    }

    fn low_watermark(&self, _: &TopicPartition) -> Option<i64> {
        Some(0)
    }

    fn identity(&mut self) -> Result<SourceIdentity> {
        Ok(SourceIdentity::default())
    }

    fn courtesy_commit(&mut self, _: &BTreeMap<TopicPartition, i64>) {}
}

/// User and system time of every thread, in seconds, from /proc/self/stat (hundredths).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let events: usize = arguments.next().map_or(Ok(1_000_000), |text| text.parse())?;
    let keys: usize = arguments.next().map_or(Ok(1_000), |text| text.parse())?;
    let archive = arguments.next().is_some_and(|text| text == "archive");
    let mut stream = StreamCatalog::built_in()?.get(TOPIC)?.as_ref().clone();
    stream.archive = archive;

    let source = Rendered::new(events, keys);
    let bytes = source.bytes.len();
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let address = LakeAddress {
        url: folder.path().display().to_string(),
        options: LakeOptions::default(),
    };
    let options = PipelineOptions::new(IdentityKey::from_secret("throughput"));
    let clock = Arc::new(SystemClock);
    let (began, cpu) = (clock.now(), cpu_seconds());
    let mut pipeline = Pipeline::new(
        source,
        [Arc::new(stream)],
        address,
        clock.clone(),
        runtime.handle().clone(),
        options,
    )?;
    while pipeline.source_mut().next < events {
        pipeline.turn()?;
    }
    pipeline.finish()?;
    let (cpu, wall) = (cpu_seconds() - cpu, (clock.now().0 - began.0) as f64 / SECOND as f64);
    let status = pipeline.status();
    let stream = &status.streams[TOPIC];
    println!(
        r#"{{"events":{events},"counted":{},"keys":{keys},"windows":{},"archive":{archive},"bytes_per_event":{},"cpu_seconds":{cpu:.2},"wall_seconds":{wall:.2},"events_per_cpu_second":{:.0}}}"#,
        stream.events,
        stream.windows,
        bytes / events,
        events as f64 / cpu.max(0.01),
    );
    Ok(())
}
