//! The forecasts at hand: the newest issue of every target, straight from memory.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arterial_datasets::schema;

use crate::Result;
use crate::score::rows;
use crate::state::AppState;

/// The dataset's name.
pub(super) const NAME: &str = "forecasts_latest";

pub(super) fn schema() -> SchemaRef {
    schema::forecasts()
}

/// Every horizon of the newest issue of every target, those that the table `forecasts` does not keep as well.
pub(super) fn batch(state: &AppState) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    for issue in state.scores.newest() {
        batches.push(rows(&issue, &(1..=issue.horizon()).collect())?);
    }
    Ok(concat_batches(&schema(), &batches)?)
}
