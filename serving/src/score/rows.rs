//! An issue as rows of the table `forecasts`.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Date32Builder, Float64Builder, Int32Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arterial_datasets::schema;
use arterial_datasets::time::{Duration, Timestamp};

use super::issue::Issue;
use crate::Result;
use crate::live::Revisions;

/// One forecast of an issue.
struct Row<'a> {
    key: &'a str,
    ahead: usize,
    minutes: i32,
    values: [f64; 3],
    source: &'a super::Source,
    rung: super::LadderStep,
    revisions: Option<Revisions>,
}

/// The forecasts at the steps `kept` under the schema of `forecasts`, key by key. Forecasts that were refused are not
/// there.
///
/// # Errors
/// None in practice: the columns fit the schema.
pub fn rows(issue: &Issue, kept: &BTreeSet<usize>) -> Result<RecordBatch> {
    rows_where(issue, kept, |_| true)
}

/// The same as whoever asks at `now` is told: without keys whose data are too old by then. Of the rest those that are `wanted`, by their
/// positions.
///
/// # Errors
/// As [`rows`].
pub fn rows_fresh(
    issue: &Issue,
    kept: &BTreeSet<usize>,
    now: Timestamp,
    stale_after: Duration,
    wanted: impl Fn(usize) -> bool,
) -> Result<RecordBatch> {
    let is_told = |key: usize| wanted(key) && issue.is_fresh(key, now, stale_after);
    rows_where(issue, kept, is_told)
}

/// The forecasts of the keys that are `wanted`, by their positions, however old their data are.
///
/// # Errors
/// As [`rows`].
pub fn rows_where(issue: &Issue, kept: &BTreeSet<usize>, wanted: impl Fn(usize) -> bool) -> Result<RecordBatch> {
    let given = given(issue, kept, wanted);
    let text = |of: &dyn Fn(&Row) -> String| {
        let mut column = StringBuilder::new();
        for row in &given {
            column.append_value(of(row));
        }
        Arc::new(column.finish())
    };
    let instant = |of: &dyn Fn(&Row) -> i64| {
        let mut column = TimestampMicrosecondBuilder::new().with_timezone("UTC");
        for row in &given {
            column.append_value(of(row));
        }
        Arc::new(column.finish())
    };
    let number = |at: usize| {
        let mut column = Float64Builder::new();
        for row in &given {
            column.append_value(row.values[at]);
        }
        Arc::new(column.finish())
    };
    let revision = |of: &dyn Fn(Revisions) -> i32| {
        let mut column = Int32Builder::new();
        for row in &given {
            column.append_option(row.revisions.map(of));
        }
        Arc::new(column.finish())
    };
    let mut newest = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    let mut minutes = Int32Builder::new();
    let mut days = Date32Builder::new();
    for row in &given {
        newest.append_option(row.revisions.map(|revisions| revisions.window.0));
        minutes.append_value(row.minutes);
        days.append_value(issue.origin.day() as i32);
    }
    Ok(RecordBatch::try_new(
        schema::forecasts(),
        vec![
            text(&|_| issue.target.topic.clone()),
            text(&|row| row.key.to_owned()),
            text(&|_| issue.target.field.clone()),
            instant(&|_| issue.origin.0),
            instant(&|row| issue.target_time(row.ahead).0),
            Arc::new(minutes.finish()),
            text(&|row| row.source.model.clone()),
            text(&|row| row.source.version.clone()),
            number(1),
            number(0),
            number(2),
            text(&|row| row.rung.name().to_owned()),
            text(&|row| row.source.digest.clone()),
            instant(&|_| issue.issued_at.0),
            Arc::new(newest.finish()),
            revision(&|revisions| i32::from(revisions.newest)),
            revision(&|revisions| revisions.revised as i32),
            instant(&|_| issue.instance_since.0),
            Arc::new(days.finish()),
        ],
    )?)
}

fn given<'a>(issue: &'a Issue, kept: &BTreeSet<usize>, wanted: impl Fn(usize) -> bool) -> Vec<Row<'a>> {
    let Some(places) = issue.positions(&[0.1, 0.5, 0.9]) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for (key, name) in issue.keys.iter().enumerate().filter(|(key, _)| wanted(*key)) {
        for &ahead in kept.iter().filter(|&&ahead| ahead <= issue.horizon()) {
            let Some(rung) = issue.steps[[key, ahead - 1]] else {
                continue;
            };
            let Some(source) = issue.sources.get(&rung) else {
                continue;
            };
            let value = |at: usize| issue.values[[key, ahead - 1, places[at]]];
            let minutes = ahead as i64 * issue.step.0 / arterial_datasets::time::MINUTE;
            rows.push(Row {
                key: name,
                ahead,
                minutes: minutes as i32,
                values: [value(0), value(1), value(2)],
                source,
                rung,
                revisions: issue.revisions_of(rung, key),
            });
        }
    }
    rows
}
