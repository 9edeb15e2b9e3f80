//! Who watches a training.

use std::time::Duration;

/// How far a training has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The most epochs there will be.
    pub epochs: u64,
    /// Batches of the epoch that are done.
    pub batch: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// The mean loss of the epoch's batches so far.
    pub loss: f64,
    /// The least loss on the validation part so far.
    pub best: Option<f64>,
    /// The time that is left if all epochs are needed.
    pub left: Duration,
}

/// Shows a training's progress, and may end it.
pub trait Observer: Sync {
    /// Called after each batch.
    fn report(&self, progress: &Progress);

    /// Whether to stop; asked before each batch.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Shows nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn report(&self, _progress: &Progress) {}
}
