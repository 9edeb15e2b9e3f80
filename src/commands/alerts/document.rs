//! An alert as JSON, with the column names of the table `alerts`.

use arterial_datasets::time::Timestamp;
use arterial_proto::v1;
use serde_json::{Value, json};

/// The JSON of an alert.
pub fn document(alert: &v1::Alert) -> Value {
    let time = |micros: i64| Timestamp(micros).to_string();
    let cause = alert.cause.as_ref();
    let acknowledged = alert.acknowledgement.as_ref();
    json!({
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
        "unit": alert.unit,
        "cause": cause.map(|cause| &cause.kind),
        "evidence": cause.map(|cause| &cause.evidence),
        "text": alert.text,
        "acknowledged_by": acknowledged.map(|one| &one.by),
        "acknowledged_at": acknowledged.map(|one| time(one.at)),
        "held_back_by": named(&alert.held_back_by),
        "merged_into": named(&alert.merged_into),
        "judgement": named(&alert.judgement),
    })
}

/// Nothing for an empty text.
fn named(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
