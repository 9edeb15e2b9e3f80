//! Revisions that a receiver did not take: kept, until somebody has them sent again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex as Held};

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, Scan, Table, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::time::Timestamp;
use tokio::sync::Mutex;

use crate::sync::lock;
use crate::{Error, Result};

/// The name of the table.
pub const DEAD_LETTERS: &str = "alert_dead_letters";

/// What has become of a letter, as the column `state` says.
const DEAD: &str = "dead";
/// The receiver took it after all.
const SENT: &str = "sent";

/// A revision that a receiver did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The receiver.
    pub sink: String,
    /// The alert.
    pub alert_id: String,
    /// The revision of it.
    pub revision: u32,
    /// The revision's place among all revisions.
    pub sequence: u64,
    /// What the receiver said last.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
}

impl DeadLetter {
    fn place(&self) -> (String, u64) {
        (self.sink.clone(), self.sequence)
    }
}

/// The table `alert_dead_letters`: a row for each letter that died, and one more once it was sent after all.
#[derive(Debug)]
pub struct DeadLetters {
    log: Mutex<Log>,
    /// Those that are dead, by receiver and sequence.
    waiting: Held<BTreeMap<(String, u64), DeadLetter>>,
}

/// The table, and the version of it that was read last.
#[derive(Debug)]
struct Log {
    table: Table,
    read: Option<i64>,
}

impl DeadLetters {
    /// Opens the table, made where it is absent, and reads what waits in it.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn open(lake: &Lake) -> Result<Self> {
        let spec = TableSpec::new(DEAD_LETTERS, schema::alert_dead_letters());
        let log = Log {
            table: lake.table(&spec).await?,
            read: None,
        };
        let letters = Self {
            log: Mutex::new(log),
            waiting: Held::default(),
        };
        letters.refresh().await?;
        Ok(letters)
    }

    /// Reads what others put on the list and took off it.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn refresh(&self) -> Result<()> {
        let mut log = self.log.lock().await;
        log.table.refresh().await?;
        let version = Some(log.table.version());
        if log.read != version {
            let waiting = waiting(&log.table).await?;
            *lock(&self.waiting) = waiting;
            log.read = version;
        }
        Ok(())
    }

    /// Puts a letter on the list; it is durable when this returns.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn bury(&self, letter: &DeadLetter) -> Result<()> {
        self.write(letter, DEAD, letter.at).await
    }

    /// Takes a letter off the list, as it was sent at `now` or is of no use any more.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn settle(&self, letter: &DeadLetter, now: Timestamp) -> Result<()> {
        self.write(letter, SENT, now).await
    }

    /// The letters of these receivers that wait, of all where none is named; in the order of receivers and revisions.
    pub fn list(&self, sinks: &[String]) -> Vec<DeadLetter> {
        let waiting = lock(&self.waiting);
        let named = |letter: &&DeadLetter| sinks.is_empty() || sinks.contains(&letter.sink);
        waiting.values().filter(named).cloned().collect()
    }

    async fn write(&self, letter: &DeadLetter, state: &str, at: Timestamp) -> Result<()> {
        let batch = batch(letter, state, at)?;
        let mut log = self.log.lock().await;
        log.table.append(std::slice::from_ref(&batch)).await?;
        // Held together with the table, so that who reads it anew meanwhile forgets nothing.
        let mut waiting = lock(&self.waiting);
        if state == SENT {
            waiting.remove(&letter.place());
        } else {
            waiting.insert(letter.place(), letter.clone());
        }
        Ok(())
    }
}

/// The letters of the table that are dead, by receiver and sequence.
async fn waiting(table: &Table) -> Result<BTreeMap<(String, u64), DeadLetter>> {
    let (mut waiting, mut sent) = (BTreeMap::new(), BTreeSet::new());
    for batch in table.scan(&Scan::default()).await? {
        for (letter, state) in rows(&batch)? {
            if state == SENT {
                sent.insert(letter.place());
            } else {
                waiting.insert(letter.place(), letter);
            }
        }
    }
    waiting.retain(|place, _| !sent.contains(place));
    Ok(waiting)
}

fn batch(letter: &DeadLetter, state: &str, at: Timestamp) -> Result<RecordBatch> {
    let text = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let columns: Vec<ArrayRef> = vec![
        text(&letter.sink),
        text(&letter.alert_id),
        Arc::new(Int32Array::from(vec![letter.revision as i32])),
        Arc::new(Int64Array::from(vec![letter.sequence as i64])),
        text(state),
        text(&letter.reason),
        Arc::new(TimestampMicrosecondArray::from(vec![at.0]).with_timezone("UTC")),
        Arc::new(Date32Array::from(vec![at.day() as i32])),
    ];
    Ok(RecordBatch::try_new(schema::alert_dead_letters(), columns)?)
}

/// The letters of `batch`, with their states.
fn rows(batch: &RecordBatch) -> Result<Vec<(DeadLetter, String)>> {
    let column = |name: &'static str| {
        let absent = || Error::invalid(DEAD_LETTERS, "no such column", name);
        batch.column_by_name(name).ok_or_else(absent)
    };
    let (sink, alert, reason) = (column("sink")?, column("alert_id")?, column("reason")?);
    let (revision, sequence) = (column("revision")?, column("sequence")?);
    let (state, at) = (column("state")?, column("at")?);
    let text = |column: &ArrayRef, row| column.as_string::<i32>().value(row).to_owned();
    let row = |row| {
        let letter = DeadLetter {
            sink: text(sink, row),
            alert_id: text(alert, row),
            revision: revision.as_primitive::<Int32Type>().value(row) as u32,
            sequence: sequence.as_primitive::<Int64Type>().value(row) as u64,
            reason: text(reason, row),
            at: Timestamp(at.as_primitive::<TimestampMicrosecondType>().value(row)),
        };
        (letter, text(state, row))
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

#[cfg(test)]
mod tests {
    use arterial_datasets::lake::LakeOptions;

    use super::*;

    fn letter(sink: &str, sequence: u64) -> DeadLetter {
        DeadLetter {
            sink: sink.into(),
            alert_id: format!("alert-{sequence}"),
            revision: 0,
            sequence,
            reason: "500 Internal Server Error".into(),
            at: Timestamp(sequence as i64),
        }
    }

    #[tokio::test]
    async fn a_dead_letter_stays_on_the_list_until_it_was_sent() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&folder.path().to_string_lossy(), LakeOptions::default())
            .await
            .unwrap();
        let letters = DeadLetters::open(&lake).await.unwrap();
        for (sink, sequence) in [("ops", 7), ("ops", 2), ("chat", 7)] {
            letters.bury(&letter(sink, sequence)).await.unwrap();
        }
        let again = DeadLetters::open(&lake).await.unwrap();
        assert_eq!(again.list(&[]), [letter("chat", 7), letter("ops", 2), letter("ops", 7)]);
        again.settle(&letter("ops", 2), Timestamp(9)).await.unwrap();
        assert_eq!(again.list(&["ops".into()]), [letter("ops", 7)]);
        let again = DeadLetters::open(&lake).await.unwrap();
        assert_eq!(again.list(&[]), [letter("chat", 7), letter("ops", 7)]);
    }

    #[tokio::test]
    async fn what_another_service_did_to_the_list_is_known_after_a_look() {
        let folder = tempfile::tempdir().unwrap();
        let lake = Lake::open(&folder.path().to_string_lossy(), LakeOptions::default())
            .await
            .unwrap();
        let here = DeadLetters::open(&lake).await.unwrap();
        let there = DeadLetters::open(&lake).await.unwrap();
        here.bury(&letter("ops", 2)).await.unwrap();
        there.refresh().await.unwrap();
        assert_eq!(there.list(&[]), [letter("ops", 2)]);
        there.settle(&letter("ops", 2), Timestamp(9)).await.unwrap();
        there.bury(&letter("ops", 3)).await.unwrap();
        here.refresh().await.unwrap();
        assert_eq!(here.list(&[]), [letter("ops", 3)]);
    }
}
