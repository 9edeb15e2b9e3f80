//! Refused records: list them, and send them again once their stream's definition was mended.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arterial_datasets::lake::{Lake, Scan, TopicPartition};
use arterial_datasets::time::Timestamp;

pub use super::tables::QUARANTINE as TABLE;
use crate::quarantine::Reason;
use crate::{Error, Result};

/// Which refused records are wanted; the default is all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this topic.
    pub topic: Option<String>,
    /// Only with this code.
    pub reason: Option<Reason>,
    /// Only refused at or after this instant.
    pub since: Option<Timestamp>,
    /// At most so many, the latest first.
    pub limit: Option<usize>,
}

/// A refused record as the table holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The topic.
    pub topic: String,
    /// The partition; below 0 for a replayed file.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// When it was refused.
    pub received_at: Timestamp,
    /// The code.
    pub reason: String,
    /// What was wrong, and what is accepted.
    pub detail: String,
    /// The payload, cut at the limit; none where it was empty or withheld.
    pub payload: Option<Vec<u8>>,
    /// The bytes of the whole payload.
    pub payload_bytes: i64,
}

impl Refused {
    /// Whether the table holds the whole record.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.payload
            .as_ref()
            .is_some_and(|payload| payload.len() as i64 == self.payload_bytes)
    }
}

/// The refused records, the latest first.
///
/// # Errors
/// The lake's errors. A lake without quarantine has none.
pub async fn list(lake: &Lake, filter: &Filter) -> Result<Vec<Refused>> {
    let Some(table) = lake.existing(TABLE).await? else {
        return Ok(Vec::new());
    };
    let time_column = filter.since.map(|_| "received_at".to_owned());
    let scan = Scan {
        time_column,
        from: filter.since,
        ..Scan::default()
    };
    let mut found = Vec::new();
    for batch in table.scan(&scan).await? {
        let text = |name: &str| batch[name].as_string::<i32>().clone();
        let (topics, reasons, details) = (text("topic"), text("reason"), text("detail"));
        let partitions = batch["partition"].as_primitive::<Int32Type>();
        let (offsets, sizes) = (
            batch["offset"].as_primitive::<Int64Type>(),
            batch["payload_bytes"].as_primitive::<Int64Type>(),
        );
        let received = batch["received_at"].as_primitive::<TimestampMicrosecondType>();
        let payloads = batch["payload"].as_binary::<i32>();
        for row in 0..batch.num_rows() {
            let wanted = filter.topic.as_ref().is_none_or(|topic| topic == topics.value(row))
                && filter.reason.is_none_or(|reason| reason.code() == reasons.value(row));
            if wanted {
                found.push(Refused {
                    topic: topics.value(row).to_owned(),
                    partition: partitions.value(row),
                    offset: offsets.value(row),
                    received_at: Timestamp(received.value(row)),
                    reason: reasons.value(row).to_owned(),
                    detail: details.value(row).to_owned(),
                    payload: payloads.is_valid(row).then(|| payloads.value(row).to_vec()),
                    payload_bytes: sizes.value(row),
                });
            }
        }
    }
    found.sort_by(|left, right| {
        let place = |one: &Refused| (one.received_at, one.topic.clone(), one.partition, one.offset);
        place(right).cmp(&place(left))
    });
    found.truncate(filter.limit.unwrap_or(usize::MAX));
    Ok(found)
}

/// Where records are sent again.
pub trait Sink {
    /// Sends a payload to a partition; it may be buffered. That is the partition it came from: its key has no other.
    ///
    /// # Errors
    /// A payload that the sink refuses.
    fn send(&mut self, partition: &TopicPartition, payload: &[u8]) -> Result<()>;

    /// Returns once everything sent is durable.
    ///
    /// # Errors
    /// Anything that was not taken.
    fn flush(&mut self) -> Result<()>;
}

/// What [`replay`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Records sent again.
    pub sent: u64,
    /// Records that were cut or withheld, and cannot be sent.
    pub not_whole: u64,
    /// Records of replayed files, which no topic has had.
    pub of_files: u64,
    /// Records behind the filter's limit.
    pub left: u64,
}

/// Sends the whole records that `filter` finds to their partitions again, in the order in which they were refused. Those of
/// replayed files stay where they are.
///
/// It is idempotent for events: a record that was accepted when it was sent before counts as a repeat, by its identity, as long
/// as its window takes revisions, and as too late afterwards. A record that is refused again makes another row of the
/// quarantine. The rows that were sent stay where they are.
///
/// # Errors
/// The lake's errors, the sink's errors. What was sent before an error stays sent.
pub async fn replay(lake: &Lake, filter: &Filter, sink: &mut (dyn Sink + Send)) -> Result<Replayed> {
    let unlimited = Filter {
        limit: None,
        ..filter.clone()
    };
    let mut found = list(lake, &unlimited).await?;
    let all = found.len();
    found.truncate(filter.limit.unwrap_or(usize::MAX));
    let mut replayed = Replayed {
        left: (all - found.len()) as u64,
        ..Replayed::default()
    };
    for record in found.iter().rev() {
        let partition = TopicPartition::new(&record.topic, record.partition);
        match &record.payload {
            _ if partition.is_history() => replayed.of_files += 1,
            Some(payload) if record.is_whole() => {
                sink.send(&partition, payload)?;
                replayed.sent += 1;
            }
            _ => replayed.not_whole += 1,
        }
    }
    sink.flush()?;
    Ok(replayed)
}

/// The code that `text` names.
///
/// # Errors
/// No code of that name.
pub fn reason(text: &str) -> Result<Reason> {
    let known = || Reason::ALL.map(Reason::code).join(", ");
    Reason::ALL
        .into_iter()
        .find(|reason| reason.code() == text)
        .ok_or_else(|| Error::invalid("reason", text, known()))
}
