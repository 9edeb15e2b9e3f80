//! A column of one row group as it is kept in memory: decoded, in long stretches. Whoever wants all of it gets those; a condition
//! looks at short slices, whose bounds are known.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{max, max_string, min, min_string};
use arrow::datatypes::{DataType, FieldRef, TimeUnit, TimestampMicrosecondType};

/// Rows of a batch: few calls for many rows, and little memory for wide ones.
pub(super) const BATCH_ROWS: usize = 8_192;

/// The lowest and the highest value of some rows, where the condition of a scan can make use of them.
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

/// Some rows of a row group that lie in one of its stretches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    stretch: usize,
    first: usize,
    pub rows: usize,
}

/// A column of one row group.
#[derive(Debug)]
pub(super) struct Column {
    /// Its name and type in the file.
    pub field: FieldRef,
    /// Its values, in stretches of many rows.
    stretches: Vec<ArrayRef>,
    /// Of each stretch, those of its short slices; found once a condition asks for them.
    bounds: OnceLock<Vec<Vec<Bounds>>>,
}

impl Column {
    /// The columns of a row group that was decoded into `stretches`.
    pub(super) fn of(stretches: &[RecordBatch]) -> Vec<Self> {
        let Some(first) = stretches.first() else {
            return Vec::new();
        };
        let column = |(place, field): (usize, &FieldRef)| {
            let values = stretches.iter().map(|stretch| Arc::clone(stretch.column(place)));
            Self {
                field: Arc::clone(field),
                stretches: values.collect(),
                bounds: OnceLock::new(),
            }
        };
        first.schema().fields().iter().enumerate().map(column).collect()
    }

    /// All of its rows, in order, as they lie in memory.
    pub(super) fn long(&self) -> Vec<Slice> {
        let whole = |(stretch, values): (usize, &ArrayRef)| Slice {
            stretch,
            first: 0,
            rows: values.len(),
        };
        self.stretches.iter().enumerate().map(whole).collect()
    }

    /// All of its rows, in order, in slices of [`BATCH_ROWS`]: those whose bounds are known.
    pub(super) fn short(&self) -> Vec<Slice> {
        let parts = |long: Slice| {
            (0..long.rows).step_by(BATCH_ROWS).map(move |first| Slice {
                first,
                rows: BATCH_ROWS.min(long.rows - first),
                ..long
            })
        };
        self.long().into_iter().flat_map(parts).collect()
    }

    /// Its values in these rows, which are not copied.
    pub(super) fn values(&self, slice: Slice) -> Option<ArrayRef> {
        let values = self.stretches.get(slice.stretch)?;
        Some(values.slice(slice.first, slice.rows))
    }

    /// The bounds of a short slice.
    pub(super) fn bounds(&self, slice: Slice) -> Option<&Bounds> {
        let bounds = self.bounds.get_or_init(|| self.find_bounds());
        bounds.get(slice.stretch)?.get(slice.first / BATCH_ROWS)
    }

    fn find_bounds(&self) -> Vec<Vec<Bounds>> {
        let mut found = vec![Vec::new(); self.stretches.len()];
        for slice in self.short() {
            let bounds = self.values(slice).map_or(Bounds::Unknown, |values| Bounds::of(&values));
            found[slice.stretch].push(bounds);
        }
        found
    }

    /// The memory that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.stretches.iter().map(Array::get_array_memory_size).sum()
    }
}
