//! JSON records straight into columns, by the stream's definition.
//!
//! | file | what stands there |
//! |---|---|
//! | `tree` | the listed paths as a tree, and the slots that a record fills |
//! | `json` | one pass over a record: all of RFC 8259 checked, listed places noted |
//! | `number`, `text`, `time` | the leaves: exact numbers, escapes, instants |
//! | `field` | what a listed place must hold |
//! | `identity` | the keyed hash of the identity fields |
//! | `payload` | what of a refused record may be kept |
//! | `archive` | the columns of `<topic>_events` |
//!
//! A record is first read into slots, then checked field by field in the declared order, and only then appended: a record
//! that is refused leaves no trace in the columns. Memory is taken once and used again from record to record.
//!
//! What counts as what:
//! - A field that is `null` counts as absent. An absent field is refused only where it is `required` or part of the
//!   identity; an absent or empty key is refused unless the stream has a default key.
//! - `42.0` and `4.2e1` are whole numbers, `42.5` is not; a number in quotes is a text.
//! - `NaN` and `Infinity` are no JSON; a number beyond what a double holds is out of range.
//! - Of a repeated name the last one counts. A byte order mark in front is skipped.
//! - Keys and zones have at most [`LONGEST_KEY`] bytes. An empty zone is no zone.
//! - A description that is empty or has more than [`LONGEST_KEY`] bytes is none.
//! - A category value that is not declared is out of range.

mod archive;
mod field;
mod identity;
mod json;
mod number;
mod payload;
mod plan;
mod text;
mod time;
mod tree;

use std::sync::Arc;

use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::Timestamp;

use crate::event::{EventBatch, NO_DESCRIPTION};
use crate::intern::Interner;
use crate::quarantine::{Reason, Rejected};
use crate::record::RecordRef;
use crate::{Error, Result};
use archive::Archive;
use field::{Cell, Refusal, Texts};
use identity::IdentityBytes;
pub use identity::IdentityKey;
use payload::{no_object, record_text};
use plan::Plan;
use time::TimeReader;
use tree::{Raw, Slot, Tree};

/// The most bytes of a key or a zone.
pub const LONGEST_KEY: usize = 256;

/// How much of a record is read, and kept where it is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    /// The most bytes of a record; 1 MiB by default, at most 1 GiB.
    pub record_bytes: usize,
    /// The most objects and lists inside each other; 32 by default, at most 512.
    pub depth: usize,
    /// The most bytes of a refused record that are kept; 64 KiB by default.
    pub kept_bytes: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            record_bytes: 1 << 20,
            depth: 32,
            kept_bytes: 1 << 16,
        }
    }
}

impl DecodeLimits {
    /// Checks the limits.
    ///
    /// # Errors
    /// A limit outside its range.
    pub fn check(&self) -> Result<()> {
        if !(2..=1 << 30).contains(&self.record_bytes) {
            return Err(Error::invalid("record_bytes", self.record_bytes, "2 to 1073741824"));
        }
        if !(1..=512).contains(&self.depth) {
            return Err(Error::invalid("depth", self.depth, "1 to 512"));
        }
        Ok(())
    }
}

/// Decodes the records of one stream into columns.
#[derive(Debug)]
pub struct Decoder {
    stream: Arc<StreamDefinition>,
    secret: IdentityKey,
    limits: DecodeLimits,
    plan: Plan,
    tree: Tree,
    times: TimeReader,
    interner: Interner,
    archive: Option<Archive>,
    room: Room,
    events: EventBatch,
    rejected: Vec<Rejected>,
    /// The newest descriptions of each key, side by side.
    known: Vec<u64>,
    newest: i64,
    keep_before: i64,
}

/// Memory that is used again from record to record.
#[derive(Debug, Default)]
struct Room {
    slots: Vec<Slot>,
    cells: Vec<Cell>,
    unescaped: String,
    names: String,
    identity: IdentityBytes,
    repeated: bool,
}

/// A record that passed every check.
struct Event {
    time: i64,
    key: u32,
    zone: u32,
    identity: u128,
    good: bool,
}

impl Decoder {
    /// A decoder of the records of `stream`; `archive` says whether it also fills the columns of `<topic>_events`.
    ///
    /// # Errors
    /// A definition whose zone, earliest time, key or identity does not check.
    pub fn new(stream: Arc<StreamDefinition>, secret: IdentityKey, archive: bool) -> Result<Self> {
        Self::with_limits(stream, secret, archive, DecodeLimits::default())
    }

    /// A decoder with other limits than the default ones.
    ///
    /// # Errors
    /// A definition that does not check, a limit outside its range.
    pub fn with_limits(
        stream: Arc<StreamDefinition>,
        secret: IdentityKey,
        archive: bool,
        limits: DecodeLimits,
    ) -> Result<Self> {
        limits.check()?;
        let (plan, tree) = Plan::new(&stream)?;
        let zone = jiff::tz::TimeZone::get(&stream.timezone)
            .map_err(|_| Error::invalid("timezone", &stream.timezone, "an IANA zone, such as Europe/Copenhagen"))?;
        let room = Room {
            slots: vec![Slot::ABSENT; tree.nodes.len()],
            ..Room::default()
        };
        let mut decoder = Self {
            archive: archive.then(|| Archive::new(&stream)),
            times: TimeReader::new(zone),
            interner: Interner::default(),
            events: EventBatch::default(),
            rejected: Vec::new(),
            known: Vec::new(),
            newest: i64::MIN,
            keep_before: i64::MIN,
            stream,
            secret,
            limits,
            plan,
            tree,
            room,
        };
        decoder.plan.shape(&mut decoder.events);
        Ok(decoder)
    }

    /// The stream whose records are decoded.
    #[must_use]
    pub fn stream(&self) -> &Arc<StreamDefinition> {
        &self.stream
    }

    /// The keys and zones seen so far.
    #[must_use]
    pub fn interner(&self) -> &Interner {
        &self.interner
    }

    /// The keys and zones seen so far, to add those that are known from elsewhere.
    pub fn interner_mut(&mut self) -> &mut Interner {
        &mut self.interner
    }

    /// How many events wait to be taken.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.times.len()
    }

    /// Whether neither events nor refused records wait to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.times.is_empty() && self.rejected.is_empty()
    }

    /// Keeps the payload of events before `time`, or before the newest event less the revision horizon: they may turn
    /// out to be too late.
    pub fn keep_payloads_before(&mut self, time: Timestamp) {
        self.keep_before = self.keep_before.max(time.0);
    }

    /// Decodes one record: it becomes either one event or one refused record.
    pub fn push(&mut self, record: RecordRef<'_>, now: Timestamp) {
        let mut event_time = None;
        if let Err(refusal) = self.decode(record, now, &mut event_time) {
            let payload = self.payload_to_keep(record, refusal.reason);
            self.rejected.push(Rejected {
                partition: record.partition,
                offset: record.offset,
                reason: refusal.reason,
                detail: refusal.detail,
                payload,
                payload_bytes: record.payload.map_or(0, <[u8]>::len) as i64,
                event_time,
            });
        }
    }

    /// Swaps the decoded events and the refused records out. What `events` and `rejected` held is dropped, their memory
    /// is used again.
    ///
    /// # Errors
    /// Archive columns that do not fit their schema; none that a caller could cause.
    pub fn take(&mut self, events: &mut EventBatch, rejected: &mut Vec<Rejected>) -> Result<()> {
        self.events.archive = self.archive.as_mut().map(Archive::take).transpose()?;
        std::mem::swap(&mut self.events, events);
        std::mem::swap(&mut self.rejected, rejected);
        self.events.clear();
        self.plan.shape(&mut self.events);
        self.rejected.clear();
        Ok(())
    }

    fn decode(&mut self, record: RecordRef<'_>, now: Timestamp, event_time: &mut Option<i64>) -> Result<(), Refusal> {
        let text = record_text(record, &self.limits)?;
        let room = &mut self.room;
        room.unescaped.clear();
        room.repeated = json::read(
            text.as_bytes(),
            &mut self.tree,
            &mut room.slots,
            &mut room.names,
            self.limits.depth,
        )
        .map_err(|flaw| flaw.refusal(text, self.limits.depth))?;
        let mut texts = Texts {
            record: text,
            unescaped: &mut room.unescaped,
        };
        if room.slots[0].raw != Raw::Object {
            return Err(no_object(&texts, room.slots[0]));
        }
        let time = self
            .plan
            .time(room.slots[self.plan.time_node], &mut texts, &mut self.times)?;
        *event_time = Some(time);
        self.plan.plausible(time, now)?;
        room.cells.clear();
        for field in &self.plan.fields {
            room.cells
                .push(field.read(room.slots[field.node], &mut texts, &mut self.times)?);
        }
        let event = self.plan.event(
            time,
            &room.cells,
            &texts,
            &mut room.identity,
            &mut self.interner,
            self.secret,
        )?;
        let descriptions = event.key as usize * self.plan.descriptions();
        let descriptions = descriptions..descriptions + self.plan.descriptions();
        if self.known.len() < descriptions.end {
            self.known.resize(descriptions.end, NO_DESCRIPTION);
        }
        let known = &mut self.known[descriptions.clone()];
        self.plan.describe(&room.cells, &texts, &mut self.interner, known)?;
        if let Some(archive) = &mut self.archive {
            let place = (record.partition, record.offset);
            archive.push(
                place,
                time,
                self.interner.name(event.key),
                &room.cells,
                &texts,
                self.secret,
            );
        }
        self.newest = self.newest.max(time);
        let keep = time
            < self
                .keep_before
                .max(self.newest.saturating_sub(self.stream.revision_horizon.0));
        if keep {
            let payload = self.payload_to_keep(record, Reason::TooLate);
            self.events.old_payloads.push((self.events.times.len(), payload));
        }
        let known = &self.known[descriptions];
        self.plan
            .append(&mut self.events, record, &event, &self.room.cells, known);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
