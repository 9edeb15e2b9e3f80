//! Revisions as rows of the table `alerts`, and back.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListBuilder,
    RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::Int64Type;
use arterial_datasets::schema::{self, STATE_COLUMN};
use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Alert;

use super::revision::AlertRevision;
use crate::{Error, Result};

/// The revisions under the schema of `alerts`.
///
/// # Errors
/// None in practice: the columns fit the schema.
pub fn rows(revisions: &[AlertRevision]) -> Result<RecordBatch> {
    let text = |of: fn(&Alert) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(
            revisions.iter().map(|one| of(&one.alert)),
        ))
    };
    let known_text = |of: fn(&Alert) -> Option<&str>| -> ArrayRef {
        Arc::new(revisions.iter().map(|one| of(&one.alert)).collect::<StringArray>())
    };
    let number = |of: fn(&Alert) -> Option<f64>| -> ArrayRef {
        Arc::new(revisions.iter().map(|one| of(&one.alert)).collect::<Float64Array>())
    };
    let instant = |of: fn(&Alert) -> Option<Timestamp>| -> ArrayRef {
        let instants = revisions.iter().map(|one| of(&one.alert).map(|instant| instant.0));
        Arc::new(instants.collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let days = revisions.iter().map(|one| one.alert.updated_at.day() as i32);
    let evidence = revisions.iter().map(|one| one.evidence().to_string());
    let states = revisions
        .iter()
        .map(|one| serde_json::to_string(&one.alert))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new(
        schema::alerts(),
        vec![
            text(|alert| &alert.alert_id),
            Arc::new(Int32Array::from_iter_values(
                revisions.iter().map(|one| one.alert.revision as i32),
            )),
            Arc::new(Int64Array::from_iter_values(
                revisions.iter().map(|one| one.sequence as i64),
            )),
            text(|alert| alert.kind.name()),
            text(|alert| alert.severity.name()),
            text(|alert| alert.state.name()),
            Arc::new(
                revisions
                    .iter()
                    .map(|one| Some(one.alert.citywide))
                    .collect::<BooleanArray>(),
            ),
            text(|alert| &alert.topic),
            text(|alert| &alert.target),
            known_text(|alert| alert.zone_id.as_deref()),
            keys(revisions),
            text(|alert| &alert.place.key),
            number(|alert| alert.place.lat),
            number(|alert| alert.place.lon),
            known_text(|alert| alert.place.road_id.as_deref()),
            known_text(|alert| alert.place.road_name.as_deref()),
            instant(|alert| Some(alert.since)),
            instant(|alert| Some(alert.opened_at)),
            instant(|alert| Some(alert.peak_at)),
            instant(|alert| Some(alert.updated_at)),
            instant(|alert| alert.closed_at),
            instant(|alert| alert.estimated_end),
            number(|alert| Some(alert.score)),
            number(|alert| Some(alert.certainty)),
            number(|alert| alert.impact),
            number(|alert| alert.seen),
            number(|alert| alert.expected_low),
            number(|alert| alert.expected_high),
            text(|alert| alert.cause.name()),
            text(|alert| alert.symptom.name()),
            number(|alert| alert.symptom_value),
            Arc::new(StringArray::from_iter_values(evidence)),
            text(|alert| &alert.text),
            known_text(|alert| alert.held_back_by.as_deref()),
            known_text(|alert| alert.merged_into.as_deref()),
            known_text(|alert| alert.acknowledged_by.as_deref()),
            instant(|alert| alert.acknowledged_at),
            known_text(|alert| alert.judgements.last().map(|last| last.verdict.name())),
            Arc::new(Date32Array::from_iter_values(days)),
            Arc::new(StringArray::from_iter_values(states)),
        ],
    )?)
}

fn keys(revisions: &[AlertRevision]) -> ArrayRef {
    let mut column = ListBuilder::new(StringBuilder::new());
    for one in revisions {
        for key in &one.alert.keys {
            column.values().append_value(key);
        }
        column.append(true);
    }
    Arc::new(column.finish())
}

/// The columns that revisions are read from.
pub const STORED: [&str; 2] = ["sequence", STATE_COLUMN];

/// The revisions in a batch with the columns [`STORED`] whose sequences are wanted; rows of others, which keep no state of ours, are
/// left out. States of what is not wanted are not even looked at: they are by far the larger column.
///
/// # Errors
/// A batch without these columns, a state that cannot be read.
pub fn revisions(batch: &RecordBatch, wanted: impl Fn(u64) -> bool) -> Result<Vec<AlertRevision>> {
    let wrong = |name: &str| Error::invalid("alerts batch", name, "a column of the table `alerts`");
    let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
    let sequences = column("sequence")?
        .as_primitive_opt::<Int64Type>()
        .ok_or_else(|| wrong("sequence"))?;
    let states: &StringArray = column(STATE_COLUMN)?
        .as_string_opt()
        .ok_or_else(|| wrong(STATE_COLUMN))?;
    let mut found = Vec::new();
    for row in (0..batch.num_rows()).filter(|row| !states.is_null(*row)) {
        let sequence = sequences.value(row).max(0) as u64;
        if wanted(sequence) {
            let alert = serde_json::from_str(states.value(row))?;
            found.push(AlertRevision { sequence, alert });
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::State;

    use super::*;
    use crate::alerts::revision::examples::revision;

    #[test]
    fn what_is_stored_is_what_is_read() {
        let made = [revision(7, "a", 0, State::Open), revision(8, "a", 1, State::Resolved)];
        let batch = rows(&made).unwrap();
        assert_eq!(revisions(&batch, |_| true).unwrap(), made);
        assert_eq!(revisions(&batch, |sequence| sequence > 7).unwrap(), made[1..]);
    }
}
