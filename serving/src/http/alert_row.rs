//! One alert as HTTP's clients see it: the columns of the table `alerts`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::names::{AlertCause, AlertKind, AlertSeverity, AlertState, AlertSymptom};
use super::table::{Columns, Kind};
use crate::Result;
use crate::alerts::AlertRevision;

/// An alert, as it has become.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRow {
    /// Its id, the same through all revisions.
    alert_id: String,
    /// 0 for the first version, one more for each later one.
    #[schema(minimum = 0)]
    revision: u32,
    /// Counts the revisions of all alerts.
    #[schema(minimum = 0)]
    sequence: u64,
    /// What it is about.
    #[schema(value_type = AlertKind)]
    kind: String,
    /// How bad it is.
    #[schema(value_type = AlertSeverity)]
    severity: String,
    /// open, acknowledged, resolved or reopened.
    #[schema(value_type = AlertState)]
    state: String,
    /// Whether the whole city is concerned.
    citywide: bool,
    /// The stream that it was seen in.
    #[schema(example = "traffic-sensors")]
    topic: String,
    /// The field that was strange.
    #[schema(example = "speed_kmh")]
    target: String,
    /// The zone, where it lies in one.
    zone_id: Option<String>,
    /// The keys that it is about.
    keys: Vec<String>,
    /// The key that its place was taken from.
    place_key: String,
    /// Latitude, degrees.
    lat: Option<f64>,
    /// Longitude, degrees.
    lon: Option<f64>,
    /// The road, by id.
    road_id: Option<String>,
    /// The road's name.
    road_name: Option<String>,
    /// When what it is about began.
    #[schema(format = DateTime)]
    since: String,
    /// When it was raised.
    #[schema(format = DateTime)]
    opened_at: String,
    /// When it was at its worst.
    #[schema(format = DateTime)]
    peak_at: String,
    /// When this revision was made.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it was resolved; null while it goes on.
    #[schema(format = DateTime)]
    closed_at: Option<String>,
    /// When it is thought to end.
    #[schema(format = DateTime)]
    estimated_end: Option<String>,
    /// How strange it is at its peak; 1 is the line.
    score: f64,
    /// How sure it is, 0 to 1.
    certainty: f64,
    /// Vehicle hours lost so far.
    impact: Option<f64>,
    /// What was seen at the peak, in the target's unit.
    seen: Option<f64>,
    /// 8 windows in 10 were expected above.
    expected_low: Option<f64>,
    /// 8 windows in 10 were expected below.
    expected_high: Option<f64>,
    /// The likely cause.
    #[schema(value_type = AlertCause)]
    cause: String,
    /// What was strange.
    #[schema(value_type = AlertSymptom)]
    symptom: String,
    /// The size of it, where it has one.
    symptom_value: Option<f64>,
    /// What speaks for the cause.
    #[schema(value_type = Vec<Object>)]
    evidence: Vec<Value>,
    /// All of it in plain sentences.
    text: String,
    /// Why it is recorded and not delivered.
    held_back_by: Option<String>,
    /// The alert that it became a part of.
    merged_into: Option<String>,
    /// Who has taken it on.
    acknowledged_by: Option<String>,
    /// When that was.
    #[schema(format = DateTime)]
    acknowledged_at: Option<String>,
    /// The last judgement of it.
    judgement: Option<String>,
}

impl AlertRow {
    /// The revision, as its JSON form has it.
    ///
    /// # Errors
    /// None in practice: a test holds the two together.
    pub fn of(revision: &AlertRevision) -> Result<Self> {
        Ok(serde_json::from_value(Value::Object(revision.to_json()))?)
    }
}

/// The columns of a table of alerts.
pub const COLUMNS: &Columns<'static> = &[
    ("alert_id", Kind::Text),
    ("revision", Kind::Whole),
    ("sequence", Kind::Whole),
    ("kind", Kind::Text),
    ("severity", Kind::Text),
    ("state", Kind::Text),
    ("citywide", Kind::Flag),
    ("topic", Kind::Text),
    ("target", Kind::Text),
    ("zone_id", Kind::Text),
    ("keys", Kind::Text),
    ("place_key", Kind::Text),
    ("lat", Kind::Number),
    ("lon", Kind::Number),
    ("road_id", Kind::Text),
    ("road_name", Kind::Text),
    ("since", Kind::Instant),
    ("opened_at", Kind::Instant),
    ("peak_at", Kind::Instant),
    ("updated_at", Kind::Instant),
    ("closed_at", Kind::Instant),
    ("estimated_end", Kind::Instant),
    ("score", Kind::Number),
    ("certainty", Kind::Number),
    ("impact", Kind::Number),
    ("seen", Kind::Number),
    ("expected_low", Kind::Number),
    ("expected_high", Kind::Number),
    ("cause", Kind::Text),
    ("symptom", Kind::Text),
    ("symptom_value", Kind::Number),
    ("evidence", Kind::Text),
    ("text", Kind::Text),
    ("held_back_by", Kind::Text),
    ("merged_into", Kind::Text),
    ("acknowledged_by", Kind::Text),
    ("acknowledged_at", Kind::Instant),
    ("judgement", Kind::Text),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::revision_example;

    #[test]
    fn a_row_has_what_the_revision_has_and_a_column_for_each() {
        let row = AlertRow::of(&revision_example()).unwrap();
        let Value::Object(told) = serde_json::to_value(&row).unwrap() else {
            panic!("an object");
        };
        assert_eq!(told, revision_example().to_json());
        let columns: std::collections::BTreeSet<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            told.keys()
                .map(String::as_str)
                .collect::<std::collections::BTreeSet<_>>(),
            columns
        );
    }
}
