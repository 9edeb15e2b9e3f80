//! Cells of Parquet files.

use std::fs::File;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::clock::{PanelClock, epoch, number};
use super::intern::Names;
use super::table::{Format, Layout, Places, Table, cell, others, places};
use crate::time::INSTANTS;
use crate::{Error, Result};

/// Reads the cells of a Parquet file.
pub(super) fn read(path: &str, file: File, clock: &mut PanelClock) -> Result<Table> {
    let (header, batches) = batches(path, file)?;
    let (layout, time, values, id) = match places(path, &header)? {
        Places::Wide { time, series } => (Layout::Wide, time, series, None),
        Places::Long { id, time, value } => (Layout::Long, time, vec![value], Some(id)),
    };
    let mut names = Names::default();
    let (mut times, mut ids) = (Vec::new(), Vec::new());
    let mut columns = vec![Vec::new(); values.len()];
    for batch in batches {
        let batch = batch.map_err(|error| broken(path, &error))?;
        let first = times.len();
        read_times(batch.column(time), clock, &mut times)
            .map_err(|(row, message)| cell(path, first + row, &header[time], message))?;
        for (column, &place) in columns.iter_mut().zip(&values) {
            read_numbers(batch.column(place), column)
                .map_err(|(row, message)| cell(path, first + row, &header[place], message))?;
        }
        if let Some(id) = id {
            read_names(batch.column(id), &mut names, &mut ids)
                .map_err(|(row, message)| cell(path, first + row, &header[id], message))?;
        }
    }
    let ignored = match id {
        Some(id) => others(&header, &[id, time, values[0]]),
        None => Vec::new(),
    };
    let series = match layout {
        Layout::Wide => values.iter().map(|&place| header[place].clone()).collect(),
        Layout::Long => names.into_names(),
    };
    Ok(Table {
        path: path.into(),
        layout,
        format: Format::Parquet,
        is_even: false,
        time_column: header[time].clone(),
        ignored,
        times,
        ids,
        series,
        columns,
    })
}

type Batches = parquet::arrow::arrow_reader::ParquetRecordBatchReader;

/// The columns' names and the row batches of a Parquet file.
pub(super) fn batches(path: &str, file: File) -> Result<(Vec<String>, Batches)> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(path, &error))?;
    let header = builder
        .schema()
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let reader = builder
        .with_batch_size(8192)
        .build()
        .map_err(|error| broken(path, &error))?;
    Ok((header, reader))
}

pub(super) fn broken(path: &str, error: &dyn std::error::Error) -> Error {
    Error::invalid("data", path, format!("an intact Parquet file ({error})"))
}

type Wrong = (usize, String);

/// Reads a column of times.
pub(super) fn read_times(column: &ArrayRef, clock: &mut PanelClock, times: &mut Vec<i64>) -> Result<(), Wrong> {
    if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
        return Err((row, "no time, accepted: a time in every row".into()));
    }
    let failed = |error: arrow::error::ArrowError| (0, error.to_string());
    match column.data_type() {
        DataType::Timestamp(_, zone) => {
            let zoned = zone.is_some();
            let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, zone.clone())).map_err(failed)?;
            for (row, &micro) in micros
                .as_primitive::<TimestampMicrosecondType>()
                .values()
                .iter()
                .enumerate()
            {
                times.push(if zoned {
                    micro
                } else {
                    naive(micro, clock).map_err(|message| (row, message))?
                });
            }
            Ok(())
        }
        DataType::Date32 | DataType::Date64 => {
            let micros = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, None)).map_err(failed)?;
            for (row, &micro) in micros
                .as_primitive::<TimestampMicrosecondType>()
                .values()
                .iter()
                .enumerate()
            {
                times.push(naive(micro, clock).map_err(|message| (row, message))?);
            }
            Ok(())
        }
        kind if is_text(kind) => {
            let texts = cast(column, &DataType::Utf8).map_err(failed)?;
            for (row, text) in texts.as_string::<i32>().iter().enumerate() {
                times.push(clock.read(text.unwrap_or_default()).map_err(|message| (row, message))?);
            }
            Ok(())
        }
        kind if kind.is_integer() => {
            let counts = cast(column, &DataType::Int64).map_err(failed)?;
            for (row, &count) in counts.as_primitive::<Int64Type>().values().iter().enumerate() {
                let refuse = || {
                    (
                        row,
                        format!("`{count}` is no time, accepted: seconds or milliseconds since 1970"),
                    )
                };
                times.push(epoch(count).ok_or_else(refuse)?);
            }
            Ok(())
        }
        kind => Err((
            0,
            format!(
                "a column of type {kind}, accepted: timestamps, dates, text, or seconds or milliseconds since 1970"
            ),
        )),
    }
}

fn naive(micro: i64, clock: &mut PanelClock) -> Result<i64, String> {
    let instant = jiff::Timestamp::from_microsecond(micro).map_err(|_| format!("{micro} us is outside {INSTANTS}"))?;
    clock.place(jiff::tz::Offset::UTC.to_datetime(instant))
}

/// Reads a column of numbers; NaN where missing.
pub(super) fn read_numbers(column: &ArrayRef, numbers: &mut Vec<f64>) -> Result<(), Wrong> {
    let kind = column.data_type();
    if is_text(kind) {
        let texts = cast(column, &DataType::Utf8).map_err(|error| (0, error.to_string()))?;
        for (row, text) in texts.as_string::<i32>().iter().enumerate() {
            numbers.push(number(text.unwrap_or_default()).map_err(|message| (row, message))?);
        }
        return Ok(());
    }
    if !(kind.is_numeric() || *kind == DataType::Null) {
        return Err((0, format!("a column of type {kind}, accepted: numbers")));
    }
    let floats = cast(column, &DataType::Float64).map_err(|error| (0, error.to_string()))?;
    for (row, value) in floats.as_primitive::<Float64Type>().iter().enumerate() {
        let value = value.unwrap_or(f64::NAN);
        if value.is_infinite() {
            return Err((
                row,
                format!("`{value}` is not finite, accepted: a finite number, or null where it is missing"),
            ));
        }
        numbers.push(value);
    }
    Ok(())
}

/// Reads a column of series names.
fn read_names(column: &ArrayRef, names: &mut Names, ids: &mut Vec<u32>) -> Result<(), Wrong> {
    let kind = column.data_type();
    if !(is_text(kind) || kind.is_integer()) {
        return Err((0, format!("a column of type {kind}, accepted: text or whole numbers")));
    }
    let texts = cast(column, &DataType::Utf8).map_err(|error| (0, error.to_string()))?;
    for (row, text) in texts.as_string::<i32>().iter().enumerate() {
        ids.push(names.add(text.unwrap_or_default()).map_err(|message| (row, message))?);
    }
    Ok(())
}

pub(super) fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, value) => is_text(value),
        _ => false,
    }
}

/// Every cell of a file as text, and the columns' names; numbers print so that they read back exactly.
pub(super) fn read_texts(path: &str, file: File) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let (header, batches) = batches(path, file)?;
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch.map_err(|error| broken(path, &error))?;
        let mut columns = Vec::new();
        for (place, column) in batch.columns().iter().enumerate() {
            let texts = cast(column, &DataType::Utf8)
                .map_err(|error| cell(path, rows.len(), &header[place], error.to_string()))?;
            columns.push(texts);
        }
        for row in 0..batch.num_rows() {
            let texts = columns.iter().map(AsArray::as_string::<i32>);
            rows.push(
                texts
                    .map(|column| {
                        if column.is_null(row) {
                            String::new()
                        } else {
                            column.value(row).into()
                        }
                    })
                    .collect(),
            );
        }
    }
    Ok((header, rows))
}
