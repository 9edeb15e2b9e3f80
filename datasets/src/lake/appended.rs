//! What other writers have added since an earlier look: for whoever keeps up with a table that several write.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use futures::stream::BoxStream;

use super::log;
use super::scan::Scan;
use super::snapshot::DataFile;
use super::table::Table;
use crate::Result;
use crate::time::HOUR;

/// Upkeep leaves the files that it takes out, and old entries of the log, for an hour at least: half of it is safe.
const LEFT: i64 = HOUR / 2;

impl Table {
    /// The wanted rows of the commits behind `before`, an earlier handle, up to this one; of all commits where there was no table before. Of
    /// the versions `own` nothing is read. Commits that put rows elsewhere, as compaction and finalisation do, or take them out bring
    /// nothing new. None where `before` is so old that upkeep may have deleted what was committed since: then the whole table has it.
    ///
    /// # Errors
    /// As [`Table::scan`]; errors in the middle come out of the stream.
    pub async fn appended_since(
        &self,
        before: Option<&Self>,
        own: &BTreeSet<i64>,
        scan: &Scan,
    ) -> Result<Option<BoxStream<'static, Result<RecordBatch>>>> {
        let is_too_old = before.is_some_and(|before| self.seen.0.saturating_sub(before.seen.0) > LEFT);
        let first = before.map_or(0, |before| before.version() + 1);
        let mut files = Vec::new();
        for version in (first..=self.version()).filter(|version| !own.contains(version)) {
            let entry = if is_too_old {
                None
            } else {
                log::read_entry(&self.shared.store, &self.name, version).await?
            };
            let Some(lines) = entry else { return Ok(None) };
            if lines.iter().any(|line| line.remove.is_some()) {
                continue;
            }
            let added = lines.into_iter().filter_map(|line| line.add);
            files.extend(added.map(|add| Arc::new(DataFile::new(add))));
        }
        self.stream_some(&files, scan).map(Some)
    }
}
