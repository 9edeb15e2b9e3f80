//! A past forecast as it was served, out of the table `forecasts`: nothing is computed again.
//!
//! One issue was in place at any time. It is found first, among the issues of all keys; a key that it has no row of was refused then,
//! and is refused now, even where an earlier issue had a forecast of it.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::time::{Duration, MINUTE, Timestamp};

use super::page::Part;
use super::question::{Checked, DEFAULT_QUANTILES, Question};
use super::reply::{Answer, Forecast, Refusal, absent, default_steps, fresh};
use super::rows::{Columns, Row};
use crate::score::{RefusalCode, Stamp};
use crate::state::AppState;
use crate::{Error, Result};

/// Which of the stored forecasts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// Those that were served at an instant: the issue that was in place, of each key whose data were not stale by then.
    AsOf(Timestamp),
    /// Those from an origin: its last issue.
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
    fn absence(self, of: &str) -> String {
        match self {
            Self::AsOf(as_of) => format!("no forecast of {of} that was served at {as_of} is stored"),
            Self::From(origin) => format!("no forecast of {of} from {origin} is stored"),
        }
    }
}

/// The stored forecasts that are meant.
///
/// # Errors
/// Quantiles that are not stored, a model asked for by name, zones, an instant to come, more than an answer may have; a lake that cannot be
/// read.
pub async fn answer(
    state: &AppState,
    question: &Question,
    checked: &Checked<'_>,
    stored: Stored,
    part: &Part,
) -> Result<Answer> {
    check(state, question, checked, stored)?;
    let mut answer = Answer {
        quantiles: checked.levels.clone(),
        ..Answer::default()
    };
    let tables = state.tables.as_ref();
    let tables = tables.ok_or_else(|| Error::NotKept("this service keeps no past forecasts".into()))?;
    let table = tables.get(crate::sinks::FORECASTS).await?;
    let mut past = match &table {
        Some(table) => Past::read(state, table, question, checked, stored).await?,
        None => Past::default(),
    };
    let keys = past.keys(question);
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (mine, next_page) = part.of(names, &question.keys, |key| *key);
    checked.check_size(mine.len())?;
    (answer.keys, answer.of_keys, answer.next_page) = (mine.len(), keys.len(), next_page);
    for key in mine {
        let rows = past.rows.remove(key).unwrap_or_default();
        tell(state, checked, stored, key, rows, &mut answer);
    }
    if keys.is_empty() {
        answer
            .refusals
            .push(Refusal::new("", RefusalCode::NoData, stored.absence("any key")));
    }
    Ok(answer)
}

fn check(state: &AppState, question: &Question, checked: &Checked<'_>, stored: Stored) -> Result<()> {
    let field = stored.field();
    if stored.instant() > state.clock.now() {
        return Err(Error::invalid(field, stored.instant(), "an instant that has passed"));
    }
    if let Some(level) = checked.levels.iter().find(|level| !DEFAULT_QUANTILES.contains(level)) {
        let accepted = format!("0.1, 0.5 and 0.9 together with `{field}`: no others are stored");
        return Err(Error::invalid("quantiles", level, accepted));
    }
    if checked.model.is_some() {
        let accepted = format!("nothing together with `{field}`: whoever was in charge");
        return Err(Error::invalid("model", &question.model, accepted));
    }
    if !question.zones.is_empty() {
        let accepted = format!("keys instead of zones together with `{field}`");
        return Err(Error::invalid("zones", question.zones.join(", "), accepted));
    }
    Ok(())
}

/// What one issue had of the keys that are asked for.
#[derive(Default)]
struct Past {
    rows: BTreeMap<String, Vec<Row>>,
}

impl Past {
    async fn read(
        state: &AppState,
        table: &Table,
        question: &Question,
        checked: &Checked<'_>,
        stored: Stored,
    ) -> Result<Self> {
        let (from, to) = span(state, checked, stored);
        let scan = |columns: Option<&[&str]>, keys: Option<Vec<String>>| Scan {
            columns: columns.map(|names| names.iter().map(ToString::to_string).collect()),
            keys,
            time_column: Some("origin".into()),
            from: Some(from),
            to: Some(to),
            ..Scan::default()
        };
        let issues = ["topic", "target", "origin", "issued_at"];
        let mut newest: Option<Stamp> = None;
        for batch in table.scan(&scan(Some(&issues), None)).await? {
            newest = newest_of(&batch, checked, stored, newest)?;
        }
        let Some(issue) = newest else {
            return Ok(Self::default());
        };
        let keys = (!question.keys.is_empty()).then(|| question.keys.clone());
        let mut past = Self::default();
        for batch in table.scan(&scan(None, keys)).await? {
            past.take(&batch, checked, issue)?;
        }
        Ok(past)
    }

    fn take(&mut self, batch: &RecordBatch, checked: &Checked<'_>, issue: Stamp) -> Result<()> {
        let columns = Columns::of(batch)?;
        let values = columns.values(&checked.levels)?;
        for row in 0..batch.num_rows() {
            if columns.is_of(row, &checked.target) && columns.stamp(row) == issue {
                let found = columns.row(row, &values)?;
                self.rows.entry(found.key.clone()).or_default().push(found);
            }
        }
        Ok(())
    }

    /// The keys that are meant, in the order of the answer.
    fn keys(&self, question: &Question) -> Vec<String> {
        if question.keys.is_empty() {
            return self.rows.keys().cloned().collect();
        }
        let mut seen = BTreeSet::new();
        let once = question.keys.iter().filter(|key| seen.insert(key.as_str()));
        once.cloned().collect()
    }
}

/// Between which origins the issue may lie that was in place.
fn span(state: &AppState, checked: &Checked<'_>, stored: Stored) -> (Timestamp, Timestamp) {
    match stored {
        // The window that ended just within the limit began one window earlier.
        Stored::AsOf(as_of) => {
            let reach = state.config.stale_after.0 + checked.stream.definition().window.0;
            (Timestamp(as_of.0 - reach), as_of)
        }
        Stored::From(origin) => (origin, Timestamp(origin.0 + 1)),
    }
}

/// The issue that was put in place last, by the instant that is asked for.
fn newest_of(
    batch: &RecordBatch,
    checked: &Checked<'_>,
    stored: Stored,
    mut newest: Option<Stamp>,
) -> Result<Option<Stamp>> {
    let columns = Columns::of(batch)?;
    for row in 0..batch.num_rows() {
        let stamp = columns.stamp(row);
        let was_there = match stored {
            Stored::AsOf(as_of) => stamp.issued_at <= as_of,
            Stored::From(_) => true,
        };
        let is_later = newest.is_none_or(|best| (stamp.issued_at, stamp.origin) > (best.issued_at, best.origin));
        if was_there && is_later && columns.is_of(row, &checked.target) {
            newest = Some(stamp);
        }
    }
    Ok(newest)
}

/// What there is for one key.
fn tell(state: &AppState, checked: &Checked<'_>, stored: Stored, key: &str, mut rows: Vec<Row>, answer: &mut Answer) {
    let window = checked.stream.definition().window;
    let Some(first) = rows.first() else {
        let refusal = if checked.stream.knows(key) {
            Refusal::new(key, RefusalCode::NoData, stored.absence("this key"))
        } else {
            absent(checked, key)
        };
        return answer.refusals.push(refusal);
    };
    let asked_at = match stored {
        Stored::AsOf(as_of) => as_of,
        Stored::From(_) => first.issued_at,
    };
    let newest = first.revisions.map_or(first.origin, |revisions| revisions.window);
    let age = Duration((asked_at.0 - newest.0 - window.0).max(0));
    if let Err(refusal) = fresh(key, age, state.config.stale_after) {
        return answer.refusals.push(refusal);
    }
    rows.sort_by_key(|row| row.horizon_minutes);
    let ahead = |row: &Row| (i64::from(row.horizon_minutes) * MINUTE / window.0) as usize;
    let furthest = rows.iter().map(ahead).max().unwrap_or(0);
    let steps = checked.steps.clone().unwrap_or_else(|| default_steps(furthest));
    for step in steps {
        match rows.iter().find(|row| ahead(row) == step) {
            Some(row) => answer.forecasts.push(Forecast { age, ..row.forecast() }),
            None => answer.refusals.push(Refusal {
                horizon_minutes: (step as i64 * window.0 / MINUTE) as i32,
                ..Refusal::new(
                    key,
                    RefusalCode::NoData,
                    "no forecast so far ahead is stored, and none is made again",
                )
            }),
        }
    }
}
