//! A small table of readings, and what the lake's tests do with it.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::{ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arterial_datasets::Result;
use arterial_datasets::lake::{
    Lake, LakeOptions, MaintainPlan, Progress, Scan, Table, TableSpec, TopicPartition, maintain,
};
use arterial_datasets::schema::instant;
use arterial_datasets::time::{Clock, DAY, MINUTE, Timestamp};

/// 2026-01-01T00:00:00Z.
pub const START: i64 = 1_767_225_600_000_000;

/// The instant of reading `offset`: one a minute.
pub fn at(offset: i64) -> Timestamp {
    Timestamp(START + offset * MINUTE)
}

pub fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("event_time", instant(), false),
        Field::new("offset", DataType::Int64, false),
        Field::new("note", DataType::Utf8, true),
        Field::new("day", DataType::Date32, false),
    ]))
}

pub fn spec(name: &str) -> TableSpec {
    TableSpec::new(name, schema())
}

/// One reading per offset, of ten sensors in turn.
pub fn readings(offsets: Range<i64>) -> RecordBatch {
    let offsets: Vec<i64> = offsets.collect();
    let times: Vec<i64> = offsets.iter().map(|offset| at(*offset).0).collect();
    let keys: Vec<String> = offsets.iter().map(|offset| format!("s{}", offset % 10)).collect();
    let days: Vec<i32> = times
        .iter()
        .map(|time| i32::try_from(time.div_euclid(DAY)).unwrap())
        .collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(keys)),
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        Arc::new(Int64Array::from(offsets)),
        Arc::new(StringArray::from(vec![None::<&str>; days.len()])),
        Arc::new(Date32Array::from(days)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// Options for tests: fsync off, as no power is cut; a checkpoint every tenth commit.
pub fn options() -> LakeOptions {
    LakeOptions {
        fsync: false,
        checkpoint_every: 10,
        ..LakeOptions::default()
    }
}

pub async fn open(place: &tempfile::TempDir, options: LakeOptions) -> Lake {
    Lake::open(place.path().to_str().unwrap(), options).await.unwrap()
}

/// A new lake in a temporary folder.
pub fn local() -> (Lake, tempfile::TempDir) {
    let place = tempfile::tempdir().unwrap();
    let lake = futures::executor::block_on(open(&place, options()));
    (lake, place)
}

/// A clock that stands where it is put.
pub struct Hands(AtomicI64);

impl Hands {
    pub fn set(&self, instant: Timestamp) {
        self.0.store(instant.0, Ordering::SeqCst);
    }

    pub fn advance(&self, by: i64) {
        self.0.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A new lake in a temporary folder, and its clock, which stands at `start`.
pub async fn clocked(start: i64) -> (Lake, tempfile::TempDir, Arc<Hands>) {
    let place = tempfile::tempdir().unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(start)));
    let options = LakeOptions {
        clock: Arc::clone(&clock) as Arc<dyn Clock>,
        ..options()
    };
    (open(&place, options).await, place, clock)
}

/// A partition of the topic that the readings come from.
pub fn partition(number: i32) -> TopicPartition {
    TopicPartition::new("traffic-sensors", number)
}

/// The table of readings, for the writer that takes partition 0 over.
pub async fn owned(lake: &Lake) -> Table {
    let mut table = lake.table(&spec("readings")).await.unwrap();
    table.acquire(&[partition(0)]).await.unwrap();
    table
}

/// Commits these readings of partition 0, and that it was read up to their end.
pub async fn commit(table: &mut Table, offsets: Range<i64>) -> Result<i64> {
    let progress = progress(table, 0, offsets.end, None);
    table.commit(&[readings(offsets)], &progress).await
}

/// Reads from where the table says to the end, as a writer does at every start; each commit has `step` readings.
pub async fn write_all(lake: &Lake, end: i64, step: i64) -> Result<()> {
    let mut table = lake.table(&spec("readings")).await?;
    table.acquire(&[partition(0)]).await?;
    let mut next = table.progress().partitions[&partition(0)].next.max(0);
    while next < end {
        let upper = (next + step).min(end);
        commit(&mut table, next..upper).await?;
        next = upper;
    }
    Ok(())
}

/// Makes one file of those of each day.
pub async fn compact(lake: &Lake) {
    let plan = MaintainPlan {
        min_files: 2,
        ..MaintainPlan::default()
    };
    maintain(lake, &plan).await.unwrap();
}

/// The table's progress with one partition moved to `next`.
pub fn progress(table: &Table, number: i32, next: i64, watermark: Option<i64>) -> Progress {
    let place = partition(number);
    let mut entry = table.progress().partitions.get(&place).copied().unwrap_or_default();
    entry.next = next;
    entry.resume_from = next;
    entry.watermark = watermark.map(Timestamp).or(entry.watermark);
    Progress {
        partitions: [(place, entry)].into(),
        ..Progress::default()
    }
}

pub async fn count(table: &Table, scan: &Scan) -> usize {
    table.scan(scan).await.unwrap().iter().map(RecordBatch::num_rows).sum()
}

/// The offsets of the rows found, sorted; each row gives one, so a doubled row shows.
pub async fn offsets(table: &Table, scan: &Scan) -> Vec<i64> {
    let mut found = Vec::new();
    for batch in table.scan(scan).await.unwrap() {
        let column = batch.column_by_name("offset").unwrap();
        found.extend(column.as_primitive::<Int64Type>().values().iter().copied());
    }
    found.sort_unstable();
    found
}
