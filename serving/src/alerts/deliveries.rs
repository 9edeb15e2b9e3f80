//! The table `alert_deliveries`: which revisions each sink took, and in the same commit how far the sink is.
//!
//! | progress of | what it says |
//! |---|---|
//! | partition 0 of a sink's name | `next`: the sequence of the next revision to deliver |

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Date32Array, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{StringBuilder, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;
use arterial_datasets::lake::{Lake, PartitionProgress, Progress, Scan, Table, TableSpec, TopicPartition};
use arterial_datasets::schema;
use arterial_datasets::time::Timestamp;
use futures::TryStreamExt;

use super::revision::AlertRevision;
use crate::{Error, Result};

/// The name of the table.
pub const DELIVERIES: &str = "alert_deliveries";

/// A revision that a sink took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    alert_id: String,
    revision: u32,
    sequence: u64,
    at: Timestamp,
}

impl Delivery {
    /// `revision` was taken at `at`.
    pub fn new(revision: &AlertRevision, at: Timestamp) -> Self {
        Self {
            alert_id: revision.alert.alert_id.clone(),
            revision: revision.alert.revision,
            sequence: revision.sequence,
            at,
        }
    }
}

/// The deliveries of one sink.
pub struct Deliveries {
    table: Table,
    sink: String,
    place: TopicPartition,
}

impl Deliveries {
    /// Opens the table, made where it is absent.
    ///
    /// # Errors
    /// A lake that cannot be read or written.
    pub async fn open(lake: &Lake, sink: &str) -> Result<Self> {
        let spec = TableSpec::new(DELIVERIES, schema::alert_deliveries());
        Ok(Self {
            table: lake.table(&spec).await?,
            sink: sink.into(),
            place: TopicPartition::new(sink, 0),
        })
    }

    /// Takes the sink over from whoever delivered to it: his notes are refused from now on.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn acquire(&mut self) -> Result<()> {
        Ok(self.table.acquire(std::slice::from_ref(&self.place)).await?)
    }

    /// The sequence up to which the sink has everything; none where it never had anything.
    pub fn through(&self) -> Option<u64> {
        let known = self.known();
        known.has_read().then(|| u64::try_from(known.next - 1).unwrap_or(0))
    }

    fn known(&self) -> PartitionProgress {
        let known = self.table.progress().partitions.get(&self.place);
        known.copied().unwrap_or_default()
    }

    /// Notes that the sink took `delivered`, and has everything that it is to have up to `through`; durable when it returns.
    ///
    /// # Errors
    /// A lake that cannot be written, or another service that has taken the sink over.
    pub async fn note(&mut self, delivered: &[Delivery], through: u64) -> Result<()> {
        let next = through as i64 + 1;
        let place = PartitionProgress {
            next,
            resume_from: next,
            ..self.known()
        };
        let progress = Progress {
            partitions: [(self.place.clone(), place)].into(),
            ..Progress::default()
        };
        self.table.commit(&self.rows(delivered)?, &progress).await?;
        Ok(())
    }

    /// Notes a delivery out of turn: a dead letter that was sent again.
    ///
    /// # Errors
    /// A lake that cannot be written.
    pub async fn note_letter(&mut self, delivered: &Delivery) -> Result<()> {
        let rows = self.rows(std::slice::from_ref(delivered))?;
        self.table.append(&rows).await?;
        Ok(())
    }

    /// The sequence of the newest revision that the sink took of each alert since `since`, by the alert's id.
    ///
    /// # Errors
    /// A lake that cannot be read.
    pub async fn newest(&self, since: Timestamp) -> Result<BTreeMap<String, u64>> {
        let wrong = |name: &str| Error::invalid("deliveries batch", name, "a column of the table `alert_deliveries`");
        let scan = Scan {
            columns: Some(["sink", "alert_id", "sequence"].map(String::from).to_vec()),
            time_column: Some("delivered_at".into()),
            from: Some(since),
            ..Scan::default()
        };
        let mut newest: BTreeMap<String, u64> = BTreeMap::new();
        let mut batches = self.table.stream(&scan).await?;
        while let Some(batch) = batches.try_next().await? {
            let column = |name: &str| batch.column_by_name(name).ok_or_else(|| wrong(name));
            let text = |name: &str| column(name)?.as_string_opt::<i32>().ok_or_else(|| wrong(name));
            let (sinks, alerts) = (text("sink")?, text("alert_id")?);
            let sequences = column("sequence")?.as_primitive_opt::<Int64Type>();
            let sequences = sequences.ok_or_else(|| wrong("sequence"))?;
            for row in (0..batch.num_rows()).filter(|row| sinks.value(*row) == self.sink) {
                let sequence = sequences.value(row).max(0) as u64;
                let known = newest.entry(alerts.value(row).to_owned()).or_default();
                *known = sequence.max(*known);
            }
        }
        Ok(newest)
    }

    fn rows(&self, delivered: &[Delivery]) -> Result<Vec<RecordBatch>> {
        if delivered.is_empty() {
            return Ok(Vec::new());
        }
        let mut sinks = StringBuilder::new();
        for _ in delivered {
            sinks.append_value(&self.sink);
        }
        let alerts = StringArray::from_iter_values(delivered.iter().map(|one| &one.alert_id));
        let revisions = delivered.iter().map(|one| one.revision as i32);
        let sequences = delivered.iter().map(|one| one.sequence as i64);
        let times = TimestampMicrosecondArray::from_iter_values(delivered.iter().map(|one| one.at.0));
        let days = delivered.iter().map(|one| one.at.day() as i32);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(sinks.finish()),
            Arc::new(alerts),
            Arc::new(Int32Array::from_iter_values(revisions)),
            Arc::new(Int64Array::from_iter_values(sequences)),
            Arc::new(times.with_timezone("UTC")),
            Arc::new(Date32Array::from_iter_values(days)),
        ];
        Ok(vec![RecordBatch::try_new(schema::alert_deliveries(), columns)?])
    }
}

#[cfg(test)]
mod tests {
    use arterial_datasets::lake::LakeOptions;
    use arterial_models::alerts::State;

    use super::*;
    use crate::alerts::revision::examples::revision;

    async fn lake(folder: &tempfile::TempDir) -> Lake {
        let place = folder.path().to_string_lossy();
        Lake::open(&place, LakeOptions::default()).await.unwrap()
    }

    /// What was taken at the instant of that number.
    fn delivery(sequence: u64, id: &str) -> Delivery {
        let revision = revision(sequence, id, sequence as u32, State::Open);
        Delivery::new(&revision, Timestamp(sequence as i64))
    }

    fn known(sequences: &[(&str, u64)]) -> BTreeMap<String, u64> {
        let owned = |(id, sequence): &(&str, u64)| ((*id).to_owned(), *sequence);
        sequences.iter().map(owned).collect()
    }

    #[tokio::test]
    async fn what_a_sink_took_is_known_by_the_next_process() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut ops = Deliveries::open(&lake, "ops").await.unwrap();
        ops.acquire().await.unwrap();
        assert_eq!(ops.through(), None);
        ops.note(&[delivery(1, "a"), delivery(3, "b"), delivery(4, "a")], 6)
            .await
            .unwrap();
        let mut chat = Deliveries::open(&lake, "chat").await.unwrap();
        chat.acquire().await.unwrap();
        chat.note(&[delivery(2, "a")], 2).await.unwrap();
        let again = Deliveries::open(&lake, "ops").await.unwrap();
        assert_eq!(again.through(), Some(6));
        assert_eq!(again.newest(Timestamp(1)).await.unwrap(), known(&[("a", 4), ("b", 3)]));
        assert_eq!(
            again.newest(Timestamp(4)).await.unwrap(),
            known(&[("a", 4)]),
            "since then"
        );
    }

    #[tokio::test]
    async fn of_two_services_that_deliver_to_a_sink_the_former_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let lake = lake(&folder).await;
        let mut former = Deliveries::open(&lake, "ops").await.unwrap();
        former.acquire().await.unwrap();
        former.note(&[], 1).await.unwrap();
        let mut latter = Deliveries::open(&lake, "ops").await.unwrap();
        latter.acquire().await.unwrap();
        let error = former.note(&[delivery(2, "a")], 2).await.unwrap_err();
        assert!(error.is_fenced(), "{error}");
        latter.note(&[delivery(2, "a")], 2).await.unwrap();
        assert_eq!(latter.newest(Timestamp(0)).await.unwrap(), known(&[("a", 2)]));
    }
}
