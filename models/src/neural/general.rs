//! Networks by burn's general operations: for every backend, and what the fused operations are checked against.

use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use super::layout::Layout;
use super::{Batch, Shape};
use crate::kernels::quantiles::Quantiles;
use crate::{Error, Result};

/// The parameters of a network as tensors.
pub(super) struct Tensors<'a> {
    row: Tensor<1>,
    layout: &'a Layout,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(row: Tensor<1>, layout: &'a Layout) -> Self {
        Self { row, layout }
    }

    /// One array.
    ///
    /// # Errors
    /// A name that the network has not.
    pub(super) fn get<const D: usize>(&self, name: &str) -> Result<Tensor<D>> {
        let place = self.layout.places().find(|(part, _)| part.name == name);
        let shape = place.and_then(|(part, place)| Some((<[usize; D]>::try_from(&*part.shape).ok()?, place)));
        match shape {
            Some((shape, place)) => Ok(self.row.clone().slice([place]).reshape(shape)),
            None => Err(Error::invalid(
                "parameter",
                name,
                format!("arrays of the network with {D} axes"),
            )),
        }
    }

    /// `x · weight + bias`.
    pub(super) fn linear<const D: usize>(&self, name: &str, x: Tensor<D>) -> Result<Tensor<D>> {
        let weight = self.get::<2>(&format!("{name}.weight"))?;
        let bias = self.get::<1>(&format!("{name}.bias"))?;
        Ok(x.matmul(weight.unsqueeze()) + bias.unsqueeze())
    }

    /// `Σ xᵢ · weightᵢ + bias` over the sources that are not empty.
    pub(super) fn joint<const SOURCES: usize>(
        &self,
        name: &str,
        sources: [(&str, Tensor<2>); SOURCES],
    ) -> Result<Tensor<2>> {
        let mut sum = self.get::<1>(&format!("{name}.bias"))?.unsqueeze();
        for (source, x) in sources {
            if x.dims()[1] > 0 {
                sum = x.matmul(self.get::<2>(&format!("{name}.{source}.weight"))?) + sum;
            }
        }
        Ok(sum)
    }
}

/// The tokens of a batch as tensors: window after window, in each series after series.
pub(super) struct Tokens<'a> {
    batch: &'a Batch,
    shape: &'a Shape,
    device: Device,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(batch: &'a Batch, shape: &'a Shape, device: Device) -> Self {
        Self { batch, shape, device }
    }

    /// Windows and series.
    pub(super) fn extents(&self) -> (usize, usize) {
        self.batch.extents()
    }

    /// `[tokens, context · channels]`.
    pub(super) fn context(&self) -> Tensor<2> {
        self.rows(self.batch.context.iter(), self.shape.context_length())
    }

    /// `[tokens, horizon · known]`.
    pub(super) fn known(&self) -> Tensor<2> {
        self.rows(self.batch.known.iter(), self.shape.known_length())
    }

    /// The embeddings `[tokens, width]` of series, slot of the day and day of the week.
    ///
    /// # Errors
    /// Parameters without these tables.
    pub(super) fn identity(&self, parameters: &Tensors<'_>) -> Result<[Tensor<2>; 3]> {
        let (windows, series) = self.extents();
        let each_window = |index: &u32| std::iter::repeat_n(*index, series);
        let select = |name: &str, indices: Vec<u32>| -> Result<Tensor<2>> {
            let indices: Vec<i32> = indices.into_iter().map(|index| index as i32).collect();
            let length = indices.len();
            let indices = Tensor::<1, Int>::from_data(TensorData::new(indices, [length]), &self.device);
            Ok(parameters.get::<2>(&format!("identity.{name}"))?.select(0, indices))
        };
        Ok([
            select("series", self.batch.series.to_vec().repeat(windows))?,
            select(
                "slot_of_day",
                self.batch.slot_of_day.iter().flat_map(each_window).collect(),
            )?,
            select("weekday", self.batch.weekday.iter().flat_map(each_window).collect())?,
        ])
    }

    fn rows<'b>(&self, numbers: impl Iterator<Item = &'b f32>, length: usize) -> Tensor<2> {
        let (windows, series) = self.extents();
        self.tensor(numbers.copied().collect(), [windows * series, length])
    }

    fn tensor<const D: usize>(&self, numbers: Vec<f32>, shape: [usize; D]) -> Tensor<D> {
        Tensor::from_data(TensorData::new(numbers, shape), &self.device)
    }

    /// The forecasts `[tokens, quantiles, horizon]` by what the head gives, `[tokens, quantiles · horizon]`.
    pub(super) fn forecast(&self, raw: &Tensor<2>, quantiles: &Quantiles) -> Tensor<3> {
        let (horizon, centre, tokens) = (self.shape.horizon, quantiles.centre(), raw.dims()[0]);
        let of = |quantile: usize| {
            raw.clone()
                .slice([0..tokens, quantile * horizon..(quantile + 1) * horizon])
        };
        let distance = |quantile: usize| activation::softplus(of(quantile), 1.0);
        let middle = self.rows(self.batch.base.iter(), horizon) + of(centre);
        let mut rows = vec![middle.clone()];
        let mut value = middle.clone();
        for quantile in centre + 1..self.shape.quantiles.len() {
            value = value + distance(quantile);
            rows.push(value.clone());
        }
        value = middle;
        for quantile in (0..centre).rev() {
            value = value - distance(quantile);
            rows.insert(0, value.clone());
        }
        Tensor::stack(rows, 1)
    }

    /// The pinball loss of forecasts; `scale` is one over the sum of all weights.
    pub(super) fn loss(&self, forecasts: Tensor<3>, scale: f32) -> Tensor<1> {
        let (windows, series) = self.extents();
        let (tokens, horizon) = (windows * series, self.shape.horizon);
        let known = self
            .batch
            .target
            .iter()
            .map(|target| if target.is_nan() { 0.0 } else { *target });
        let target = self.tensor(known.collect(), [tokens, 1, horizon]);
        let weights = self.batch.target.indexed_iter().map(|((_, series, _), target)| {
            let weight = self.batch.weight[series] * scale;
            if target.is_nan() { 0.0 } else { weight }
        });
        let weights = self.tensor(weights.collect(), [tokens, 1, horizon]);
        let levels = self.tensor(self.shape.quantiles.clone(), [1, self.shape.quantiles.len(), 1]);
        let error = target - forecasts;
        // max(q·e, (q − 1)·e) = q·e + max(−e, 0)
        let pinball = error.clone() * levels + activation::relu(error.neg());
        (pinball * weights).sum()
    }
}
