//! Rows of the table `forecasts`.

use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::registry::Target;

use super::issues::Issues;
use super::reply::Forecast;
use crate::live::Revisions;
use crate::score::{LadderStep, Source, Stamp};
use crate::{Error, Result};

/// One stored forecast.
pub struct Row {
    /// The key.
    pub key: String,
    /// The start of the last window used.
    pub origin: Timestamp,
    /// The start of the window that is forecast.
    pub target_time: Timestamp,
    /// How far ahead.
    pub horizon_minutes: i32,
    /// One value a quantile that is asked for.
    pub values: Vec<f64>,
    /// Who gave it.
    pub source: Source,
    /// Which step of the ladder that is.
    pub rung: LadderStep,
    /// Since when it was served.
    pub issued_at: Timestamp,
    /// Which revisions it was made from; none in rows from before that was kept.
    pub revisions: Option<Revisions>,
}

impl Row {
    /// It as it was served; how old its data were depends on when somebody asked.
    pub fn forecast(&self) -> Forecast {
        Forecast {
            key: self.key.as_str().into(),
            origin: self.origin,
            target_time: self.target_time,
            horizon_minutes: self.horizon_minutes,
            values: self.values.clone(),
            source: Arc::new(self.source.clone()),
            rung: self.rung,
            age: Duration(0),
            issued_at: self.issued_at,
            revisions: self.revisions,
            explanation: None,
        }
    }
}

/// The columns of a batch.
pub struct Columns<'a> {
    batch: &'a RecordBatch,
    topics: &'a StringArray,
    targets: &'a StringArray,
    origins: &'a TimestampMicrosecondArray,
    issued: &'a TimestampMicrosecondArray,
    /// Absent in a table that nobody has written since it was stored.
    instances: Option<&'a TimestampMicrosecondArray>,
}

impl<'a> Columns<'a> {
    /// The columns that say of which issue each row is.
    ///
    /// # Errors
    /// A batch without them.
    pub fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            batch,
            topics: text(batch, "topic")?,
            targets: text(batch, "target")?,
            origins: instant(batch, "origin")?,
            issued: instant(batch, "issued_at")?,
            instances: instant(batch, "instance_since").ok(),
        })
    }

    /// Whether a row is of `target`.
    pub fn is_of(&self, row: usize, target: &Target) -> bool {
        self.topics.value(row) == target.topic && self.targets.value(row) == target.field
    }

    /// Whether a row is of one of these issues of `target`.
    pub fn is_in(&self, row: usize, target: &Target, issues: &Issues) -> bool {
        issues.hold(self.instance(row), self.stamp(row)) && self.is_of(row, target)
    }

    /// Since when the instance ran that issued a row; none where that is not stored.
    pub fn instance(&self, row: usize) -> Option<Timestamp> {
        let known = self.instances.filter(|instances| instances.is_valid(row));
        known.map(|instances| Timestamp(instances.value(row)))
    }

    /// The issue that a row is of.
    pub fn stamp(&self, row: usize) -> Stamp {
        Stamp {
            origin: Timestamp(self.origins.value(row)),
            issued_at: Timestamp(self.issued.value(row)),
        }
    }

    /// The keys of the rows.
    ///
    /// # Errors
    /// A batch without them.
    pub fn keys(&self) -> Result<&'a StringArray> {
        text(self.batch, "key")
    }

    /// The columns of the quantiles `levels`, which are stored.
    ///
    /// # Errors
    /// A batch without them.
    pub fn values(&self, levels: &[f64]) -> Result<Vec<&'a Float64Array>> {
        levels
            .iter()
            .map(|level| number(self.batch, column_of(*level)))
            .collect()
    }

    /// A row in full, with `values` by quantile.
    ///
    /// # Errors
    /// A batch that lacks a column, a step of the ladder that is none.
    pub fn row(&self, row: usize, values: &[&Float64Array]) -> Result<Row> {
        let batch = self.batch;
        let word = |name: &str| text(batch, name).map(|column| column.value(row).to_owned());
        let rung = word("step_of_ladder")?;
        let accepted = "model, canary, last_good or profile";
        let known = LadderStep::ALL.into_iter().find(|one| one.name() == rung);
        let value = |column: &&Float64Array| {
            if column.is_null(row) {
                f64::NAN
            } else {
                column.value(row)
            }
        };
        Ok(Row {
            key: word("key")?,
            origin: Timestamp(self.origins.value(row)),
            target_time: Timestamp(instant(batch, "target_time")?.value(row)),
            horizon_minutes: whole(batch, "horizon_minutes")?.value(row),
            values: values.iter().map(value).collect(),
            source: Source {
                model: word("model")?,
                version: word("model_version")?,
                digest: word("data_digest")?,
            },
            rung: known.ok_or_else(|| Error::invalid("forecasts.step_of_ladder", rung, accepted))?,
            issued_at: Timestamp(self.issued.value(row)),
            revisions: revisions(batch, row)?,
        })
    }
}

fn revisions(batch: &RecordBatch, row: usize) -> Result<Option<Revisions>> {
    // A table that nobody has written since has no such columns yet.
    if batch.column_by_name("newest_window").is_none() {
        return Ok(None);
    }
    let window = instant(batch, "newest_window")?;
    if window.is_null(row) {
        return Ok(None);
    }
    Ok(Some(Revisions {
        window: Timestamp(window.value(row)),
        newest: whole(batch, "newest_revision")?.value(row) as u16,
        revised: whole(batch, "revised_windows")?.value(row) as u32,
    }))
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray> {
    let column = batch.column_by_name(name).and_then(|column| column.as_string_opt());
    column.ok_or_else(|| wrong(name))
}

fn instant<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a TimestampMicrosecondArray> {
    let column = batch.column_by_name(name);
    let column = column.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    column.ok_or_else(|| wrong(name))
}

fn whole<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int32Array> {
    let column = batch.column_by_name(name);
    let column = column.and_then(|column| column.as_primitive_opt::<Int32Type>());
    column.ok_or_else(|| wrong(name))
}

fn number<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float64Array> {
    let column = batch.column_by_name(name);
    let column = column.and_then(|column| column.as_primitive_opt::<Float64Type>());
    column.ok_or_else(|| wrong(name))
}

fn wrong(name: &str) -> Error {
    Error::invalid("forecasts", name, "a column of the table forecasts")
}

/// The column of a stored quantile.
fn column_of(level: f64) -> &'static str {
    match level {
        level if level < 0.5 => "p10",
        level if level > 0.5 => "p90",
        _ => "p50",
    }
}
