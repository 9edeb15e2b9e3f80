//! A network that can be run: one input, one answer by name, any number of windows at once.

use std::sync::Arc;

use ndarray::ArrayD;
use tract_onnx::prelude::{Framework, InferenceModelExt, IntoRunnable, TDim, Tensor, TypedRunnableModel, tvec};

use super::guard::guarded;
use super::{FILE, graph, memory};
use crate::{Error, Result};

/// The most bytes of an ONNX file.
pub const LIMIT: usize = 64 << 20;

/// An ONNX network, prepared to run on this machine.
///
/// It is data and nothing else: no operator reads files or the clock, and those that draw random numbers are refused.
/// The tensors that its operators make have at most [`TENSOR_LIMIT`](super::TENSOR_LIMIT) bytes, as far as their shapes are
/// known before it runs.
#[derive(Clone)]
pub struct Network {
    plan: Arc<TypedRunnableModel>,
    input: Port,
    outputs: Vec<Port>,
}

/// A named tensor that goes into a network or comes out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name in the file.
    pub name: String,
    /// The length of each axis; nothing where it is free.
    pub shape: Vec<Option<usize>>,
}

impl Network {
    /// Reads and prepares the network in `bytes`, an ONNX file of at most [`LIMIT`] bytes.
    ///
    /// # Errors
    /// A file that is too large, corrupt or no ONNX; weights in another file; an operator that is not supported, by
    /// name; more inputs than one; an input or output that is not of 32-bit floats; tensors that are too large even where
    /// free axes have length 1.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        if bytes.len() > LIMIT {
            return Err(Error::TooLarge {
                file: FILE.into(),
                bytes: bytes.len() as u64,
                limit: LIMIT as u64,
            });
        }
        let onnx = tract_onnx::onnx();
        let proto = guarded(|| onnx.proto_model_for_read(&mut &*bytes))?;
        let graph = graph::check(&proto, &onnx.op_register)?;
        let input = graph::only_input(graph)?;
        for output in &graph.output {
            graph::check_floats(output)?;
        }
        let model = guarded(|| onnx.model_for_proto_model(&proto)?.into_optimized())?;
        memory::check(&model, &[])?;
        let input = Port {
            name: input.name.clone(),
            shape: guarded(|| Ok(model.input_fact(0)?.shape.to_tvec().iter().map(length).collect()))?,
        };
        let mut outputs = Vec::with_capacity(graph.output.len());
        for (at, output) in graph.output.iter().enumerate() {
            outputs.push(Port {
                name: output.name.clone(),
                shape: guarded(|| Ok(model.output_fact(at)?.shape.to_tvec().iter().map(length).collect()))?,
            });
        }
        Ok(Self {
            input,
            outputs,
            plan: guarded(|| model.into_runnable())?,
        })
    }

    /// What goes in.
    #[must_use]
    pub fn input(&self) -> &Port {
        &self.input
    }

    /// What comes out.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// Checks that tensors stay small enough where the input has shape `shape`.
    ///
    /// # Errors
    /// A tensor that is too large.
    pub(super) fn check_memory(&self, shape: &[usize]) -> Result<()> {
        memory::check(self.plan.model(), shape)
    }

    /// What `output` answers to `input`.
    ///
    /// # Errors
    /// An output that the network does not have, an input of another shape, or values for which an operator has no
    /// answer.
    pub fn run(&self, input: &ArrayD<f32>, output: &str) -> Result<ArrayD<f32>> {
        let place = self.output_place(output)?;
        self.input.check(input.shape())?;
        let values: Vec<f32> = input.iter().copied().collect();
        let answer = guarded(|| {
            let tensor = Tensor::from_shape(input.shape(), &values)?;
            let mut answers = self.plan.run(tvec!(tensor.into()))?;
            let answer = answers.swap_remove(place);
            let values = answer.to_plain_array_view::<f32>()?.iter().copied().collect();
            Ok((answer.shape().to_vec(), values))
        });
        let (shape, values): (Vec<usize>, Vec<f32>) = answer?;
        ArrayD::from_shape_vec(shape, values).map_err(|error| Error::malformed(FILE, error.to_string()))
    }

    /// The position of the output named `name`.
    pub(super) fn output_place(&self, name: &str) -> Result<usize> {
        let place = self.outputs.iter().position(|port| port.name == name);
        place.ok_or_else(|| {
            let names: Vec<&str> = self.outputs.iter().map(|port| port.name.as_str()).collect();
            Error::invalid(
                "output.name",
                name,
                format!("an output of the network: {}", names.join(", ")),
            )
        })
    }
}

impl Port {
    /// Checks that `shape` is one that this port takes.
    fn check(&self, shape: &[usize]) -> Result<()> {
        let fits = |(expected, got): (&Option<usize>, &usize)| expected.is_none_or(|length| length == *got);
        if shape.len() == self.shape.len() && self.shape.iter().zip(shape).all(fits) {
            return Ok(());
        }
        Err(Error::invalid(
            format!("shape of `{}`", self.name),
            format!("{shape:?}"),
            self.written(),
        ))
    }

    /// The shape as text, free axes as `*`.
    pub(super) fn written(&self) -> String {
        let lengths: Vec<String> = self
            .shape
            .iter()
            .map(|length| length.map_or("*".into(), |length| length.to_string()))
            .collect();
        format!("[{}]", lengths.join(", "))
    }
}

/// The length of an axis; nothing where it is free.
fn length(axis: &TDim) -> Option<usize> {
    axis.as_i64().and_then(|length| usize::try_from(length).ok())
}
