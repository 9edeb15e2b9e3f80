//! What a pipeline says of itself: for readiness, metrics and people.

use std::collections::BTreeMap;

use arterial_datasets::time::Timestamp;

/// A pipeline as of its last turn.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PipelineStatus {
    /// Why nothing is consumed at present: the lake failed; it is tried again. None while all is well.
    pub suspended: Option<String>,
    /// Whether a broker answers.
    pub unreachable: bool,
    /// Each stream by its topic.
    pub streams: BTreeMap<String, StreamStatus>,
}

/// Where a stream stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StreamState {
    /// No partition is assigned yet.
    #[default]
    Waiting,
    /// It is read.
    Running,
    /// Another instance has taken its partitions over; this one writes nothing more of it.
    Fenced(String),
    /// A person must look at it: the topic was made anew, or ends below what was read.
    Stopped(String),
}

/// One stream. Counts begin with the process; records that are read again after a failure count again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamStatus {
    /// Where it stands.
    pub state: StreamState,
    /// Distinct events.
    pub events: u64,
    /// Repeats.
    pub duplicates: u64,
    /// Distinct events after the end of their window's wait.
    pub late: u64,
    /// Rows of closed windows.
    pub windows: u64,
    /// Rows that revised closed windows.
    pub revisions: u64,
    /// Records that went to quarantine.
    pub quarantined: u64,
    /// Events of a history whose windows are final: they change nothing any more.
    pub left_out: u64,
    /// Records that the source no longer had.
    pub lost: u64,
    /// No event before is expected any more.
    pub watermark: Option<Timestamp>,
    /// Unread records, as far as known.
    pub lag: u64,
    /// Partitions that are ours.
    pub partitions: usize,
    /// The version of the windows table after the last commit.
    pub version: Option<i64>,
    /// When windows were last committed.
    pub committed_at: Option<Timestamp>,
    /// The bytes of memory that windows hold.
    pub memory: usize,
}

impl PipelineStatus {
    /// Whether events flow, or could: neither suspended nor without broker, and no stream is stopped.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.reasons().is_empty()
    }

    /// Why it is not ready.
    #[must_use]
    pub fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = self.suspended.iter().map(|why| format!("the lake: {why}")).collect();
        if self.unreachable {
            reasons.push("no broker answers".into());
        }
        for (topic, stream) in &self.streams {
            match &stream.state {
                StreamState::Fenced(why) | StreamState::Stopped(why) => reasons.push(format!("{topic}: {why}")),
                StreamState::Waiting | StreamState::Running => {}
            }
        }
        reasons
    }
}
