//! Retention: days that are too old leave the table; vacuum deletes their files later.

use std::sync::Arc;

use super::snapshot::DataFile;
use super::table::Table;
use super::{rewrite, stats};
use crate::Result;
use crate::time::{DAY, Duration};

/// Takes out the days that ended more than `age` ago. Gives the number of files.
pub(super) async fn expire(table: &mut Table, age: Duration) -> Result<usize> {
    table.refresh().await?;
    let limit = table.shared.options.clock.now().0.saturating_sub(age.0);
    let is_old = |day: &str| stats::days(day).is_some_and(|day| (i64::from(day) + 1) * DAY <= limit);
    let old: Vec<Arc<DataFile>> = rewrite::by_day(table)
        .into_iter()
        .filter(|(day, _)| day.as_deref().is_some_and(is_old))
        .flat_map(|(_, files)| files)
        .collect();
    if old.is_empty() {
        return Ok(0);
    }
    // Where a compaction was quicker, the next round of upkeep finds its file.
    let done = rewrite::replace(table, "DELETE", &old, &[], true).await?;
    Ok(if done { old.len() } else { 0 })
}
