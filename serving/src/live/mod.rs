//! Live state: the recent windows of every served target, where every key is, and the incidents that are known; fed by commits
//! and rebuilt from the lake.

mod columns;
mod follow;
mod incidents;
mod panel;
mod rebuild;
mod ring;
mod state;
mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::lake::Lake;
use arterial_datasets::panel::{CityMeans, Covariate};
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::{Duration, SECOND, Timestamp};

pub use columns::{target_column, target_fields};
pub use incidents::{Incident, Incidents};
pub use panel::{Shape, digest, panel};
pub use ring::{Revisions, Ring};
pub use state::{Maker, Place, State};
pub use stream::{KeyInfo, LiveStream, Taken};

use crate::metrics::{Metric, Metrics};
use crate::{Error, Result};

/// The stream of incidents.
const INCIDENTS: &str = "incidents";

/// The live state of every stream.
#[derive(Debug)]
pub struct Live {
    streams: BTreeMap<String, LiveStream>,
    incidents: Incidents,
    history_bytes: usize,
}

impl Live {
    /// Without any window yet; at most `history` and `history_bytes` are kept.
    pub fn new(catalog: &StreamCatalog, history: Duration, history_bytes: usize) -> Self {
        let live = |stream: &Arc<StreamDefinition>| (stream.name.clone(), LiveStream::new(Arc::clone(stream), history));
        Self {
            streams: catalog.iter().map(live).collect(),
            incidents: Incidents::new(catalog.get(INCIDENTS).ok().cloned()),
            history_bytes,
        }
    }

    /// The stream of that name.
    ///
    /// # Errors
    /// No such stream; the error names those that exist.
    pub fn stream(&self, topic: &str) -> Result<&LiveStream> {
        self.streams.get(topic).ok_or_else(|| {
            let known = self.streams.keys().cloned().collect::<Vec<_>>().join(", ");
            if topic.is_empty() {
                return Error::missing("topic", known);
            }
            Error::invalid("topic", topic, known)
        })
    }

    /// The streams, by name.
    pub fn streams(&self) -> impl Iterator<Item = &LiveStream> {
        self.streams.values()
    }

    /// The incidents that are known.
    pub fn incidents(&self) -> &Incidents {
        &self.incidents
    }

    /// Takes the rows of one commit.
    ///
    /// # Errors
    /// An unknown stream, or a batch that lacks a column of the windows table.
    pub fn take(&self, topic: &str, batch: &RecordBatch, watermark: Timestamp, metrics: &Metrics) -> Result<()> {
        let stream = self.stream(topic)?;
        let taken = stream.take(batch, Maker::Own(watermark))?;
        metrics.count_by(Metric::LiveWindows, "topic", topic, taken.windows);
        metrics.count_by(Metric::LiveRevisions, "topic", topic, taken.revisions);
        measure(stream, metrics);
        self.bound(metrics);
        Ok(())
    }

    /// Takes what other instances on the same lake have committed since the last look, or whoever `maker` says; returns the rows read. A
    /// table that cannot be read keeps nobody from reading the others.
    ///
    /// # Errors
    /// The first table that could not be read.
    pub async fn follow(&self, lake: &Lake, history: Duration, maker: Maker, metrics: &Metrics) -> Result<u64> {
        let mut rows = 0;
        let mut failed = None;
        for stream in self.streams.values() {
            match stream.follow(lake, history, maker).await {
                Ok(0) => {}
                Ok(taken) => {
                    metrics.count_by(Metric::LiveWindows, "topic", &stream.definition().name, taken);
                    measure(stream, metrics);
                    rows += taken;
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if rows > 0 {
            self.bound(metrics);
        }
        match self.incidents.follow(lake).await {
            Ok(taken) => rows += taken,
            Err(error) => failed = failed.or(Some(error)),
        }
        failed.map_or(Ok(rows), Err)
    }

    /// The means of a number over all keys of its stream, by window.
    ///
    /// # Errors
    /// No such stream, or a number that is not held.
    pub fn city_means(&self, covariate: &Covariate) -> Result<CityMeans> {
        let stream = self.stream(&covariate.topic)?;
        stream
            .with(|state| panel::city_means(state, covariate))
            .ok_or_else(|| Error::invalid("covariate", covariate, stream.served().join(", ")))
    }

    /// Cuts history short where it takes more memory than it may.
    fn bound(&self, metrics: &Metrics) {
        let held: Vec<usize> = self.streams.values().map(LiveStream::bytes).collect();
        let total: usize = held.iter().sum();
        for (stream, bytes) in self.streams.values().zip(&held) {
            metrics.set_by(Metric::LiveBytes, "topic", &stream.definition().name, *bytes as f64);
        }
        if total <= self.history_bytes {
            return;
        }
        for (stream, bytes) in self.streams.values().zip(held) {
            let share = (bytes as f64 * 0.9 * self.history_bytes as f64 / total as f64) as usize;
            if let Some(rows) = stream.shrink(share) {
                tracing::warn!(
                    topic = stream.definition().name,
                    rows,
                    "history in memory was cut short"
                );
            }
        }
    }
}

/// Sets how far a stream is.
fn measure(stream: &LiveStream, metrics: &Metrics) {
    let topic = &stream.definition().name;
    if let Some(watermark) = stream.closed_until() {
        let seconds = watermark.0 as f64 / SECOND as f64;
        metrics.set_by(Metric::LiveWatermark, "topic", topic, seconds);
    }
    metrics.set_by(Metric::LiveKeys, "topic", topic, stream.key_count() as f64);
}
