//! How large the tensors of a network become, as far as that is known before it runs.

use tract_onnx::prelude::{SymbolValues, TDim, TypedModel};

use super::FILE;
use crate::{Error, Result};

/// The most bytes of a tensor that a network makes.
pub const TENSOR_LIMIT: usize = 1 << 30;

/// Checks the tensors that `model` makes of an input of shape `input`; where that is empty, its free axes have length 1.
///
/// Axes whose length depends on values count as 1, too, and what loops and branches make inside is not seen.
///
/// # Errors
/// A tensor of more than [`TENSOR_LIMIT`] bytes, by the operator that makes it.
pub(super) fn check(model: &TypedModel, input: &[usize]) -> Result<()> {
    let lengths = lengths(model, input);
    for node in &model.nodes {
        for output in &node.outputs {
            let fact = &output.fact;
            let elements = fact.shape.iter().map(|axis| length(axis, &lengths));
            let bytes = elements.fold(fact.datum_type.size_of() as u128, u128::saturating_mul);
            if bytes > TENSOR_LIMIT as u128 {
                let message = format!(
                    "`{}` makes a tensor of {bytes} bytes, at most {TENSOR_LIMIT} are accepted",
                    node.name
                );
                return Err(Error::malformed(FILE, message));
            }
        }
    }
    Ok(())
}

/// The lengths of free axes: those of the input, and 1 for any other.
fn lengths(model: &TypedModel, input: &[usize]) -> SymbolValues {
    let mut lengths = SymbolValues::default();
    for symbol in model.symbols.all_symbols() {
        lengths.set(&symbol, 1);
    }
    let fact = model.inputs.first().and_then(|input| model.outlet_fact(*input).ok());
    let axes = fact.map(|fact| fact.shape.dims()).unwrap_or_default();
    for (axis, length) in axes.iter().zip(input) {
        if let TDim::Sym(symbol) = axis {
            lengths.set(symbol, *length as i64);
        }
    }
    lengths
}

fn length(axis: &TDim, lengths: &SymbolValues) -> u128 {
    let length = axis.maybe_eval_to_i64(lengths);
    length.and_then(|length| u128::try_from(length).ok()).unwrap_or(1)
}
