//! A past forecast as it was served, out of the table `forecasts`.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use arterial_datasets::lake::Scan;
use arterial_datasets::time::{Duration, MINUTE, Timestamp};

use super::question::{Checked, DEFAULT_QUANTILES, DEFAULT_STEPS, Question};
use super::reply::{Answer, Forecast, Refusal};
use crate::score::{LadderStep, RefusalCode, Source};
use crate::state::AppState;
use crate::{Error, Result};

/// Which of the stored forecasts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Those that were served at an instant: for each key the newest issue of then, unless its data were stale by then.
    AsOf(Timestamp),
    /// Those from an origin: for each key the newest issue.
    From(Timestamp),
}

impl Stored {
    /// The field of the question that says so.
    fn field(self) -> &'static str {
        match self {
            Self::AsOf(_) => "as_of",
            Self::From(_) => "origin",
        }
    }

    fn instant(self) -> Timestamp {
        match self {
            Self::AsOf(instant) | Self::From(instant) => instant,
        }
    }

    /// Why a key has no such forecast.
    fn absence(self) -> String {
        match self {
            Self::AsOf(as_of) => format!("no stored forecast of this key was fresh at {as_of}"),
            Self::From(origin) => format!("no forecast of this key from {origin} is stored"),
        }
    }
}

/// The stored forecasts that are meant.
///
/// # Errors
/// Quantiles that are not stored, a model asked for by name, zones, an instant to come; a lake that cannot be read.
pub async fn answer(state: &AppState, question: &Question, checked: &Checked<'_>, stored: Stored) -> Result<Answer> {
    check(state, question, checked, stored)?;
    let mut answer = Answer {
        quantiles: checked.levels.clone(),
        ..Answer::default()
    };
    let lake = state
        .lake
        .as_ref()
        .ok_or_else(|| Error::NotKept("this service keeps no past forecasts".into()))?;
    let table = lake.existing(crate::sinks::FORECASTS).await?;
    let batches = match table {
        Some(table) => table.scan(&scan(state, question, checked, stored)).await?,
        None => Vec::new(),
    };
    let mut newest: BTreeMap<String, (i64, Vec<Forecast>)> = BTreeMap::new();
    for batch in &batches {
        collect(batch, checked, stored, &mut newest)?;
    }
    let asked: HashSet<&str> = question.keys.iter().map(String::as_str).collect();
    for key in &question.keys {
        if !newest.contains_key(key) {
            answer
                .refusals
                .push(Refusal::new(key, RefusalCode::NoData, stored.absence()));
        }
    }
    for (key, (_, mut forecasts)) in newest {
        if !asked.is_empty() && !asked.contains(key.as_str()) {
            continue;
        }
        forecasts.sort_by_key(|forecast| forecast.horizon_minutes);
        if let Some(steps) = &checked.steps {
            refuse_missing(&key, checked, steps, &forecasts, &mut answer.refusals);
        }
        answer.forecasts.extend(forecasts);
    }
    Ok(answer)
}

fn check(state: &AppState, question: &Question, checked: &Checked<'_>, stored: Stored) -> Result<()> {
    let field = stored.field();
    if stored.instant() > state.clock.now() {
        return Err(Error::invalid(field, stored.instant(), "an instant that has passed"));
    }
    if let Some(level) = checked.levels.iter().find(|level| !DEFAULT_QUANTILES.contains(level)) {
        return Err(Error::invalid(
            "quantiles",
            level,
            format!("0.1, 0.5 and 0.9 together with `{field}`"),
        ));
    }
    if checked.model.is_some() {
        return Err(Error::invalid(
            "model",
            &question.model,
            format!("nothing together with `{field}`: whoever was in charge"),
        ));
    }
    if !question.zones.is_empty() {
        return Err(Error::invalid(
            "zones",
            question.zones.join(", "),
            format!("keys instead of zones together with `{field}`"),
        ));
    }
    Ok(())
}

fn scan(state: &AppState, question: &Question, checked: &Checked<'_>, stored: Stored) -> Scan {
    // The window that ended just within the limit began one window earlier.
    let reach = state.config.stale_after.0 + checked.stream.definition().window.0;
    let (from, to) = match stored {
        Stored::AsOf(as_of) => (Timestamp(as_of.0 - reach), as_of),
        Stored::From(origin) => (origin, Timestamp(origin.0 + 1)),
    };
    Scan {
        keys: (!question.keys.is_empty()).then(|| question.keys.clone()),
        time_column: Some("origin".into()),
        from: Some(from),
        to: Some(to),
        ..Scan::default()
    }
}

/// The columns of `forecasts`.
struct Columns<'a>(&'a RecordBatch);

impl<'a> Columns<'a> {
    fn text(&self, name: &str) -> Result<&'a StringArray> {
        self.0
            .column_by_name(name)
            .and_then(|column| column.as_string_opt())
            .ok_or_else(|| wrong(name))
    }

    fn instant(&self, name: &str) -> Result<&'a TimestampMicrosecondArray> {
        let column = self.0.column_by_name(name);
        column
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>())
            .ok_or_else(|| wrong(name))
    }

    fn whole(&self, name: &str) -> Result<&'a Int32Array> {
        let column = self.0.column_by_name(name);
        column
            .and_then(|column| column.as_primitive_opt::<Int32Type>())
            .ok_or_else(|| wrong(name))
    }

    fn number(&self, name: &str) -> Result<&'a Float64Array> {
        let column = self.0.column_by_name(name);
        column
            .and_then(|column| column.as_primitive_opt::<Float64Type>())
            .ok_or_else(|| wrong(name))
    }
}

fn wrong(name: &str) -> Error {
    Error::invalid("forecasts", name, "a column of the table forecasts")
}

/// Keeps, for each key, the forecasts of its newest issue that is meant.
fn collect(
    batch: &RecordBatch,
    checked: &Checked<'_>,
    stored: Stored,
    newest: &mut BTreeMap<String, (i64, Vec<Forecast>)>,
) -> Result<()> {
    let columns = Columns(batch);
    let (topics, targets, keys) = (columns.text("topic")?, columns.text("target")?, columns.text("key")?);
    let (origins, issued) = (columns.instant("origin")?, columns.instant("issued_at")?);
    let (minutes, times) = (columns.whole("horizon_minutes")?, columns.instant("target_time")?);
    let (models, versions, digests) = (
        columns.text("model")?,
        columns.text("model_version")?,
        columns.text("data_digest")?,
    );
    let rungs = columns.text("step_of_ladder")?;
    let numbers = checked
        .levels
        .iter()
        .map(|level| columns.number(column_of(*level)))
        .collect::<Result<Vec<_>>>()?;
    let window = checked.stream.definition().window;
    for row in 0..batch.num_rows() {
        let mine = topics.value(row) == checked.target.topic && targets.value(row) == checked.target.field;
        let asked_at = match stored {
            Stored::AsOf(as_of) => as_of.0,
            Stored::From(_) => issued.value(row),
        };
        if !mine || issued.value(row) > asked_at || !wanted(checked, window, minutes.value(row)) {
            continue;
        }
        let entry = newest
            .entry(keys.value(row).to_owned())
            .or_insert((i64::MIN, Vec::new()));
        if issued.value(row) < entry.0 {
            continue;
        }
        if issued.value(row) > entry.0 {
            *entry = (issued.value(row), Vec::new());
        }
        entry.1.push(Forecast {
            key: keys.value(row).into(),
            origin: Timestamp(origins.value(row)),
            target_time: Timestamp(times.value(row)),
            horizon_minutes: minutes.value(row),
            values: numbers
                .iter()
                .map(|column| {
                    if column.is_null(row) {
                        f64::NAN
                    } else {
                        column.value(row)
                    }
                })
                .collect(),
            source: Arc::new(Source {
                model: models.value(row).into(),
                version: versions.value(row).into(),
                digest: digests.value(row).into(),
            }),
            rung: LadderStep::ALL
                .into_iter()
                .find(|one| one.name() == rungs.value(row))
                .unwrap_or(LadderStep::Profile),
            age: Duration((asked_at - origins.value(row) - window.0).max(0)),
            issued_at: Timestamp(issued.value(row)),
        });
    }
    Ok(())
}

fn column_of(level: f64) -> &'static str {
    match level {
        level if level < 0.5 => "p10",
        level if level > 0.5 => "p90",
        _ => "p50",
    }
}

fn wanted(checked: &Checked<'_>, window: Duration, minutes: i32) -> bool {
    let ahead = (i64::from(minutes) * MINUTE / window.0) as usize;
    checked
        .steps
        .as_ref()
        .map_or_else(|| DEFAULT_STEPS.contains(&ahead), |steps| steps.contains(&ahead))
}

fn refuse_missing(key: &str, checked: &Checked<'_>, steps: &[usize], have: &[Forecast], refusals: &mut Vec<Refusal>) {
    for &ahead in steps {
        let horizon_minutes = (ahead as i64 * checked.stream.definition().window.0 / MINUTE) as i32;
        if have.iter().all(|forecast| forecast.horizon_minutes != horizon_minutes) {
            let message = "this horizon was not stored";
            refusals.push(Refusal {
                horizon_minutes,
                ..Refusal::new(key, RefusalCode::NoData, message)
            });
        }
    }
}
