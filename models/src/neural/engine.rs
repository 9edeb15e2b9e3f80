//! A kind of network for one shape: its parameters' layout, and how losses, gradients and forecasts are computed.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::fused::{Memory, Predictor};
use super::general::{Tensors, Tokens};
use super::inputs::Inputs;
use super::layout::{Layout, map};
use super::trunk::Trunk;
use super::{Batch, Shape};
use crate::Result;
use crate::kernels::pool::Pool;
use crate::kernels::quantiles::Quantiles;
use crate::kernels::{Instructions, Linear};

/// What training and prediction need of a network, whatever its kind.
pub(super) trait Computation: Send + Sync {
    /// Which parameters there are.
    fn layout(&self) -> &Layout;

    /// The loss of a batch and, if asked for, its gradient, fused, on the CPU. The same bits at any number of threads.
    fn fused(&self, parameters: &[f32], batch: &Batch, gradient: Option<&mut [f32]>) -> f64;

    /// The loss of a batch by burn's general operations, on the device of the parameters.
    ///
    /// # Errors
    /// Parameters of another network.
    fn general(&self, parameters: Tensor<1>, batch: &Batch) -> Result<Tensor<1>>;

    /// Forecasts `[tokens, quantiles, horizon]` by burn's general operations, on the device of the parameters.
    ///
    /// # Errors
    /// Parameters of another network.
    fn general_forecast(&self, parameters: Tensor<1>, batch: &Batch) -> Result<Tensor<3>>;

    /// What forecasts by these parameters, fused, on the CPU.
    fn forecaster(self: Arc<Self>, parameters: &[f32]) -> Box<dyn Forecast>;
}

/// Forecasts by parameters that do not change any more.
pub(super) trait Forecast: Send + Sync {
    /// Forecasts `[tokens, quantiles, horizon]`.
    fn forecast(&self, parameters: &[f32], batch: &Batch) -> Vec<f32>;
}

/// A trunk with its head.
pub(super) struct Engine<T: Trunk> {
    pub(super) trunk: T,
    pub(super) head: Linear,
    pub(super) quantiles: Quantiles,
    pub(super) shape: Shape,
    pub(super) instructions: Instructions,
    layout: Layout,
    memories: Pool<Memory<T>>,
}

impl<T: Trunk> Engine<T> {
    /// A network of a trunk for this shape.
    ///
    /// # Errors
    /// Extents outside their ranges.
    pub(super) fn new(trunk: T, shape: &Shape, instructions: Instructions) -> Result<Self> {
        let mut parts = trunk.identity().parts(shape).to_vec();
        parts.extend(trunk.parts());
        parts.extend(map("head", trunk.width(), shape.output_length()));
        Ok(Self {
            head: Linear::new(trunk.width(), shape.output_length(), instructions)?,
            quantiles: Quantiles::new(&shape.quantiles, shape.horizon),
            trunk,
            shape: shape.clone(),
            instructions,
            layout: Layout::new(parts),
            memories: Pool::default(),
        })
    }

    /// How many numbers the embeddings have, which come first among the parameters.
    pub(super) fn tables(&self) -> usize {
        self.trunk.identity().len(&self.shape)
    }

    pub(super) fn inputs<'a>(&self, parameters: &'a [f32], batch: &'a Batch) -> Inputs<'a> {
        Inputs::new(batch, &self.shape, self.trunk.identity(), parameters)
    }
}

impl<T: Trunk> Computation for Engine<T> {
    fn layout(&self) -> &Layout {
        &self.layout
    }

    fn fused(&self, parameters: &[f32], batch: &Batch, gradient: Option<&mut [f32]>) -> f64 {
        let scaled = (scale(batch), gradient);
        self.memories
            .with(|memory| memory.step(self, parameters, batch, scaled))
    }

    fn general(&self, parameters: Tensor<1>, batch: &Batch) -> Result<Tensor<1>> {
        let tokens = Tokens::new(batch, &self.shape, parameters.device());
        let forecasts = self.general_forecast(parameters, batch)?;
        Ok(tokens.loss(forecasts, scale(batch)))
    }

    fn general_forecast(&self, parameters: Tensor<1>, batch: &Batch) -> Result<Tensor<3>> {
        let tokens = Tokens::new(batch, &self.shape, parameters.device());
        let parameters = Tensors::new(parameters, &self.layout);
        let raw = parameters.linear("head", self.trunk.general(&parameters, &tokens)?)?;
        Ok(tokens.forecast(&raw, &self.quantiles))
    }

    fn forecaster(self: Arc<Self>, parameters: &[f32]) -> Box<dyn Forecast> {
        Box::new(Predictor::new(self, parameters))
    }
}

/// One over the sum of the weights of all targets that are there; zero where there is none.
fn scale(batch: &Batch) -> f32 {
    let total = total_weight(batch);
    if total > 0.0 { (1.0 / total) as f32 } else { 0.0 }
}

/// The sum of the weights of all targets that are there.
pub(super) fn total_weight(batch: &Batch) -> f64 {
    let mut total = 0.0;
    for window in batch.target.outer_iter() {
        for (target, &weight) in window.outer_iter().zip(&batch.weight) {
            let there = target.iter().filter(|target| !target.is_nan()).count();
            total += f64::from(weight) * there as f64;
        }
    }
    total
}
