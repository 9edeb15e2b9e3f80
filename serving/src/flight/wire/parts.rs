//! Long batches in parts that every client takes.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef, RecordBatch};

/// About how many bytes a part has. Many clients take messages of up to 4 MiB, and rows differ in length.
const PART: usize = 2 << 20;

/// The rows of `batch` in order, without copying; no part where there are no rows.
pub(super) fn split(batch: &RecordBatch) -> VecDeque<RecordBatch> {
    let rows = batch.num_rows();
    if rows == 0 {
        return VecDeque::new();
    }
    let bytes: usize = batch.columns().iter().map(size).sum();
    let step = rows.div_ceil(bytes.div_ceil(PART).max(1));
    let part = |start: usize| batch.slice(start, step.min(rows - start));
    (0..rows).step_by(step).map(part).collect()
}

/// The bytes of the rows alone, as the column may be a small part of a long one.
fn size(column: &ArrayRef) -> usize {
    let size = column.to_data().get_slice_memory_size();
    size.unwrap_or_else(|_| column.get_buffer_memory_size())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, RecordBatchOptions};
    use arrow::datatypes::Schema;
    use std::sync::Arc;

    fn batch() -> RecordBatch {
        let numbers = Arc::new(Int64Array::from_iter_values(0..1_000_000));
        RecordBatch::try_from_iter([("numbers", numbers as _)]).unwrap()
    }

    fn rows(batch: &RecordBatch) -> Vec<usize> {
        split(batch).iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn parts_are_about_equal_and_leave_no_row_out() {
        assert_eq!(rows(&batch()), [250_000; 4]);
        assert_eq!(rows(&batch().slice(0, 600_001)), [200_001, 200_001, 199_999]);
    }

    #[test]
    fn a_few_rows_of_a_long_batch_are_one_part() {
        assert_eq!(rows(&batch().slice(500_000, 1000)), [1000]);
    }

    #[test]
    fn rows_without_columns_are_one_part_and_no_rows_none() {
        let options = RecordBatchOptions::new().with_row_count(Some(7));
        let bare = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap();
        assert_eq!(rows(&bare), [7]);
        assert!(rows(&batch().slice(0, 0)).is_empty());
    }
}
