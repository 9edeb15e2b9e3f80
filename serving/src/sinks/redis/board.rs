//! The newest value of each key, and which of them Redis does not have yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use arterial_datasets::time::Duration as Span;
use tokio::time::Instant;

use super::document;
use crate::score::Issue;
use crate::{Result, json};

/// One thing to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Write {
    /// `key` has `value` for so many seconds.
    Set { key: String, value: String, seconds: u64 },
    /// `key` has no value any more.
    Delete { key: String },
}

impl Write {
    fn key(&self) -> &str {
        match self {
            Self::Set { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// The newest value of one key.
#[derive(Debug)]
struct Entry {
    /// By which a later value is told from an earlier one: instant and revision.
    order: (i64, i32),
    /// None where the key has no value any more.
    value: Option<String>,
    /// Until when it lives.
    until: Instant,
}

/// One value a key, whatever came in meanwhile.
#[derive(Debug)]
pub(super) struct Board {
    prefix: String,
    ttl: Duration,
    entries: BTreeMap<String, Entry>,
    waiting: BTreeSet<String>,
}

impl Board {
    /// Without any value yet.
    pub fn new(prefix: &str, ttl: Duration) -> Self {
        Self {
            prefix: prefix.into(),
            ttl,
            entries: BTreeMap::new(),
            waiting: BTreeSet::new(),
        }
    }

    /// Takes the windows of one commit: the newest of each key counts, and of that the last revision.
    pub fn windows(&mut self, topic: &str, batch: &RecordBatch, now: Instant) {
        for (key, (order, row)) in newest(batch) {
            let key = format!("{}:window:{topic}:{key}", self.prefix);
            if self.entries.get(&key).is_some_and(|known| known.order >= order) {
                continue;
            }
            let row = json::rows(&batch.slice(row, 1)).pop();
            let value = row.map(|row| serde_json::Value::Object(row).to_string());
            self.enter(key, order, value, now + self.ttl);
        }
    }

    /// Takes an issue. Keys that it has no forecast for lose the one that they had, and none lives longer than its data are fresh: an
    /// instance that ended, or a stream that gives nothing, would leave it. What another instance writes is left to it.
    ///
    /// # Errors
    /// None in practice: the columns fit the schema.
    pub fn forecasts(&mut self, issue: &Issue, kept: &BTreeSet<usize>, stale_after: Span, now: Instant) -> Result<()> {
        let mut documents = document::forecasts(issue, kept, stale_after)?;
        for (at, name) in issue.keys.iter().enumerate() {
            let key = format!("{}:forecast:{}:{name}", self.prefix, issue.target);
            if !issue.ours[at] {
                self.entries.remove(&key);
                self.waiting.remove(&key);
                continue;
            }
            let value = documents.remove(name.as_ref());
            let known = self.entries.get(&key);
            if value.is_some() || known.is_some_and(|known| known.value.is_some()) {
                let age = issue.age(at, issue.issued_at).filter(|_| value.is_some());
                let fresh = age.map(|age| Span(stale_after.0.saturating_sub(age.0)).to_std());
                // What is to be deleted waits as long as any value may live.
                let lives = fresh.map_or(self.ttl, |fresh| fresh.min(self.ttl));
                self.enter(key, (issue.issued_at.0, 0), value, now + lives);
            }
        }
        Ok(())
    }

    fn enter(&mut self, key: String, order: (i64, i32), value: Option<String>, until: Instant) {
        self.waiting.insert(key.clone());
        self.entries.insert(key, Entry { order, value, until });
    }

    /// Redis may have lost everything: all of it waits again, beside what is still to be deleted.
    pub fn write_all_again(&mut self) {
        self.waiting.extend(self.entries.keys().cloned());
    }

    /// Drops what has expired by now: keys that are heard of no more would stay for ever. Redis drops its values by itself.
    pub fn forget(&mut self, now: Instant) {
        let waiting = &mut self.waiting;
        self.entries.retain(|key, entry| {
            let lives = now < entry.until;
            if !lives {
                waiting.remove(key);
            }
            lives
        });
    }

    /// The next `most` things to be done. They wait until they are [`written`](Self::written).
    pub fn next(&mut self, most: usize, now: Instant) -> Vec<Write> {
        let mut writes = Vec::new();
        let mut expired = Vec::new();
        for key in self.waiting.iter().take(most) {
            let left = self.entries.get(key).map(|entry| {
                let left = entry.until.saturating_duration_since(now);
                (entry, left.as_secs())
            });
            match left {
                Some((Entry { value: Some(value), .. }, seconds)) if seconds > 0 => writes.push(Write::Set {
                    key: key.clone(),
                    value: value.clone(),
                    seconds,
                }),
                _ => {
                    expired.push(key.clone());
                    writes.push(Write::Delete { key: key.clone() });
                }
            }
        }
        for key in expired {
            self.entries.remove(&key);
        }
        writes
    }

    /// Redis has these.
    pub fn written(&mut self, writes: &[Write]) {
        for write in writes {
            self.waiting.remove(write.key());
        }
    }
}

/// The row of the newest window of each key, and its order.
fn newest(batch: &RecordBatch) -> BTreeMap<String, ((i64, i32), usize)> {
    let mut newest = BTreeMap::new();
    let columns = (
        batch
            .column_by_name("key")
            .and_then(|column| column.as_string_opt::<i32>()),
        batch
            .column_by_name("window_start")
            .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>()),
        batch
            .column_by_name("revision")
            .and_then(|column| column.as_primitive_opt::<Int32Type>()),
    );
    let (Some(keys), Some(starts), Some(revisions)) = columns else {
        return newest;
    };
    for row in (0..batch.num_rows()).filter(|&row| keys.is_valid(row)) {
        let order = (starts.value(row), revisions.value(row));
        match newest.get_mut(keys.value(row)) {
            None => {
                newest.insert(keys.value(row).to_owned(), (order, row));
            }
            Some(known) if known.0 < order => *known = (order, row),
            Some(_) => {}
        }
    }
    newest
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int32Array, StringArray, TimestampMicrosecondArray};
    use arrow::datatypes::{DataType, Field, Schema};
    use arterial_datasets::schema::instant;

    use super::*;

    fn batch(rows: &[(&str, i64, i32)]) -> RecordBatch {
        let schema = Schema::new(vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("window_start", instant(), false),
            Field::new("revision", DataType::Int32, false),
        ]);
        let starts: TimestampMicrosecondArray = rows.iter().map(|row| row.1).collect::<Vec<_>>().into();
        RecordBatch::try_new(
            Arc::new(schema),
            vec![
                Arc::new(rows.iter().map(|row| Some(row.0)).collect::<StringArray>()),
                Arc::new(starts.with_timezone("UTC")),
                Arc::new(rows.iter().map(|row| Some(row.2)).collect::<Int32Array>()),
            ],
        )
        .unwrap()
    }

    fn set(key: &str, start: &str, revision: i32, seconds: u64) -> Write {
        Write::Set {
            key: format!("p:window:t:{key}"),
            value: format!(r#"{{"key":"{key}","revision":{revision},"window_start":"{start}"}}"#),
            seconds,
        }
    }

    const ZERO: &str = "1970-01-01T00:00:00Z";
    const ONE: &str = "1970-01-01T00:00:01Z";

    fn board() -> Board {
        Board::new("p", Duration::from_mins(1))
    }

    #[tokio::test]
    async fn the_newest_window_of_a_key_counts_in_any_order() {
        let (mut board, now) = (board(), Instant::now());
        board.windows(
            "t",
            &batch(&[("a", 1_000_000, 0), ("a", 0, 7), ("a", 1_000_000, 1)]),
            now,
        );
        board.windows("t", &batch(&[("a", 0, 9), ("b", 0, 0)]), now);
        assert_eq!(board.next(9, now), [set("a", ONE, 1, 60), set("b", ZERO, 0, 60)]);
    }

    #[tokio::test]
    async fn what_was_not_written_waits_and_a_new_connection_gets_everything() {
        let (mut board, now) = (board(), Instant::now());
        board.windows("t", &batch(&[("a", 0, 0), ("b", 0, 0)]), now);
        let first = board.next(1, now);
        assert_eq!(board.next(1, now), first, "it was not written");
        board.written(&first);
        let rest = board.next(9, now);
        board.written(&rest);
        assert_eq!(board.next(9, now), []);
        board.write_all_again();
        assert_eq!(board.next(9, now).len(), 2);
    }

    #[tokio::test]
    async fn a_value_lives_on_for_what_is_left_of_its_time_and_is_deleted_then() {
        let (mut board, now) = (board(), Instant::now());
        board.windows("t", &batch(&[("a", 0, 0)]), now);
        assert_eq!(board.next(9, now + Duration::from_secs(50)), [set("a", ZERO, 0, 10)]);
        let late = now + Duration::from_mins(2);
        let gone = Write::Delete {
            key: "p:window:t:a".into(),
        };
        assert_eq!(board.next(9, late), std::slice::from_ref(&gone));
        board.written(&[gone]);
        board.write_all_again();
        assert_eq!(board.next(9, late), []);
    }

    #[tokio::test]
    async fn what_has_expired_is_dropped_and_not_written() {
        let (mut board, now) = (board(), Instant::now());
        board.windows("t", &batch(&[("a", 0, 0), ("b", 0, 0)]), now);
        let later = now + Duration::from_secs(40);
        board.windows("t", &batch(&[("b", 1_000_000, 0)]), later);
        board.forget(now + Duration::from_mins(1));
        assert_eq!(board.entries.len(), 1, "only the one that lives is kept");
        assert_eq!(board.next(9, later), [set("b", ONE, 0, 60)]);
    }

    #[tokio::test]
    async fn what_was_to_be_deleted_is_deleted_by_the_next_connection() {
        let (mut board, now) = (board(), Instant::now());
        board.enter("p:forecast:t.f:a".into(), (1, 0), None, now + board.ttl);
        let deleted = board.next(9, now);
        assert_eq!(deleted.len(), 1);
        board.write_all_again();
        assert_eq!(board.next(9, now), deleted, "it was not written");
    }
}
