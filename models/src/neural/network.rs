//! A network: its kind, its shape and its parameters.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use ndarray::{Array4, ArrayD};

use super::engine::{Computation, Forecast};
use super::{Batch, Kind, Shape};
use crate::kernels::Instructions;
use crate::{Error, Result};

/// A network with parameters: fresh ones, or trained ones.
pub struct Network {
    pub(super) kind: Kind,
    pub(super) shape: Shape,
    pub(super) computation: Arc<dyn Computation>,
    parameters: Vec<f32>,
    forecaster: OnceLock<Box<dyn Forecast>>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Network")
            .field("kind", &self.kind)
            .field("shape", &self.shape)
            .field("parameters", &self.parameters.len())
            .finish_non_exhaustive()
    }
}

impl Network {
    /// A network that has learnt nothing yet; the same for the same seed.
    ///
    /// # Errors
    /// [`Error::Invalid`] for settings or extents outside their ranges.
    pub fn new(kind: Kind, shape: Shape, seed: u64) -> Result<Self> {
        let computation = kind.build(&shape, Instructions::detect())?;
        let parameters = computation.layout().start(seed);
        Ok(Self::with(kind, shape, computation, parameters))
    }

    /// A network with the weights that [`Network::save`] gave, by whatever backend they were trained.
    ///
    /// # Errors
    /// [`Error::Invalid`] for settings or extents outside their ranges, and for weights that are
    /// missing, unknown, or of another shape.
    pub fn load(kind: Kind, shape: Shape, weights: &BTreeMap<String, ArrayD<f32>>) -> Result<Self> {
        let computation = kind.build(&shape, Instructions::detect())?;
        let parameters = computation.layout().numbers(weights)?;
        Ok(Self::with(kind, shape, computation, parameters))
    }

    fn with(kind: Kind, shape: Shape, computation: Arc<dyn Computation>, parameters: Vec<f32>) -> Self {
        Self {
            kind,
            shape,
            computation,
            parameters,
            forecaster: OnceLock::new(),
        }
    }

    /// The same network with other parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there are more or fewer of them.
    pub(super) fn with_parameters(&self, parameters: Vec<f32>) -> Result<Self> {
        let (found, accepted) = (parameters.len(), self.parameters.len());
        if found != accepted {
            return Err(Error::invalid("number of parameters", found, accepted.to_string()));
        }
        let computation = Arc::clone(&self.computation);
        Ok(Self::with(self.kind, self.shape.clone(), computation, parameters))
    }

    /// The kind and its settings.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The extents.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// All parameters in their order.
    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    /// All weights by name; names and shapes do not depend on the backend.
    pub fn save(&self) -> BTreeMap<String, ArrayD<f32>> {
        self.computation.layout().arrays(&self.parameters)
    }

    /// Forecasts on the CPU, without automatic differentiation.
    ///
    /// # Shapes
    /// `B x S x H x Q`, not decreasing along the last axis.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a batch of another shape.
    pub fn predict(&self, batch: &Batch) -> Result<Array4<f32>> {
        batch.check(&self.shape, false)?;
        let forecaster = self
            .forecaster
            .get_or_init(|| Arc::clone(&self.computation).forecaster(&self.parameters));
        let rows = forecaster.forecast(&self.parameters, batch);
        let (windows, series) = batch.extents();
        let (horizon, quantiles) = (self.shape.horizon, self.shape.quantiles.len());
        let mut forecasts = Array4::zeros((windows, series, horizon, quantiles));
        // A new array is one row of numbers.
        if let Some(numbers) = forecasts.as_slice_mut() {
            let tokens = numbers.chunks_exact_mut(horizon * quantiles);
            for (token, row) in tokens.zip(rows.chunks_exact(horizon * quantiles)) {
                for (quantile, values) in row.chunks_exact(horizon).enumerate() {
                    for (step, &value) in token.chunks_exact_mut(quantiles).zip(values) {
                        step[quantile] = value;
                    }
                }
            }
        }
        Ok(forecasts)
    }

    /// The mean pinball loss of a batch, summed over quantiles and weighted, and the sum of the weights.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a batch of another shape.
    pub fn loss(&self, batch: &Batch) -> Result<(f64, f64)> {
        batch.check(&self.shape, true)?;
        let loss = self.computation.fused(&self.parameters, batch, None);
        Ok((loss, super::engine::total_weight(batch)))
    }
}
