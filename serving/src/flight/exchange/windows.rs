//! The windows that a client sends, as live state takes them.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, TimestampMicrosecondType};
use arterial_datasets::panel::Covariate;
use arterial_datasets::schema::instant;
use arterial_datasets::time::{Duration, INSTANTS, Timestamp};

use crate::live::LiveStream;
use crate::{Error, Result};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 256;

/// The columns of a batch.
pub(super) struct Windows {
    keys: StringArray,
    starts: TimestampMicrosecondArray,
    values: Float64Array,
}

impl Windows {
    /// Reads the columns that every batch has, in whatever type they come.
    ///
    /// # Errors
    /// A column that is missing or of another kind, a key or an instant that is missing or that no calendar has, an instant at which no
    /// window begins.
    pub fn read(batch: &RecordBatch, step: Duration) -> Result<Self> {
        let keys = column(batch, "key", &DataType::Utf8, "texts")?;
        let starts = column(batch, "window_start", &instant(), "instants")?;
        let windows = Self {
            keys: keys.as_string::<i32>().clone(),
            starts: starts.as_primitive::<TimestampMicrosecondType>().clone(),
            values: numbers(batch, "value")?,
        };
        windows.check(step)?;
        Ok(windows)
    }

    fn check(&self, step: Duration) -> Result<()> {
        for (name, column) in [("key", &self.keys as &dyn Array), ("window_start", &self.starts)] {
            if let Some(row) = (0..column.len()).find(|&row| column.is_null(row)) {
                return Err(Error::invalid(
                    format!("{name} in row {row}"),
                    "null",
                    "a value in every row",
                ));
            }
        }
        if let Some(row) = (0..self.rows()).find(|&row| self.keys.value(row).len() > LONGEST_KEY) {
            let accepted = format!("at most {LONGEST_KEY} bytes");
            return Err(Error::invalid(format!("key in row {row}"), "longer", accepted));
        }
        for row in 0..self.rows() {
            let at = Timestamp(self.starts.value(row));
            let refused = |accepted: String| Error::invalid(format!("window_start in row {row}"), at, accepted);
            // No instant that is near the end of numbers gets in, as those that lie ahead of it are computed from it.
            if at.to_jiff().is_err() {
                return Err(refused(INSTANTS.to_owned()));
            }
            if at.0.rem_euclid(step.0) != 0 {
                return Err(refused(format!("the start of a window of {step}")));
            }
        }
        Ok(())
    }

    pub fn rows(&self) -> usize {
        self.keys.len()
    }

    /// The first and the last window; none of an empty batch.
    pub fn range(&self) -> Option<(Timestamp, Timestamp)> {
        let starts = self.starts.values().iter().copied();
        Some((Timestamp(starts.clone().min()?), Timestamp(starts.max()?)))
    }

    /// How many keys `stream` does not know yet.
    pub fn new_keys(&self, stream: &LiveStream) -> usize {
        let keys: HashSet<&str> = self.keys.iter().flatten().collect();
        keys.into_iter().filter(|key| !stream.knows(key)).count()
    }

    /// The rows of a windows table with this one number.
    ///
    /// # Errors
    /// None in practice: the columns fit.
    pub fn batch(&self, target: &str) -> Result<RecordBatch> {
        table(&self.keys, &self.starts, target, Arc::new(self.values.clone()))
    }

    /// The rows of a windows table of a covariate's stream: one value a window, of one key that stands for the city.
    ///
    /// # Errors
    /// A covariate without a column, or with one that holds no numbers.
    pub fn covariate(&self, batch: &RecordBatch, covariate: &Covariate, column: &str) -> Result<RecordBatch> {
        let values = numbers(batch, &covariate.to_string())?;
        let known = (0..self.rows()).filter(|&row| values.is_valid(row));
        let means: BTreeMap<i64, f64> = known.map(|row| (self.starts.value(row), values.value(row))).collect();
        let keys: StringArray = means.keys().map(|_| Some("city")).collect();
        let starts = TimestampMicrosecondArray::from_iter_values(means.keys().copied()).with_timezone("UTC");
        table(
            &keys,
            &starts,
            column,
            Arc::new(Float64Array::from_iter_values(means.values().copied())),
        )
    }
}

fn table(keys: &StringArray, starts: &TimestampMicrosecondArray, name: &str, values: ArrayRef) -> Result<RecordBatch> {
    let schema = Schema::new(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("zone_id", DataType::Utf8, true),
        Field::new("window_start", instant(), false),
        Field::new("revision", DataType::Int32, false),
        Field::new(name, DataType::Float64, true),
    ]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(keys.clone()),
        new_null_array(&DataType::Utf8, keys.len()),
        Arc::new(starts.clone()),
        Arc::new(Int32Array::from(vec![0; keys.len()])),
        values,
    ];
    Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
}

fn numbers(batch: &RecordBatch, name: &str) -> Result<Float64Array> {
    let numbers = column(
        batch,
        name,
        &DataType::Float64,
        "numbers, null where they are not known",
    )?;
    Ok(numbers.as_primitive::<Float64Type>().clone())
}

fn column(batch: &RecordBatch, name: &str, kind: &DataType, accepted: &str) -> Result<ArrayRef> {
    let found = batch
        .column_by_name(name)
        .ok_or_else(|| Error::missing(name, format!("a column of {accepted}")))?;
    cast(found, kind).map_err(|_| Error::invalid(name, found.data_type(), format!("a column of {accepted}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Int64Array, TimestampNanosecondArray};
    use arrow::datatypes::Int32Type;
    use arterial_datasets::time::MINUTE;

    const STEP: Duration = Duration(5 * MINUTE);

    fn sent(start: i64) -> RecordBatch {
        let keys: DictionaryArray<Int32Type> = vec!["a", "b"].into_iter().collect();
        RecordBatch::try_from_iter([
            ("key", Arc::new(keys) as ArrayRef),
            (
                "window_start",
                Arc::new(TimestampNanosecondArray::from(vec![start * 1_000; 2])),
            ),
            ("value", Arc::new(Int64Array::from(vec![Some(1), None]))),
        ])
        .unwrap()
    }

    #[test]
    fn columns_come_in_whatever_type_holds_them() {
        let read = Windows::read(&sent(STEP.0), STEP).unwrap();
        assert_eq!(read.range(), Some((Timestamp(STEP.0), Timestamp(STEP.0))));
        let batch = read.batch("speed_kmh_mean").unwrap();
        assert!((batch["speed_kmh_mean"].as_primitive::<Float64Type>().value(0) - 1.0).abs() < f64::EPSILON);
        assert!(batch["speed_kmh_mean"].is_null(1));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_row() {
        let error = Windows::read(&sent(STEP.0 + 1), STEP).err().unwrap().to_string();
        assert!(error.contains("row 0") && error.contains("a window of 5m"), "{error}");
        let last = i64::MAX / STEP.0 * STEP.0;
        let at: ArrayRef = Arc::new(TimestampMicrosecondArray::from(vec![last; 2]).with_timezone("UTC"));
        let far = RecordBatch::try_from_iter([
            ("key", Arc::clone(sent(0).column(0))),
            ("window_start", at),
            ("value", Arc::clone(sent(0).column(2))),
        ]);
        let error = Windows::read(&far.unwrap(), STEP).err().unwrap().to_string();
        assert!(error.contains("row 0") && error.contains(INSTANTS), "{error}");
        let error = Windows::read(&sent(0).project(&[0, 1]).unwrap(), STEP)
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("`value` is missing"), "{error}");
    }
}
