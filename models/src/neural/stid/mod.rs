//! The identity MLP: what a token is, beside what it saw, through residual layers.
//!
//! ```text
//! x = [W_cᵀ·context + W_kᵀ·known + b,  series,  slot of the day,  day of the week]
//! x ← x + W₂ᵀ·relu(W₁ᵀ·x + b₁) + b₂        layer after layer
//! ```
//!
//! Shao et al., "Spatial-Temporal Identity: A Simple yet Effective Baseline for Multivariate Time Series Forecasting",
//! CIKM 2022; known covariates of the steps ahead are added to its entrance.

mod fused;
mod general;
mod prediction;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::Shape;
use super::identity::Identity;
use super::layout::{Part, Start, map, part};
use super::shape::in_range;
use crate::Result;
use crate::kernels::joint::Joint;
use crate::kernels::{Instructions, ResidualMlp};

/// The settings of the identity MLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stid {
    /// Numbers that the context and what is known become; 1 to 4096. Default 32.
    pub entrance: usize,
    /// Width of the embedding of the series; 0 to 1024. Default 32.
    pub series: usize,
    /// Width of the embedding of the slot of the day; 0 to 1024. Default 32.
    pub slot_of_day: usize,
    /// Width of the embedding of the day of the week; 0 to 1024. Default 32.
    pub weekday: usize,
    /// Residual layers; 1 to 64. Default 3.
    pub layers: usize,
}

impl Default for Stid {
    fn default() -> Self {
        Self {
            entrance: 32,
            series: 32,
            slot_of_day: 32,
            weekday: 32,
            layers: 3,
        }
    }
}

impl Stid {
    /// Checks each setting against its range.
    ///
    /// # Errors
    /// [`Error::Invalid`](crate::Error::Invalid) for the first one outside of it.
    pub fn check(&self) -> Result<()> {
        in_range("entrance", self.entrance, 1, 4096)?;
        in_range("series", self.series, 0, 1024)?;
        in_range("slot_of_day", self.slot_of_day, 0, 1024)?;
        in_range("weekday", self.weekday, 0, 1024)?;
        in_range("layers", self.layers, 1, 64)
    }
}

/// The identity MLP for one shape.
#[derive(Debug)]
pub(super) struct StidTrunk {
    settings: Stid,
    identity: Identity,
    entrance: Joint<2>,
    layers: ResidualMlp,
}

impl StidTrunk {
    pub(super) fn new(settings: Stid, shape: &Shape, instructions: Instructions) -> Result<Self> {
        settings.check()?;
        let identity = Identity {
            series: settings.series,
            slot_of_day: settings.slot_of_day,
            weekday: settings.weekday,
        };
        let width = settings.entrance + identity.width();
        Ok(Self {
            settings,
            identity,
            entrance: Joint {
                inputs: [shape.context_length(), shape.known_length()],
                outputs: settings.entrance,
                instructions,
            },
            layers: ResidualMlp::new(settings.layers, width, width, instructions)?,
        })
    }

    fn token(&self) -> usize {
        self.settings.entrance + self.identity.width()
    }

    fn layout(&self) -> Vec<Part> {
        let [context, known] = self.entrance.inputs;
        let start = Start::of_map(context + known);
        let entrance = self.settings.entrance;
        let mut parts = vec![
            part("entrance.context.weight", &[context, entrance], start),
            part("entrance.known.weight", &[known, entrance], start),
            part("entrance.bias", &[entrance], start),
        ];
        for layer in 0..self.settings.layers {
            parts.extend(map(&format!("layers.{layer}.expand"), self.token(), self.token()));
            parts.extend(map(&format!("layers.{layer}.contract"), self.token(), self.token()));
        }
        parts
    }
}
