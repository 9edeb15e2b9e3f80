//! The kinds of networks, as a plain list.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Shape;
use super::engine::{Computation, Engine};
use super::lstm::{Lstm, LstmTrunk};
use super::stid::{Stid, StidTrunk};
use super::transformer::{Transformer, TransformerTrunk};
use super::trunk::Trunk;
use crate::Result;
use crate::kernels::Instructions;

/// A kind of network with its settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Kind {
    /// The recurrent network.
    Lstm(Lstm),
    /// The attention network.
    Transformer(Transformer),
    /// The identity MLP.
    Stid(Stid),
}

impl Kind {
    /// Builds the network for a shape.
    ///
    /// # Errors
    /// Settings or extents outside their ranges.
    pub(super) fn build(self, shape: &Shape, instructions: Instructions) -> Result<Arc<dyn Computation>> {
        shape.check()?;
        Ok(match self {
            Self::Lstm(settings) => engine(LstmTrunk::new(settings, shape, instructions)?, shape, instructions)?,
            Self::Transformer(settings) => engine(
                TransformerTrunk::new(settings, shape, instructions)?,
                shape,
                instructions,
            )?,
            Self::Stid(settings) => engine(StidTrunk::new(settings, shape, instructions)?, shape, instructions)?,
        })
    }
}

fn engine(trunk: impl Trunk, shape: &Shape, instructions: Instructions) -> Result<Arc<dyn Computation>> {
    Ok(Arc::new(Engine::new(trunk, shape, instructions)?))
}
