//! The windows of one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::schema::STATE_COLUMN;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::Timestamp;

use super::closed::{Closed, ClosedWindow};
use super::late::copy_row;
use super::layout::{Description, Layout};
use super::rows::Rows;
use super::shared::Shared;
use super::state;
use super::table::WindowTable;
use super::watermark::{Partition, Resume, Watermark};
use crate::Result;
use crate::event::{EventBatch, NO_DESCRIPTION, NO_ZONE};
use crate::intern::Interner;

/// Tumbling windows by event time: one accumulator a key and window, exact whatever the order of arrival.
///
/// The caller's loop is: [`ingest`](Self::ingest) a batch, [`advance`](Self::advance) the watermark; where windows closed or
/// late events wait, settle these ([`missing`](Self::missing), [`restore`](Self::restore),
/// [`settle`](Self::settle)), commit [`rows`](Self::rows) with [`positions`](Self::positions) in one step, then call
/// [`committed`](Self::committed). After a failed commit the object is of no more use: make a new one from what the table says.
#[derive(Debug)]
pub struct Windows {
    layout: Layout,
    /// How long after its end a window takes revisions; none where it always does.
    horizon: Option<i64>,
    /// Ascending by start.
    open: Vec<WindowTable>,
    closed: Closed,
    watermark: Watermark,
    /// Windows that end at or before are closed.
    closed_through: Option<i64>,
    shared: Shared,
    late: EventBatch,
    counts: Counts,
}

/// What was counted since the windows were made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Distinct events.
    pub events: u64,
    /// Repeats.
    pub duplicates: u64,
    /// Distinct events that came after their window had closed.
    pub late: u64,
    /// Events that came too late.
    pub too_late: u64,
    /// Committed rows of windows that closed.
    pub closed: u64,
    /// Committed rows that revised closed windows.
    pub revisions: u64,
}

/// How far a partition has been read; it stands in the same commit as the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The next unread offset.
    pub next: i64,
    /// The lowest offset that an open window holds, or will hold once this run has read it again; `next` where none is.
    pub resume_from: i64,
    /// Windows that end at or before are closed, with everything read of them in the table.
    pub closed_through: Option<Timestamp>,
}

/// What becomes of an event.
enum Fate {
    /// An earlier run has dealt with it.
    Done,
    /// Its window is open.
    Open,
    /// Its window is open here, while another log may have put rows of it into the table.
    Shared,
    /// Its window is closed, and takes revisions.
    Late,
    /// Its window takes nothing more.
    TooLate,
}

/// A key and window that a late event belongs to and that is not in memory.
pub type Missing = (u32, Timestamp);

/// An event that came too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLate {
    /// The source's partition.
    pub partition: i32,
    /// The source's offset.
    pub offset: i64,
    /// Event time, UTC microseconds.
    pub time: i64,
}

impl Windows {
    /// Empty windows of a stream that keep up to `most_bytes` of closed windows in memory for late events.
    #[must_use]
    pub fn new(definition: Arc<StreamDefinition>, most_bytes: usize) -> Self {
        let watermark = Watermark {
            lateness: definition.allowed_lateness.0,
            idle_timeout: definition.idle_timeout.0,
            partitions: Vec::new(),
            now: None,
            certain: None,
        };
        Self {
            horizon: Some(definition.revision_horizon.0),
            layout: Layout::new(definition),
            open: Vec::new(),
            closed: Closed {
                windows: BTreeMap::new(),
                most_bytes,
            },
            watermark,
            closed_through: None,
            shared: Shared::default(),
            late: EventBatch::default(),
            counts: Counts::default(),
        }
    }

    /// The stream.
    pub fn definition(&self) -> &Arc<StreamDefinition> {
        &self.layout.definition
    }

    /// The places and attributes of which the last is kept.
    pub fn descriptions(&self) -> &[Description] {
        &self.layout.descriptions
    }

    /// Other logs have put windows that end at or before `through` into the table. Where such a window closes, it goes on from
    /// the rows that are there.
    pub fn share(&mut self, through: Option<Timestamp>) {
        self.shared.through = through.map(|through| through.0);
    }

    /// No event comes too late, however far event time has come, and no row is final: so it is with history.
    pub fn never_end(&mut self) {
        self.horizon = None;
    }

    /// Takes a partition on, from where an earlier run left it. Its records are to be read from `resume_from` on; those that
    /// the table holds already are recognised.
    pub fn assign(&mut self, partition: i32, resume: Resume, now: Timestamp) {
        let through = resume.closed_through.map(|through| through.0);
        let first = self.watermark.partitions.is_empty();
        self.closed_through = self.closed_through.max(through);
        self.watermark.now = if first {
            through
        } else {
            self.watermark.now.min(through)
        };
        self.watermark.partitions.retain(|one| one.number != partition);
        self.watermark.partitions.push(Partition::new(partition, resume, now));
    }

    /// Adds events to their windows. Returns those that came too late.
    pub fn ingest(&mut self, batch: &EventBatch, now: Timestamp) -> Vec<TooLate> {
        let mut too_late = Vec::new();
        let window = self.layout.window();
        let mut start = self.layout.window_start(batch.times.first().copied().unwrap_or(0));
        let (mut at, mut here) = (
            0,
            self.partition_place(batch.partitions.first().copied().unwrap_or(0), now),
        );
        for row in 0..batch.len() {
            let (time, offset, number) = (batch.times[row], batch.offsets[row], batch.partitions[row]);
            if time < start || time - start >= window {
                start = self.layout.window_start(time);
            }
            if self.watermark.partitions[here].number != number {
                here = self.partition_place(number, now);
            }
            let partition = &self.watermark.partitions[here];
            match self.fate(partition, offset, start + window) {
                Fate::Done => {}
                Fate::TooLate => too_late.push(TooLate {
                    partition: number,
                    offset,
                    time,
                }),
                Fate::Late => copy_row(batch, row, &mut self.late),
                Fate::Shared => self.shared.push(batch, row, start + window),
                Fate::Open => {
                    at = self.open_place(start, at);
                    let table = &mut self.open[at];
                    table.note_offset(number, offset);
                    let slot = table.slot(batch.keys[row], &self.layout);
                    let new = table.add(slot, batch, row, &self.layout);
                    self.counts.events += u64::from(new);
                    self.counts.duplicates += u64::from(!new);
                }
            }
            let partition = &mut self.watermark.partitions[here];
            partition.read_to(offset + 1);
            partition.latest = partition.latest.max(Some(time));
            partition.active_at = now.0;
        }
        self.counts.too_late += too_late.len() as u64;
        too_late
    }

    /// What becomes of the event at `offset` of `partition` in a window that ends at `end`.
    #[inline]
    fn fate(&self, partition: &Partition, offset: i64, end: i64) -> Fate {
        if partition.is_done(offset, end) {
            Fate::Done
        } else if Some(end) > self.closed_through {
            if Some(end) > self.shared.through {
                Fate::Open
            } else {
                Fate::Shared
            }
        } else if self
            .horizon
            .is_some_and(|horizon| self.watermark.is_beyond(horizon, partition, end))
        {
            Fate::TooLate
        } else {
            Fate::Late
        }
    }

    /// Notes that every record of `partition` below `next` has been read, those that became no event included.
    pub fn read_to(&mut self, partition: i32, next: i64, now: Timestamp) {
        let place = self.partition_place(partition, now);
        let partition = &mut self.watermark.partitions[place];
        if next > partition.read {
            partition.read_to(next);
            partition.active_at = now.0;
        }
    }

    fn partition_place(&mut self, number: i32, now: Timestamp) -> usize {
        let partitions = &mut self.watermark.partitions;
        partitions
            .iter()
            .position(|one| one.number == number)
            .unwrap_or_else(|| {
                partitions.push(Partition::new(number, Resume::default(), now));
                partitions.len() - 1
            })
    }

    /// The place of the open window that starts at `start`, made where there is none; `hint` is looked at first.
    #[inline]
    fn open_place(&mut self, start: i64, hint: usize) -> usize {
        if self.open.get(hint).is_some_and(|table| table.start == start) {
            return hint;
        }
        match self.open.binary_search_by_key(&start, |table| table.start) {
            Ok(place) => place,
            Err(place) => {
                // The newest window will be about as large as the one before; an old one holds a few late comers.
                let like = self.open.last().filter(|_| place == self.open.len());
                let table = WindowTable::new(start, &self.layout, like);
                self.open.insert(place, table);
                place
            }
        }
    }

    /// Moves the watermark on and closes the windows that it passes. `unread` says whether a partition, by its
    /// number, has records that were not read yet. Returns how many windows closed.
    pub fn advance(&mut self, now: Timestamp, unread: &dyn Fn(i32) -> bool) -> usize {
        self.watermark.advance(now, unread, self.newest_end());
        self.close(self.watermark.now)
    }

    /// The end of the newest window that is open, shared ones included.
    fn newest_end(&self) -> Option<i64> {
        let open = self.open.last().map(|table| table.start + self.layout.window());
        open.max(self.shared.newest_end())
    }

    /// Closes every open window, as the input has ended; none where a partition has not been read again as far as an earlier run
    /// had read it. Returns how many closed. `unread` as for [`advance`](Self::advance).
    pub fn finish(&mut self, unread: &dyn Fn(i32) -> bool) -> usize {
        if self.watermark.partitions.iter().any(|one| one.is_behind(unread)) {
            return 0;
        }
        let end = self.newest_end();
        self.watermark.now = self.watermark.now.max(end);
        self.watermark.certain = self.watermark.now;
        self.close(end)
    }

    fn close(&mut self, through: Option<i64>) -> usize {
        self.closed_through = self.closed_through.max(through);
        let window = self.layout.window();
        let ready = self
            .open
            .partition_point(|table| Some(table.start + window) <= self.closed_through);
        for table in self.open.drain(..ready) {
            self.closed.windows.insert(table.start, ClosedWindow::closing(table));
        }
        ready + self.shared.close(self.closed_through)
    }

    /// How many late events wait to be settled.
    pub fn unsettled(&self) -> usize {
        self.late.len()
    }

    /// How many rows wait to be committed; of what is not settled, the events of shared windows, late ones apart.
    pub fn uncommitted(&self) -> usize {
        self.closed.pending_count() + self.shared.closed.len()
    }

    /// The keys and windows whose newest row [`restore`](Self::restore) must bring before events can be settled.
    pub fn missing(&self) -> BTreeSet<Missing> {
        let places = |batch: &EventBatch| {
            let starts = batch.times.iter().map(|time| self.layout.window_start(*time));
            batch.keys.iter().copied().zip(starts).collect::<Vec<_>>()
        };
        [&self.late, &self.shared.closed]
            .into_iter()
            .flat_map(places)
            .filter(|(key, start)| {
                self.closed
                    .windows
                    .get(start)
                    .is_none_or(|window| window.must_ask(*key))
            })
            .map(|(key, start)| (key, Timestamp(start)))
            .collect()
    }

    /// Takes in what the windows table says about `asked`: rows of any revision, of which the newest counts. What was asked
    /// and has no row starts with revision 0.
    ///
    /// # Errors
    /// Rows that lack a column of the windows table.
    pub fn restore(&mut self, asked: &BTreeSet<Missing>, rows: &[RecordBatch], names: &mut Interner) -> Result<()> {
        let mut newest: BTreeMap<Missing, (i32, usize, usize)> = BTreeMap::new();
        for (number, batch) in rows.iter().enumerate() {
            let keys = column(batch, "key")?.as_string::<i32>().clone();
            let starts = column(batch, "window_start")?
                .as_primitive::<TimestampMicrosecondType>()
                .clone();
            let revisions = column(batch, "revision")?.as_primitive::<Int32Type>().clone();
            for row in 0..batch.num_rows() {
                let Some(key) = names.get(keys.value(row)) else {
                    continue;
                };
                let place = (key, Timestamp(starts.value(row)));
                if asked.contains(&place) {
                    let found = (revisions.value(row), number, row);
                    newest
                        .entry(place)
                        .and_modify(|known| *known = found.max(*known))
                        .or_insert(found);
                }
            }
        }
        for &(key, start) in asked {
            let layout = &self.layout;
            let window = self
                .closed
                .windows
                .entry(start.0)
                .or_insert_with(|| ClosedWindow::unknown(start.0, layout));
            match newest.get(&(key, start)) {
                Some(&(revision, number, row)) => {
                    restore_row(window, key, revision, &rows[number], row, names, layout)?;
                }
                None => window.set_absent(key, layout),
            }
        }
        Ok(())
    }

    /// Adds late events, and those of shared windows that closed, to their windows, each of which gets a new revision. Returns
    /// those whose window takes no more. Nothing may be [`missing`](Self::missing).
    pub fn settle(&mut self) -> Vec<TooLate> {
        let in_time = std::mem::take(&mut self.shared.closed);
        let late = std::mem::take(&mut self.late);
        let mut too_late = Vec::new();
        self.add_to_closed(&in_time, &mut too_late);
        self.counts.late += self.add_to_closed(&late, &mut too_late);
        self.counts.too_late += too_late.len() as u64;
        too_late
    }

    /// Adds events to closed windows; gives how many were new.
    fn add_to_closed(&mut self, events: &EventBatch, too_late: &mut Vec<TooLate>) -> u64 {
        let mut added = 0;
        for row in 0..events.times.len() {
            let start = self.layout.window_start(events.times[row]);
            let layout = &self.layout;
            let window = self
                .closed
                .windows
                .entry(start)
                .or_insert_with(|| ClosedWindow::unknown(start, layout));
            match window.add(events, row, layout) {
                Some(new) => {
                    added += u64::from(new);
                    self.counts.duplicates += u64::from(!new);
                }
                None => too_late.push(TooLate {
                    partition: events.partitions[row],
                    offset: events.offsets[row],
                    time: events.times[row],
                }),
            }
        }
        self.counts.events += added;
        added
    }

    /// The rows to commit: windows that closed and revisions, oldest window first, by key within a window.
    ///
    /// # Errors
    /// None that a caller could cause: the columns are made for the schema.
    pub fn rows(&self, names: &Interner, now: Timestamp) -> Result<RecordBatch> {
        let mut rows = Rows::new(&self.layout, names);
        let final_until = self.final_until();
        for (&start, window) in &self.closed.windows {
            if window.pending_count() > 0 {
                rows.append(window, final_until.is_some_and(|until| start <= until));
            }
        }
        rows.finish(now)
    }

    /// The start of the newest window that takes no more revisions.
    fn final_until(&self) -> Option<i64> {
        Some(self.watermark.certain? - self.horizon? - self.layout.window())
    }

    /// How far each partition has been read; belongs into the same commit as [`rows`](Self::rows).
    pub fn positions(&self) -> BTreeMap<i32, Position> {
        let lowest = |number: i32| {
            let held = self
                .open
                .iter()
                .flat_map(|table| &table.lowest)
                .filter(|(partition, _)| *partition == number);
            let open = held.map(|&(_, offset)| offset).min();
            open.into_iter().chain(self.shared.lowest(number)).min()
        };
        let position = |one: &Partition| Position {
            next: one.next,
            resume_from: lowest(one.number).unwrap_or(one.read).min(one.read),
            // What is still to be read again is in no window yet, be it closed through other partitions.
            closed_through: if one.read < one.resume.next {
                one.resume.closed_through
            } else {
                self.closed_through.map(Timestamp)
            },
        };
        self.watermark
            .partitions
            .iter()
            .map(|one| (one.number, position(one)))
            .collect()
    }

    /// The rows are committed.
    pub fn committed(&mut self) {
        for (_, revision) in self.closed.windows.values().flat_map(ClosedWindow::pending) {
            let counted = if revision > 0 {
                &mut self.counts.revisions
            } else {
                &mut self.counts.closed
            };
            *counted += 1;
        }
        self.closed.committed(self.final_until());
    }

    /// The watermark: no event before it is expected any more.
    pub fn watermark(&self) -> Option<Timestamp> {
        self.watermark.now.map(Timestamp)
    }

    /// Windows that end at or before are closed; an event of such a window is late.
    pub fn closed_through(&self) -> Option<Timestamp> {
        self.closed_through.map(Timestamp)
    }

    /// What was counted since the windows were made.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How many windows are open, and how many keys they hold together.
    pub fn open(&self) -> (usize, usize) {
        (self.open.len(), self.open.iter().map(WindowTable::len).sum())
    }

    /// The bytes of memory held: by open windows for their keys, by open windows for identities, by closed windows.
    pub fn memory(&self) -> (usize, usize, usize) {
        let keys = self.open.iter().map(WindowTable::memory_of_keys).sum();
        let identities = self.open.iter().map(WindowTable::memory_of_identities).sum();
        (keys, identities, self.closed.memory())
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    let found = batch.column_by_name(name).map(AsRef::as_ref);
    found.ok_or_else(|| crate::Error::invalid("column", name, "a batch of the windows table"))
}

/// Puts one row back. A row that is final, without state, or whose state was written under other fields takes no more
/// revisions.
fn restore_row(
    window: &mut ClosedWindow,
    key: u32,
    revision: i32,
    batch: &RecordBatch,
    row: usize,
    names: &mut Interner,
    layout: &Layout,
) -> Result<()> {
    let states = column(batch, STATE_COLUMN)?.as_binary::<i32>();
    let zones = column(batch, "zone_id")?.as_string::<i32>();
    let duplicates = column(batch, "duplicates")?.as_primitive::<Int64Type>();
    if column(batch, "is_final")?.as_boolean().value(row) || states.is_null(row) {
        window.set_final(key);
        return Ok(());
    }
    let zone = if zones.is_null(row) {
        NO_ZONE
    } else {
        names.intern(zones.value(row))?
    };
    let repeats = u32::try_from(duplicates.value(row)).unwrap_or(u32::MAX);
    let Ok(slot) = state::read(states.value(row), &mut window.table, key, zone, repeats, layout) else {
        window.set_final(key);
        return Ok(());
    };
    window.set_revision(slot, revision);
    for (number, description) in layout.descriptions.iter().enumerate() {
        let place = slot as usize * layout.descriptions.len() + number;
        window.table.descriptions[place] = described(column(batch, &description.column)?, row, description, names)?;
    }
    Ok(())
}

/// What a row says of `description`, as the columns of [`EventBatch`] do.
fn described(column: &dyn Array, row: usize, description: &Description, names: &mut Interner) -> Result<u64> {
    if column.is_null(row) {
        return Ok(NO_DESCRIPTION);
    }
    if description.is_text {
        return Ok(names.intern(column.as_string::<i32>().value(row))?.into());
    }
    Ok(column.as_primitive::<Float64Type>().value(row).to_bits())
}
