//! A row of parameters in training, on its device: fused steps on the CPU, burn's general operations elsewhere.

use burn::backend::Flex;
use burn::tensor::{DType, Gradients, Tensor, TensorData};

use super::device::Device;
use crate::kernels::Instructions;
use crate::kernels::adamw::{AdamW, Moments, Part};
use crate::{Error, Result};

/// Parameters with what the optimiser remembers of them.
pub(super) struct Trainable {
    options: AdamW,
    instructions: Instructions,
    row: Tensor<1>,
    memory: Memory,
}

enum Memory {
    Fused(Moments),
    General {
        first: Box<Tensor<1>>,
        second: Box<Tensor<1>>,
        steps: u32,
    },
}

impl Trainable {
    /// Parameters that have made the steps of `moments`.
    pub(super) fn new(options: AdamW, device: Device, parameters: Vec<f32>, moments: Moments) -> Self {
        let device = device.open();
        let length = parameters.len();
        let tensor = |mut numbers: Vec<f32>| {
            numbers.resize(length, 0.0);
            Tensor::<1>::from_data(TensorData::new(numbers, [length]), &device)
        };
        let row = tensor(parameters);
        let memory = if row.clone().try_into_primitive::<Flex>().is_ok() {
            Memory::Fused(moments)
        } else {
            Memory::General {
                first: Box::new(tensor(moments.first)),
                second: Box::new(tensor(moments.second)),
                steps: moments.steps,
            }
        };
        Self {
            options,
            instructions: Instructions::detect(),
            row: row.autodiff().require_grad(),
            memory,
        }
    }

    /// The row, differentiable.
    pub(super) fn row(&self) -> Tensor<1> {
        self.row.clone()
    }

    /// The row as numbers.
    ///
    /// # Errors
    /// See [`numbers`].
    pub(super) fn parameters(&self) -> Result<Vec<f32>> {
        numbers(self.row.clone().inner())
    }

    /// What the optimiser remembers.
    ///
    /// # Errors
    /// See [`numbers`].
    pub(super) fn moments(&self) -> Result<Moments> {
        Ok(match &self.memory {
            Memory::Fused(moments) => moments.clone(),
            Memory::General { first, second, steps } => Moments {
                first: numbers(Tensor::clone(first))?,
                second: numbers(Tensor::clone(second))?,
                steps: *steps,
            },
        })
    }

    /// One step of the learning rate `rate` against the gradient.
    ///
    /// # Errors
    /// Gradients of another network.
    pub(super) fn step(&mut self, rate: f32, gradients: &mut Gradients) -> Result<()> {
        let Some(gradient) = self.row.grad_remove(gradients) else {
            return Err(Error::invalid("gradient", "none", "that of a loss by the parameters"));
        };
        // Held twice, the numbers would be copied before they are changed.
        let elsewhere = Tensor::<1>::zeros([1], &gradient.device());
        let row = std::mem::replace(&mut self.row, elsewhere).inner();
        let moved = match &mut self.memory {
            Memory::Fused(moments) => fused(&self.options, self.instructions, rate, moments, row, gradient)?,
            Memory::General { first, second, steps } => {
                *steps += 1;
                general(&self.options, rate, (first, second, *steps), row, gradient)
            }
        };
        self.row = moved.autodiff().require_grad();
        Ok(())
    }
}

fn fused(
    options: &AdamW,
    instructions: Instructions,
    rate: f32,
    moments: &mut Moments,
    row: Tensor<1>,
    gradient: Tensor<1>,
) -> Result<Tensor<1>> {
    let elsewhere = |_| Error::invalid("place of the parameters", "another backend", "the CPU backend");
    let mut row = row.try_into_primitive::<Flex>().map_err(elsewhere)?;
    let gradient = gradient
        .try_into_primitive::<Flex>()
        .map_err(elsewhere)?
        .to_contiguous();
    let part = Part {
        parameters: row.storage_mut(),
        gradient: gradient.as_slice().unwrap_or_default(),
    };
    options.step(instructions, rate, moments, &mut [part])?;
    Ok(Tensor::from_primitive::<Flex>(row))
}

/// See [`AdamW`] for the formula.
fn general(
    options: &AdamW,
    rate: f32,
    (first, second, steps): (&mut Tensor<1>, &mut Tensor<1>, u32),
    row: Tensor<1>,
    gradient: Tensor<1>,
) -> Tensor<1> {
    let (beta_1, beta_2) = (options.beta_1, options.beta_2);
    let gradient = match options.max_norm {
        Some(longest) => {
            let norm = (gradient.clone() * gradient.clone()).sum().sqrt();
            gradient * (norm.add_scalar(1e-6).recip() * longest).clamp_max(1.0)
        }
        None => gradient,
    };
    *first = first.clone() * beta_1 + gradient.clone() * (1.0 - beta_1);
    *second = second.clone() * beta_2 + gradient.clone() * gradient * (1.0 - beta_2);
    let correction = |beta: f32| 1.0 - f64::from(beta).powf(f64::from(steps));
    let size = (second.clone() / correction(beta_2)).sqrt() + options.epsilon;
    let step = first.clone() / correction(beta_1) / size * rate;
    row * (1.0 - rate * options.weight_decay) - step
}

/// The numbers of a tensor.
///
/// # Errors
/// [`Error::Invalid`] when the device gives no numbers in `f32`.
pub(super) fn numbers<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    let data = tensor.into_data();
    let found = format!("{:?}", data.dtype());
    data.try_into_vec()
        .map_err(|_| Error::invalid("numbers of the device", found, format!("{:?}", DType::F32)))
}
