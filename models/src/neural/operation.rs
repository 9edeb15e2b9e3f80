//! A network with its loss as one operation of burn: the one place that knows how burn records a step.
//!
//! burn chooses the backend when it runs. A row of parameters that lies on the CPU backend (`Flex`) is handed to the fused
//! operation, which computes the gradient along with the loss and registers it as its backward pass; everywhere else the
//! general operations do the work, so that the same network runs on WGPU and CUDA.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{
    Autodiff, Backend, BackendTensor, DispatchAutodiffContext, DispatchKindConversion, DispatchTensor, Flex,
    TensorMetadata,
};
use burn::tensor::{DType, Tensor, TensorData};

use super::Batch;
use super::engine::Computation;
use crate::Result;

/// The loss of a batch, differentiable by the parameters where these are.
///
/// # Errors
/// Parameters of another network.
pub(super) fn loss(network: &dyn Computation, parameters: Tensor<1>, batch: &Batch) -> Result<Tensor<1>> {
    let row = parameters.clone().into_dispatch();
    if row.autodiff == DispatchAutodiffContext::Disabled {
        return match open::<Flex>(row) {
            Some(row) => Ok(Tensor::from_primitive::<Flex>(evaluate(network, &row, batch))),
            None => network.general(parameters, batch),
        };
    }
    match open::<Autodiff<Flex>>(row) {
        Some(row) => Ok(Tensor::from_primitive::<Autodiff<Flex>>(record(network, row, batch))),
        None => network.general(parameters, batch),
    }
}

/// A row in `f32` if it lies on this backend.
fn open<B: Backend>(row: DispatchTensor) -> Option<FloatTensor<B>>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    match <DispatchTensor as DispatchKindConversion<B>>::try_into_backend(row) {
        Ok(BackendTensor::Float(row)) if row.dtype() == DType::F32 => Some(row),
        _ => None,
    }
}

fn evaluate(network: &dyn Computation, row: &FlexTensor, batch: &Batch) -> FlexTensor {
    let row = row.to_contiguous();
    let loss = network.fused(row.as_slice().unwrap_or_default(), batch, None);
    tensor(vec![loss as f32])
}

fn record(network: &dyn Computation, row: FloatTensor<Autodiff<Flex>>, batch: &Batch) -> FloatTensor<Autodiff<Flex>> {
    let node = row.node();
    let row = row.into_primitive().to_contiguous();
    let numbers = row.as_slice::<f32>().unwrap_or_default();
    match Backward::<Flex, 1>::prepare::<NoCheckpointing>(LossStep, [node])
        .compute_bound()
        .stateful()
    {
        OpsKind::Tracked(operation) => {
            let mut gradient = vec![0.0; numbers.len()];
            let loss = network.fused(numbers, batch, Some(&mut gradient));
            operation.finish(tensor(gradient), tensor(vec![loss as f32]))
        }
        OpsKind::UnTracked(operation) => operation.finish(evaluate(network, &row, batch)),
    }
}

fn tensor(numbers: Vec<f32>) -> FlexTensor {
    let length = numbers.len();
    FlexTensor::from_data(TensorData::new(numbers, [length]))
}

/// The way back from the loss: its gradient by the parameters is there already.
#[derive(Debug)]
struct LossStep;

impl Backward<Flex, 1> for LossStep {
    type State = FlexTensor;

    fn backward(self, ops: Ops<FlexTensor, 1>, gradients: &mut Gradients, _checkpointer: &mut Checkpointer) {
        let factor = gradients.consume::<Flex>(&ops.node);
        let factor = factor.as_slice::<f32>().and_then(|factor| factor.first().copied());
        let [parent] = ops.parents;
        if let (Some(parent), Some(factor)) = (parent, factor) {
            gradients.register::<Flex>(parent.id, scaled(ops.state, factor));
        }
    }
}

fn scaled(mut row: FlexTensor, factor: f32) -> FlexTensor {
    // As a rule the loss is what is differentiated.
    if (factor - 1.0).abs() > 0.0 {
        row.storage_mut::<f32>().iter_mut().for_each(|number| *number *= factor);
    }
    row
}
