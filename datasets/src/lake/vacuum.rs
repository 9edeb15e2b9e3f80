//! Vacuum: files that no version of the table needs any more are deleted once they are old enough.
//!
//! Age protects two others: a writer whose data files stand there before its log entry does, and a reader that still
//! looks at an older version.

use std::collections::HashSet;

use futures::TryStreamExt;

use super::table::Table;
use super::{fsync, scan};
use crate::Result;
use crate::time::Duration;

/// Deletes unreferenced files whose last change is older than `age`. Gives their number.
pub(super) async fn vacuum(table: &mut Table, age: Duration) -> Result<usize> {
    table.refresh().await?;
    let limit = table.shared.options.clock.now().0.saturating_sub(age.0);
    let state = &table.snapshot.state;
    let mut kept: HashSet<String> = state.files.keys().map(|path| scan::decoded(path)).collect();
    let fresh = state
        .removed
        .values()
        .filter(|remove| remove.deletion_timestamp.unwrap_or(0) >= limit.div_euclid(1_000));
    kept.extend(fresh.map(|remove| scan::decoded(&remove.path)));
    let store = table.shared.store.clone();
    let prefix = format!("{}/", table.name);
    let mut doomed = Vec::new();
    let mut files = store.list(&table.name)?;
    while let Some((path, meta)) = files.try_next().await? {
        let Some(inside) = path.strip_prefix(&prefix) else {
            continue;
        };
        let leftover = inside.rsplit('/').next().is_some_and(fsync::is_temporary);
        let data = !inside.starts_with("_delta_log/") && !inside.split('/').any(|part| part.starts_with(['_', '.']));
        let old = meta.last_modified.timestamp_micros() < limit;
        if old && (leftover || (data && !kept.contains(inside))) {
            doomed.push(path);
        }
    }
    drop(files);
    for path in &doomed {
        store.delete(path).await?;
    }
    Ok(doomed.len())
}
