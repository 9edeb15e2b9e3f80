//! How an autoencoder learns: burn's general operations, and the optimiser of the other networks.

use burn::tensor::{Tensor, TensorData};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::{SliceRandom, index};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::forward::squared_errors;
use super::{Autoencoder, Widths};
use crate::kernels::adamw::{AdamW, Moments};
use crate::neural::Device;
use crate::neural::general::Tensors;
use crate::neural::layout::Layout;
use crate::neural::optimiser::Trainable;
use crate::{Error, Progress, Result};

/// The most rows that are learned from, held-back rows included; more tell little more of so small a network.
const MOST_ROWS: usize = 20_000;
/// One in so many rows is held back.
const HELD_BACK: usize = 5;
/// The share of values that is hidden from the network while it learns.
const HIDDEN_SHARE: f64 = 0.1;
/// The most epochs.
const MOST_EPOCHS: usize = 200;
/// Epochs without a lower error on the held-back rows after which it is over.
const PATIENCE: usize = 8;
const LEARNING_RATE: f64 = 5e-3;

pub(super) fn train(
    rows: ArrayView2<'_, f32>,
    most_steps: usize,
    seed: u64,
    progress: &dyn Progress,
) -> Result<Autoencoder> {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    let count = rows.nrows().min(MOST_ROWS);
    let chosen = index::sample(&mut generator, rows.nrows(), count).into_vec();
    let (held, learned) = chosen.split_at((count / HELD_BACK).max(1));
    let (held, learned) = (rows.select(Axis(0), held), rows.select(Axis(0), learned));
    let widths = Widths::of(rows.ncols());
    let mut course = Course::new(widths, seed);
    let per_batch = (learned.nrows() / 8).clamp(16, 256).min(learned.nrows());
    let epochs = (most_steps * per_batch / learned.nrows()).clamp(1, MOST_EPOCHS);
    let mut best = (f64::INFINITY, 0, course.trainable.parameters()?);
    for epoch in 0..epochs {
        if progress.is_cancelled() {
            return Err(Error::Cancelled);
        }
        let rate = LEARNING_RATE * 0.5 * (1.0 + (std::f64::consts::PI * epoch as f64 / epochs as f64).cos());
        let mut order: Vec<usize> = (0..learned.nrows()).collect();
        order.shuffle(&mut generator);
        for (batch, places) in order.chunks(per_batch).enumerate() {
            let loss = course.step(&learned.select(Axis(0), places), rate as f32, &mut generator)?;
            if !loss.is_finite() {
                let epoch = epoch as u64 + 1;
                return Err(Error::Diverged {
                    epoch,
                    batch: batch + 1,
                    kept: None,
                });
            }
        }
        let parameters = course.trainable.parameters()?;
        let error = mean_known(squared_errors(widths, &parameters, held.view()).iter().copied());
        if error < best.0 {
            best = (error, epoch, parameters);
        }
        progress.report(epoch as u64 + 1, epochs as u64, &format!("held-back error {error:.4}"));
        if epoch - best.1 >= PATIENCE {
            break;
        }
    }
    let (_, _, parameters) = best;
    Ok(Autoencoder {
        widths,
        usual: usual_errors(widths, &parameters, &held, &learned),
        parameters,
    })
}

/// The mean squared error of each column on the held-back rows; on those learned from where no held-back row has a value.
fn usual_errors(widths: Widths, parameters: &[f32], held: &Array2<f32>, learned: &Array2<f32>) -> Array1<f64> {
    let means = |rows: &Array2<f32>| -> Array1<f64> {
        let errors = squared_errors(widths, parameters, rows.view());
        let columns = errors.columns().into_iter();
        columns.map(|column| mean_known(column.iter().copied())).collect()
    };
    let mut usual = means(held);
    for (usual, other) in usual.iter_mut().zip(means(learned)) {
        if usual.is_nan() {
            *usual = if other.is_nan() { 1.0 } else { other };
        }
    }
    usual
}

/// The mean of the values that are not missing; NaN where all are.
fn mean_known(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut count) = (0.0, 0.0);
    for value in values.filter(|value| !value.is_nan()) {
        sum += value;
        count += 1.0;
    }
    sum / count
}

/// A network on its way.
struct Course {
    layout: Layout,
    trainable: Trainable,
}

impl Course {
    fn new(widths: Widths, seed: u64) -> Self {
        let layout = widths.layout();
        let options = AdamW {
            max_norm: Some(5.0),
            ..AdamW::default()
        };
        Self {
            trainable: Trainable::new(options, Device::Cpu, layout.start(seed), Moments::default()),
            layout,
        }
    }

    /// One step on a batch; returns the loss before it.
    fn step(&mut self, batch: &Array2<f32>, rate: f32, generator: &mut ChaCha8Rng) -> Result<f32> {
        let known: Array2<f32> = batch.mapv(|value| if value.is_nan() { 0.0 } else { 1.0 });
        let values = batch.mapv(|value| if value.is_nan() { 0.0 } else { value });
        let shown = values.mapv(|value| {
            if generator.random::<f64>() < HIDDEN_SHARE {
                0.0
            } else {
                value
            }
        });
        let row = self.trainable.row();
        let device = row.device();
        let tensor = |values: Array2<f32>| {
            let shape = [values.nrows(), values.ncols()];
            Tensor::<2>::from_data(TensorData::new(values.into_raw_vec_and_offset().0, shape), &device)
        };
        let share = 1.0 / known.sum().max(1.0);
        let (values, known) = (tensor(values), tensor(known));
        let given_back = given_back(&Tensors::new(row, &self.layout), tensor(shown))?;
        let error = given_back - values;
        let loss = (error.clone() * error * known).sum() * share;
        let value = crate::neural::optimiser::numbers(loss.clone().inner())?;
        self.trainable.step(rate, &mut loss.backward())?;
        Ok(value.first().copied().unwrap_or(f32::NAN))
    }
}

/// What the network gives back for a batch, rows x columns.
pub(super) fn given_back(parameters: &Tensors<'_>, rows: Tensor<2>) -> Result<Tensor<2>> {
    let mut values = rows;
    for name in ["encoder.0", "encoder.1", "decoder.0"] {
        values = parameters.linear(name, values)?.tanh();
    }
    parameters.linear("decoder.1", values)
}
