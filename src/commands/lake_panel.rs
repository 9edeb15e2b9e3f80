//! A panel from the windows of a lake.

use arterial_datasets::lake::{Lake, LakeOptions};
use arterial_datasets::panel::Panel;
use arterial_models::registry::Target;
use arterial_training::document::DataBlock;
use arterial_training::windows;

use super::reading::{Reading, data_block};

/// The newest revision of every window of `target`, as of `version` of its table, and the version that was read.
///
/// # Errors
/// A lake, table or column that is not there.
pub async fn read(
    lake: &str,
    target: &Target,
    version: Option<i64>,
    reading: &Reading,
) -> anyhow::Result<(Panel, DataBlock, i64)> {
    let opened = Lake::open(lake, LakeOptions::default()).await?;
    let found = windows::panel(&opened, &target.topic, &target.field, version, &reading.timezone).await?;
    let path = format!("{lake}#{}@{}", found.table, found.version);
    let block = data_block(&found.panel, path, found.sha256);
    Ok((found.panel, block, found.version))
}
