//! The commits of one stream, and their order: quarantine, windows, archive.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arrow::array::RecordBatch;
use arterial_datasets::lake::{PartitionProgress, Scan, TopicPartition};
use arterial_datasets::time::{DAY, Timestamp};

use super::lane::{Lane, Owned, Waiting};
use super::observer::{EventCommit, WindowCommit};
use super::options::PipelineOptions;
use super::tables::{Held, Tables};
use crate::quarantine;
use crate::window::Missing;
use crate::{Error, Result};

/// So many late or refused records do not wait for the interval.
const MANY: usize = 20_000;

/// What is to be committed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub windows: bool,
    pub refused: bool,
    pub archive: bool,
}

impl Due {
    pub(super) const ALL: Self = Self {
        windows: true,
        refused: true,
        archive: true,
    };
}

/// What observers are to be told.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub windows: Option<WindowCommit>,
    pub events: Option<EventCommit>,
}

impl Lane {
    /// Pure: what is due.
    pub(super) fn due(&self, now: Timestamp, options: &PipelineOptions) -> Due {
        let Waiting {
            windows_closed,
            late,
            refused,
            archive,
            progress,
        } = self.waiting;
        let passed = |since: Option<Timestamp>, wait: Duration| {
            since.is_some_and(|since| now.0 - since.0 >= i64::try_from(wait.as_micros()).unwrap_or(i64::MAX))
        };
        let archive_interval = self
            .definition
            .archive_every
            .map_or(options.archive_interval, arterial_datasets::time::Duration::to_std);
        let rows: usize = self.archived.iter().map(RecordBatch::num_rows).sum();
        Due {
            windows: (windows_closed && self.windows.uncommitted() >= options.commit_rows)
                || passed(late, options.commit_interval)
                || self.windows.unsettled() >= MANY.max(options.commit_rows)
                || passed(progress, options.progress_interval),
            refused: passed(refused, options.commit_interval) || self.refused.len() >= MANY,
            archive: rows >= options.archive_rows || passed(archive, archive_interval),
        }
    }

    /// Commits what is due. Returns what observers are to be told.
    pub(super) async fn commit(&mut self, due: Due, now: Timestamp) -> Result<Told> {
        let Some(mut tables) = self.tables.take() else {
            return Ok(Told::default());
        };
        let outcome = self.commit_to(&mut tables, due, now).await;
        self.tables = Some(tables);
        outcome
    }

    async fn commit_to(&mut self, tables: &mut Tables, due: Due, now: Timestamp) -> Result<Told> {
        if due.windows {
            self.settle(tables, now).await?;
        }
        if (due.windows || due.refused) && !self.refused.is_empty() {
            let rows = quarantine::to_batch(self.topic(), &self.refused, now)?;
            let positions = self.read_so_far(&tables.quarantine);
            tables.quarantine.commit(&[rows], positions, &self.identity).await?;
            self.refused.clear();
            self.waiting.refused = None;
        }
        let mut told = Told::default();
        if due.windows {
            told.windows = self.commit_windows(tables, now).await?;
        }
        if due.archive
            && self.waiting.archive.is_some()
            && let Some(archive) = &mut tables.archive
        {
            told.events = self.commit_archive(archive).await?;
        }
        Ok(told)
    }

    async fn commit_archive(&mut self, archive: &mut Held) -> Result<Option<EventCommit>> {
        let positions = self.read_so_far(archive);
        let batches = std::mem::take(&mut self.archived);
        let version = archive.commit(&batches, positions, &self.identity).await?;
        self.waiting.archive = None;
        let told = EventCommit {
            stream: self.definition.clone(),
            batches,
            version,
        };
        Ok(Some(told).filter(|told| !told.batches.is_empty()))
    }

    async fn commit_windows(&mut self, tables: &mut Tables, now: Timestamp) -> Result<Option<WindowCommit>> {
        if self.waiting.progress.is_none() && self.windows.uncommitted() == 0 {
            return Ok(None);
        }
        let batch = self.windows.rows(self.decoder.interner(), now)?;
        let rows = if batch.num_rows() > 0 {
            std::slice::from_ref(&batch)
        } else {
            &[]
        };
        let version = tables.windows.commit(rows, self.positions(), &self.identity).await?;
        self.windows.committed();
        self.status.version = Some(version);
        self.status.committed_at = Some(now);
        self.waiting = Waiting {
            refused: self.waiting.refused,
            archive: self.waiting.archive,
            ..Waiting::default()
        };
        let watermark = self.windows.closed_through().unwrap_or(Timestamp(i64::MIN));
        let told = WindowCommit {
            stream: self.definition.clone(),
            batch,
            watermark,
            version,
        };
        Ok(Some(told).filter(|told| told.batch.num_rows() > 0))
    }

    /// Adds late events to their windows, for which the lake is asked where they are not in memory.
    async fn settle(&mut self, tables: &mut Tables, now: Timestamp) -> Result<()> {
        let asked = self.windows.missing();
        // The windows of a history may lie far apart, and there may be many: a look for each would be slower than its day's rows.
        let apart = if self.is_history() {
            DAY
        } else {
            self.definition.window.0
        };
        for (first, last) in ranges(&asked, apart) {
            let part: BTreeSet<Missing> = asked
                .iter()
                .copied()
                .filter(|(_, start)| (first..=last).contains(start))
                .collect();
            let rows = tables.windows.table.scan(&self.question(&part, first, last)).await?;
            self.windows.restore(&part, &rows, self.decoder.interner_mut())?;
        }
        let too_late = self.windows.settle();
        self.refuse_late(&too_late, now);
        self.settled();
        Ok(())
    }

    fn question(&self, asked: &BTreeSet<Missing>, first: Timestamp, last: Timestamp) -> Scan {
        let mut keys: Vec<u32> = asked.iter().map(|&(key, _)| key).collect();
        keys.dedup();
        let names = self.decoder.interner();
        let columns = [
            "key",
            "zone_id",
            "window_start",
            "revision",
            "duplicates",
            "is_final",
            "_state",
        ];
        let mut columns = columns.map(String::from).to_vec();
        columns.extend(self.windows.descriptions().iter().map(|one| one.column.clone()));
        Scan {
            columns: Some(columns),
            keys: Some(keys.into_iter().map(|key| names.name(key).to_owned()).collect()),
            time_column: Some("window_start".to_owned()),
            from: Some(first),
            to: Some(Timestamp(last.0 + 1)),
            version: None,
            ..Scan::default()
        }
    }

    /// How far windows are read.
    fn positions(&self) -> BTreeMap<TopicPartition, PartitionProgress> {
        let owned = self
            .windows
            .positions()
            .into_iter()
            .filter(|(number, _)| self.owned.contains_key(number));
        owned
            .map(|(number, position)| {
                let watermark = position.closed_through;
                let progress = PartitionProgress {
                    epoch: 0,
                    next: position.next,
                    resume_from: position.resume_from,
                    watermark,
                };
                (self.partition(number), progress)
            })
            .collect()
    }

    /// How far records are read: what a table of single records holds is everything below.
    fn read_so_far(&self, held: &Held) -> BTreeMap<TopicPartition, PartitionProgress> {
        let read = |(&number, owned): (&i32, &Owned)| {
            let partition = self.partition(number);
            // Where reading began before what the table has, it has that still.
            let next = owned.next.max(held.progress(&partition).next);
            (
                partition,
                PartitionProgress {
                    epoch: 0,
                    next,
                    resume_from: next,
                    watermark: None,
                },
            )
        };
        self.owned.iter().map(read).collect()
    }
}

/// The stretches of windows that start at most so far `apart`, so that a lake is not read through between two that do not.
fn ranges(asked: &BTreeSet<Missing>, apart: i64) -> Vec<(Timestamp, Timestamp)> {
    let starts: BTreeSet<Timestamp> = asked.iter().map(|&(_, start)| start).collect();
    let mut ranges: Vec<(Timestamp, Timestamp)> = Vec::new();
    for start in starts {
        match ranges.last_mut() {
            Some((_, last)) if start.0 - last.0 <= apart => *last = start,
            _ => ranges.push((start, start)),
        }
    }
    ranges
}

/// Whether another writer has taken over.
pub(super) fn is_fenced(error: &Error) -> bool {
    matches!(error, Error::Data(arterial_datasets::Error::Fenced { .. }))
}
