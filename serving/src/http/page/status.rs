//! Whether the service is ready, and how fresh the data of each stream are.

use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};
use serde_json::{Value, json};

use super::frame;
use crate::alerts::Watched;
use crate::live::LiveStream;
use crate::state::AppState;

/// How fresh one stream is.
#[derive(Debug, Clone, PartialEq)]
pub struct Freshness {
    /// The stream.
    pub topic: String,
    /// Keys that have reported.
    pub keys: usize,
    /// The start of its newest closed window, as text; none before the first.
    pub newest: Option<String>,
    /// How long ago that window ended.
    pub age: Option<Duration>,
    /// Whether that is longer than forecasts bear. Streams whose events come as they happen are never stale, and none is while the
    /// service starts: newer windows are on their way then.
    pub stale: bool,
}

/// How fresh every stream is.
pub fn streams(state: &AppState) -> Vec<Freshness> {
    state.live.streams().map(|stream| freshness(state, stream)).collect()
}

fn freshness(state: &AppState, stream: &LiveStream) -> Freshness {
    let definition = stream.definition();
    let newest = stream.latest();
    let age = newest.map(|newest| Duration((state.clock.now().0 - newest.0 - definition.window.0).max(0)));
    Freshness {
        topic: definition.name.clone(),
        keys: stream.key_count(),
        newest: newest.map(|newest| newest.to_string()),
        age,
        stale: definition.interval.is_some()
            && !state.readiness.is_starting()
            && age.is_some_and(|age| age > state.config.stale_after),
    }
}

/// How far the watch for alerts is: without alerts, all may be well, or nobody has looked yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Watch {
    /// The numbers that are not judged yet, as their detectors still learn.
    pub learning: Vec<Watched>,
    /// The end of what was looked through, where more than a window has closed since.
    pub behind_since: Option<Timestamp>,
}

impl Watch {
    /// How far it is now.
    pub fn of(state: &AppState) -> Self {
        let watched = state.alerts.watched();
        let behind = |one: &Watched| {
            let stream = state.live.stream(&one.target.topic).ok()?;
            let step = stream.definition().window;
            one.next
                .filter(|next| stream.newest().is_some_and(|newest| newest.0 - next.0 >= step.0))
        };
        Self {
            behind_since: watched.iter().filter_map(behind).min(),
            learning: watched.into_iter().filter(|one| one.learned < one.needed).collect(),
        }
    }

    /// Whether everything that is watched was looked at.
    pub fn is_complete(&self) -> bool {
        self.learning.is_empty() && self.behind_since.is_none()
    }
}

/// The same with the service's clock, what keeps it from being ready and what it lacks, as the data of an event.
pub fn data(state: &Arc<AppState>) -> frame::Data {
    let streams: Vec<Value> = streams(state).iter().map(stream).collect();
    let readiness = state.readiness.told();
    let watch = Watch::of(state);
    let learning: Vec<Value> = watch
        .learning
        .iter()
        .map(|one| {
            json!({
                "topic": one.target.topic,
                "target": one.target.field,
                "windows_learned": one.learned,
                "windows_needed": one.needed,
            })
        })
        .collect();
    let body = json!({
        "now": state.clock.now().to_string(),
        "ready": readiness["ready"],
        "reasons": readiness["reasons"],
        "degraded": readiness["degraded"],
        "stale_after_seconds": state.config.stale_after.seconds(),
        "streams": streams,
        "learning": learning,
        "behind_since": watch.behind_since.map(|end| end.to_string()),
        "watching": !state.alerts.config.watch.is_empty(),
    });
    frame::Data::new(&body.to_string())
}

fn stream(one: &Freshness) -> Value {
    json!({
        "topic": one.topic,
        "keys": one.keys,
        "newest_window": one.newest,
        "age_seconds": one.age.map(Duration::seconds),
        "stale": one.stale,
    })
}
