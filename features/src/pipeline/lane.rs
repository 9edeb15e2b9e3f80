//! One stream: its decoder, its windows, and what waits for a commit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Date32Type, Int32Type, Int64Type};
use arterial_datasets::lake::{Lake, TopicPartition};
use arterial_datasets::schema::DAY_COLUMN;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::Timestamp;

use super::options::PipelineOptions;
use super::resume::{self, Start, Verdict};
use super::status::{StreamState, StreamStatus};
use super::tables::Tables;
use crate::Result;
use crate::decode::Decoder;
use crate::event::EventBatch;
use crate::quarantine::{Reason, Rejected};
use crate::record::RecordRef;
use crate::source::{Source, SourceIdentity};
use crate::window::{Counts, TooLate, Windows};

/// So many records' traces are told of a commit; of more, the first.
const MOST_TRACES: usize = 32;

/// One partition of ours.
#[derive(Debug)]
pub(super) struct Owned {
    /// The next unread offset.
    pub next: i64,
    /// The archive holds everything below.
    pub archived: i64,
    /// Offsets that stood in quarantine at the start.
    refused: HashSet<i64>,
}

/// One stream in work.
#[derive(Debug)]
pub(super) struct Lane {
    pub definition: Arc<StreamDefinition>,
    pub decoder: Decoder,
    pub windows: Windows,
    pub tables: Option<Tables>,
    pub owned: BTreeMap<i32, Owned>,
    pub identity: SourceIdentity,
    /// What the next commit of the quarantine takes.
    pub refused: Vec<Rejected>,
    /// What the next commit of the archive takes.
    pub archived: Vec<RecordBatch>,
    /// Where in traces some of the records were sent that the next commit of windows makes durable.
    pub traces: Vec<String>,
    /// Since when something waits.
    pub waiting: Waiting,
    pub status: StreamStatus,
    closed_bytes: usize,
    events: EventBatch,
    rejected: Vec<Rejected>,
    /// Payloads of late events that are not settled yet.
    late_payloads: HashMap<(i32, i64), Vec<u8>>,
    /// Counts of windows that were dropped on the way.
    before: Counts,
}

/// Since when something waits for a commit; none where nothing does.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Waiting {
    pub windows_closed: bool,
    pub late: Option<Timestamp>,
    pub refused: Option<Timestamp>,
    pub archive: Option<Timestamp>,
    pub progress: Option<Timestamp>,
}

impl Lane {
    pub(super) fn new(definition: Arc<StreamDefinition>, options: &PipelineOptions) -> Result<Self> {
        let decoder = Decoder::with_limits(definition.clone(), options.secret, definition.archive, options.limits)?;
        Ok(Self {
            windows: Windows::new(definition.clone(), options.closed_bytes),
            definition,
            decoder,
            tables: None,
            owned: BTreeMap::new(),
            identity: SourceIdentity::default(),
            refused: Vec::new(),
            archived: Vec::new(),
            traces: Vec::new(),
            waiting: Waiting::default(),
            status: StreamStatus::default(),
            closed_bytes: options.closed_bytes,
            events: EventBatch::default(),
            rejected: Vec::new(),
            late_payloads: HashMap::new(),
            before: Counts::default(),
        })
    }

    pub(super) fn topic(&self) -> &str {
        &self.definition.name
    }

    pub(super) fn is_running(&self) -> bool {
        self.status.state == StreamState::Running
    }

    pub(super) fn partition(&self, number: i32) -> TopicPartition {
        TopicPartition::new(self.topic(), number)
    }

    /// Drops everything that is not in a table.
    pub(super) fn forget(&mut self) {
        let counts = self.windows.counts();
        self.before.events += counts.events;
        self.before.duplicates += counts.duplicates;
        self.before.late += counts.late;
        self.before.closed += counts.closed;
        self.before.revisions += counts.revisions;
        self.windows = Windows::new(self.definition.clone(), self.closed_bytes);
        self.owned.clear();
        self.refused.clear();
        self.archived.clear();
        self.traces.clear();
        self.late_payloads.clear();
        self.waiting = Waiting::default();
        // What waits in the decoder was read before, and will be read again.
        if self.decoder.take(&mut self.events, &mut self.rejected).is_ok() {
            self.events.clear();
            self.rejected.clear();
        }
    }

    /// Begins again from what the tables say, with the partitions `owned`, of which `new` are taken over. Returns where each
    /// is to be read from.
    pub(super) async fn begin(
        &mut self,
        lake: &Lake,
        owned: &BTreeSet<TopicPartition>,
        new: &BTreeSet<TopicPartition>,
        source: &mut dyn Source,
        options: &PipelineOptions,
        now: Timestamp,
    ) -> Result<BTreeMap<TopicPartition, i64>> {
        self.forget();
        if owned.is_empty() {
            self.status.state = StreamState::Waiting;
            return Ok(BTreeMap::new());
        }
        let identity = self.narrowed(source.identity()?);
        let mut tables = Tables::open(lake, &self.definition, self.tables.as_ref()).await?;
        tables.acquire(owned, new).await?;
        let ends = owned
            .iter()
            .filter_map(|one| Some((one.clone(), source.high_watermark(one)?)))
            .collect();
        match resume::judge(&identity, &tables, &ends, options.on_recreated_topic) {
            Verdict::Same => {}
            Verdict::Anew(difference) => {
                tracing::warn!(
                    topic = self.topic(),
                    difference,
                    "the topic was made anew: it is read from its beginning"
                );
                resume::begin_anew(&mut tables, owned, &identity, now).await?;
            }
            Verdict::Stop(difference) => {
                self.tables = Some(tables);
                self.stop(difference);
                return Ok(BTreeMap::new());
            }
        }
        resume::begin_archive(&mut tables, owned, &identity).await?;
        let starts = resume::starts(&tables, owned).await?;
        self.windows
            .share(tables.windows.table.progress().closed_by_others(owned));
        if owned.iter().any(TopicPartition::is_history) {
            self.windows.never_end();
        }
        self.tables = Some(tables);
        self.identity = identity;
        let seeks = starts.iter().filter_map(|(partition, start)| {
            let fallback = || (!new.contains(partition)).then(|| source.low_watermark(partition).unwrap_or(0));
            Some((partition.clone(), start.seek.or_else(fallback)?))
        });
        let seeks = seeks.collect();
        self.take(starts, now);
        Ok(seeks)
    }

    fn take(&mut self, starts: BTreeMap<TopicPartition, Start>, now: Timestamp) {
        for (partition, start) in starts {
            let refused = start.resume.refused.clone();
            let next = start.seek.unwrap_or(0);
            self.owned.insert(
                partition.partition,
                Owned {
                    next,
                    archived: start.archived,
                    refused,
                },
            );
            self.windows.assign(partition.partition, start.resume, now);
        }
        self.status.partitions = self.owned.len();
        self.status.state = StreamState::Running;
    }

    /// The identity of this stream's topic and of its histories only. No topic has a `/` in its name.
    fn narrowed(&self, mut identity: SourceIdentity) -> SourceIdentity {
        let topic = Some(self.topic());
        identity
            .topic_ids
            .retain(|known_as, _| known_as.split('/').next() == topic);
        identity
    }

    /// Whether what is read here is a history.
    pub(super) fn is_history(&self) -> bool {
        self.owned.keys().any(|number| *number < 0)
    }

    /// Decodes a record of a partition of ours.
    #[inline]
    pub(super) fn push(&mut self, record: RecordRef<'_>, now: Timestamp) {
        let Some(owned) = self.owned.get_mut(&record.partition) else {
            return;
        };
        owned.next = record.offset + 1;
        if let Some(trace) = record.trace
            && self.traces.len() < MOST_TRACES
        {
            self.traces.push(trace.to_owned());
        }
        self.decoder.push(record, now);
    }

    /// Takes what was decoded into windows, archive and quarantine.
    pub(super) fn absorb(&mut self, now: Timestamp) -> Result<()> {
        if self.decoder.is_empty() {
            return Ok(());
        }
        self.decoder.take(&mut self.events, &mut self.rejected)?;
        self.waiting.progress.get_or_insert(now);
        self.keep_late_payloads();
        self.archive(now)?;
        let too_late = self.windows.ingest(&self.events, now);
        for (&number, owned) in &self.owned {
            self.windows.read_to(number, owned.next, now);
        }
        if self.windows.unsettled() > 0 {
            self.waiting.late.get_or_insert(now);
        }
        let mut rejected = std::mem::take(&mut self.rejected);
        rejected.drain(..).for_each(|record| self.refuse(record, now));
        self.rejected = rejected;
        self.refuse_late(&too_late, now);
        Ok(())
    }

    /// Keeps what of the payload of late events may stand in the quarantine, until it is known that they are not too late.
    fn keep_late_payloads(&mut self) {
        let Some(through) = self.windows.closed_through() else {
            return;
        };
        for (row, payload) in self.events.old_payloads.drain(..) {
            if self.events.times[row] < through.0 {
                let place = (self.events.partitions[row], self.events.offsets[row]);
                self.late_payloads.insert(place, payload);
            }
        }
    }

    fn archive(&mut self, now: Timestamp) -> Result<()> {
        let Some(batch) = self.events.archive.take().filter(|batch| batch.num_rows() > 0) else {
            return Ok(());
        };
        let batch = self.without_archived(batch)?;
        let batch = self.without_expired(batch, now)?;
        self.waiting.archive.get_or_insert(now);
        if batch.num_rows() > 0 {
            self.archived.push(batch);
        }
        Ok(())
    }

    /// Without the events of days that the retention would take out again.
    fn without_expired(&self, batch: RecordBatch, now: Timestamp) -> Result<RecordBatch> {
        let oldest = Timestamp(now.0.saturating_sub(self.definition.archive_retention.0)).day();
        let days = batch[DAY_COLUMN].as_primitive::<Date32Type>().values();
        let is_kept = |day: &i32| i64::from(*day) >= oldest;
        if days.iter().all(is_kept) {
            return Ok(batch);
        }
        let mask: BooleanArray = days.iter().map(is_kept).map(Some).collect();
        Ok(filter_record_batch(&batch, &mask)?)
    }

    fn without_archived(&self, batch: RecordBatch) -> Result<RecordBatch> {
        let places = || self.events.partitions.iter().zip(&self.events.offsets);
        let is_new = |(partition, offset): (&i32, &i64)| {
            self.owned.get(partition).is_some_and(|owned| *offset >= owned.archived)
        };
        if places().all(is_new) {
            return Ok(batch);
        }
        let partitions = batch["partition"].as_primitive::<Int32Type>().values();
        let offsets = batch["offset"].as_primitive::<Int64Type>().values();
        let mask: BooleanArray = partitions.iter().zip(offsets).map(is_new).map(Some).collect();
        Ok(filter_record_batch(&batch, &mask)?)
    }

    fn refuse(&mut self, record: Rejected, now: Timestamp) {
        let known = self
            .owned
            .get(&record.partition)
            .is_none_or(|owned| owned.refused.contains(&record.offset));
        if !known {
            self.waiting.refused.get_or_insert(now);
            self.status.quarantined += 1;
            self.refused.push(record);
        }
    }

    /// Refuses events that came too late. Those of a history are left out: their windows are final, which is no fault of theirs.
    pub(super) fn refuse_late(&mut self, too_late: &[TooLate], now: Timestamp) {
        if self.is_history() {
            self.status.left_out += too_late.len() as u64;
            return;
        }
        for event in too_late {
            let payload = self
                .late_payloads
                .remove(&(event.partition, event.offset))
                .unwrap_or_default();
            let through = self
                .windows
                .watermark()
                .map_or_else(String::new, |mark| format!(", the watermark is {mark}"));
            let horizon = self.definition.revision_horizon;
            let record = Rejected {
                partition: event.partition,
                offset: event.offset,
                reason: Reason::TooLate,
                detail: format!(
                    "the window of `{}` takes no more events: they count for {horizon}{through}",
                    Timestamp(event.time)
                ),
                payload_bytes: payload.len() as i64,
                payload,
                event_time: Some(event.time),
            };
            self.refuse(record, now);
        }
    }

    /// Every late event is settled.
    pub(super) fn settled(&mut self) {
        self.late_payloads.clear();
    }

    /// A partition whose log ends below what was read: it is not the log that was read. Says so.
    pub(super) fn shrunk(&self, source: &dyn Source) -> Option<String> {
        self.owned.iter().find_map(|(&number, owned)| {
            let partition = self.partition(number);
            let end = source.high_watermark(&partition).filter(|&end| end < owned.next)?;
            Some(format!(
                "{partition} ends at offset {end}, but was read up to {} before",
                owned.next
            ))
        })
    }

    /// Ends the work on this stream until a person has looked at it.
    pub(super) fn stop(&mut self, reason: String) {
        tracing::error!(
            topic = self.topic(),
            reason,
            "the log is not the one that was read before: its stream stops"
        );
        self.forget();
        self.status.state = StreamState::Stopped(reason);
    }

    /// Moves the watermark on; closes every window where the input has ended.
    pub(super) fn advance(&mut self, now: Timestamp, source: &dyn Source, has_ended: bool) {
        let Self {
            definition,
            owned,
            windows,
            ..
        } = self;
        let unread = |number: i32| {
            let Some(owned) = owned.get(&number) else { return false };
            let end = source.high_watermark(&TopicPartition::new(&definition.name, number));
            end.is_none_or(|end| owned.next < end)
        };
        let closed = if has_ended {
            windows.finish(&unread)
        } else {
            windows.advance(now, &unread)
        };
        self.waiting.windows_closed |= closed > 0;
        if let Some(through) = self.windows.closed_through() {
            self.decoder.keep_payloads_before(through);
        }
    }

    /// Brings the status up to date.
    pub(super) fn observe(&mut self, source: &dyn Source) {
        let counts = self.windows.counts();
        self.status.events = self.before.events + counts.events;
        self.status.duplicates = self.before.duplicates + counts.duplicates;
        self.status.late = self.before.late + counts.late;
        self.status.windows = self.before.closed + counts.closed;
        self.status.revisions = self.before.revisions + counts.revisions;
        self.status.watermark = self.windows.watermark().or(self.status.watermark);
        let (keys, identities, closed) = self.windows.memory();
        self.status.memory = keys + identities + closed;
        let behind = |(&number, owned): (&i32, &Owned)| {
            let partition = self.partition(number);
            let end = source.high_watermark(&partition).unwrap_or(owned.next);
            // What retention has taken can be read no more.
            let next = owned.next.max(source.low_watermark(&partition).unwrap_or(owned.next));
            u64::try_from(end - next).unwrap_or(0)
        };
        self.status.lag = self.owned.iter().map(behind).sum();
        self.status.partitions = self.owned.len();
    }
}
