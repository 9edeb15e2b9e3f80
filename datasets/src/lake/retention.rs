//! Retention: days that are too old leave the table; vacuum deletes their files later.

use std::sync::Arc;

use super::snapshot::DataFile;
use super::table::Table;
use super::{rewrite, stats};
use crate::Result;
use crate::time::{DAY, Duration};

/// Takes out the days that ended more than `age` before the newest one did. Gives the number of files.
///
/// Age is counted from the table's newest day and not from today: the events of a history that was replayed years later
/// stay as long as those of a city that is watched.
pub(super) async fn expire(table: &mut Table, age: Duration) -> Result<usize> {
    table.refresh().await?;
    let days = rewrite::by_day(table);
    let end = |day: &str| stats::days(day).map(|day| (i64::from(day) + 1) * DAY);
    let newest = days.keys().filter_map(|day| end(day.as_deref()?)).max();
    let limit = newest.unwrap_or(i64::MIN).saturating_sub(age.0);
    let is_old = |day: &str| end(day).is_some_and(|end| end <= limit);
    let old: Vec<Arc<DataFile>> = days
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
