//! What the integration tests share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::stream::{StreamDefinition, parse};
use arterial_datasets::time::{Clock, Timestamp};

const NOISE: &str = r#"
name = "noise"
description = "Sound level at street corners"
key = { path = "corner" }
identity = ["corner", "timestamp"]
zone = "zone"
interval = "1m"
quality = "state"
archive = true

[[fields]]
path = "corner"
type = "text"
role = "place"
required = true

[[fields]]
path = "zone"
type = "text"
role = "place"

[[fields]]
path = "street"
type = "text"
role = "attribute"
aggregates = ["last"]

[[fields]]
path = "lat"
type = "float"
role = "place"
aggregates = ["last"]

[[fields]]
path = "decibel"
type = "float"
role = "value"
range = [-50, 200]

[[fields]]
path = "cars"
type = "int"
role = "value"
range = [0, 268435456]

[[fields]]
path = "state"
type = "text"
role = "category"
values = ["good", "degraded"]
"#;

/// The ninth stream.
pub fn noise() -> Arc<StreamDefinition> {
    Arc::new(parse("noise.toml", NOISE).unwrap())
}

/// The same as it was before windows told where a corner is.
pub fn noise_without_descriptions() -> Arc<StreamDefinition> {
    let before = NOISE.replace("aggregates = [\"last\"]\n", "");
    Arc::new(parse("noise.toml", &before).unwrap())
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct TestClock(pub AtomicI64);

impl TestClock {
    pub fn at(time: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(time)))
    }

    pub fn advance(&self, by: i64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A key and the start of a window.
pub type Place = (String, i64);
/// Every visible number of a row, as its bits.
pub type Bits = Vec<(String, Option<i64>)>;

/// The newest revision of each window; that no revision is written twice is checked on the way.
pub fn latest(rows: &[RecordBatch]) -> BTreeMap<Place, Bits> {
    let mut latest: BTreeMap<Place, BTreeMap<i32, Bits>> = BTreeMap::new();
    for batch in rows {
        for row in 0..batch.num_rows() {
            let key = batch["key"].as_string::<i32>().value(row).to_string();
            let start = batch["window_start"]
                .as_primitive::<TimestampMicrosecondType>()
                .value(row);
            let revision = batch["revision"].as_primitive::<Int32Type>().value(row);
            let before = latest
                .entry((key, start))
                .or_default()
                .insert(revision, visible(batch, row));
            assert!(before.is_none(), "revision {revision} is written once");
        }
    }
    latest
        .into_iter()
        .filter_map(|(place, mut revisions)| Some((place, revisions.pop_last()?.1)))
        .collect()
}

fn visible(batch: &RecordBatch, row: usize) -> Vec<(String, Option<i64>)> {
    let mut bits = Vec::new();
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        let bit = match field.data_type() {
            DataType::Float64 => column.as_primitive::<Float64Type>().value(row).to_bits() as i64,
            DataType::Int64 => column.as_primitive::<Int64Type>().value(row),
            DataType::Utf8 => column
                .as_string::<i32>()
                .value(row)
                .bytes()
                .fold(7, |sum, byte| sum * 31 + i64::from(byte)),
            _ => continue,
        };
        bits.push((field.name().clone(), column.is_valid(row).then_some(bit)));
    }
    bits
}

/// The sum of a column over the newest revisions.
pub fn total(rows: &[RecordBatch], column: &str) -> i64 {
    let of = |bits: &Bits| {
        bits.iter()
            .find(|(name, _)| name == column)
            .and_then(|(_, value)| *value)
            .unwrap()
    };
    latest(rows).values().map(of).sum()
}
