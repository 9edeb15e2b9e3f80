//! Which keys never reported.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use futures::TryStreamExt;

use super::columns::Columns;
use super::newest::Newest;
use crate::Result;
use crate::flight::{Datasets, Query};
use crate::state::AppState;

/// The column that says whose a window is.
const KEY: &str = "key";

/// Those of `keys` that a stream has no window of: neither in live state, nor among the `newest`, nor in the lake.
///
/// The lake is read for those keys alone that the others do not know: for typing errors, and for keys that have been silent for long.
///
/// # Errors
/// No such stream; a lake that cannot be read.
pub async fn unknown(
    state: &AppState,
    topic: &str,
    newest: &Newest,
    mut keys: BTreeSet<String>,
) -> Result<BTreeSet<String>> {
    let stream = state.live.stream(topic)?;
    stream.with(|known| keys.retain(|key| known.position(key).is_none()));
    forget(&mut keys, &newest.rows);
    if keys.is_empty() {
        return Ok(keys);
    }
    let table = stream.definition().windows_table();
    let Some(dataset) = Datasets::new(state).find(&table, None).await? else {
        return Ok(keys);
    };
    let query = Query {
        dataset: table,
        columns: Some(vec![KEY.to_owned()]),
        keys: Some(keys.iter().cloned().collect()),
        ..Query::default()
    };
    let mut batches = dataset.read(&query).await?;
    while !keys.is_empty()
        && let Some(batch) = batches.try_next().await?
    {
        forget(&mut keys, &batch);
    }
    Ok(keys)
}

/// Takes the keys of `rows` out of `keys`.
fn forget(keys: &mut BTreeSet<String>, rows: &RecordBatch) {
    let columns = Columns(rows);
    for key in columns.rows().filter_map(|row| columns.text(KEY, row)) {
        keys.remove(key);
    }
}
