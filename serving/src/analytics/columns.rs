//! The columns of a table's rows by name. What a table does not keep, or a row does not say, is none.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::time::Timestamp;

/// The columns of a batch.
#[derive(Debug, Clone, Copy)]
pub struct Columns<'a>(pub &'a RecordBatch);

impl<'a> Columns<'a> {
    fn there(self, name: &str, row: usize) -> Option<&'a dyn Array> {
        let column = self.0.column_by_name(name)?;
        (!column.is_null(row)).then_some(column.as_ref())
    }

    /// A text.
    pub fn text(self, name: &str, row: usize) -> Option<&'a str> {
        Some(self.there(name, row)?.as_string_opt::<i32>()?.value(row))
    }

    /// A number that is one.
    pub fn number(self, name: &str, row: usize) -> Option<f64> {
        let value = self.there(name, row)?.as_primitive_opt::<Float64Type>()?.value(row);
        value.is_finite().then_some(value)
    }

    /// A count.
    pub fn count(self, name: &str, row: usize) -> Option<i64> {
        let column = self.there(name, row)?;
        match column.as_primitive_opt::<Int64Type>() {
            Some(column) => Some(column.value(row)),
            None => Some(i64::from(column.as_primitive_opt::<Int32Type>()?.value(row))),
        }
    }

    /// Whether something holds.
    pub fn flag(self, name: &str, row: usize) -> Option<bool> {
        Some(self.there(name, row)?.as_boolean_opt()?.value(row))
    }

    /// An instant.
    pub fn instant(self, name: &str, row: usize) -> Option<Timestamp> {
        let column = self.there(name, row)?.as_primitive_opt::<TimestampMicrosecondType>()?;
        Some(Timestamp(column.value(row)))
    }

    /// The rows, by number.
    pub fn rows(self) -> std::ops::Range<usize> {
        0..self.0.num_rows()
    }
}
