//! The tables of one stream, and the epochs that this writer holds in them.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arterial_datasets::lake::{Lake, PartitionProgress, Progress, Table, TableSpec, TopicPartition};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamDefinition;

use crate::Result;
use crate::source::SourceIdentity;

/// The name of the table of refused records.
pub const QUARANTINE: &str = "quarantine";

/// One table with the epochs held in it.
#[derive(Debug)]
pub(super) struct Held {
    pub table: Table,
    epochs: BTreeMap<TopicPartition, u64>,
}

/// The tables of one stream. Each stream has its own handle of the quarantine.
#[derive(Debug)]
pub(super) struct Tables {
    pub windows: Held,
    pub quarantine: Held,
    pub archive: Option<Held>,
}

impl Held {
    async fn open(lake: &Lake, spec: TableSpec, epochs: Option<&Self>) -> Result<Self> {
        let epochs = epochs.map(|held| held.epochs.clone()).unwrap_or_default();
        Ok(Self {
            table: lake.table(&spec).await?,
            epochs,
        })
    }

    /// Takes `new` over, forgets what is not `owned`.
    async fn acquire(&mut self, owned: &BTreeSet<TopicPartition>, new: &BTreeSet<TopicPartition>) -> Result<()> {
        self.epochs.retain(|partition, _| owned.contains(partition));
        let wanted: Vec<TopicPartition> = owned
            .iter()
            .filter(|one| new.contains(one) || !self.epochs.contains_key(one))
            .cloned()
            .collect();
        if !wanted.is_empty() {
            self.table.acquire(&wanted).await?;
        }
        for partition in wanted {
            let epoch = self.progress(&partition).epoch;
            self.epochs.insert(partition, epoch);
        }
        self.check()
    }

    /// Whether somebody else has taken a partition over.
    fn check(&self) -> Result<()> {
        for (partition, &held) in &self.epochs {
            let current = self.progress(partition).epoch;
            if current > held {
                return Err(crate::Error::Data(arterial_datasets::Error::Fenced {
                    table: self.table.name().to_owned(),
                    topic: partition.topic.clone(),
                    partition: partition.partition,
                    held,
                    current,
                }));
            }
        }
        Ok(())
    }

    /// How far the table is in `partition`.
    pub(super) fn progress(&self, partition: &TopicPartition) -> PartitionProgress {
        self.table
            .progress()
            .partitions
            .get(partition)
            .copied()
            .unwrap_or_default()
    }

    /// Commits rows with positions: `next`, `resume_from` and watermark of each partition.
    pub(super) async fn commit(
        &mut self,
        rows: &[RecordBatch],
        positions: BTreeMap<TopicPartition, PartitionProgress>,
        identity: &SourceIdentity,
    ) -> Result<i64> {
        let with_epoch = |(partition, progress): (TopicPartition, PartitionProgress)| {
            let epoch = self.epochs.get(&partition).copied().unwrap_or(0);
            (partition, PartitionProgress { epoch, ..progress })
        };
        let progress = Progress {
            partitions: positions.into_iter().map(with_epoch).collect(),
            cluster_id: identity.cluster_id.clone(),
            topic_ids: identity.topic_ids.clone(),
            source_version: None,
        };
        Ok(self.table.commit(rows, &progress).await?)
    }
}

impl Tables {
    /// Opens the tables of `stream`, made where they are absent. Epochs are kept from `before`.
    pub(super) async fn open(lake: &Lake, stream: &StreamDefinition, before: Option<&Self>) -> Result<Self> {
        let spec = |name: String, schema| TableSpec::new(name, schema);
        let windows = spec(stream.windows_table(), schema::windows(stream));
        let quarantine = spec(QUARANTINE.to_owned(), schema::quarantine());
        let archive = stream
            .archive
            .then(|| spec(stream.events_table(), schema::events(stream)));
        Ok(Self {
            windows: Held::open(lake, windows, before.map(|tables| &tables.windows)).await?,
            quarantine: Held::open(lake, quarantine, before.map(|tables| &tables.quarantine)).await?,
            archive: match archive {
                Some(spec) => Some(Held::open(lake, spec, before.and_then(|tables| tables.archive.as_ref())).await?),
                None => None,
            },
        })
    }

    /// Takes `new` over in every table and checks that the rest of `owned` is still ours.
    pub(super) async fn acquire(
        &mut self,
        owned: &BTreeSet<TopicPartition>,
        new: &BTreeSet<TopicPartition>,
    ) -> Result<()> {
        self.windows.acquire(owned, new).await?;
        self.quarantine.acquire(owned, new).await?;
        if let Some(archive) = &mut self.archive {
            archive.acquire(owned, new).await?;
        }
        Ok(())
    }
}
