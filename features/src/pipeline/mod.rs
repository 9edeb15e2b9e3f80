//! From a source to durable windows, exactly once.
//!
//! ```text
//! source -> decode -> windows of each stream -> quarantine, windows, archive (three tables, three commits)
//! ```
//!
//! | file | what stands there |
//! |---|---|
//! | `driver` | [`Pipeline`]: one thread polls, decodes, closes windows and commits |
//! | `lane` | one stream: decoder, windows, what waits for a commit |
//! | `commit` | the commits of one stream, and their order |
//! | `resume` | what the tables say at start, and where reading begins |
//! | `tables` | the tables of one stream and the epochs that it holds in them |
//! | `options`, `status`, `observer` | how it runs, what it says, who is told |
//! | `quarantine` | refused records: list, send again |
//!
//! # Exactly once
//! - The windows table holds rows and offsets in one commit. A commit holds all windows that closed and all revisions by what
//!   was read so far; `next` is the first unread offset, `resume_from` the lowest one that an open window still holds. After a
//!   restart reading begins at `resume_from`; a record below `next` whose window had closed is in the table already.
//! - The quarantine is committed before the windows. What it holds is decided: a record read again that stands in it is not
//!   counted in a window, and one that was not refused is decided anew. So each record is counted in `events`, in `duplicates`
//!   or in the quarantine, once.
//! - The archive has its own offsets and drops what it has.
//! - Each table knows the epoch of its writer by partition. Whoever takes a partition over raises it; commits of the former
//!   owner are refused from then on, however long it slept.
//! - After an error of the lake nothing is tried again: all memory is dropped, the lake is opened anew, and reading goes on from
//!   what the tables say.
//!
//! # History
//! What is replayed from files is a log of its own beside the topic's partitions, with a number below 0 and offsets of its own.
//! It moves neither the offsets nor the watermark of the live stream, and nothing of it is ever too late. A window that both
//! have events of goes on from the rows that are there, and each identity counts once. The two do not write at the same time:
//! a commit that was made without knowing of the other is refused. A service then begins again from what the tables say, and
//! a replay ends; the same files replayed once more go on where they were.
//!
//! With several instances the topics must be partitioned by key, as the windows of a key are made by one of them.

mod commit;
mod driver;
mod lane;
mod observer;
mod options;
pub mod quarantine;
mod resume;
mod status;
mod tables;

pub use driver::{Pipeline, Turn};
pub use observer::{CommitObserver, EventCommit, TRACE_TARGET, WindowCommit};
pub use options::{LakeAddress, OnRecreatedTopic, PipelineOptions};
pub use status::{PipelineStatus, StreamState, StreamStatus};
