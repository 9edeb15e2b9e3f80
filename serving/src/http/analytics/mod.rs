//! `/v1/analytics`: figures of the city, the indices of zones, roads by congestion, hot spots.

pub mod hot_spots;
pub mod kpis;
pub mod roads;
pub mod zones;

use std::sync::Arc;

use crate::analytics::{Congestion, ahead, now};
use crate::state::AppState;
use crate::{Error, Result};

/// Congestion now, or so many minutes ahead.
async fn congestion(state: &Arc<AppState>, horizon_minutes: Option<u32>) -> Result<Congestion> {
    match horizon_minutes {
        None | Some(0) => now(state).await,
        Some(minutes) => ahead(state, minutes).await,
    }
}

fn ready(state: &AppState) -> Result<()> {
    match state.readiness.stopped_by() {
        Some(reason) => Err(Error::NotReady(reason)),
        None => Ok(()),
    }
}
