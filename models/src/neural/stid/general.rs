//! The identity MLP by burn's general operations.

use burn::tensor::{Tensor, activation};

use crate::Result;
use crate::neural::general::{Tensors, Tokens};

/// What the head reads: `[tokens, width]`.
pub(super) fn tokens(layers: usize, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>> {
    let sources = [("context", tokens.context()), ("known", tokens.known())];
    let entrance = parameters.joint("entrance", sources)?;
    let [series, slot, day] = tokens.identity(parameters)?;
    let mut x = Tensor::cat(vec![entrance, series, slot, day], 1);
    for layer in 0..layers {
        let active = activation::relu(parameters.linear(&format!("layers.{layer}.expand"), x.clone())?);
        x = x + parameters.linear(&format!("layers.{layer}.contract"), active)?;
    }
    Ok(x)
}
