//! Where simulated and replayed events go: files of JSON lines, or Kafka.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use arterial_datasets::mapping::{Pace, Speed};
use arterial_datasets::time::{SystemClock, Timestamp};
use arterial_serving::sinks::kafka::{KafkaWriter, Outgoing};

use crate::config::Config;
use crate::outcome::Usage;

/// How long brokers are waited for before anything is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records that are sent together.
const BATCH: usize = 5_000;

/// Takes events in order of time.
pub trait EventSink {
    /// Takes one event; it may wait, and may keep the event until later.
    ///
    /// # Errors
    /// A disk or a broker that refuses.
    fn send(&mut self, topic: &str, key: &str, time: Timestamp, payload: &[u8]) -> anyhow::Result<()>;

    /// Makes sure that every event has arrived.
    ///
    /// # Errors
    /// A disk or a broker that refuses.
    fn finish(&mut self) -> anyhow::Result<()>;
}

/// One file of JSON lines a topic.
pub struct FolderSink {
    files: BTreeMap<String, BufWriter<File>>,
}

impl FolderSink {
    /// Files for `topics` in a new or empty folder.
    ///
    /// # Errors
    /// A folder that holds something, or cannot be written.
    pub fn create<'a>(folder: &Path, topics: impl Iterator<Item = &'a str>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        if std::fs::read_dir(folder)?.next().is_some() {
            return Err(Usage(format!(
                "`--out` is `{}`, accepted: a new or empty folder",
                folder.display()
            ))
            .into());
        }
        let mut files = BTreeMap::new();
        for topic in topics {
            files.insert(topic.to_owned(), lines(&folder.join(format!("{topic}.jsonl")))?);
        }
        Ok(Self { files })
    }
}

/// A new file for lines.
///
/// # Errors
/// A file that cannot be made.
pub fn lines(path: &Path) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 18, file))
}

impl EventSink for FolderSink {
    fn send(&mut self, topic: &str, _: &str, _: Timestamp, payload: &[u8]) -> anyhow::Result<()> {
        let file = self
            .files
            .get_mut(topic)
            .with_context(|| format!("no file for topic `{topic}`"))?;
        file.write_all(payload)?;
        file.write_all(b"\n")?;
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        for file in self.files.values_mut() {
            file.flush()?;
            file.get_ref().sync_all()?;
        }
        Ok(())
    }
}

/// A writer to brokers that answer; `option` is where their addresses come from.
///
/// # Errors
/// Properties that librdkafka refuses, brokers that do not answer.
pub async fn reached(option: &str, brokers: &str, config: &Config) -> anyhow::Result<KafkaWriter> {
    let writer = KafkaWriter::new(brokers, "", &config.kafka.properties)?;
    let unreachable = || format!("cannot reach Kafka at `{brokers}` (`{option}`)");
    writer.reach(PATIENCE).await.with_context(unreachable)?;
    Ok(writer)
}

/// Kafka, at a speed.
pub struct BrokerSink {
    runtime: tokio::runtime::Runtime,
    writer: KafkaWriter,
    pace: Pace,
    waiting: Vec<Outgoing>,
}

impl BrokerSink {
    /// Sends to `brokers` with the configured properties of Kafka.
    ///
    /// # Errors
    /// Properties that librdkafka refuses, brokers that do not answer.
    pub fn new(brokers: &str, config: &Config, speed: Speed) -> anyhow::Result<Self> {
        let runtime = super::runtime()?;
        let writer = runtime.block_on(reached("--brokers", brokers, config))?;
        Ok(Self {
            runtime,
            writer,
            pace: Pace::new(speed),
            waiting: Vec::new(),
        })
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        let records = std::mem::take(&mut self.waiting);
        self.runtime.block_on(self.writer.send_all(records))?;
        Ok(())
    }
}

impl EventSink for BrokerSink {
    fn send(&mut self, topic: &str, key: &str, time: Timestamp, payload: &[u8]) -> anyhow::Result<()> {
        let wait = self.pace.wait(time, &SystemClock);
        if !wait.is_zero() {
            self.flush()?;
            self.runtime.block_on(tokio::time::sleep(wait));
        }
        self.waiting.push(Outgoing {
            topic: topic.to_owned(),
            key: (!key.is_empty()).then(|| key.to_owned()),
            partition: None,
            payload: payload.to_vec(),
            trace: None,
        });
        if self.waiting.len() >= BATCH {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        self.flush()
    }
}

/// `--out DIR | --brokers LIST [--speed]`, as `simulate` takes them.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(group = clap::ArgGroup::new("place").required(true).args(["out", "brokers"]))]
pub struct Target {
    /// Write one file of JSON lines a topic, and `labels.jsonl`, into this folder, which must be new or empty
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Send to these brokers
    #[arg(long, value_name = "LIST")]
    pub brokers: Option<String>,
    /// How fast the clock runs while sending: 1x, 60x, max
    #[arg(long, value_name = "SPEED", default_value = "max", conflicts_with = "out")]
    pub speed: Speed,
}
