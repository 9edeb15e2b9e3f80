//! Compaction: a day's small files become few, sorted by key and time.

use std::sync::Arc;

use super::rewrite;
use super::snapshot::DataFile;
use super::table::Table;
use crate::Result;
use crate::schema::STATE_COLUMN;

/// Puts small files of the same day together. Gives how many were, and into how many.
pub(super) async fn compact(table: &mut Table, target_bytes: u64, min_files: usize) -> Result<(usize, usize)> {
    table.refresh().await?;
    let (mut before, mut after) = (0, 0);
    for group in groups(table, target_bytes, min_files) {
        let rows = rewrite::sorted(&rewrite::read(table, &group).await?)?;
        let new = rewrite::write(table, &[rows], false).await?;
        // Where another writer was quicker, the next round of upkeep finds what is left.
        if rewrite::replace(table, "OPTIMIZE", &group, &new, false).await? {
            before += group.len();
            after += new.len();
        }
    }
    Ok((before, after))
}

/// Groups of small files whose sum stays near the target.
fn groups(table: &Table, target_bytes: u64, min_files: usize) -> Vec<Vec<Arc<DataFile>>> {
    let mut groups = Vec::new();
    for (_, files) in rewrite::by_day(table) {
        // Final windows are not mixed with open ones: they need never be written again.
        let (closed, open): (Vec<_>, Vec<_>) = files.into_iter().partition(is_without_state);
        for files in [closed, open] {
            let small: Vec<Arc<DataFile>> = files
                .into_iter()
                .filter(|file| bytes(file) < target_bytes / 2)
                .collect();
            groups.extend(
                packed(small, target_bytes)
                    .into_iter()
                    .filter(|group| group.len() >= min_files),
            );
        }
    }
    groups
}

fn packed(files: Vec<Arc<DataFile>>, target_bytes: u64) -> Vec<Vec<Arc<DataFile>>> {
    let mut groups: Vec<Vec<Arc<DataFile>>> = Vec::new();
    let mut room = 0;
    for file in files {
        let size = bytes(&file);
        match groups.last_mut() {
            Some(group) if size <= room => group.push(file),
            _ => {
                groups.push(vec![file]);
                room = target_bytes;
            }
        }
        room = room.saturating_sub(size);
    }
    groups
}

fn bytes(file: &DataFile) -> u64 {
    u64::try_from(file.add.size).unwrap_or(0)
}

fn is_without_state(file: &Arc<DataFile>) -> bool {
    file.stats().is_some_and(|stats| stats.all_null(STATE_COLUMN))
}
