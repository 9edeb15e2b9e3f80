//! Checkpoints: the whole state of a table in one Parquet file, so that opening does not read every entry.
//!
//! Their rows are the same actions as the log's lines, so they go through JSON both ways.

use std::io::Cursor;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use arrow::json::{LineDelimitedWriter, ReaderBuilder};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::arrow::{ArrowWriter, ProjectionMask};
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use super::action::Line;
use super::fault::Step;
use super::log::{self, Hint};
use super::snapshot::{Snapshot, State};
use super::store::{Store, blocking};
use crate::time::{Duration, Timestamp};
use crate::{Error, Result};

/// The checkpoint of a version.
pub(crate) fn path(table: &str, version: i64) -> String {
    format!("{}/{version:020}.checkpoint.parquet", log::folder(table))
}

/// Writes a checkpoint of `snapshot` and names it in `_last_checkpoint`. Removals older than `keep` are forgotten.
pub(crate) async fn write(
    store: &Store,
    table: &str,
    snapshot: &Snapshot,
    now: Timestamp,
    keep: Duration,
) -> Result<()> {
    store.faults.enter(Step::Checkpoint, table)?;
    let version = snapshot.state.version;
    let lines = lines(&snapshot.state, (now.0 - keep.0).div_euclid(1_000));
    let size = i64::try_from(lines.len()).unwrap_or(i64::MAX);
    let bytes = blocking(move || encode(&lines)).await?;
    store.put(&path(table, version), bytes).await?;
    let hint = Hint {
        version,
        size,
        parts: None,
    };
    let text = serde_json::to_vec(&hint).map_err(|error| corrupt(table, version, &error))?;
    store.put(&log::hint_path(table), text.into()).await?;
    store.faults.leave(Step::Checkpoint, table)
}

/// Reads the checkpoint of a version; `None` where there is none.
pub(crate) async fn read(store: &Store, table: &str, version: i64) -> Result<Option<State>> {
    let Some(bytes) = store.get(&path(table, version)).await? else {
        return Ok(None);
    };
    let name = table.to_owned();
    let lines = blocking(move || decode(bytes).map_err(|error| corrupt(&name, version, &error))).await?;
    let mut state = State::default();
    state.apply(version, lines);
    Ok(Some(state))
}

fn corrupt(table: &str, version: i64, error: &dyn std::fmt::Display) -> Error {
    Error::Log {
        table: table.to_owned(),
        version,
        message: format!("checkpoint: {error}"),
    }
}

fn lines(state: &State, forget_before: i64) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::with_capacity(state.files.len() + state.txns.len() + 2);
    lines.extend(state.protocol.clone().map(Line::from));
    lines.extend(state.metadata.clone().map(Line::from));
    lines.extend(state.txns.values().cloned().map(Line::from));
    lines.extend(state.files.values().map(|file| Line::from(file.add.clone())));
    let kept = state
        .removed
        .values()
        .filter(|remove| remove.deletion_timestamp.unwrap_or(0) >= forget_before);
    lines.extend(kept.cloned().map(Line::from));
    lines
}

fn encode(lines: &[Line]) -> Result<Bytes> {
    let schema = Arc::new(Schema::new(columns()));
    let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
        .with_batch_size(lines.len().max(1))
        .build_decoder()?;
    decoder.serialize(lines)?;
    let batch = decoder
        .flush()?
        .unwrap_or_else(|| RecordBatch::new_empty(Arc::clone(&schema)));
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties))?;
    writer.write(&batch)?;
    Ok(writer.into_inner()?.into())
}

fn decode(bytes: Bytes) -> Result<Vec<Line>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(bytes)?;
    let known = columns();
    let wanted = ["txn", "add", "remove", "metaData", "protocol"];
    let leaves = builder
        .parquet_schema()
        .columns()
        .iter()
        .enumerate()
        .filter_map(|(index, column)| {
            let parts = column.path().parts();
            let root = known
                .iter()
                .find(|field| field.name() == &parts[0] && wanted.contains(&parts[0].as_str()))?;
            let DataType::Struct(inner) = root.data_type() else {
                return None;
            };
            inner
                .iter()
                .any(|field| Some(field.name()) == parts.get(1))
                .then_some(index)
        });
    let mask = ProjectionMask::leaves(builder.parquet_schema(), leaves.collect::<Vec<_>>());
    let mut text = LineDelimitedWriter::new(Vec::new());
    for batch in builder.with_projection(mask).build()? {
        text.write(&batch?)?;
    }
    text.finish()?;
    serde_json::Deserializer::from_reader(Cursor::new(text.into_inner()))
        .into_iter::<Line>()
        .collect::<Result<_, _>>()
        .map_err(|error| Error::invalid("checkpoint", error, "the actions of the Delta protocol"))
}

fn columns() -> Fields {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let int = |name: &str| Field::new(name, DataType::Int32, true);
    let flag = |name: &str| Field::new(name, DataType::Boolean, true);
    let group = |name: &str, fields: Vec<Field>| Field::new_struct(name, fields, true);
    let map = |name: &str| {
        let entry = Field::new_struct(
            "key_value",
            vec![Field::new("key", DataType::Utf8, false), text("value")],
            false,
        );
        Field::new(name, DataType::Map(Arc::new(entry), false), true)
    };
    let list = |name: &str| Field::new_list(name, Field::new("element", DataType::Utf8, true), true);
    let file = [text("path"), map("partitionValues"), long("size")];
    let add = [long("modificationTime"), flag("dataChange"), text("stats")];
    let remove = [
        long("deletionTimestamp"),
        flag("dataChange"),
        flag("extendedFileMetadata"),
    ];
    let metadata = vec![
        text("id"),
        text("name"),
        text("description"),
        group("format", vec![text("provider"), map("options")]),
        text("schemaString"),
        list("partitionColumns"),
        map("configuration"),
        long("createdTime"),
    ];
    Fields::from(vec![
        group("txn", vec![text("appId"), long("version"), long("lastUpdated")]),
        group("add", [file.as_slice(), add.as_slice()].concat()),
        group("remove", [file.as_slice(), remove.as_slice()].concat()),
        group("metaData", metadata),
        group("protocol", vec![int("minReaderVersion"), int("minWriterVersion")]),
    ])
}
