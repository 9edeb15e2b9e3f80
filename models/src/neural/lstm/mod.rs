//! A recurrent encoder with a direct head for all steps ahead.
//!
//! ```text
//! h = LSTM([context_t, series, slot of the day, day of the week] for each step t), after the last step
//! x = relu(W_hᵀ·h + W_kᵀ·known + W_eᵀ·[series, slot of the day, day of the week] + b)
//! ```
//!
//! Hochreiter and Schmidhuber, "Long Short-Term Memory", Neural Computation 9 (1997); all steps ahead at once and by quantiles
//! as in Wen et al., "A Multi-Horizon Quantile Recurrent Forecaster", 2017.

mod fused;
mod general;

use serde::{Deserialize, Serialize};

use super::Shape;
use super::identity::Identity;
use super::layout::{Part, Start, part};
use super::shape::in_range;
use crate::Result;
use crate::kernels::Instructions;
use crate::kernels::joint::Joint;
use crate::kernels::lstm::{Lstm as Encoder, States};

/// The settings of the recurrent network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Lstm {
    /// Hidden units; 1 to 4096. Default 64.
    pub hidden: usize,
    /// Width of the embedding of the series; 0 to 1024. Default 8.
    pub series: usize,
    /// Width of the embedding of the slot of the day; 0 to 1024. Default 8.
    pub slot_of_day: usize,
    /// Width of the embedding of the day of the week; 0 to 1024. Default 4.
    pub weekday: usize,
}

impl Default for Lstm {
    fn default() -> Self {
        Self {
            hidden: 64,
            series: 8,
            slot_of_day: 8,
            weekday: 4,
        }
    }
}

impl Lstm {
    /// Checks each setting against its range.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for the first one outside of it.
    pub fn check(&self) -> Result<()> {
        in_range("hidden", self.hidden, 1, 4096)?;
        in_range("series", self.series, 0, 1024)?;
        in_range("slot_of_day", self.slot_of_day, 0, 1024)?;
        in_range("weekday", self.weekday, 0, 1024)
    }
}

/// The recurrent network for one shape.
#[derive(Debug)]
pub(super) struct LstmTrunk {
    identity: Identity,
    steps: usize,
    channels: usize,
    hidden: usize,
    encoder: Encoder,
    /// Of the last state, what is known, and the embeddings.
    merge: Joint<3>,
}

impl LstmTrunk {
    pub(super) fn new(settings: Lstm, shape: &Shape, instructions: Instructions) -> Result<Self> {
        settings.check()?;
        let identity = Identity {
            series: settings.series,
            slot_of_day: settings.slot_of_day,
            weekday: settings.weekday,
        };
        let (steps, hidden, width) = (shape.context, settings.hidden, shape.channels + identity.width());
        Ok(Self {
            identity,
            steps,
            channels: shape.channels,
            hidden,
            encoder: Encoder::new(steps, width, hidden, States::Last, instructions)?,
            merge: Joint {
                inputs: [hidden, shape.known_length(), identity.width()],
                outputs: hidden,
                instructions,
            },
        })
    }

    /// Numbers of one step of a sequence.
    fn step(&self) -> usize {
        self.channels + self.identity.width()
    }

    fn layout(&self) -> Vec<Part> {
        let hidden = self.hidden;
        let [state, known, identity] = self.merge.inputs;
        let (gates, merge) = (Start::of_map(hidden), Start::of_map(state + known + identity));
        vec![
            part("encoder.weight", &[self.step() + hidden, 4 * hidden], gates),
            part("encoder.bias", &[4 * hidden], gates),
            part("merge.state.weight", &[state, hidden], merge),
            part("merge.known.weight", &[known, hidden], merge),
            part("merge.identity.weight", &[identity, hidden], merge),
            part("merge.bias", &[hidden], merge),
        ]
    }
}
