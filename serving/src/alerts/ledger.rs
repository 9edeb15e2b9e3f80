//! The table `alerts`: every revision, and in the same commit up to which window each stream was looked at.
//!
//! | progress of | what it says |
//! |---|---|
//! | partition 0 of `alerts` | whose the table is: revisions are numbered by one service at a time |
//! | partition 0 of a stream | `next`: the start of the next window to look at, UTC microseconds; `resume_from`: that of the first one ever |

use std::collections::{BTreeMap, BTreeSet};

use arterial_datasets::lake::{Lake, Progress, Scan, Table, TableSpec, TopicPartition};
use arterial_datasets::schema;
use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Alert;
use futures::TryStreamExt;

use super::revision::AlertRevision;
use super::rows::{STORED, revisions, rows};
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

    /// Reads what goes on, and what was changed since `since`. Numbers go on from what is found.
    ///
    /// # Errors
    /// A lake that cannot be read, a row that cannot.
    pub async fn remember(&mut self, since: Timestamp) -> Result<Remembered> {
        let mut newest: BTreeMap<String, (u32, Option<AlertRevision>)> = BTreeMap::new();
        let mut remembered = Remembered::default();
        let mut batches = self.table.stream(&scan()).await?;
        while let Some(batch) = batches.try_next().await? {
            for one in revisions(&batch, |_| true)? {
                remembered.last = remembered.last.max(one.sequence);
                let (id, revision) = (one.alert.alert_id.clone(), one.alert.revision);
                if newest.get(&id).is_none_or(|(known, _)| *known < revision) {
                    let kept = one.is_kept() || one.alert.updated_at >= since;
                    if !kept {
                        remembered.forgotten_through = remembered.forgotten_through.max(one.sequence);
                    }
                    newest.insert(id, (revision, kept.then_some(one)));
                }
            }
        }
        remembered.newest = newest.into_values().filter_map(|(_, one)| one).collect();
        remembered.newest.sort_by_key(|one| one.sequence);
        self.last = remembered.last;
        Ok(remembered)
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

    /// The first `most` revisions behind `sequence`.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn after(&mut self, sequence: u64, most: usize) -> Result<Vec<AlertRevision>> {
        self.table.refresh().await?;
        let mut found: BTreeMap<u64, AlertRevision> = BTreeMap::new();
        let mut batches = self.table.stream(&scan()).await?;
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
        let mut found = BTreeMap::new();
        if sequences.is_empty() {
            return Ok(found);
        }
        self.table.refresh().await?;
        let mut batches = self.table.stream(&scan()).await?;
        while let Some(batch) = batches.try_next().await? {
            let wanted = revisions(&batch, |one| sequences.contains(&one))?;
            found.extend(wanted.into_iter().map(|one| (one.sequence, one)));
        }
        Ok(found)
    }
}

fn scan() -> Scan {
    Scan {
        columns: Some(STORED.map(String::from).to_vec()),
        ..Scan::default()
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::lake::LakeOptions;
    use arterial_models::alerts::State;

    use super::*;
    use crate::alerts::revision::examples::revision;

    #[tokio::test]
    async fn revisions_are_found_by_their_sequences_and_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().to_string_lossy();
        let lake = Lake::open(&place, LakeOptions::default()).await.unwrap();
        let mut ledger = Ledger::open(&lake).await.unwrap();
        ledger.acquire(&[]).await.unwrap();
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
