//! The table `alerts`: every revision, and in the same commit up to which window each stream was looked at.
//!
//! | progress of | what it says |
//! |---|---|
//! | partition 0 of `alerts` | whose the table is: revisions are numbered by one service at a time |
//! | partition 0 of a stream | `next`: the start of the next window to look at, UTC microseconds; `resume_from`: that of the first one ever |
//!
//! Nothing is ever taken out of the table, so that whoever reads it must not read all of it: narrow columns say which revisions are needed
//! ([`Ledger::remember`]), and the bounds of the files' sequences where the newer ones are ([`Ledger::known_after`]).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arterial_datasets::lake::{Lake, Progress, Scan, Table, TableSpec, TopicPartition};
use arterial_datasets::schema;
use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Alert;
use futures::TryStreamExt;

use super::revision::AlertRevision;
use super::rows::{HEADS, Head, SEQUENCE, STORED, heads, revisions, rows};
use crate::Result;

/// The name of the table.
pub const ALERTS: &str = "alerts";

/// What the table knew when it was opened.
#[derive(Debug, Default)]
pub struct Remembered {
    /// The newest revision of each alert that goes on, was ever judged or was changed since the wanted time, by sequence.
    pub newest: Vec<AlertRevision>,
    /// The sequence of the newest revision of all; 0 before the first.
    pub last: u64,
    /// Revisions up to this sequence may be missing in `newest`.
    pub forgotten_through: u64,
}

/// A handle of the table.
pub struct Ledger {
    table: Table,
    owned: Vec<TopicPartition>,
    last: u64,
}

impl Ledger {
    /// Opens the table, made where it is absent.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn open(lake: &Lake) -> Result<Self> {
        let table = lake.table(&TableSpec::new(ALERTS, schema::alerts())).await?;
        Ok(Self {
            table,
            owned: Vec::new(),
            last: 0,
        })
    }

    /// Takes the watch over `topics`, and the numbering, from whoever had it: his commits are refused from now on.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn acquire(&mut self, topics: &[&str]) -> Result<()> {
        let all = topics.iter().chain(&[ALERTS]);
        self.owned = all.map(|topic| TopicPartition::new(*topic, 0)).collect();
        self.table.acquire(&self.owned).await?;
        Ok(())
    }

    /// Makes sure that nobody has taken the watch over since it was acquired.
    ///
    /// # Errors
    /// Another service that has, or a lake that cannot be read.
    pub async fn ensure_in_charge(&mut self) -> Result<()> {
        Ok(self.table.ensure_owned(&self.owned).await?)
    }

    /// Moves to the newest version of the table, and gives it.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn refresh(&mut self) -> Result<i64> {
        self.table.refresh().await?;
        Ok(self.table.version())
    }

    /// Reads what goes on, what was ever judged, and what was changed since `since`: which revisions that are is found by narrow columns,
    /// and only those are read whole.
    ///
    /// # Errors
    /// A lake that cannot be read, a row that cannot.
    pub async fn remember(&self, since: Timestamp) -> Result<Remembered> {
        let mut newest: HashMap<String, Newest> = HashMap::new();
        let mut remembered = Remembered::default();
        let mut batches = self.table.stream(&scan(&HEADS)).await?;
        while let Some(batch) = batches.try_next().await? {
            for head in heads(&batch)? {
                remembered.last = remembered.last.max(head.sequence);
                let known = newest.get(head.alert_id);
                if known.is_none_or(|known| known.revision < head.revision) {
                    newest.insert(head.alert_id.to_owned(), Newest::of(&head, since));
                }
            }
        }
        let (needed, forgotten): (Vec<Newest>, Vec<Newest>) = newest.into_values().partition(|one| one.is_needed);
        let forgotten = forgotten.iter().map(|one| one.sequence);
        remembered.forgotten_through = forgotten.max().unwrap_or_default();
        let needed = needed.iter().map(|one| one.sequence).collect();
        remembered.newest = self.read(&needed).await?.into_values().collect();
        Ok(remembered)
    }

    /// The next revision gets the number behind `last`.
    pub fn number_behind(&mut self, last: u64) {
        self.last = last;
    }

    /// The start of the next window of `topic` to look at; none where nobody ever did.
    pub fn next_window(&self, topic: &str) -> Option<Timestamp> {
        let known = self.table.progress().partitions.get(&TopicPartition::new(topic, 0))?;
        known.has_read().then_some(Timestamp(known.next))
    }

    /// The start of the first window of `topic` that was ever looked at: what was before is no news.
    pub fn first_window(&self, topic: &str) -> Option<Timestamp> {
        let known = self.table.progress().partitions.get(&TopicPartition::new(topic, 0))?;
        known.has_read().then_some(Timestamp(known.resume_from))
    }

    /// Commits `changed`, with the next window to look at of each stream of which some were; durable when it returns.
    ///
    /// # Errors
    /// A lake that cannot be written, or another service that has taken the watch over. Nothing or everything of the commit is
    /// there then: open anew.
    pub async fn commit(&mut self, changed: Vec<Alert>, processed: &[(&str, Timestamp)]) -> Result<Vec<AlertRevision>> {
        let numbered = (self.last + 1..).zip(changed);
        let made: Vec<AlertRevision> = numbered
            .map(|(sequence, alert)| AlertRevision { sequence, alert })
            .collect();
        let batches = if made.is_empty() {
            Vec::new()
        } else {
            vec![rows(&made)?]
        };
        self.table.commit(&batches, &self.progress(processed)).await?;
        self.last += made.len() as u64;
        Ok(made)
    }

    /// Where everything stands after the commit. All that is owned is named, so that whoever lost it is refused.
    fn progress(&self, processed: &[(&str, Timestamp)]) -> Progress {
        let mut progress = Progress::default();
        for place in &self.owned {
            let mut known = self.table.progress().partitions.get(place).copied().unwrap_or_default();
            if let Some((_, next)) = processed.iter().find(|(topic, _)| place.topic == *topic) {
                if !known.has_read() {
                    known.resume_from = next.0;
                }
                known.next = next.0;
            }
            progress.partitions.insert(place.clone(), known);
        }
        progress
    }

    /// The first `most` revisions behind `sequence`, as the table is now. Not for the handle that has the watch: it would take over what
    /// another has acquired since.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn after(&mut self, sequence: u64, most: usize) -> Result<Vec<AlertRevision>> {
        self.table.refresh().await?;
        self.known_after(sequence, most).await
    }

    /// The first `most` revisions behind `sequence`, as far as this handle knows of them: read from the files that may hold any.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn known_after(&self, sequence: u64, most: usize) -> Result<Vec<AlertRevision>> {
        let mut found: BTreeMap<u64, AlertRevision> = BTreeMap::new();
        let behind = Scan {
            above: Some((SEQUENCE.into(), sequence as i64)),
            ..scan(&STORED)
        };
        let mut batches = self.table.stream(&behind).await?;
        while let Some(batch) = batches.try_next().await? {
            // Once there are enough, only what comes before the last of them can be among the first.
            let last = found.last_key_value().filter(|_| found.len() >= most);
            let before = last.map_or(u64::MAX, |(last, _)| *last);
            let behind = revisions(&batch, |one| one > sequence && one < before)?;
            found.extend(behind.into_iter().map(|one| (one.sequence, one)));
            while found.len() > most {
                found.pop_last();
            }
        }
        Ok(found.into_values().collect())
    }

    /// The revisions with these sequences.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn find(&mut self, sequences: &BTreeSet<u64>) -> Result<BTreeMap<u64, AlertRevision>> {
        if !sequences.is_empty() {
            self.table.refresh().await?;
        }
        self.read(sequences).await
    }

    /// The revisions with these sequences, as far as this handle knows of them; no others are read.
    async fn read(&self, sequences: &BTreeSet<u64>) -> Result<BTreeMap<u64, AlertRevision>> {
        let numbers = sequences.iter().map(|one| *one as i64).collect();
        let wanted = Scan {
            numbers: Some((SEQUENCE.into(), numbers)),
            ..scan(&STORED)
        };
        let mut found = BTreeMap::new();
        let mut batches = self.table.stream(&wanted).await?;
        while let Some(batch) = batches.try_next().await? {
            let wanted = revisions(&batch, |_| true)?;
            found.extend(wanted.into_iter().map(|one| (one.sequence, one)));
        }
        Ok(found)
    }
}

/// The newest revision of an alert.
struct Newest {
    revision: u32,
    sequence: u64,
    is_needed: bool,
}

impl Newest {
    fn of(head: &Head<'_>, since: Timestamp) -> Self {
        Self {
            revision: head.revision,
            sequence: head.sequence,
            is_needed: head.is_kept || head.updated_at >= since,
        }
    }
}

fn scan(columns: &[&str]) -> Scan {
    Scan {
        columns: Some(columns.iter().map(|name| (*name).to_owned()).collect()),
        ..Scan::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{RecordBatch, StringArray};
    use arterial_datasets::lake::{LakeOptions, MaintainPlan, maintain};
    use arterial_datasets::schema::STATE_COLUMN;
    use arterial_datasets::time::DAY;
    use arterial_models::alerts::{Judgement, State, Verdict};

    use super::*;
    use crate::alerts::revision::examples::revision;

    /// Windows of a day: so many revisions are a day apart.
    const A_DAY: u32 = 288;

    async fn lake(folder: &tempfile::TempDir) -> Lake {
        let options = LakeOptions {
            fsync: false,
            ..LakeOptions::default()
        };
        Lake::open(&folder.path().to_string_lossy(), options).await.unwrap()
    }

    async fn owned(lake: &Lake) -> Ledger {
        let mut ledger = Ledger::open(lake).await.unwrap();
        ledger.acquire(&[]).await.unwrap();
        ledger
    }

    fn judged(sequence: u64, id: &str, number: u32) -> AlertRevision {
        let mut judged = revision(sequence, id, number, State::Resolved);
        judged.alert.judgements.push(Judgement {
            verdict: Verdict::False,
            by: "Mona".into(),
            at: Timestamp(0),
        });
        judged
    }

    /// Rows of which nobody can read the whole: whoever does not leave them alone fails.
    fn illegible(revisions: &[AlertRevision]) -> RecordBatch {
        let batch = rows(revisions).unwrap();
        let mut columns = batch.columns().to_vec();
        let state = batch.schema().index_of(STATE_COLUMN).unwrap();
        columns[state] = Arc::new(StringArray::from(vec!["illegible"; revisions.len()]));
        RecordBatch::try_new(batch.schema(), columns).unwrap()
    }

    #[tokio::test]
    async fn only_what_is_needed_is_read_whole_however_much_there_was_before() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut ledger = owned(&lake).await;
        // Four alerts a day are over for long; one that began then goes on, and one was judged.
        let over = (1..=100).map(|at| revision(at, &format!("over {at}"), at as u32 * A_DAY / 4, State::Resolved));
        let superseded = [("open", 6 * A_DAY), ("late", 49 * A_DAY)];
        let superseded = (101..)
            .zip(superseded)
            .map(|(at, (id, number))| revision(at, id, number, State::Open));
        let unneeded: Vec<AlertRevision> = over.chain(superseded).collect();
        let needed = [
            judged(103, "judged", 5 * A_DAY),
            revision(104, "open", 6 * A_DAY + 1, State::Open),
            revision(105, "late", 50 * A_DAY, State::Resolved),
        ];
        for batch in [illegible(&unneeded), rows(&needed).unwrap()] {
            ledger.table.append(&[batch]).await.unwrap();
        }
        for _ in 0..2 {
            let remembered = ledger.remember(Timestamp(40 * DAY)).await.unwrap();
            assert_eq!(remembered.newest, needed);
            assert_eq!((remembered.last, remembered.forgotten_through), (105, 100));
            let told = ledger.find(&[103, 105].into()).await.unwrap();
            assert_eq!(told.into_keys().collect::<Vec<_>>(), [103, 105]);
            // The same once each day is one file.
            let plan = MaintainPlan {
                min_files: 2,
                ..MaintainPlan::default()
            };
            maintain(&lake, &plan).await.unwrap();
            ledger.refresh().await.unwrap();
        }
    }

    #[tokio::test]
    async fn numbers_go_on_behind_the_newest_that_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut ledger = owned(&lake).await;
        ledger.number_behind(41);
        let changed = ["a", "b"].map(|id| revision(0, id, 0, State::Open).alert);
        let made = ledger.commit(changed.to_vec(), &[]).await.unwrap();
        assert_eq!(made.iter().map(|one| one.sequence).collect::<Vec<_>>(), [42, 43]);
        assert_eq!(ledger.remember(Timestamp(0)).await.unwrap().last, 43);
    }

    #[tokio::test]
    async fn revisions_are_found_by_their_sequences_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut ledger = owned(&lake).await;
        for id in ["a", "b", "c"] {
            let changed = [0, 1].map(|number| revision(0, id, number, State::Open).alert);
            ledger.commit(changed.to_vec(), &[]).await.unwrap();
        }
        let sequences = |found: &[AlertRevision]| found.iter().map(|one| one.sequence).collect::<Vec<_>>();
        assert_eq!(sequences(&ledger.after(2, 3).await.unwrap()), [3, 4, 5]);
        assert_eq!(sequences(&ledger.after(5, 3).await.unwrap()), [6]);
        let found = ledger.find(&[1, 6].into()).await.unwrap();
        let ids: Vec<_> = found.values().map(|one| one.alert.alert_id.as_str()).collect();
        assert_eq!(ids, ["a", "c"]);
        assert!(ledger.find(&BTreeSet::new()).await.unwrap().is_empty());
    }
}
