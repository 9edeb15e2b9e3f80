//! The attention network by burn's general operations.

use burn::tensor::{Tensor, activation};

use super::TransformerTrunk;
use crate::Result;
use crate::neural::general::{Tensors, Tokens};

/// What the head reads: `[tokens, width]`.
pub(super) fn tokens(trunk: &TransformerTrunk, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>> {
    let (windows, series) = tokens.extents();
    let (count, steps, width) = (windows * series, trunk.steps, trunk.settings.width);
    let [adaptive, slot, day] = tokens.identity(parameters)?;
    let seen = tokens.context().reshape([count, steps, trunk.channels]);
    let time = (slot + day).reshape([count, 1, width]);
    let mut x = parameters.linear("entrance", seen)? + adaptive.reshape([count, steps, width]) + time;
    for layer in 0..trunk.settings.temporal_layers {
        x = encoder(parameters, &format!("temporal.{layer}"), x, trunk.settings.heads)?;
    }
    let sources = [("steps", x.reshape([count, steps * width])), ("known", tokens.known())];
    let mut y = parameters.joint("pool", sources)?.reshape([windows, series, width]);
    for layer in 0..trunk.settings.spatial_layers {
        y = encoder(parameters, &format!("spatial.{layer}"), y, trunk.settings.heads)?;
    }
    Ok(y.reshape([count, width]))
}

/// One encoder layer; for the formula see [`EncoderLayer`](crate::kernels::EncoderLayer).
fn encoder(parameters: &Tensors, name: &str, x: Tensor<3>, heads: usize) -> Result<Tensor<3>> {
    let projected = parameters.linear(&format!("{name}.attention"), x.clone())?;
    let attended = parameters.linear(&format!("{name}.output"), attend(&projected, heads))?;
    let middle = normalise(parameters, &format!("{name}.first"), x + attended)?;
    let active = activation::relu(parameters.linear(&format!("{name}.expand"), middle.clone())?);
    let mapped = parameters.linear(&format!("{name}.contract"), active)?;
    normalise(parameters, &format!("{name}.second"), middle + mapped)
}

fn attend(projected: &Tensor<3>, heads: usize) -> Tensor<3> {
    let [count, length, triple] = projected.dims();
    let (width, depth) = (triple / 3, triple / 3 / heads);
    let part = |number: usize| {
        let columns = projected
            .clone()
            .slice([0..count, 0..length, number * width..(number + 1) * width]);
        columns.reshape([count, length, heads, depth]).swap_dims(1, 2)
    };
    let scores = part(0).matmul(part(1).swap_dims(2, 3)) / (depth as f64).sqrt();
    let output = activation::softmax(scores, 3).matmul(part(2));
    output.swap_dims(1, 2).reshape([count, length, width])
}

fn normalise(parameters: &Tensors, name: &str, x: Tensor<3>) -> Result<Tensor<3>> {
    let gain = parameters.get::<1>(&format!("{name}.gain"))?;
    let shift = parameters.get::<1>(&format!("{name}.shift"))?;
    let centred = x.clone() - x.mean_dim(2);
    let variance = (centred.clone() * centred.clone()).mean_dim(2);
    Ok(centred / (variance + 1e-5).sqrt() * gain.unsqueeze() + shift.unsqueeze())
}
