//! One revision of an alert: what is stored, watched and delivered.

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Alert;
use serde_json::{Map, Value, json};

/// An alert as it has become.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertRevision {
    /// Counts the revisions of all alerts; it only grows.
    pub sequence: u64,
    /// The alert.
    pub alert: Alert,
}

impl AlertRevision {
    /// Whether it stays at hand however old it is: its event goes on, or what was said of it moves the line.
    pub fn is_kept(&self) -> bool {
        self.alert.is_live() || !self.alert.judgements.is_empty()
    }

    /// The revision as JSON, with the column names of the table `alerts` and times as RFC 3339.
    pub fn to_json(&self) -> Map<String, Value> {
        let alert = &self.alert;
        let time = |instant: Timestamp| instant.to_string();
        let Value::Object(row) = json!({
            "alert_id": alert.alert_id,
            "revision": alert.revision,
            "sequence": self.sequence,
            "kind": alert.kind.name(),
            "severity": alert.severity.name(),
            "state": alert.state.name(),
            "citywide": alert.citywide,
            "topic": alert.topic,
            "target": alert.target,
            "zone_id": alert.zone_id,
            "keys": alert.keys,
            "place_key": alert.place.key,
            "lat": alert.place.lat,
            "lon": alert.place.lon,
            "road_id": alert.place.road_id,
            "road_name": alert.place.road_name,
            "since": time(alert.since),
            "opened_at": time(alert.opened_at),
            "peak_at": time(alert.peak_at),
            "updated_at": time(alert.updated_at),
            "closed_at": alert.closed_at.map(time),
            "estimated_end": alert.estimated_end.map(time),
            "score": alert.score,
            "certainty": alert.certainty,
            "impact": alert.impact,
            "seen": alert.seen,
            "expected_low": alert.expected_low,
            "expected_high": alert.expected_high,
            "cause": alert.cause.name(),
            "symptom": alert.symptom.name(),
            "symptom_value": alert.symptom_value,
            "evidence": self.evidence(),
            "text": alert.text,
            "held_back_by": alert.held_back_by,
            "merged_into": alert.merged_into,
            "acknowledged_by": alert.acknowledged_by,
            "acknowledged_at": alert.acknowledged_at.map(time),
            "judgement": alert.judgements.last().map(|last| last.verdict.name()),
        }) else {
            return Map::new();
        };
        row
    }

    /// What speaks for the cause, as JSON with times as RFC 3339.
    pub fn evidence(&self) -> Value {
        let time = |instant: Timestamp| instant.to_string();
        let one = |evidence: &arterial_models::alerts::Evidence| {
            json!({
                "cause": evidence.cause.name(),
                "subject": evidence.subject,
                "distance_m": evidence.distance_m,
                "at": evidence.at.map(time),
                "until": evidence.until.map(time),
                "value": evidence.value,
                "weight": evidence.weight,
            })
        };
        self.alert.evidence.iter().map(one).collect()
    }
}

#[cfg(test)]
pub(crate) mod examples {
    use arterial_models::alerts::{Cause, Kind, Location, Severity, State, Symptom};

    use super::*;

    /// Some revision.
    pub fn one() -> AlertRevision {
        revision(1, "a", 0, State::Open)
    }

    /// Revision `revision` of the alert called `id`, numbered `sequence`.
    pub fn revision(sequence: u64, id: &str, revision: u32, state: State) -> AlertRevision {
        let at = Timestamp(i64::from(revision) * 300_000_000);
        let alert = Alert {
            alert_id: id.into(),
            revision,
            kind: Kind::Congestion,
            severity: Severity::Medium,
            state,
            topic: "traffic-sensors".into(),
            target: "speed_kmh".into(),
            zone_id: Some("Z01".into()),
            keys: vec!["TS-0001".into()],
            place: Location {
                key: "TS-0001".into(),
                lat: Some(56.15),
                lon: Some(10.2),
                ..Location::default()
            },
            since: Timestamp(0),
            opened_at: Timestamp(0),
            peak_at: Timestamp(0),
            updated_at: at,
            closed_at: (state == State::Resolved).then_some(at),
            estimated_end: None,
            citywide: false,
            symptom: Symptom::Lower,
            symptom_value: None,
            score: 2.0,
            certainty: 0.9,
            impact: None,
            seen: Some(12.0),
            expected_low: Some(40.0),
            expected_high: Some(60.0),
            learning: false,
            cause: Cause::Unknown,
            evidence: Vec::new(),
            text: "slow".into(),
            held_back_by: None,
            merged_into: None,
            acknowledged_by: None,
            acknowledged_at: None,
            judgements: Vec::new(),
            last_window: at,
            last_strange: at,
        };
        AlertRevision { sequence, alert }
    }
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::State;

    use super::*;

    #[test]
    fn json_has_the_columns_of_the_table() {
        let row = examples::revision(1, "a", 0, State::Open).to_json();
        let schema = arterial_datasets::schema::alerts();
        let columns = schema.fields().iter().map(|field| field.name().as_str());
        let shown: std::collections::BTreeSet<&str> = columns
            .filter(|name| !name.starts_with('_') && *name != "day")
            .collect();
        assert_eq!(
            row.keys()
                .map(String::as_str)
                .collect::<std::collections::BTreeSet<_>>(),
            shown
        );
    }
}
