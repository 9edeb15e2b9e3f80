//! Speed and congestion of every key of the map: as the newest window has it, and at each horizon of the newest forecasts.

use std::collections::HashMap;
use std::sync::Arc;

use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_features::indices::{FREE_FLOW_DAYS, congestion};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{frame, target};
use crate::analytics::free_flow;
use crate::live::{LiveStream, Ring};
use crate::score::Issue;
use crate::state::AppState;
use crate::{Error, Result};

/// What the map shows.
#[derive(Debug, Clone)]
pub struct Now {
    /// The start of the newest closed window; none before the first.
    pub window: Option<Timestamp>,
    /// The length of a window.
    pub step: Duration,
    /// The newest forecasts; none before the first.
    pub issue: Option<Arc<Issue>>,
    /// The keys, as in live state.
    pub keys: Vec<Arc<str>>,
    /// The free-flow speed of each key in km/h.
    pub free_flow: Vec<Option<f64>>,
    /// The UTC days that those rest on.
    pub free_flow_days: i64,
    /// Key by key: the mean speed of the newest window, then the median forecast one, two, ... steps behind the origin, km/h. None
    /// where nothing was measured, or the forecast is refused.
    pub speeds: Vec<Vec<Option<f64>>>,
    /// Until when this stands as it is: then the data of another key are too old to forecast from.
    fresh_until: Option<Timestamp>,
}

impl Now {
    /// What a service shows that has no such stream.
    fn nothing() -> Self {
        Self {
            window: None,
            step: Duration(MINUTE),
            issue: None,
            keys: Vec::new(),
            free_flow: Vec::new(),
            free_flow_days: 0,
            speeds: Vec::new(),
            fresh_until: None,
        }
    }

    /// How congested a key is, at the same places as its speeds.
    pub fn congestion(&self, key: usize, place: usize) -> Option<f64> {
        let speed = self.speeds.get(key)?.get(place).copied().flatten();
        congestion(speed, self.free_flow.get(key).copied().flatten())
    }

    /// How many horizons there are.
    pub fn horizons(&self) -> usize {
        self.issue.as_ref().map_or(0, |issue| issue.horizon())
    }

    fn to_json(&self, unit: &str) -> Value {
        let tenths = |value: Option<f64>| value.map(|value| (value * 10.0).round() / 10.0);
        let thousandths = |value: Option<f64>| value.map(|value| (value * 1000.0).round() / 1000.0);
        let speeds = |key: usize| self.speeds[key].iter().map(|one| tenths(*one)).collect::<Vec<_>>();
        let places = 0..=self.horizons();
        let of = |key: usize| {
            places
                .clone()
                .map(|place| thousandths(self.congestion(key, place)))
                .collect::<Vec<_>>()
        };
        let minutes = |ahead: usize| ahead as i64 * self.step.0 / MINUTE;
        let source = |issue: &Arc<Issue>| (issue.origin.to_string(), issue.issued_at.to_string());
        let (origin, issued_at) = self.issue.as_ref().map(source).unzip();
        json!({
            "topic": target().topic,
            "target": target().field,
            "unit": unit,
            "window_start": self.window.map(|window| window.to_string()),
            "window_seconds": self.step.seconds(),
            "origin": origin,
            "issued_at": issued_at,
            "horizons_minutes": (1..=self.horizons()).map(minutes).collect::<Vec<_>>(),
            "free_flow_days": self.free_flow_days,
            "keys": self.keys.iter().map(|key| &**key).collect::<Vec<_>>(),
            "free_flow": self.free_flow.iter().map(|one| tenths(*one)).collect::<Vec<_>>(),
            "speed": (0..self.keys.len()).map(speeds).collect::<Vec<_>>(),
            "congestion": (0..self.keys.len()).map(of).collect::<Vec<_>>(),
        })
    }
}

/// What was made last, for everybody who asks.
#[derive(Default)]
pub struct Cache {
    made: Mutex<Option<Made>>,
}

#[derive(Clone)]
struct Made {
    changes: u64,
    issued_at: Option<Timestamp>,
    now: Arc<Now>,
    data: frame::Data,
}

impl Cache {
    /// What the map shows now.
    ///
    /// # Errors
    /// Work that stopped.
    pub async fn get(&self, state: &Arc<AppState>) -> Result<Arc<Now>> {
        Ok(self.made(state).await?.now)
    }

    /// The same as the data of an event.
    ///
    /// # Errors
    /// Work that stopped.
    pub async fn data(&self, state: &Arc<AppState>) -> Result<frame::Data> {
        Ok(self.made(state).await?.data)
    }

    async fn made(&self, state: &Arc<AppState>) -> Result<Made> {
        let mut made = self.made.lock().await;
        let changes = state.live.stream(&target().topic).map_or(0, LiveStream::changes);
        let issue = state.scores.get(&target()).and_then(|scores| scores.newest());
        let issued_at = issue.as_ref().map(|issue| issue.issued_at);
        if let Some(known) = &*made
            && known.changes == changes
            && known.issued_at == issued_at
            && known.now.fresh_until.is_none_or(|until| state.clock.now() <= until)
        {
            return Ok(known.clone());
        }
        let free_flow = match state.live.stream(&target().topic) {
            Ok(_) => free_flow(state).await?,
            Err(_) => Arc::default(),
        };
        let state = Arc::clone(state);
        let work = tokio::task::spawn_blocking(move || {
            let now = make(&state, issue, &free_flow);
            let unit = unit(&state);
            let data = frame::Data::new(&now.to_json(&unit).to_string());
            Made {
                changes,
                issued_at,
                now: Arc::new(now),
                data,
            }
        });
        let new = work.await.map_err(|error| Error::Background(error.to_string()))?;
        *made = Some(new.clone());
        Ok(new)
    }
}

/// The unit of what the map's stream measures; empty where it has none.
pub fn unit(state: &AppState) -> String {
    let stream = state.catalog.get(&target().topic).ok();
    let field = stream.and_then(|stream| stream.value_fields().find(|field| field.column() == target().field));
    field.and_then(|field| field.unit.clone()).unwrap_or_default()
}

fn make(state: &AppState, issue: Option<Arc<Issue>>, free_flow: &HashMap<Arc<str>, f64>) -> Now {
    let target = target();
    let Ok(stream) = state.live.stream(&target.topic) else {
        return Now::nothing();
    };
    let step = stream.definition().window;
    let (keys, window, free_flow_days, measured) = stream.with(|live| {
        let ring = live.ring(&target.field);
        let window = ring.and_then(crate::live::Ring::newest);
        let last = ring.map_or(0, |ring| ring.len().saturating_sub(1));
        let value = |key: usize| ring.map(|ring| ring.value(last, key)).filter(|value| value.is_finite());
        let measured: Vec<_> = (0..live.keys().len()).map(value).collect();
        (live.keys().to_vec(), window, ring.map_or(0, days), measured)
    });
    let limit = Freshness {
        now: state.clock.now(),
        stale_after: state.config.stale_after,
    };
    let ahead = |(key, measured): (&Arc<str>, Option<f64>)| {
        let forecasts = issue.iter().flat_map(|issue| limit.medians(issue, key));
        std::iter::once(measured).chain(forecasts).collect()
    };
    let speeds = keys.iter().zip(measured).map(ahead).collect();
    let free_flow = keys.iter().map(|key| free_flow.get(key).copied()).collect();
    Now {
        window,
        step,
        fresh_until: issue.as_ref().and_then(|issue| limit.next_stale(issue)),
        issue,
        keys,
        free_flow,
        free_flow_days,
        speeds,
    }
}

/// The UTC days of the windows that free flow rests on.
fn days(ring: &Ring) -> i64 {
    let ends = ring.oldest().zip(ring.newest());
    ends.map_or(0, |(oldest, newest)| {
        (newest.day() - oldest.day() + 1).min(FREE_FLOW_DAYS)
    })
}

/// Which forecasts are given: the rule of every other answer.
struct Freshness {
    now: Timestamp,
    stale_after: Duration,
}

impl Freshness {
    /// The median forecasts of a key, one for each step ahead; none where refused.
    fn medians(&self, issue: &Issue, key: &str) -> Vec<Option<f64>> {
        let mut medians = vec![None; issue.horizon()];
        let (Some(&key), Some(places)) = (issue.index.get(key), issue.positions(&[0.5])) else {
            return medians;
        };
        if issue.age(key, self.now).is_some_and(|age| age <= self.stale_after) {
            for (step, median) in medians.iter_mut().enumerate() {
                let given = issue.steps[[key, step]].map(|_| issue.values[[key, step, places[0]]]);
                *median = given.filter(|value| value.is_finite());
            }
        }
        medians
    }

    /// The last instant at which every key that is fresh now still is.
    fn next_stale(&self, issue: &Issue) -> Option<Timestamp> {
        let end = |newest: &Timestamp| Timestamp(newest.0 + issue.step.0 + self.stale_after.0);
        issue
            .newest
            .iter()
            .flatten()
            .map(end)
            .filter(|end| *end >= self.now)
            .min()
    }
}
