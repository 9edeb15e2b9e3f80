//! Revisions as rows of the table `alerts`, and back.

use std::str::FromStr;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, ListBuilder,
    PrimitiveArray, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::schema::{self, STATE_COLUMN};
use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Alert, State};

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

/// The column that numbers revisions.
pub const SEQUENCE: &str = "sequence";
/// The columns that revisions are read from.
pub const STORED: [&str; 2] = [SEQUENCE, STATE_COLUMN];
/// The columns that heads are read from: the narrow ones.
pub const HEADS: [&str; 6] = ["alert_id", "revision", SEQUENCE, "state", "judgement", "updated_at"];

/// What has to be known of a revision to say whether all of it is needed.
#[derive(Debug, PartialEq)]
pub struct Head<'a> {
    pub alert_id: &'a str,
    pub revision: u32,
    pub sequence: u64,
    /// As [`AlertRevision::is_kept`] says.
    pub is_kept: bool,
    pub updated_at: Timestamp,
}

/// The revisions in a batch with the columns [`STORED`] whose sequences are wanted; rows of others, which keep no state of ours, are
/// left out. States of what is not wanted are not even looked at: they are by far the larger column.
///
/// # Errors
/// A batch without these columns, a state that cannot be read.
pub fn revisions(batch: &RecordBatch, wanted: impl Fn(u64) -> bool) -> Result<Vec<AlertRevision>> {
    let (sequences, states) = (numbers::<Int64Type>(batch, SEQUENCE)?, texts(batch, STATE_COLUMN)?);
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

/// The heads of the revisions in a batch with the columns [`HEADS`].
///
/// # Errors
/// A batch without these columns.
pub fn heads(batch: &RecordBatch) -> Result<Vec<Head<'_>>> {
    let (alerts, states) = (texts(batch, "alert_id")?, texts(batch, "state")?);
    let (revisions, sequences) = (
        numbers::<Int32Type>(batch, "revision")?,
        numbers::<Int64Type>(batch, SEQUENCE)?,
    );
    let judgements = texts(batch, "judgement")?;
    let changes = numbers::<TimestampMicrosecondType>(batch, "updated_at")?;
    // What is in a state that nobody here knows is looked at as a whole.
    let is_live = |row: usize| State::from_str(states.value(row)).ok().is_none_or(State::is_live);
    let head = |row: usize| Head {
        alert_id: alerts.value(row),
        revision: revisions.value(row).max(0) as u32,
        sequence: sequences.value(row).max(0) as u64,
        is_kept: is_live(row) || !judgements.is_null(row),
        updated_at: Timestamp(changes.value(row)),
    };
    Ok((0..batch.num_rows()).map(head).collect())
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    column(batch, name)?.as_string_opt().ok_or_else(|| wrong(name))
}

fn numbers<'a, T: ArrowPrimitiveType>(batch: &'a RecordBatch, name: &str) -> Result<&'a PrimitiveArray<T>> {
    column(batch, name)?.as_primitive_opt().ok_or_else(|| wrong(name))
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Error {
    Error::invalid("alerts batch", name, "a column of the table `alerts`")
}

#[cfg(test)]
mod tests {
    use arterial_models::alerts::{Judgement, Verdict};

    use super::*;
    use crate::alerts::revision::examples::revision;

    #[test]
    fn what_is_stored_is_what_is_read() {
        let made = [revision(7, "a", 0, State::Open), revision(8, "a", 1, State::Resolved)];
        let batch = rows(&made).unwrap();
        assert_eq!(revisions(&batch, |_| true).unwrap(), made);
        assert_eq!(revisions(&batch, |sequence| sequence > 7).unwrap(), made[1..]);
    }

    #[test]
    fn the_narrow_columns_say_what_is_kept_as_the_whole_revision_does() {
        let mut made: Vec<AlertRevision> = (1..)
            .zip(State::ALL)
            .map(|(sequence, state)| revision(sequence, state.name(), sequence as u32, *state))
            .collect();
        let mut judged = revision(9, "judged", 3, State::Resolved);
        judged.alert.judgements.push(Judgement {
            verdict: Verdict::False,
            by: "Mona".into(),
            at: Timestamp(0),
        });
        made.push(judged);
        let batch = rows(&made).unwrap();
        let wanted: Vec<Head<'_>> = made
            .iter()
            .map(|one| Head {
                alert_id: &one.alert.alert_id,
                revision: one.alert.revision,
                sequence: one.sequence,
                is_kept: one.is_kept(),
                updated_at: one.alert.updated_at,
            })
            .collect();
        assert_eq!(heads(&batch).unwrap(), wanted);
    }
}
