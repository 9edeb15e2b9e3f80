//! Alerts as messages.

use arterial_models::alerts::{Alert, Language};
use arterial_proto::v1;
use serde_json::Value;

use crate::alerts::{AlertRevision, Effect, Seen, Watched, feature, text, told};
use crate::analytics::expected_end;
use crate::sinks::alerts::dead_letters::DeadLetter;
use crate::state::AppState;

/// Alerts that a preview names.
const MOST_NAMED: usize = 100;

/// A revision as a message, in `language`.
pub fn alert(state: &AppState, revision: &AlertRevision, language: Language) -> v1::Alert {
    let alert = &revision.alert;
    let told = told(state, alert, language);
    let incident = incident(state, alert, &told.reference);
    v1::Alert {
        alert_id: alert.alert_id.clone(),
        revision: alert.revision,
        sequence: revision.sequence,
        kind: alert.kind.name().into(),
        severity: alert.severity.name().into(),
        state: alert.state.name().into(),
        opened_at: alert.opened_at.0,
        changed_at: alert.updated_at.0,
        closed_at: alert.closed_at.map(|instant| instant.0),
        expected_end: alert.estimated_end.map(|instant| instant.0),
        topic: alert.topic.clone(),
        target: alert.target.clone(),
        key: alert.place.key.clone(),
        keys: alert.keys.clone(),
        zone_id: alert.zone_id.clone().unwrap_or_default(),
        road: alert.place.road_name.clone().unwrap_or_default(),
        place_name: alert.place.name.clone().unwrap_or_default(),
        lat: alert.place.lat,
        lon: alert.place.lon,
        geometry_json: geometry(state, revision),
        peak_score: alert.score,
        certainty: alert.certainty,
        vehicle_hours: alert.impact.unwrap_or_default(),
        seen: alert.seen,
        expected_low: alert.expected_low,
        expected_high: alert.expected_high,
        learning: alert.learning,
        unit: told.unit,
        cause: Some(v1::Cause {
            kind: alert.cause.name().into(),
            reference: told.reference,
            evidence: told.evidence,
            incident,
        }),
        text: told.text,
        acknowledgement: acknowledgement(revision),
        judgement: alert
            .judgements
            .last()
            .map(|last| last.verdict.name().into())
            .unwrap_or_default(),
        history: told.history.into_iter().map(seen).collect(),
        since: alert.since.0,
        peak_at: alert.peak_at.0,
        held_back_by: alert.held_back_by.clone().unwrap_or_default(),
        merged_into: alert.merged_into.clone().unwrap_or_default(),
        symptom: alert.symptom.name().into(),
    }
}

fn acknowledgement(revision: &AlertRevision) -> Option<v1::Acknowledgement> {
    let alert = &revision.alert;
    let (by, at) = alert.acknowledged_by.clone().zip(alert.acknowledged_at)?;
    Some(v1::Acknowledgement { by, at: at.0 })
}

/// Who had taken an alert on as it was `before`, where whoever has it `now` is somebody else.
pub fn former(before: &AlertRevision, now: &AlertRevision) -> Option<v1::Acknowledgement> {
    let same = before.alert.acknowledged_by == now.alert.acknowledged_by;
    acknowledgement(before).filter(|_| !same)
}

/// The reported incident that is the cause, where it is one and still known.
fn incident(state: &AppState, alert: &Alert, incident_id: &str) -> Option<v1::Incident> {
    if !alert.cause.is_reported() {
        return None;
    }
    let known = state.live.incidents().get(incident_id)?;
    Some(v1::Incident {
        active: known.is_active(state.clock.now()),
        expected_end: expected_end(&known).0,
        incident_id: known.incident_id,
        r#type: known.kind,
        severity: known.severity,
        road: known.road_name.or(known.road_id).unwrap_or_default(),
        zone_id: known.zone_id.unwrap_or_default(),
        lat: known.lat,
        lon: known.lon,
        reported_at: known.reported_at.0,
        description: known.description.unwrap_or_default(),
    })
}

fn geometry(state: &AppState, revision: &AlertRevision) -> String {
    match &feature(state, revision)["geometry"] {
        Value::Null => String::new(),
        geometry => geometry.to_string(),
    }
}

fn seen(seen: Seen) -> v1::Seen {
    v1::Seen {
        window_start: seen.window.0,
        value: seen.value,
        expected_low: seen.expected.map(|(low, _)| low),
        expected_high: seen.expected.map(|(_, high)| high),
    }
}

/// How far the service is with a number, as a message.
pub fn watched(watched: Watched) -> v1::Watched {
    v1::Watched {
        topic: watched.target.topic,
        target: watched.target.field,
        next_window: watched.next.map(|window| window.0),
        windows_learned: watched.learned as u32,
        windows_needed: watched.needed as u32,
        learning: watched.learned < watched.needed,
    }
}

/// What a judgement changes, as a message in `language`.
pub fn judged(state: &AppState, effect: &Effect, language: Language) -> v1::Judged {
    let named = |alerts: &[Alert]| {
        let named = alerts.iter().take(MOST_NAMED);
        named.map(|alert| judged_alert(state, alert, language)).collect()
    };
    v1::Judged {
        kind: effect.kind.name().into(),
        zone_id: effect.zone.clone().unwrap_or_default(),
        weeks: effect.weeks,
        alerts_before: effect.before as u32,
        alerts_after: (effect.before - effect.gone.len() + effect.added.len()) as u32,
        alerts_kept: (effect.before - effect.gone.len()) as u32,
        would_be_missing: effect
            .gone
            .iter()
            .take(MOST_NAMED)
            .map(|alert| alert.alert_id.clone())
            .collect(),
        missing: named(&effect.gone),
        added: named(&effect.added),
        added_unknown: !effect.sees_added,
    }
}

fn judged_alert(state: &AppState, alert: &Alert, language: Language) -> v1::JudgedAlert {
    v1::JudgedAlert {
        alert_id: alert.alert_id.clone(),
        since: alert.since.0,
        until: alert.last_strange.0,
        severity: alert.severity.name().into(),
        peak_score: alert.score,
        text: text(state, alert, language),
    }
}

/// A revision that a receiver did not take, as a message.
pub fn dead_letter(letter: DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        sink: letter.sink,
        alert_id: letter.alert_id,
        revision: letter.revision,
        sequence: letter.sequence,
        reason: letter.reason,
        at: letter.at.0,
    }
}
