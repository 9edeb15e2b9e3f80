//! CSV, Parquet and JSON lines as named columns.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringBuilder};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::clock::FileClock;
use crate::time::Timestamp;
use crate::{Error, Result};

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// Nothing: null, NaN or an empty text.
    Missing,
    /// A number.
    Number(f64),
    /// A text.
    Text(&'a str),
}

/// A file as columns of equal length.
#[derive(Debug, Clone)]
pub struct Table {
    /// Where it came from.
    pub path: PathBuf,
    names: Vec<String>,
    columns: Vec<ArrayRef>,
    rows: usize,
}

impl Table {
    /// Reads a file; its ending says what it is: `.parquet`, `.csv`, `.csv.gz`, `.jsonl` or `.jsonl.gz`.
    ///
    /// # Errors
    /// A file that cannot be read, an ending that is not known, rows of different lengths.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        match plain.rsplit_once('.').map(|(_, ending)| ending) {
            Some("parquet") => Self::read_parquet(path),
            Some("csv") => Self::read_csv(path),
            Some("jsonl" | "ndjson") => Self::read_lines(path),
            _ => Err(Error::invalid(
                "data",
                path.display(),
                ".csv, .csv.gz, .parquet, .jsonl or .jsonl.gz",
            )),
        }
    }

    fn read_parquet(path: &Path) -> Result<Self> {
        let broken = |error: &dyn std::error::Error| {
            Error::invalid("data", path.display(), format!("an intact Parquet file ({error})"))
        };
        let file = File::open(path).map_err(|source| Error::reading(path, source))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| broken(&error))?;
        let schema = builder.schema().clone();
        let batches = builder
            .with_batch_size(65_536)
            .build()
            .map_err(|error| broken(&error))?
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|error| broken(&error))?;
        let batch = concat_batches(&schema, &batches)?;
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        let columns = batch.columns().iter().map(simplify).collect::<Result<_>>()?;
        Ok(Self {
            path: path.into(),
            names,
            columns,
            rows: batch.num_rows(),
        })
    }

    fn read_csv(path: &Path) -> Result<Self> {
        let mut reader = csv::Reader::from_reader(open(path)?);
        let bad = |row: usize, error: &csv::Error| Error::Cell {
            path: path.display().to_string(),
            row,
            column: String::new(),
            message: format!("no CSV: {error}"),
        };
        let names: Vec<String> = reader
            .headers()
            .map_err(|error| bad(0, &error))?
            .iter()
            .map(|name| name.trim_start_matches('\u{feff}').to_string())
            .collect();
        let mut builders: Vec<StringBuilder> = names.iter().map(|_| StringBuilder::new()).collect();
        let mut record = csv::StringRecord::new();
        let mut rows = 0;
        while reader.read_record(&mut record).map_err(|error| bad(rows + 1, &error))? {
            for (builder, cell) in builders.iter_mut().zip(&record) {
                builder.append_value(cell);
            }
            rows += 1;
        }
        let columns = builders
            .into_iter()
            .map(|mut builder| Arc::new(builder.finish()) as ArrayRef)
            .collect();
        Ok(Self {
            path: path.into(),
            names,
            columns,
            rows,
        })
    }

    /// Objects in objects become columns named by their path.
    fn read_lines(path: &Path) -> Result<Self> {
        let mut text = String::new();
        open(path)?
            .read_to_string(&mut text)
            .map_err(|source| Error::reading(path, source))?;
        let mut names: Vec<String> = Vec::new();
        let mut cells: Vec<Vec<(usize, String)>> = Vec::new();
        for (row, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
            let value: serde_json::Value = serde_json::from_str(line).map_err(|error| Error::Cell {
                path: path.display().to_string(),
                row: row + 1,
                column: String::new(),
                message: format!("no JSON: {error}"),
            })?;
            let mut found = Vec::new();
            flatten("", &value, &mut |name, text| {
                let place = names.iter().position(|one| one == name).unwrap_or_else(|| {
                    names.push(name.to_string());
                    names.len() - 1
                });
                found.push((place, text));
            });
            cells.push(found);
        }
        let columns = (0..names.len())
            .map(|place| {
                let mut builder = StringBuilder::new();
                for row in &cells {
                    builder.append_option(row.iter().find(|(one, _)| *one == place).map(|(_, text)| text));
                }
                Arc::new(builder.finish()) as ArrayRef
            })
            .collect();
        Ok(Self {
            path: path.into(),
            names,
            columns,
            rows: cells.len(),
        })
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The number of the column of that name.
    ///
    /// # Errors
    /// No column of that name; the error lists those that exist.
    pub fn column(&self, name: &str) -> Result<usize> {
        self.names.iter().position(|one| one == name).ok_or_else(|| {
            let mut known = self.names.iter().take(40).cloned().collect::<Vec<_>>().join(", ");
            if self.names.len() > 40 {
                known = format!("{known} and {} more", self.names.len() - 40);
            }
            Error::invalid(
                "column",
                name,
                format!("the columns of {}: {known}", self.path.display()),
            )
        })
    }

    /// One cell.
    pub fn cell(&self, column: usize, row: usize) -> Cell<'_> {
        let array = &self.columns[column];
        if array.is_null(row) {
            return Cell::Missing;
        }
        let number = match array.data_type() {
            DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)),
            DataType::Int32 => f64::from(array.as_primitive::<Int32Type>().value(row)),
            DataType::Int64 => array.as_primitive::<Int64Type>().value(row) as f64,
            DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
            DataType::Utf8 => {
                let text = array.as_string::<i32>().value(row);
                return if text.is_empty() {
                    Cell::Missing
                } else {
                    Cell::Text(text)
                };
            }
            _ => array.as_primitive::<TimestampMicrosecondType>().value(row) as f64,
        };
        if number.is_nan() {
            Cell::Missing
        } else {
            Cell::Number(number)
        }
    }

    /// The number in a cell; none where it is missing.
    ///
    /// # Errors
    /// A text that is no number.
    pub fn number(&self, column: usize, row: usize) -> Result<Option<f64>> {
        match self.cell(column, row) {
            Cell::Missing => Ok(None),
            Cell::Number(number) => Ok(Some(number)),
            Cell::Text(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_nan() => Ok(None),
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.bad(column, row, format!("is `{text}`, accepted: a number, or nothing"))),
            },
        }
    }

    /// The instant in a cell.
    ///
    /// # Errors
    /// Nothing, or a text that is no time.
    pub fn instant(&self, column: usize, row: usize, clock: &FileClock, hours: i64) -> Result<Timestamp> {
        let array = &self.columns[column];
        let read = match array.data_type() {
            _ if array.is_null(row) => Err("is empty, accepted: a time".to_string()),
            DataType::Timestamp(_, zone) => {
                let value = array.as_primitive::<TimestampMicrosecondType>().value(row);
                if zone.is_some() {
                    Ok(Timestamp(value))
                } else {
                    clock.read_naive(value)
                }
            }
            DataType::Utf8 => clock.read(array.as_string::<i32>().value(row), hours),
            _ => Err("is a number, accepted: a time".to_string()),
        };
        read.map_err(|message| self.bad(column, row, message))
    }

    /// The error of a cell.
    pub fn bad(&self, column: usize, row: usize, message: String) -> Error {
        Error::Cell {
            path: self.path.display().to_string(),
            row: row + 1,
            column: self.names[column].clone(),
            message,
        }
    }
}

/// Opens a file, through gzip where it ends in `.gz`.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>> {
    let file = File::open(path).map_err(|source| Error::reading(path, source))?;
    let file = std::io::BufReader::with_capacity(1 << 18, file);
    if path.extension().is_some_and(|ending| ending == "gz") {
        return Ok(Box::new(flate2::read::MultiGzDecoder::new(file)));
    }
    Ok(Box::new(file))
}

/// Brings a column to one of few types: 32-bit and 64-bit numbers, text, microseconds.
fn simplify(array: &ArrayRef) -> Result<ArrayRef> {
    let target = match array.data_type() {
        DataType::Float32 | DataType::Float64 | DataType::Int32 | DataType::Int64 | DataType::Utf8 => {
            return Ok(array.clone());
        }
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 => DataType::Int64,
        DataType::Float16 | DataType::UInt64 | DataType::Decimal128(..) => DataType::Float64,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        DataType::Date32 | DataType::Date64 => DataType::Timestamp(TimeUnit::Microsecond, None),
        _ => DataType::Utf8,
    };
    Ok(cast(array, &target)?)
}

fn flatten(name: &str, value: &serde_json::Value, each: &mut dyn FnMut(&str, String)) {
    match value {
        serde_json::Value::Null => {}
        serde_json::Value::Object(members) => {
            for (key, member) in members {
                let path = if name.is_empty() {
                    key.clone()
                } else {
                    format!("{name}.{key}")
                };
                flatten(&path, member, each);
            }
        }
        serde_json::Value::String(text) => each(name, text.clone()),
        other => each(name, other.to_string()),
    }
}
