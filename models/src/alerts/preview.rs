//! What a judgement would change, before it is made.

use std::collections::BTreeMap;

use arterial_datasets::time::Timestamp;

use super::alert::Alert;
use super::book::AlertBook;
use super::judgement::{Judgement, Verdict};
use super::sensitivity::Sensitivity;
use super::settings::AlertSettings;
use super::signal::Signal;
use super::surroundings::Surroundings;
use crate::{Error, Result};

/// One window of the past.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Its start.
    pub start: Timestamp,
    /// What the detectors said.
    pub signals: &'a [Signal],
    /// What was known.
    pub surroundings: &'a Surroundings,
}

/// What a judgement would have changed. Each list holds alerts in the order of their ids.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preview {
    /// Raised either way.
    pub kept: Vec<Alert>,
    /// Not raised any more.
    pub gone: Vec<Alert>,
    /// Raised only with the judgement.
    pub added: Vec<Alert>,
}

/// Makes the alerts of `past` twice: with the judgements that stand, and with `verdict` on the alert `alert_id` as well; both as if they had
/// stood all the time. `known` are the newest revisions of alerts, that one and all judged ones among them.
///
/// # Errors
/// No such alert; settings that make no sense.
pub fn preview(
    settings: &AlertSettings,
    known: &[Alert],
    alert_id: &str,
    verdict: Verdict,
    past: &[Past],
) -> Result<Preview> {
    let judged = with_verdict(known, alert_id, verdict)?;
    let mut before = raised(settings, known, past)?;
    let after = raised(settings, &judged, past)?;
    let mut preview = Preview::default();
    for alert in after.into_values() {
        match before.remove(&alert.alert_id) {
            Some(_) => preview.kept.push(alert),
            // The same event may begin a window earlier or later, with another id.
            None => match twin(&before, &alert) {
                Some(id) => {
                    before.remove(&id);
                    preview.kept.push(alert);
                }
                None => preview.added.push(alert),
            },
        }
    }
    preview.gone = before.into_values().collect();
    Ok(preview)
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
        let nature = alert.symptom.nature();
        sensitivity.line(&alert.topic, &alert.place.key, nature, alert.peak_at)
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

/// Every alert that `past` raises, as it was in the end.
fn raised(settings: &AlertSettings, judged: &[Alert], past: &[Past]) -> Result<BTreeMap<String, Alert>> {
    let mut book = AlertBook::with(settings.clone(), Sensitivity::of(judged.iter()).always())?;
    let mut raised = BTreeMap::new();
    for window in past {
        for alert in book.window(window.start, window.signals, window.surroundings) {
            raised.insert(alert.alert_id.clone(), alert);
        }
    }
    Ok(raised)
}

/// An alert of the same stream that overlaps in time and shares a key.
fn twin(others: &BTreeMap<String, Alert>, alert: &Alert) -> Option<String> {
    let overlaps = |other: &&Alert| {
        let together = other.since <= alert.last_strange && alert.since <= other.last_strange;
        together && other.topic == alert.topic && other.keys.iter().any(|key| alert.has(key))
    };
    others.values().find(overlaps).map(|other| other.alert_id.clone())
}
