//! JSON to columns: events per CPU-second of our decoder and of arrow-json, on the same records, round by round in turn.
//!
//! Both read the eleven listed fields of `traffic-sensors`. Ours also checks ranges and categories, hashes the identity
//! and numbers the keys; `with archive` also builds the Arrow columns of `traffic_sensors_events`. arrow-json reads the
//! instants into a column of its own and leaves its columns as Arrow arrays.

use std::fmt::Write;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{SECOND, Timestamp};
use arterial_features::decode::{Decoder, IdentityKey};
use arterial_features::event::EventBatch;
use arterial_features::record::RecordRef;

const EVENTS: usize = 200_000;
const SENSORS: usize = 2_000;
const BATCH: usize = 8192;
const ROUNDS: usize = 7;
const START: i64 = 1_767_225_600 * SECOND;

fn main() {
    let records = records();
    let bytes: usize = records.iter().map(Vec::len).sum();
    println!(
        "{EVENTS} events of {} bytes, {ROUNDS} rounds in turn, best and median events per CPU-second",
        bytes / EVENTS
    );
    let mut rows = [
        ("arterial", Vec::new()),
        ("arterial with archive", Vec::new()),
        ("arrow-json", Vec::new()),
    ];
    for _ in 0..ROUNDS {
        rows[0].1.push(rate(|| ours(&records, false)));
        rows[1].1.push(rate(|| ours(&records, true)));
        rows[2].1.push(rate(|| theirs(&records)));
    }
    let [.., (_, theirs)] = &rows;
    let base = median(theirs);
    for (name, rates) in &rows {
        let best = rates.iter().copied().fold(0.0, f64::max);
        println!(
            "{name:22} {best:>12.0} {:>12.0}   {:.2} x arrow-json",
            median(rates),
            median(rates) / base
        );
    }
}

/// One sensor after the other, every five seconds, in the shape that the topic promises.
fn records() -> Vec<Vec<u8>> {
    (0..EVENTS)
        .map(|number| {
            let (sensor, step) = (number % SENSORS, number / SENSORS);
            let time = Timestamp(START + step as i64 * 5 * SECOND);
            let mut text = String::new();
            let wave = (number % 997) as f64 / 10.0;
            let written = write!(
                text,
                "{{\"sensor_id\":\"sensor-{sensor:05}\",\"timestamp\":\"{time}\",\"road_id\":\"road-{:03}\",\
                 \"road_name\":\"Ring Road {:03}\",\"zone_id\":\"zone-{:02}\",\"location\":{{\"lat\":{:.6},\"lon\":{:.6}}},\
                 \"speed_kmh\":{:.1},\"vehicle_flow\":{},\"occupancy_percent\":{:.2},\"congestion_level\":\"{}\",\
                 \"data_quality\":\"good\"}}",
                sensor % 300, sensor % 300, sensor % 40, 56.1 + wave / 1e4, 10.2 - wave / 1e4, 20.0 + wave, number % 120,
                wave / 2.0, ["low", "medium", "high"][number % 3],
            );
            assert!(written.is_ok());
            text.into_bytes()
        })
        .collect()
}

fn ours(records: &[Vec<u8>], archive: bool) -> usize {
    let catalog = StreamCatalog::built_in().expect("the streams check");
    let stream = catalog.get("traffic-sensors").expect("the stream").clone();
    let mut decoder = Decoder::new(stream, IdentityKey([7; 16]), archive).expect("a decoder");
    let (mut events, mut rejected) = (EventBatch::default(), Vec::new());
    let now = Timestamp(START + 86_400 * SECOND);
    let mut rows = 0;
    for (batch, part) in records.chunks(BATCH).enumerate() {
        for (place, record) in part.iter().enumerate() {
            let offset = (batch * BATCH + place) as i64;
            decoder.push(
                RecordRef {
                    partition: 0,
                    offset,
                    payload: Some(record),
                    trace: None,
                },
                now,
            );
        }
        decoder.take(&mut events, &mut rejected).expect("columns");
        rows += events.len();
    }
    rows
}

fn theirs(records: &[Vec<u8>]) -> usize {
    let mut decoder = arrow_json::ReaderBuilder::new(schema())
        .with_batch_size(BATCH)
        .build_decoder()
        .expect("a decoder");
    let mut rows = 0;
    for part in records.chunks(BATCH) {
        for record in part {
            decoder.decode(record).expect("a record");
        }
        rows += decoder.flush().expect("columns").map_or(0, |batch| batch.num_rows());
    }
    rows
}

fn schema() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let float = |name: &str| Field::new(name, DataType::Float64, true);
    Arc::new(Schema::new(vec![
        text("sensor_id"),
        Field::new(
            "timestamp",
            DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            true,
        ),
        text("road_id"),
        text("road_name"),
        text("zone_id"),
        Field::new(
            "location",
            DataType::Struct(vec![float("lat"), float("lon")].into()),
            true,
        ),
        float("speed_kmh"),
        Field::new("vehicle_flow", DataType::Int64, true),
        float("occupancy_percent"),
        text("congestion_level"),
        text("data_quality"),
    ]))
}

fn rate(work: impl FnOnce() -> usize) -> f64 {
    let before = cpu_seconds();
    let rows = work();
    assert_eq!(rows, EVENTS, "every event must be read");
    rows as f64 / (cpu_seconds() - before)
}

/// The CPU time of this thread, from the kernel's own account.
fn cpu_seconds() -> f64 {
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel");
    let nanoseconds = account.split(' ').next().and_then(|first| first.parse::<f64>().ok());
    nanoseconds.expect("nanoseconds") / 1e9
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
