//! A past forecast as it was served, out of the table `forecasts`: nothing is computed again.
//!
//! One issue was in place at any time, or one of each of several instances. They are found first, among the issues of all keys; a key that
//! they have no row of was refused then, and is refused now, even where an earlier issue had a forecast of it.
//!
//! Where keys were then is not stored: a zone means those keys of the issue that lie there now.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Scan, Table};
use arterial_datasets::time::{Duration, MINUTE, Timestamp};

use super::issues::Issues;
use super::page::Part;
use super::question::{Checked, DEFAULT_QUANTILES, Question};
use super::reply::{Answer, Forecast, Refusal, absent, default_steps, empty_zone, fresh};
use super::rows::{Columns, Row};
use crate::score::RefusalCode;
use crate::state::AppState;
use crate::{Error, Result};

/// The columns that say of which issue a row is; the last one is absent in a table that nobody has written since it was stored.
const ISSUE: [&str; 5] = ["topic", "target", "origin", "issued_at", "instance_since"];

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
/// Quantiles that are not stored, a model asked for by name, an instant to come, more than an answer may have; a lake that cannot be read.
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
    let meant = Meant::by(question, checked, &mut answer.refusals);
    if !part.is_first() {
        // Those of the whole request were told with its first keys.
        answer.refusals.clear();
    }
    let mut past = match table(state).await? {
        Some(table) => Past::read(state, &table, &meant, checked, stored).await?,
        None => Past::default(),
    };
    let keys = past.keys(meant);
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (mine, next_page) = part.of(names, &question.keys, |key| *key);
    checked.check_size(mine.len())?;
    (answer.keys, answer.of_keys, answer.next_page) = (mine.len(), keys.len(), next_page);
    for key in mine {
        let rows = past.rows.remove(key).unwrap_or_default();
        tell(state, checked, stored, key, rows, &mut answer);
    }
    if keys.is_empty() && answer.refusals.is_empty() {
        answer
            .refusals
            .push(Refusal::new("", RefusalCode::NoData, stored.absence("any key")));
    }
    Ok(answer)
}

/// The keys of the stored forecasts that are meant, in alphabetical order, whichever the question names.
///
/// # Errors
/// As [`answer`].
pub async fn keys(
    state: &AppState,
    question: &Question,
    checked: &Checked<'_>,
    stored: Stored,
) -> Result<BTreeSet<String>> {
    check(state, question, checked, stored)?;
    let mut keys = BTreeSet::new();
    let Some(table) = table(state).await? else {
        return Ok(keys);
    };
    let span = span(state, checked, stored);
    let issues = issues(&table, span, checked, stored).await?;
    if issues.is_empty() {
        return Ok(keys);
    }
    let columns = [of_issue(&table), vec!["key"]].concat();
    for batch in table.scan(&scan(span, Some(&columns), None)).await? {
        let columns = Columns::of(&batch)?;
        let names = columns.keys()?;
        let mine = (0..batch.num_rows()).filter(|&row| columns.is_in(row, &checked.target, &issues));
        keys.extend(mine.map(|row| names.value(row).to_owned()));
    }
    Ok(keys)
}

/// The table of forecasts; none before the first was stored.
async fn table(state: &AppState) -> Result<Option<Table>> {
    let tables = state.tables.as_ref();
    let tables = tables.ok_or_else(|| Error::NotKept("this service keeps no past forecasts".into()))?;
    tables.get(crate::sinks::FORECASTS).await
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
    Ok(())
}

/// The keys that a question means.
enum Meant {
    /// All that the issue has.
    All,
    /// Not all.
    Those {
        /// Those that are named: what the issue does not have of them is refused.
        named: Vec<String>,
        /// Those that lie in its zones now, without those that are named: what the issue does not have of them is not meant.
        placed: Vec<String>,
    },
}

impl Meant {
    /// Those of `question`; zones that no key lies in become refusals.
    fn by(question: &Question, checked: &Checked<'_>, refusals: &mut Vec<Refusal>) -> Self {
        if question.keys.is_empty() && question.zones.is_empty() {
            return Self::All;
        }
        let mut seen: HashSet<String> = HashSet::new();
        let once = question.keys.iter().filter(|key| seen.insert((*key).clone()));
        let named = once.cloned().collect();
        let mut placed = Vec::new();
        for zone in &question.zones {
            let there = checked.stream.keys_after("", std::slice::from_ref(zone), usize::MAX);
            if there.is_empty() {
                refusals.push(empty_zone(checked, zone));
            }
            let there = there.into_iter().map(|info| info.key.to_string());
            placed.extend(there.filter(|key| seen.insert(key.clone())));
        }
        Self::Those { named, placed }
    }

    /// The keys whose rows are read; none where all are.
    fn to_read(&self) -> Option<Vec<String>> {
        match self {
            Self::All => None,
            Self::Those { named, placed } => Some(named.iter().chain(placed).cloned().collect()),
        }
    }
}

/// What the issues had of the keys that are asked for.
#[derive(Default)]
struct Past {
    rows: BTreeMap<String, Vec<Row>>,
}

impl Past {
    async fn read(
        state: &AppState,
        table: &Table,
        meant: &Meant,
        checked: &Checked<'_>,
        stored: Stored,
    ) -> Result<Self> {
        let mut past = Self::default();
        let keys = meant.to_read();
        if keys.as_ref().is_some_and(Vec::is_empty) {
            return Ok(past);
        }
        let span = span(state, checked, stored);
        let issues = issues(table, span, checked, stored).await?;
        if issues.is_empty() {
            return Ok(past);
        }
        for batch in table.scan(&scan(span, None, keys)).await? {
            past.take(&batch, checked, &issues)?;
        }
        Ok(past)
    }

    fn take(&mut self, batch: &RecordBatch, checked: &Checked<'_>, issues: &Issues) -> Result<()> {
        let columns = Columns::of(batch)?;
        let values = columns.values(&checked.levels)?;
        for row in 0..batch.num_rows() {
            if columns.is_in(row, &checked.target, issues) {
                self.put(columns.row(row, &values)?);
            }
        }
        Ok(())
    }

    /// Puts a row to the others of its key. Where instances have handed the key on, the one counts that issued last.
    fn put(&mut self, found: Row) {
        let rows = self.rows.entry(found.key.clone()).or_default();
        let before = rows.first().map_or(found.issued_at, |first| first.issued_at);
        if found.issued_at > before {
            rows.clear();
        }
        if found.issued_at >= before {
            rows.push(found);
        }
    }

    /// The keys that are meant, in the order of the answer.
    fn keys(&self, meant: Meant) -> Vec<String> {
        match meant {
            Meant::All => self.rows.keys().cloned().collect(),
            Meant::Those { mut named, placed } => {
                named.extend(placed.into_iter().filter(|key| self.rows.contains_key(key)));
                named
            }
        }
    }
}

/// From and to which origin.
type Span = (Timestamp, Timestamp);

/// What is read of the table: these columns, or all, of these keys, or of all.
fn scan((from, to): Span, columns: Option<&[&str]>, keys: Option<Vec<String>>) -> Scan {
    Scan {
        columns: columns.map(|names| names.iter().map(ToString::to_string).collect()),
        keys,
        time_column: Some("origin".into()),
        from: Some(from),
        to: Some(to),
        ..Scan::default()
    }
}

/// Those of [`ISSUE`] that the table has.
fn of_issue(table: &Table) -> Vec<&'static str> {
    let schema = table.schema();
    let is_there = |name: &&str| schema.field_with_name(name).is_ok();
    ISSUE.into_iter().filter(is_there).collect()
}

/// The issues that are meant; none where none is stored.
async fn issues(table: &Table, span: Span, checked: &Checked<'_>, stored: Stored) -> Result<Issues> {
    let mut issues = Issues::default();
    for batch in table.scan(&scan(span, Some(&of_issue(table)), None)).await? {
        note(&batch, checked, stored, &mut issues)?;
    }
    Ok(issues.settled())
}

/// Between which origins the issue may lie that was in place.
fn span(state: &AppState, checked: &Checked<'_>, stored: Stored) -> Span {
    match stored {
        // The window that ended just within the limit began one window earlier.
        Stored::AsOf(as_of) => {
            let reach = state.config.stale_after.0 + checked.stream.definition().window.0;
            (Timestamp(as_of.0 - reach), as_of)
        }
        Stored::From(origin) => (origin, Timestamp(origin.0 + 1)),
    }
}

/// Notes the issues that were put in place by the instant that is asked for.
fn note(batch: &RecordBatch, checked: &Checked<'_>, stored: Stored, issues: &mut Issues) -> Result<()> {
    let columns = Columns::of(batch)?;
    for row in 0..batch.num_rows() {
        let stamp = columns.stamp(row);
        let was_there = match stored {
            Stored::AsOf(as_of) => stamp.issued_at <= as_of,
            Stored::From(_) => true,
        };
        let instance = columns.instance(row);
        // Most rows are of an issue that is known: their texts need not be compared.
        if was_there && issues.are_before(instance, stamp) && columns.is_of(row, &checked.target) {
            issues.note(instance, stamp);
        }
    }
    Ok(())
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
