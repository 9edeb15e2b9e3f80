//! Keeps the table `indices` up with the windows of traffic sensors.

use std::sync::Arc;

use arterial_features::indices::IndexTable;
use arterial_features::pipeline::{CommitObserver, WindowCommit};
use tokio::sync::mpsc;

use super::Foundation;

/// The stream whose windows the indices are of.
const TRAFFIC: &str = "traffic-sensors";

/// Hands the commits of traffic windows on.
pub struct IndexObserver(mpsc::UnboundedSender<WindowCommit>);

impl CommitObserver for IndexObserver {
    fn committed(&self, commit: &WindowCommit) {
        if commit.stream.name == TRAFFIC {
            // Nobody listens any more where the table could not be opened, which the log has said.
            let _ = self.0.send(commit.clone());
        }
    }
}

/// An observer, and the task that follows it.
pub fn start(foundation: Arc<Foundation>) -> Arc<IndexObserver> {
    let (commits, follow) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        if let Err(error) = keep(&foundation, follow).await {
            tracing::error!(error = %format!("{error:#}"), "the indices of zones are not kept any more");
        }
    });
    Arc::new(IndexObserver(commits))
}

async fn keep(foundation: &Foundation, mut commits: mpsc::UnboundedReceiver<WindowCommit>) -> anyhow::Result<()> {
    let Ok(traffic) = foundation.catalog.get(TRAFFIC) else {
        return Ok(());
    };
    let clock = Arc::clone(&foundation.clock);
    let mut table = IndexTable::open(&foundation.lake, traffic, Arc::clone(&clock)).await?;
    while let Some(commit) = commits.recv().await {
        if let Err(error) = table.take(&commit).await {
            tracing::warn!(%error, "indices could not be written; the lake is read again");
            table = IndexTable::open(&foundation.lake, traffic, Arc::clone(&clock)).await?;
        }
    }
    Ok(())
}
