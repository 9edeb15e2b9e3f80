//! Training: batches streamed, the best weights kept, and a state that can be taken up again bit for bit.

mod checkpoint;
mod file;
mod observer;
mod run;
mod schedule;
mod settings;
#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, Snapshot};
pub use file::CheckpointFile;
pub use observer::{Observer, Progress, Unobserved};
pub use run::{EpochLosses, Trained, train};
pub use schedule::Schedule;
pub use settings::TrainingSettings;
