//! Attention over time, then among series, with an embedding of each series and step that is learnt.
//!
//! ```text
//! x[s, t] = W_cᵀ·context[s, t] + b + adaptive[s, t] + slot of the day + day of the week
//! x[s]    ← encoder layers over the steps t of each series
//! y[s]    = W_xᵀ·[x[s, 0], …, x[s, T − 1]] + W_kᵀ·known[s] + b
//! y       ← encoder layers over the series s of each window
//! ```
//!
//! The idea of Liu et al., "Spatio-Temporal Adaptive Embedding Makes Vanilla Transformer SOTA for Traffic Forecasting"
//! (STAEformer), CIKM 2023; the series attend to each other once, by what their steps add up to.

mod fused;
mod general;
mod stack;

use serde::{Deserialize, Serialize};

use super::Shape;
use super::identity::Identity;
use super::layout::{Part, Start, map, part};
use super::shape::in_range;
use crate::kernels::joint::Joint;
use crate::kernels::{EncoderLayer, Instructions};
use crate::{Error, Result};

/// The settings of the attention network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Transformer {
    /// Width of a token, a multiple of `heads`; 1 to 4096. Default 64.
    pub width: usize,
    /// Heads of each attention; from 1. Default 4.
    pub heads: usize,
    /// Hidden numbers of each layer's second half; 1 to 16384. Default 256.
    pub hidden: usize,
    /// Layers over time; 0 to 16. Default 2.
    pub temporal_layers: usize,
    /// Layers among series; 0 to 16. Default 1.
    pub spatial_layers: usize,
}

impl Default for Transformer {
    fn default() -> Self {
        Self {
            width: 64,
            heads: 4,
            hidden: 256,
            temporal_layers: 2,
            spatial_layers: 1,
        }
    }
}

impl Transformer {
    /// Checks each setting against its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first one outside of it.
    pub fn check(&self) -> Result<()> {
        in_range("width", self.width, 1, 4096)?;
        in_range("heads", self.heads, 1, self.width)?;
        in_range("hidden", self.hidden, 1, 16_384)?;
        in_range("temporal_layers", self.temporal_layers, 0, 16)?;
        in_range("spatial_layers", self.spatial_layers, 0, 16)?;
        if !self.width.is_multiple_of(self.heads) {
            let accepted = format!("divisors of the width, {}", self.width);
            return Err(Error::invalid("heads", self.heads, accepted));
        }
        Ok(())
    }
}

/// The attention network for one shape.
#[derive(Debug)]
pub(super) struct TransformerTrunk {
    settings: Transformer,
    identity: Identity,
    steps: usize,
    entrance: Joint<1>,
    channels: usize,
    temporal: EncoderLayer,
    /// Of all steps of a series, and what is known.
    pool: Joint<2>,
}

impl TransformerTrunk {
    pub(super) fn new(settings: Transformer, shape: &Shape, instructions: Instructions) -> Result<Self> {
        settings.check()?;
        let (width, steps) = (settings.width, shape.context);
        let identity = Identity {
            series: steps * width,
            slot_of_day: width,
            weekday: width,
        };
        Ok(Self {
            settings,
            identity,
            steps,
            entrance: Joint {
                inputs: [shape.channels],
                outputs: width,
                instructions,
            },
            channels: shape.channels,
            temporal: EncoderLayer::new(steps, width, settings.heads, settings.hidden, instructions)?,
            pool: Joint {
                inputs: [steps * width, shape.known_length()],
                outputs: width,
                instructions,
            },
        })
    }

    fn layout(&self) -> Vec<Part> {
        let width = self.settings.width;
        let [steps, known] = self.pool.inputs;
        let start = Start::of_map(steps + known);
        let mut parts = map("entrance", self.channels, width).to_vec();
        for layer in 0..self.settings.temporal_layers {
            parts.extend(self.encoder(&format!("temporal.{layer}")));
        }
        parts.extend([
            part("pool.steps.weight", &[steps, width], start),
            part("pool.known.weight", &[known, width], start),
            part("pool.bias", &[width], start),
        ]);
        for layer in 0..self.settings.spatial_layers {
            parts.extend(self.encoder(&format!("spatial.{layer}")));
        }
        parts
    }

    /// The parameters of one encoder layer, in the order of [`EncoderLayer`].
    fn encoder(&self, name: &str) -> Vec<Part> {
        let Transformer { width, hidden, .. } = self.settings;
        let norm = |number: &str| {
            [
                part(&format!("{name}.{number}.gain"), &[width], Start::Constant(1.0)),
                part(&format!("{name}.{number}.shift"), &[width], Start::Constant(0.0)),
            ]
        };
        let mut parts = map(&format!("{name}.attention"), width, 3 * width).to_vec();
        parts.extend(map(&format!("{name}.output"), width, width));
        parts.extend(norm("first"));
        parts.extend(map(&format!("{name}.expand"), width, hidden));
        parts.extend(map(&format!("{name}.contract"), hidden, width));
        parts.extend(norm("second"));
        parts
    }
}
