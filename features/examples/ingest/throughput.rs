//! Events per CPU-second from JSON to durable windows: from memory, or through a real broker.

use std::time::Instant;

use arterial_datasets::stream::StreamDefinition;
use arterial_features::source::Source;

use super::Result;
use super::events::{TOPIC, render_in_turn};
use super::pipeline::{Ground, Script, Scripted, broker, cpu_seconds, kafka_source, stream};

const PARTITIONS: i32 = 4;
/// Records that are rendered before they are sent to the broker.
const CHUNK: usize = 100_000;

/// Measures the pipeline alone: the records stand in memory, or with the broker, before it starts.
pub fn measure(events: usize, keys: usize, words: &[&str]) -> Result {
    let mut definition = stream(words.contains(&"archive"))?;
    if words.contains(&"bare") {
        definition.fields.iter_mut().for_each(|field| field.aggregates = None);
    }
    if words.contains(&"kafka") {
        let broker = broker(PARTITIONS)?;
        fill(&broker, events, keys);
        return run(kafka_source(&broker)?, events, keys, definition, "kafka");
    }
    let source = Scripted::new(Rendered::new(events, keys));
    run(source, events, keys, definition, "memory")
}

fn run(source: impl Source, events: usize, keys: usize, definition: StreamDefinition, from: &str) -> Result {
    let ground = Ground::new()?;
    let archive = definition.archive;
    let described = definition.descriptive_fields().count();
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut pipeline = ground.pipeline(source, definition)?;
    let mut read = 0;
    while read < events {
        read += pipeline.turn()?.records;
    }
    pipeline.finish()?;
    let (cpu, wall) = (cpu_seconds() - cpu, began.elapsed().as_secs_f64());
    let status = &pipeline.status().streams[TOPIC];
    println!(
        r#"{{"events":{events},"counted":{},"keys":{keys},"windows":{},"archive":{archive},"described":{described},"from":"{from}","cpu_seconds":{cpu:.2},"wall_seconds":{wall:.2},"events_per_cpu_second":{:.0}}}"#,
        status.events,
        status.windows,
        events as f64 / cpu.max(0.01),
    );
    Ok(())
}

/// Sends the events, each sensor's to one partition.
fn fill(broker: &arterial_testing::KafkaBroker, events: usize, keys: usize) {
    for begin in (0..events).step_by(CHUNK) {
        let mut payloads: Vec<Vec<String>> = vec![Vec::new(); PARTITIONS as usize];
        for number in begin..events.min(begin + CHUNK) {
            let mut text = String::new();
            render_in_turn(&mut text, number, keys);
            payloads[number % keys % PARTITIONS as usize].push(text);
        }
        for (partition, payloads) in (0..).zip(payloads) {
            broker.produce(TOPIC, partition, payloads);
        }
    }
}

/// Records one behind the other in one buffer, as a fetched batch of the broker holds them.
struct Rendered {
    bytes: String,
    ends: Vec<usize>,
}

impl Rendered {
    fn new(events: usize, keys: usize) -> Self {
        let mut rendered = Self {
            bytes: String::with_capacity(events * 300),
            ends: Vec::new(),
        };
        for number in 0..events {
            render_in_turn(&mut rendered.bytes, number, keys);
            rendered.ends.push(rendered.bytes.len());
        }
        rendered
    }
}

impl Script for Rendered {
    fn records(&self) -> usize {
        self.ends.len()
    }

    fn record(&mut self, number: usize) -> &str {
        let begin = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[begin..self.ends[number]]
    }
}
