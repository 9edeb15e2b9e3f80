//! What a judgement would change, before it is made.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};

use super::alert::{Alert, Kind};
use super::book::AlertBook;
use super::judgement::{Judgement, Verdict};
use super::sensitivity::{Claim, Sensitivity};
use super::settings::AlertSettings;
use super::signal::{Reason, Signal};
use super::surroundings::Surroundings;
use super::symptom::{Nature, Symptom};
use crate::detector::AnomalyScore;
use crate::{Error, Result};

/// Scores that matter: the lowest line times the lowest share of it at which an alert still goes on is just above.
pub const FAINTEST: f64 = 0.45;

/// One window of the past.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Its start.
    pub start: Timestamp,
    /// What the detectors said with a score of [`FAINTEST`] or more.
    pub signals: &'a [Signal],
}

/// The last weeks of one stream, as far as they were kept.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// The stream.
    pub topic: Arc<str>,
    /// The length of a window.
    pub step: Duration,
    /// The keys that are looked at, with their zones. One of which a window says nothing was calm in it.
    pub keys: &'a [(Arc<str>, Option<Arc<str>>)],
    /// In order of time; windows that are absent were calm.
    pub windows: &'a [Past<'a>],
    /// What is known.
    pub surroundings: &'a Surroundings,
}

/// What a judgement would have changed at the keys of the alert that is judged. Each list holds alerts in the order of their ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// Raised either way.
    pub kept: Vec<Alert>,
    /// Not raised any more.
    pub gone: Vec<Alert>,
    /// Raised only with the judgement.
    pub added: Vec<Alert>,
}

/// Makes the alerts of `record` twice: with the judgements that stand, and with `verdict` on the alert `alert_id` as well; both as if they had
/// stood all the time. `known` are the newest revisions of alerts, that one and all judged ones among them.
///
/// # Errors
/// No such alert; settings that make no sense.
pub fn preview(
    settings: &AlertSettings,
    known: &[Alert],
    alert_id: &str,
    verdict: Verdict,
    record: &Record,
) -> Result<Preview> {
    let judged = with_verdict(known, alert_id, verdict)?;
    let mut before = raised(settings, known, record)?;
    let after = raised(settings, &judged, record)?;
    // Those of the same id are the same; what is like one of the others may only be one that is left.
    let (kept, others): (Vec<_>, Vec<_>) = after
        .into_values()
        .partition(|alert| before.remove(&alert.alert_id).is_some());
    let mut preview = Preview {
        kept,
        ..Preview::default()
    };
    for alert in others {
        // The same event may begin a window earlier or later, with another id.
        match twin(before.values(), &alert).map(|like| like.alert_id.clone()) {
            Some(id) => {
                before.remove(&id);
                preview.kept.push(alert);
            }
            None => preview.added.push(alert),
        }
    }
    preview.kept.sort_by(|one, other| one.alert_id.cmp(&other.alert_id));
    preview.gone = before.into_values().collect();
    if let Some(alert) = judged.iter().find(|alert| alert.alert_id == alert_id) {
        preview.keep_those_at(&alert.keys);
    }
    Ok(preview)
}

impl Preview {
    fn keep_those_at(&mut self, keys: &[String]) {
        for alerts in [&mut self.kept, &mut self.gone, &mut self.added] {
            alerts.retain(|alert| keys.iter().any(|key| alert.has(key)));
        }
    }
}

/// The same from the alerts alone, where the signals were not kept: an alert is gone where its peak is below the new line at its place. Which
/// alerts a lower line would have added cannot be seen so.
///
/// # Errors
/// No such alert.
pub fn preview_by_peaks(known: &[Alert], alert_id: &str, verdict: Verdict) -> Result<Preview> {
    let judged = with_verdict(known, alert_id, verdict)?;
    let (before, after) = (
        Sensitivity::of(known.iter()).always(),
        Sensitivity::of(judged.iter()).always(),
    );
    let line = |sensitivity: &Sensitivity, alert: &Alert| {
        let claim = Claim {
            nature: alert.symptom.nature(),
            side: alert.side(),
            is_rule: alert.symptom.is_said_by_rules(),
        };
        sensitivity.line(&alert.topic, &alert.place.key, claim, alert.peak_at)
    };
    let stays = |alert: &&Alert| alert.score * line(&before, alert) >= line(&after, alert);
    let (kept, gone) = known.iter().partition::<Vec<&Alert>, _>(stays);
    Ok(Preview {
        kept: kept.into_iter().cloned().collect(),
        gone: gone.into_iter().cloned().collect(),
        added: Vec::new(),
    })
}

fn with_verdict(known: &[Alert], alert_id: &str, verdict: Verdict) -> Result<Vec<Alert>> {
    let mut judged = known.to_vec();
    let alert = judged.iter_mut().find(|alert| alert.alert_id == alert_id);
    let alert = alert.ok_or_else(|| Error::Unknown {
        what: "alert",
        name: alert_id.into(),
        known: "those that `arterial alerts list` shows".into(),
    })?;
    alert.judgements.push(Judgement {
        verdict,
        by: String::new(),
        at: alert.updated_at,
    });
    Ok(judged)
}

/// Every alert that `record` raises, as it was in the end.
fn raised(settings: &AlertSettings, judged: &[Alert], record: &Record) -> Result<BTreeMap<String, Alert>> {
    let mut book = AlertBook::with(settings.clone(), Sensitivity::of(judged.iter()).always())?;
    let mut raised = BTreeMap::new();
    let mut feed = |book: &mut AlertBook, at: Timestamp, signals: &[Signal]| {
        for alert in book.window(&record.topic, at, &record.window(at, signals), record.surroundings) {
            raised.insert(alert.alert_id.clone(), alert);
        }
    };
    let mut next = record.windows.first().map_or(Timestamp(0), |first| first.start);
    let mut calm_after = next;
    for past in record.windows {
        // Calm windows change nothing but what went on before them.
        while next < past.start && (next < calm_after || book.has_live()) {
            feed(&mut book, next, &[]);
            next = Timestamp(next.0 + record.step.0);
        }
        feed(&mut book, past.start, past.signals);
        next = Timestamp(past.start.0 + record.step.0);
        calm_after = Timestamp(next.0 + AlertBook::MEMORY.0);
    }
    Ok(raised)
}

impl Record<'_> {
    /// The signals of a window: those that were kept, and calm ones of all keys of which nothing was kept that speaks of an event or says
    /// that there was nothing to speak of.
    fn window(&self, at: Timestamp, kept: &[Signal]) -> Vec<Signal> {
        let known = |signal: &&Signal| {
            let (symptom, _) = Symptom::of(signal.reason);
            symptom == Symptom::Silent || symptom.nature() == Nature::Event
        };
        let known: HashSet<&str> = kept.iter().filter(known).map(|signal| &*signal.key).collect();
        let calm = self.keys.iter().filter(|(key, _)| !known.contains(&**key));
        let target: Arc<str> = "".into();
        let calm = calm.map(|(key, zone)| Signal {
            topic: Arc::clone(&self.topic),
            target: Arc::clone(&target),
            key: Arc::clone(key),
            zone: zone.clone(),
            window: at,
            step: self.step,
            detector: "",
            score: AnomalyScore::NONE,
            reason: Reason::Higher,
            seen: None,
            expected: None,
        });
        kept.iter().cloned().chain(calm).collect()
    }
}

/// The alert among `others` that tells of the same: of the same stream, alike in kind, at the same time and with a key in common.
pub fn twin<'a>(mut others: impl Iterator<Item = &'a Alert>, alert: &Alert) -> Option<&'a Alert> {
    let is_same = |other: &&Alert| {
        let together = other.since <= alert.last_strange && alert.since <= other.last_strange;
        let alike = other.topic == alert.topic && are_alike(other.kind, alert.kind);
        together && alike && other.keys.iter().any(|key| alert.has(key))
    };
    others.find(is_same)
}

/// Whether both kinds are of what happens in the city, whose kind may change as it is better known, or of the same trouble with data.
fn are_alike(one: Kind, other: Kind) -> bool {
    let is_of_city = |kind: &Kind| !matches!(kind, Kind::SensorFault | Kind::DataQuality);
    one == other || [one, other].iter().all(is_of_city)
}
