//! The state of a training between two batches.

use super::EpochLosses;
use crate::Result;
use crate::kernels::adamw::Moments;

/// Where a training's state is kept.
pub trait Checkpoint: Sync {
    /// The state that was saved last, if there is one.
    ///
    /// # Errors
    /// A state that cannot be read.
    fn load(&self) -> Result<Option<Snapshot>>;

    /// Replaces the state; when this returns, the new one is durable, and at no time is there none.
    ///
    /// # Errors
    /// A state that cannot be written.
    fn save(&self, snapshot: &Snapshot) -> Result<()>;
}

/// All that the rest of a training depends on, besides its settings and its data.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// What is trained and how, as JSON: a training of something else does not take this state up.
    pub description: String,
    /// A digest of the data: a training on others does not take this state up.
    pub data: String,
    /// Epochs that are done.
    pub epoch: u64,
    /// Batches of the next one that are done.
    pub batch: usize,
    /// The sum of their losses.
    pub loss_sum: f64,
    /// The losses of the epochs that are done.
    pub losses: Vec<EpochLosses>,
    /// The parameters.
    pub parameters: Vec<f32>,
    /// What the optimiser remembers.
    pub moments: Moments,
    /// The parameters after the best epoch so far.
    pub best: Vec<f32>,
    /// The epoch, from 1, in which the loss was not a number any more: the training ends with the best parameters before.
    pub diverged: Option<u64>,
}
