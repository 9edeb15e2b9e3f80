//! Who is told of commits.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::Timestamp;
use tracing::Span;

/// The target of the spans of commits, for filters.
pub const TRACE_TARGET: &str = "arterial_trace";

/// Windows that are durable now.
#[derive(Debug, Clone)]
pub struct WindowCommit {
    /// The stream.
    pub stream: Arc<StreamDefinition>,
    /// The rows under the schema of the windows table, revisions included, the hidden columns too.
    pub batch: RecordBatch,
    /// Windows that end at or before are closed.
    pub watermark: Timestamp,
    /// The version of the windows table that holds them.
    pub version: i64,
}

/// Raw events that are durable in the archive now.
#[derive(Debug, Clone)]
pub struct EventCommit {
    /// The stream.
    pub stream: Arc<StreamDefinition>,
    /// The rows under the schema of the archive, in the order of arrival.
    pub batches: Vec<RecordBatch>,
    /// The version of the archive that holds them.
    pub version: i64,
}

/// Is told of each commit of windows and of archived events, on the pipeline's thread, once the rows are durable.
///
/// A commit whose reply was lost is not told of: who must see every row reads the table (from the version it knows) at start
/// and after [`PipelineStatus::suspended`](super::PipelineStatus::suspended).
pub trait CommitObserver: Send + Sync {
    /// A commit of windows is about to be made, in `span`, which has not begun. Some of the records behind it were sent in traces:
    /// these are their headers `traceparent`.
    fn committing(&self, _span: &Span, _traceparents: &[String]) {}

    /// Takes note. Consuming waits meanwhile: hand long work to another thread.
    fn committed(&self, commit: &WindowCommit);

    /// Takes note of archived events, as of windows.
    fn archived(&self, _commit: &EventCommit) {}
}
