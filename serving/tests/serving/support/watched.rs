//! What is watched for alerts: a past in which everything is usual, and the worker that looks at each window.

use super::{Service, eventually, window};

/// Windows before the first live one: two days and a bit, so that what is usual is known.
pub const PAST: i64 = 2 * 288 + 100;

/// A number between -1 and 1 that looks like chance.
pub fn noise(number: i64) -> f64 {
    ((number * 7919).rem_euclid(101) as f64 - 50.0) / 50.0
}

/// Waits until window `number` of every number that is watched was looked at.
pub async fn until_looked_at(service: &Service, number: i64) {
    eventually("the window was looked at", async || {
        let watched = service.state.alerts.watched();
        !watched.is_empty() && watched.iter().all(|one| one.next > Some(window(number)))
    })
    .await;
}
