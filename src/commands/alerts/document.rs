//! An alert as JSON, with the column names of the table `alerts` and what is known beside them.

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use serde_json::{Value, json};

/// The JSON of an alert.
pub fn document(alert: &v1::Alert) -> Value {
    let time = |micros: i64| Timestamp(micros).to_string();
    let cause = alert.cause.as_ref();
    let acknowledged = alert.acknowledgement.as_ref();
    let mut shown = json!({
        "alert_id": alert.alert_id,
        "revision": alert.revision,
        "sequence": alert.sequence,
        "kind": alert.kind,
        "severity": alert.severity,
        "state": alert.state,
        "topic": alert.topic,
        "target": alert.target,
        "symptom": alert.symptom,
        "zone_id": named(&alert.zone_id),
        "keys": alert.keys,
        "place_key": alert.key,
        "place_name": named(&alert.place_name),
        "lat": alert.lat,
        "lon": alert.lon,
        "road_name": named(&alert.road),
        "since": time(alert.since),
        "opened_at": time(alert.opened_at),
        "peak_at": time(alert.peak_at),
        "updated_at": time(alert.changed_at),
        "closed_at": alert.closed_at.map(time),
        "estimated_end": alert.expected_end.map(time),
        "score": alert.peak_score,
        "certainty": alert.certainty,
        // The message has 0 where it cannot be said.
        "impact": Some(alert.vehicle_hours).filter(|hours| *hours > 0.0),
        "seen": alert.seen,
        "expected_low": alert.expected_low,
        "expected_high": alert.expected_high,
        "learning": alert.learning,
        "unit": alert.unit,
        "cause": cause.map(|cause| &cause.kind),
        "evidence": cause.map(|cause| &cause.evidence),
        "text": alert.text,
        "acknowledged_by": acknowledged.map(|one| &one.by),
        "acknowledged_at": acknowledged.map(|one| time(one.at)),
        "held_back_by": named(&alert.held_back_by),
        "merged_into": named(&alert.merged_into),
        "judgement": named(&alert.judgement),
    });
    let incident = cause.and_then(|cause| cause.incident.as_ref());
    shown["incident"] = json!(incident.map(incident_json));
    shown
}

/// The reported incident that is a cause, with the names that `/v1/incidents` has.
fn incident_json(incident: &v1::Incident) -> Value {
    json!({
        "incident_id": incident.incident_id,
        "type": named(&incident.r#type),
        "severity": named(&incident.severity),
        "active": incident.active,
        "road_name": named(&incident.road),
        "zone_id": named(&incident.zone_id),
        "lat": incident.lat,
        "lon": incident.lon,
        "reported_at": Timestamp(incident.reported_at).to_string(),
        "expected_end": Timestamp(incident.expected_end).to_string(),
        "description": named(&incident.description),
    })
}

/// Nothing for an empty text.
fn named(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
