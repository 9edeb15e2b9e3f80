//! What a judgement would change, seen on the last weeks: the book makes their alerts again, with and without it.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use arterial_datasets::time::{DAY, Duration, Timestamp};
use arterial_models::alerts::{
    Alert, AlertSettings, Kind, Past, Places, Preview, Record, Signal, Surroundings, Verdict, preview,
    preview_by_peaks, twin,
};

use super::Alerts;
use super::flows::Flows;
use super::signals::{Kept, kept};
use super::surroundings::places_of;
use crate::state::AppState;
use crate::{Error, Result};

/// How far back is looked.
const WEEKS: i64 = 4;
/// Of a stream with more keys only those near the alert's are looked at, the nearest so many ...
const MOST_KEYS: usize = 300;
/// ... within so many times the distance of neighbours.
const REACH: f64 = 3.0;
/// What is looked at is then a part of the city, of which nobody can say that all of it is strange.
const NEVER_CITYWIDE: usize = 100_000;

/// What a judgement changes, seen on the alerts at the keys of the one that is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The kind.
    pub kind: Kind,
    /// The zone, where there is one.
    pub zone: Option<String>,
    /// Since when it is seen, as far as anything was kept.
    pub since: Option<Timestamp>,
    /// The weeks from then on.
    pub weeks: f64,
    /// How many alerts there are without it.
    pub before: usize,
    /// Those that would not have been raised.
    pub gone: Vec<Alert>,
    /// Those that would have been raised beside: their ids are of no alert that there is.
    pub added: Vec<Alert>,
    /// Whether what would be added can be seen: not before any signals were kept.
    pub sees_added: bool,
}

/// The keys that are looked at, with their zones.
type Keys = Vec<(Arc<str>, Option<Arc<str>>)>;

impl Alerts {
    /// What `verdict` on the alert would change.
    ///
    /// # Errors
    /// No such alert; a lake that cannot be read.
    pub async fn preview(&self, state: &AppState, alert_id: &str, verdict: Verdict) -> Result<Effect> {
        let judged = self.store.get(alert_id)?.alert.clone();
        let known: Vec<Alert> = self.store.all().iter().map(|one| one.alert.clone()).collect();
        let now = known
            .iter()
            .map(|alert| alert.updated_at)
            .max()
            .unwrap_or(judged.updated_at);
        let since = Timestamp(now.0.saturating_sub(WEEKS * 7 * DAY));
        let flows = Flows::new(&self.config).of(&state.live, &judged.topic)?;
        let places = Places::new(places_of(&state.live, &judged.topic)?, &flows.pairs);
        let step = state.live.stream(&judged.topic)?.definition().window;
        let scene = Scene::new(state, &judged, places, &self.config.settings)?;
        let kept = match &state.lake {
            Some(lake) => kept(lake, &self.recent, (&judged.topic, step), since, &scene.wanted()).await?,
            None => Kept::default(),
        };
        let Some(from) = kept.from else {
            return by_peaks(&known, &judged, verdict);
        };
        let work = move || {
            let seen = scene.preview(&known, &judged, verdict, (step, &kept.signals))?;
            Ok(effect(&judged, &known, seen, (from, now)))
        };
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| Error::Background(error.to_string()))?
    }
}

/// What is looked at.
struct Scene {
    keys: Keys,
    is_part: bool,
    surroundings: Surroundings,
    settings: AlertSettings,
}

impl Scene {
    fn new(state: &AppState, judged: &Alert, places: Places, settings: &AlertSettings) -> Result<Self> {
        let all: Keys = state.live.stream(&judged.topic)?.with(|live| {
            let zones = live.places().iter().map(|place| place.zone.clone());
            live.keys().iter().map(Arc::clone).zip(zones).collect()
        });
        let is_part = all.len() > MOST_KEYS;
        let mut settings = settings.clone();
        let keys = if is_part {
            settings.citywide_keys = NEVER_CITYWIDE;
            near(judged, &places, all, REACH * settings.neighbour_metres)
        } else {
            all
        };
        Ok(Self {
            keys,
            is_part,
            surroundings: Surroundings {
                places: Arc::new(places),
                ..Surroundings::default()
            },
            settings,
        })
    }

    /// The keys whose signals are read; none for all.
    fn wanted(&self) -> BTreeSet<String> {
        let keys = self.keys.iter().filter(|_| self.is_part);
        keys.map(|(key, _)| key.to_string()).collect()
    }

    fn preview(
        &self,
        known: &[Alert],
        judged: &Alert,
        verdict: Verdict,
        (step, signals): (Duration, &[Signal]),
    ) -> Result<Preview> {
        let windows: Vec<Past<'_>> = signals
            .chunk_by(|one, next| one.window == next.window)
            .map(|signals| Past {
                start: signals[0].window,
                signals,
            })
            .collect();
        let record = Record {
            topic: judged.topic.as_str().into(),
            step,
            keys: &self.keys,
            windows: &windows,
            surroundings: &self.surroundings,
        };
        Ok(preview(&self.settings, known, &judged.alert_id, verdict, &record)?)
    }
}

/// Those of `all` that are of the alert, or near one of its keys, or where positions are not known of its zone.
fn near(judged: &Alert, places: &Places, all: Keys, metres: f64) -> Keys {
    let mut wanted: BTreeSet<&str> = judged.keys.iter().map(String::as_str).collect();
    for key in &judged.keys {
        let room = MOST_KEYS.saturating_sub(wanted.len());
        wanted.extend(places.near(key, metres).into_iter().take(room).map(|(key, _)| key));
    }
    let placeless = judged.place.lat.is_none();
    let in_zone = |zone: &Option<Arc<str>>| placeless && zone.as_deref() == judged.zone_id.as_deref();
    let keys = all
        .into_iter()
        .filter(|(key, zone)| wanted.contains(&**key) || in_zone(zone));
    keys.collect()
}

fn effect(judged: &Alert, known: &[Alert], seen: Preview, (from, now): (Timestamp, Timestamp)) -> Effect {
    let before = seen.kept.len() + seen.gone.len();
    // What was really raised is what an operator remembers. What stays cannot be gone as well.
    let staying: HashSet<&str> = seen
        .kept
        .iter()
        .filter_map(|alert| as_raised(known.iter(), alert))
        .map(|alert| alert.alert_id.as_str())
        .collect();
    let others = known.iter().filter(|alert| !staying.contains(alert.alert_id.as_str()));
    let gone = seen.gone.into_iter();
    let gone = gone.map(|alert| as_raised(others.clone(), &alert).cloned().unwrap_or(alert));
    Effect {
        kind: judged.kind,
        zone: judged.zone_id.clone(),
        since: Some(from),
        weeks: weeks(from, now),
        before,
        gone: gone.collect(),
        added: seen.added,
        sees_added: true,
    }
}

/// The alert of `known` that `alert` is, or that tells of the same.
fn as_raised<'a>(known: impl Iterator<Item = &'a Alert> + Clone, alert: &Alert) -> Option<&'a Alert> {
    let same = known.clone().find(|known| known.alert_id == alert.alert_id);
    same.or_else(|| twin(known, alert))
}

/// Where no signals were kept: an alert is gone where its peak lies below the new line at its place.
fn by_peaks(known: &[Alert], judged: &Alert, verdict: Verdict) -> Result<Effect> {
    let seen = preview_by_peaks(known, &judged.alert_id, verdict)?;
    let here = |alert: &&Alert| alert.topic == judged.topic && judged.keys.iter().any(|key| alert.has(key));
    let since = known.iter().filter(here).map(|alert| alert.opened_at).min();
    let now = known.iter().map(|alert| alert.updated_at).max();
    Ok(Effect {
        kind: judged.kind,
        zone: judged.zone_id.clone(),
        since,
        weeks: since.zip(now).map_or(0.0, |(since, now)| weeks(since, now)),
        before: known.iter().filter(here).count(),
        gone: seen.gone.iter().filter(here).cloned().collect(),
        added: Vec::new(),
        sees_added: false,
    })
}

fn weeks(from: Timestamp, now: Timestamp) -> f64 {
    (now.0 - from.0).max(0) as f64 / (7 * DAY) as f64
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::State;

    use super::*;
    use crate::alerts::revision::examples::revision;

    fn alert(id: &str, kind: Kind) -> Alert {
        Alert {
            kind,
            ..revision(1, id, 0, State::Open).alert
        }
    }

    fn told(known: &[Alert], seen: Preview) -> Effect {
        effect(&known[0], known, seen, (Timestamp(0), Timestamp(7 * DAY)))
    }

    fn ids(alerts: &[Alert]) -> Vec<&str> {
        alerts.iter().map(|alert| alert.alert_id.as_str()).collect()
    }

    #[test]
    fn an_alert_that_goes_is_told_as_it_was_raised() {
        let known = [alert("raised", Kind::IncidentSuspected)];
        let seen = Preview {
            gone: vec![alert("a window later", Kind::Congestion)],
            ..Preview::default()
        };
        assert_eq!(ids(&told(&known, seen).gone), ["raised"]);
    }

    #[test]
    fn what_a_former_judgement_had_added_is_not_taken_for_the_alert_beside_it_that_stays() {
        let known = [alert("accident", Kind::IncidentSuspected)];
        for kind in [Kind::SensorFault, Kind::Congestion] {
            let seen = Preview {
                kept: vec![alert("accident a window later", Kind::Congestion)],
                gone: vec![alert("added by the former judgement", kind)],
                ..Preview::default()
            };
            let effect = told(&known, seen);
            assert_eq!(ids(&effect.gone), ["added by the former judgement"], "{kind}");
            assert_eq!(effect.before, 2);
        }
    }
}
