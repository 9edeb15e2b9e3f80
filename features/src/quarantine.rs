//! Records that could not be taken, and why.

use std::fmt;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, Date32Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arterial_datasets::schema;
use arterial_datasets::time::Timestamp;

use crate::Result;

/// Why a record could not be taken. The codes are promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// No payload, or nothing but white space.
    Empty,
    /// More bytes than the limit.
    TooLarge,
    /// Bytes that are no UTF-8.
    NotUtf8,
    /// Text that is no JSON.
    NotJson,
    /// Objects and lists nested deeper than the limit.
    TooDeep,
    /// A required field is absent, null, or (the key) empty.
    MissingField,
    /// A listed field of another type.
    WrongType,
    /// A number outside its range, a category that is not declared, a key that is too long.
    OutOfRange,
    /// An event time that cannot be read, does not exist or exists twice in its zone, or is implausibly old.
    BadTimestamp,
    /// An event time further ahead of the clock than tolerated.
    FromTheFuture,
    /// The event's window is closed for good.
    TooLate,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Empty,
        Self::TooLarge,
        Self::NotUtf8,
        Self::NotJson,
        Self::TooDeep,
        Self::MissingField,
        Self::WrongType,
        Self::OutOfRange,
        Self::BadTimestamp,
        Self::FromTheFuture,
        Self::TooLate,
    ];

    /// The code, such as `NOT_JSON`.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "EMPTY",
            Self::TooLarge => "TOO_LARGE",
            Self::NotUtf8 => "NOT_UTF8",
            Self::NotJson => "NOT_JSON",
            Self::TooDeep => "TOO_DEEP",
            Self::MissingField => "MISSING_FIELD",
            Self::WrongType => "WRONG_TYPE",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::BadTimestamp => "BAD_TIMESTAMP",
            Self::FromTheFuture => "FROM_THE_FUTURE",
            Self::TooLate => "TOO_LATE",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// A record that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The source's partition.
    pub partition: i32,
    /// The source's offset.
    pub offset: i64,
    /// Why.
    pub reason: Reason,
    /// The field, its value and what is accepted.
    pub detail: String,
    /// The payload, cut at the limit; without what tells of a person. Empty where it was withheld or is not known.
    pub payload: Vec<u8>,
    /// The bytes of the whole payload.
    pub payload_bytes: i64,
    /// The event time, UTC microseconds, where it could be read.
    pub event_time: Option<i64>,
}

/// `rejected` under the schema of the table `quarantine`, one row a record.
///
/// # Errors
/// None that a caller could cause: the columns are made for the schema.
pub fn to_batch(topic: &str, rejected: &[Rejected], received_at: Timestamp) -> Result<RecordBatch> {
    let mut topics = StringBuilder::new();
    let mut partitions = Int32Builder::new();
    let mut offsets = Int64Builder::new();
    let mut received = TimestampMicrosecondBuilder::new().with_timezone("UTC");
    let mut reasons = StringBuilder::new();
    let mut details = StringBuilder::new();
    let mut payloads = BinaryBuilder::new();
    let mut sizes = Int64Builder::new();
    let mut days = Date32Builder::new();
    for record in rejected {
        topics.append_value(topic);
        partitions.append_value(record.partition);
        offsets.append_value(record.offset);
        received.append_value(received_at.0);
        reasons.append_value(record.reason.code());
        details.append_value(&record.detail);
        payloads.append_option((!record.payload.is_empty()).then_some(&record.payload));
        sizes.append_value(record.payload_bytes);
        days.append_value(i32::try_from(received_at.day()).unwrap_or_default());
    }
    let columns: Vec<ArrayRef> = vec![
        Arc::new(topics.finish()),
        Arc::new(partitions.finish()),
        Arc::new(offsets.finish()),
        Arc::new(received.finish()),
        Arc::new(reasons.finish()),
        Arc::new(details.finish()),
        Arc::new(payloads.finish()),
        Arc::new(sizes.finish()),
        Arc::new(days.finish()),
    ];
    Ok(RecordBatch::try_new(schema::quarantine(), columns)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::AsArray;
    use arrow::datatypes::Int64Type;

    use super::*;

    #[test]
    fn rejected_records_fill_the_quarantine_schema() {
        let record = Rejected {
            partition: 3,
            offset: 17,
            reason: Reason::NotJson,
            detail: "byte 0: expected `{`".into(),
            payload: b"speed".to_vec(),
            payload_bytes: 70_000,
            event_time: None,
        };
        let tombstone = Rejected {
            reason: Reason::Empty,
            payload: Vec::new(),
            payload_bytes: 0,
            ..record.clone()
        };
        let batch = to_batch("parking", &[record, tombstone], Timestamp(1_767_225_600_000_000)).unwrap();
        assert_eq!(batch.schema(), schema::quarantine());
        assert_eq!(batch["reason"].as_string::<i32>().value(0), "NOT_JSON");
        assert_eq!(batch["payload"].as_binary::<i32>().value(0), b"speed");
        assert_eq!(batch["payload_bytes"].as_primitive::<Int64Type>().value(0), 70_000);
        assert_eq!(batch["payload"].null_count(), 1);
    }

    #[test]
    fn every_code_is_upper_case_and_its_own() {
        let codes: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), 11);
        assert!(codes.iter().all(|code| {
            code.bytes()
                .all(|letter| letter == b'_' || letter.is_ascii_uppercase() || letter == b'8')
        }));
    }
}
