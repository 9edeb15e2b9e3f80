//! A pipeline into a fresh lake, and the accounts of the operating system.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::lake::LakeOptions;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::SystemClock;
use arterial_datasets::topic::TopicPartition;
use arterial_features::decode::IdentityKey;
use arterial_features::pipeline::{LakeAddress, Pipeline, PipelineOptions};
use arterial_features::record::RecordRef;
use arterial_features::source::{Change, KafkaSettings, KafkaSource, Polled, Source, SourceIdentity};
use arterial_testing::KafkaBroker;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::Result;
use super::events::TOPIC;

/// The stream of [`TOPIC`], with or without its archive.
pub fn stream(archive: bool) -> Result<StreamDefinition> {
    let mut stream = StreamCatalog::built_in()?.get(TOPIC)?.as_ref().clone();
    stream.archive = archive;
    Ok(stream)
}

/// Where windows go, as long as it lives.
pub struct Ground {
    folder: TempDir,
    runtime: Runtime,
}

impl Ground {
    pub fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let folder = tempfile::tempdir()?;
        Ok(Self { folder, runtime })
    }

    pub fn pipeline<S: Source>(&self, source: S, stream: StreamDefinition) -> Result<Pipeline<S>> {
        let address = LakeAddress {
            url: self.folder.path().display().to_string(),
            options: LakeOptions::default(),
        };
        Ok(Pipeline::new(
            source,
            [Arc::new(stream)],
            address,
            Arc::new(SystemClock),
            self.runtime.handle().clone(),
            PipelineOptions::new(IdentityKey::from_secret("bench")),
        )?)
    }
}

/// Reads [`TOPIC`] from a broker as the service does.
pub fn kafka_source(broker: &KafkaBroker) -> Result<KafkaSource> {
    let settings = KafkaSettings::new(broker.address(), [TOPIC.to_owned()]);
    Ok(KafkaSource::new(settings)?)
}

/// A broker; an error where there is none to be had.
pub fn broker(partitions: i32) -> Result<KafkaBroker> {
    let broker = KafkaBroker::start().ok_or("this needs a real broker: Java and Maven")?;
    broker.create_topic(TOPIC, partitions);
    Ok(broker)
}

/// The records of one partition.
pub trait Script {
    fn records(&self) -> usize;
    fn record(&mut self, number: usize) -> &str;
}

/// A source that reads a script, with no broker between.
pub struct Scripted<T> {
    script: T,
    next: usize,
    assigned: bool,
}

impl<T: Script> Scripted<T> {
    pub fn new(script: T) -> Self {
        Self {
            script,
            next: 0,
            assigned: false,
        }
    }

    pub fn is_read(&self) -> bool {
        self.next == self.script.records()
    }
}

impl<T: Script> Source for Scripted<T> {
    fn poll(
        &mut self,
        _: std::time::Duration,
        limit: usize,
        each: &mut dyn FnMut(&str, RecordRef<'_>),
    ) -> arterial_features::Result<Polled> {
        if !std::mem::replace(&mut self.assigned, true) {
            return Ok(Polled {
                records: 0,
                changes: vec![Change::Assigned(vec![TopicPartition::new(TOPIC, 0)])],
            });
        }
        let last = self.script.records().min(self.next + limit);
        for number in self.next..last {
            each(
                TOPIC,
                RecordRef {
                    partition: 0,
                    offset: number as i64,
                    payload: Some(self.script.record(number).as_bytes()),
                    trace: None,
                },
            );
        }
        let records = last - self.next;
        self.next = last;
        Ok(Polled {
            records,
            changes: Vec::new(),
        })
    }

    fn seek(&mut self, _: &BTreeMap<TopicPartition, i64>) -> arterial_features::Result<()> {
        Ok(())
    }

    fn high_watermark(&self, _: &TopicPartition) -> Option<i64> {
        Some(self.script.records() as i64)
    }

    fn low_watermark(&self, _: &TopicPartition) -> Option<i64> {
        Some(0)
    }

    fn identity(&mut self) -> arterial_features::Result<SourceIdentity> {
        Ok(SourceIdentity::default())
    }

    fn courtesy_commit(&mut self, _: &BTreeMap<TopicPartition, i64>) {}
}

/// User and system time of every thread, in seconds, from /proc/self/stat (hundredths).
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|text| text.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    (ticks(11) + ticks(12)) / 100.0
}
