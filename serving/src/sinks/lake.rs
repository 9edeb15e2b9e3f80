//! Forecasts into the lake's table `forecasts`.

use std::sync::Arc;

use arterial_datasets::lake::{Lake, Table, TableSpec};
use arterial_datasets::schema;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::Mutex;

use super::ForecastSink;
use crate::Result;
use crate::config::ServingConfig;
use crate::score::{Issue, rows};

/// The name of the table.
pub const FORECASTS: &str = "forecasts";

/// Appends each issue to the table `forecasts`, one commit an issue.
pub struct LakeSink {
    table: Mutex<Table>,
    config: ServingConfig,
}

impl LakeSink {
    /// Opens the table, made where it is absent; the configured horizons are kept.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn open(lake: &Lake, config: &ServingConfig) -> Result<Self> {
        let table = lake.table(&TableSpec::new(FORECASTS, schema::forecasts())).await?;
        Ok(Self {
            table: Mutex::new(table),
            config: config.clone(),
        })
    }
}

impl ForecastSink for LakeSink {
    fn name(&self) -> &'static str {
        "lake"
    }

    fn deliver(&self, issue: Arc<Issue>) -> BoxFuture<'_, Result<u64>> {
        async move {
            let batch = rows(&issue, &self.config.stored_steps(issue.step))?;
            if batch.num_rows() > 0 {
                self.table.lock().await.append(std::slice::from_ref(&batch)).await?;
            }
            Ok(batch.num_rows() as u64)
        }
        .boxed()
    }
}
