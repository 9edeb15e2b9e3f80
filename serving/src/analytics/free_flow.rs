//! The free-flow speed of each sensor, from the windows at hand.

use std::collections::HashMap;
use std::sync::Arc;

use arterial_datasets::time::{DAY, HOUR, Timestamp};
use arterial_features::indices::{FREE_FLOW_DAYS, free_flow_speed};

use super::{SPEED, TRAFFIC};
use crate::state::AppState;
use crate::{Error, Result};

/// Free-flow speeds in km/h by sensor; none where the service does not keep speeds.
pub type FreeFlow = Arc<HashMap<Arc<str>, f64>>;

/// The speeds that were worked out last, and for when.
#[derive(Debug)]
pub struct Kept {
    hour: i64,
    keys: usize,
    speeds: FreeFlow,
}

/// The free-flow speed of each sensor: the 85th percentile of its own window mean speeds over the last 28 UTC days, as far as they
/// are at hand. It is worked out anew every hour of event time, and when sensors are new.
///
/// # Errors
/// A stream of traffic that is not defined.
pub async fn free_flow(state: &Arc<AppState>) -> Result<FreeFlow> {
    let stream = state.live.stream(TRAFFIC)?;
    let Some(newest) = stream.latest() else {
        return Ok(FreeFlow::default());
    };
    let (hour, keys) = (newest.0.div_euclid(HOUR), stream.key_count());
    let mut kept = state.analytics.free_flow.lock().await;
    if let Some(kept) = kept.as_ref().filter(|kept| kept.hour == hour && kept.keys == keys) {
        return Ok(Arc::clone(&kept.speeds));
    }
    let state = Arc::clone(state);
    let work = tokio::task::spawn_blocking(move || work_out(&state, newest));
    let speeds = Arc::new(work.await.map_err(|error| Error::Background(error.to_string()))??);
    *kept = Some(Kept {
        hour,
        keys,
        speeds: Arc::clone(&speeds),
    });
    Ok(speeds)
}

/// Sensor by sensor, so that nobody waits for the lock for long.
fn work_out(state: &AppState, newest: Timestamp) -> Result<HashMap<Arc<str>, f64>> {
    let stream = state.live.stream(TRAFFIC)?;
    let first_day = Timestamp((newest.day() + 1 - FREE_FLOW_DAYS) * DAY);
    let keys = stream.with(|state| state.keys().to_vec());
    let mut speeds = HashMap::with_capacity(keys.len());
    for (at, key) in keys.into_iter().enumerate() {
        let speed = stream.with(|state| {
            let ring = state.ring(SPEED)?;
            let too_old = ring.oldest().map_or(0, |oldest| first_day.0 - oldest.0);
            let skip = (too_old.max(0) / ring.step().0) as usize;
            free_flow_speed((skip..ring.len()).map(|row| ring.value(row, at)))
        });
        if let Some(speed) = speed {
            speeds.insert(key, speed);
        }
    }
    Ok(speeds)
}
