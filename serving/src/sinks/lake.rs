//! Forecasts into the lake's table `forecasts`, and those of shadows into `shadow_forecasts`.

use std::sync::Arc;

use arterial_datasets::lake::{Lake, Table, TableSpec};
use arterial_datasets::schema;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::ForecastSink;
use crate::Result;
use crate::config::ServingConfig;
use crate::score::{Issue, rows_where};

/// The table of what was served.
pub const FORECASTS: &str = "forecasts";
/// The table of what shadows said.
pub const SHADOW_FORECASTS: &str = "shadow_forecasts";

/// Appends each issue to a table, one commit an issue: the keys whose windows this instance makes, however old their data are. Whoever reads
/// sees by `newest_window` what was refused as stale.
pub struct LakeSink {
    name: &'static str,
    table: Mutex<Table>,
    config: ServingConfig,
}

impl LakeSink {
    /// Opens the table `forecasts`, made where it is absent; the configured horizons are kept.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn open(lake: &Lake, config: &ServingConfig) -> Result<Self> {
        Self::of("lake", FORECASTS, lake, config).await
    }

    /// The same for the table `shadow_forecasts`.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn shadow(lake: &Lake, config: &ServingConfig) -> Result<Self> {
        Self::of("shadow", SHADOW_FORECASTS, lake, config).await
    }

    async fn of(name: &'static str, table: &str, lake: &Lake, config: &ServingConfig) -> Result<Self> {
        let table = lake.table(&TableSpec::new(table, schema::forecasts())).await?;
        Ok(Self {
            name,
            table: Mutex::new(table),
            config: config.clone(),
        })
    }
}

impl ForecastSink for LakeSink {
    fn name(&self) -> &'static str {
        self.name
    }

    fn deliver(&self, issue: Arc<Issue>) -> BoxFuture<'_, Result<u64>> {
        async move {
            let kept = self.config.stored_steps(issue.step);
            let batch = rows_where(&issue, &kept, |key| issue.ours[key])?;
            if batch.num_rows() > 0 {
                self.table.lock().await.append(std::slice::from_ref(&batch)).await?;
            }
            Ok(batch.num_rows() as u64)
        }
        .boxed()
    }
}
