//! Live state from the lake: what a start and a newly promoted target need.

use arterial_datasets::lake::{Lake, Scan};
use arterial_datasets::time::{Duration, Timestamp};
use futures::TryStreamExt;

use super::columns::PlaceColumns;
use super::stream::LiveStream;
use super::target_column;
use crate::Result;

impl LiveStream {
    /// Reads the history of `fields` from the windows table; commits may be taken meanwhile. Returns the rows read, 0
    /// where the table does not exist yet.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn rebuild(&self, lake: &Lake, fields: &[String], history: Duration) -> Result<u64> {
        let Some(table) = lake.existing(&self.definition().windows_table()).await? else {
            return Ok(0);
        };
        let mut columns: Vec<String> = ["key", "zone_id", "window_start", "revision"]
            .map(String::from)
            .to_vec();
        let schema = table.schema();
        let wanted = fields
            .iter()
            .filter_map(|field| target_column(self.definition(), field));
        let wanted = wanted.chain(PlaceColumns::NAMES.map(String::from));
        columns.extend(wanted.filter(|column| schema.field_with_name(column).is_ok()));
        let watermark = table
            .progress()
            .partitions
            .values()
            .filter_map(|one| one.watermark)
            .max();
        let scan = Scan {
            columns: Some(columns),
            time_column: Some("window_start".into()),
            from: watermark.map(|watermark| Timestamp(watermark.0.saturating_sub(history.0))),
            ..Scan::default()
        };
        let mut batches = table.stream(&scan).await?;
        let mut rows = 0;
        while let Some(batch) = batches.try_next().await? {
            rows += self.take(&batch, None)?.windows;
        }
        Ok(rows)
    }
}
