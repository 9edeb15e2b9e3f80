//! The settings of a training.

use serde::{Deserialize, Serialize};

use super::Schedule;
use crate::kernels::adamw::AdamW;
use crate::neural::Device;
use crate::{Error, Result};

/// The settings of a training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainingSettings {
    /// The most epochs; from 1. Default 100.
    pub epochs: u64,
    /// The highest learning rate; above 0. Default 0.002.
    pub learning_rate: f32,
    /// How fast parameters shrink, in shares of the learning rate; 0 and more. Default 0.0001.
    pub weight_decay: f32,
    /// Epochs over which the learning rate rises; 0 and more. Default 1.
    pub warm_up: f32,
    /// How the learning rate goes on.
    pub schedule: Schedule,
    /// The longest gradient that is not shortened; above 0. Default 5.
    pub clip: f32,
    /// Epochs without a lower validation loss after which training ends; from 1. Default 12.
    pub patience: u64,
    /// A checkpoint is written after so many batches, besides the one after each epoch; 0 for none. Default 0.
    pub checkpoint_every: usize,
    /// Where to train.
    pub device: Device,
}

impl Default for TrainingSettings {
    fn default() -> Self {
        Self {
            epochs: 100,
            learning_rate: 2e-3,
            weight_decay: 1e-4,
            warm_up: 1.0,
            schedule: Schedule::default(),
            clip: 5.0,
            patience: 12,
            checkpoint_every: 0,
            device: Device::Cpu,
        }
    }
}

impl TrainingSettings {
    /// Checks each setting against its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first one outside of it.
    pub fn check(&self) -> Result<()> {
        let finite = |value: f32, fits: bool| value.is_finite() && fits;
        let (rate, warm_up) = (self.learning_rate, self.warm_up);
        let numbers = [
            ("learning_rate", rate, finite(rate, rate > 0.0), "above 0"),
            ("warm_up", warm_up, finite(warm_up, warm_up >= 0.0), "0 and more"),
        ];
        if let Some((field, value, _, accepted)) = numbers.into_iter().find(|rule| !rule.2) {
            return Err(Error::invalid(field, value, accepted));
        }
        for (field, value) in [("epochs", self.epochs), ("patience", self.patience)] {
            if value == 0 {
                return Err(Error::invalid(field, value, "1 and more"));
            }
        }
        self.check_schedule()?;
        self.optimiser().check()
    }

    fn check_schedule(&self) -> Result<()> {
        match self.schedule {
            Schedule::Cosine { least } if !(0.0..=1.0).contains(&least) => {
                Err(Error::invalid("least", least, "0 to 1"))
            }
            Schedule::Plateau { factor, .. } if !(factor > 0.0 && factor < 1.0) => {
                Err(Error::invalid("factor", factor, "a fraction strictly between 0 and 1"))
            }
            Schedule::Plateau { patience: 0, .. } => Err(Error::invalid("patience", 0, "1 and more")),
            _ => Ok(()),
        }
    }

    /// The optimiser's options.
    pub(super) fn optimiser(&self) -> AdamW {
        AdamW {
            weight_decay: self.weight_decay,
            max_norm: Some(self.clip),
            ..AdamW::default()
        }
    }

    /// The learning rate of a step, of `batches` in each epoch, with the validation losses so far.
    pub(super) fn rate(&self, step: u64, batches: usize, validation: impl Iterator<Item = f64>) -> f32 {
        let warm_up = f64::from(self.warm_up) * batches as f64;
        let (done, total) = (step as f64, self.epochs as f64 * batches as f64);
        let rise = ((done + 1.0) / warm_up.max(1.0)).min(1.0);
        let progress = ((done - warm_up) / (total - warm_up).max(1.0)).clamp(0.0, 1.0);
        (f64::from(self.learning_rate) * rise * self.schedule.share(progress, validation)) as f32
    }
}
