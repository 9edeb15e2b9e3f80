//! Keeps the lake in order while the service runs: compaction, final windows, retention, vacuum.

use std::sync::Arc;

use arterial_datasets::lake::{MaintainPlan, maintain};

use super::Foundation;

/// Maintains the lake again and again; returns at once where that is switched off.
pub async fn forever(foundation: Arc<Foundation>) {
    let settings = &foundation.config.lake;
    if settings.maintain_every.0 == 0 {
        return;
    }
    let plan = MaintainPlan {
        vacuum_after: settings.vacuum_after,
        ..MaintainPlan::for_streams(&foundation.catalog)
    };
    let mut ticks = tokio::time::interval(settings.maintain_every.to_std());
    // The first tick is at once, and the service has just begun.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        match maintain(&foundation.lake, &plan).await {
            Ok(report) => tracing::info!(tables = report.len(), "the lake is in order"),
            Err(error) => tracing::warn!(%error, "the lake could not be maintained; it is tried again later"),
        }
    }
}
