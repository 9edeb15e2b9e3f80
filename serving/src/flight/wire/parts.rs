//! Long batches in parts that every client takes.

use std::collections::VecDeque;

use arrow::array::{Array, ArrayRef, RecordBatch};

/// About how many bytes a part has. Many clients take messages of up to 4 MiB, and rows differ in length.
const PART: usize = 2 << 20;

/// The rows of `batch` in order, without copying; no part where there are no rows.
pub(super) fn split(batch: &RecordBatch) -> VecDeque<RecordBatch> {
    let rows = batch.num_rows();
    let mut parts = VecDeque::new();
    let step = rows.div_ceil(bytes(batch).div_ceil(PART).max(1)).max(1);
    for start in (0..rows).step_by(step) {
        cut(batch.slice(start, step.min(rows - start)), &mut parts);
    }
    parts
}

/// Puts `part` behind `parts`, in halves of halves where it is too long, as one with many of the longest rows is. What its rows share, such
/// as a dictionary, goes along with each half: where that is most of it, halves are no shorter.
fn cut(part: RecordBatch, parts: &mut VecDeque<RecordBatch>) {
    let (rows, length) = (part.num_rows(), bytes(&part));
    if rows > 1 && length > PART {
        let middle = rows / 2;
        let halves = [part.slice(0, middle), part.slice(middle, rows - middle)];
        if halves.iter().map(bytes).sum::<usize>() <= length + length / 2 {
            for half in halves {
                cut(half, parts);
            }
            return;
        }
    }
    parts.push_back(part);
}

fn bytes(batch: &RecordBatch) -> usize {
    batch.columns().iter().map(size).sum()
}

/// The bytes of the rows alone, as the column may be a small part of a long one.
fn size(column: &ArrayRef) -> usize {
    let size = column.to_data().get_slice_memory_size();
    size.unwrap_or_else(|_| column.get_buffer_memory_size())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, Int32Array, Int64Array, RecordBatchOptions, StringArray};
    use arrow::compute::concat_batches;
    use arrow::datatypes::{Int32Type, Schema};
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
    fn a_run_of_long_rows_among_short_ones_is_cut_further_and_no_row_is_lost() {
        let rows = 8_200;
        let length = |row: i64| if (4_000..4_300).contains(&row) { 64 << 10 } else { 100 };
        let texts: StringArray = (0..rows).map(|row| Some("x".repeat(length(row)))).collect();
        let columns: [(&str, ArrayRef); 2] = [
            ("numbers", Arc::new(Int64Array::from_iter_values(0..rows))),
            ("texts", Arc::new(texts)),
        ];
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        let parts = split(&batch);
        assert!(parts.iter().all(|part| part.num_rows() == 1 || bytes(part) <= PART));
        assert!(concat_batches(&batch.schema(), &parts).unwrap() == batch);
    }

    #[test]
    fn a_row_that_is_too_long_alone_is_a_part_of_its_own() {
        let texts = StringArray::from(vec!["x".repeat(2 * PART), "y".repeat(2 * PART), "z".to_owned()]);
        let batch = RecordBatch::try_from_iter([("texts", Arc::new(texts) as ArrayRef)]).unwrap();
        assert_eq!(rows(&batch), [1, 1, 1]);
    }

    #[test]
    fn rows_that_share_a_long_dictionary_are_not_cut_for_its_length() {
        let values: StringArray = (0..1_000).map(|value| Some(format!("{value:04096}"))).collect();
        let keys = Int32Array::from_iter_values((0..10_000).map(|row| row % 1_000));
        let texts = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(values)).unwrap();
        let batch = RecordBatch::try_from_iter([("texts", Arc::new(texts) as ArrayRef)]).unwrap();
        assert_eq!(rows(&batch), [5_000, 5_000]);
    }

    #[test]
    fn rows_without_columns_are_one_part_and_no_rows_none() {
        let options = RecordBatchOptions::new().with_row_count(Some(7));
        let bare = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).unwrap();
        assert_eq!(rows(&bare), [7]);
        assert!(rows(&batch().slice(0, 0)).is_empty());
    }
}
