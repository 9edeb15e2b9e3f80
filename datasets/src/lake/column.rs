//! A column of one row group as it is kept in memory: decoded, in batches that know their bounds.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};

/// The lowest and the highest value of a batch, where the condition of a scan can make use of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Bounds {
    Texts(String, String),
    /// Microseconds since 1970.
    Instants(i64, i64),
    Unknown,
}

impl Bounds {
    fn of(values: &ArrayRef) -> Self {
        let found = match values.data_type() {
            DataType::Utf8 => {
                let texts = values.as_string::<i32>();
                let ends = min_string(texts).zip(max_string(texts));
                ends.map(|(low, high)| Self::Texts(low.to_owned(), high.to_owned()))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let times = values.as_primitive::<TimestampMicrosecondType>();
                min(times).zip(max(times)).map(|(low, high)| Self::Instants(low, high))
            }
            _ => None,
        };
        found.unwrap_or(Self::Unknown)
    }
}

/// A column of one row group.
#[derive(Debug)]
pub(super) struct Column {
    /// Its name and type in the file.
    pub field: FieldRef,
    batches: Vec<ArrayRef>,
    /// Found once a condition asks for them.
    bounds: OnceLock<Vec<Bounds>>,
}

impl Column {
    /// The columns of a row group that was decoded into `batches`.
    pub(super) fn of(batches: &[RecordBatch]) -> Vec<Self> {
        let Some(first) = batches.first() else {
            return Vec::new();
        };
        let column = |(place, field): (usize, &FieldRef)| {
            let values = batches.iter().map(|batch| Arc::clone(batch.column(place)));
            Self {
                field: Arc::clone(field),
                batches: values.collect(),
                bounds: OnceLock::new(),
            }
        };
        first.schema().fields().iter().enumerate().map(column).collect()
    }

    /// How many batches it has.
    pub(super) fn count(&self) -> usize {
        self.batches.len()
    }

    /// Its values in one batch.
    pub(super) fn batch(&self, place: usize) -> Option<ArrayRef> {
        self.batches.get(place).cloned()
    }

    /// The bounds of one batch.
    pub(super) fn bounds(&self, place: usize) -> Option<&Bounds> {
        let find = || self.batches.iter().map(Bounds::of).collect();
        self.bounds.get_or_init(find).get(place)
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.batches.iter().map(Array::get_array_memory_size).sum()
    }
}
