//! The recurrent network by burn's general operations.

use burn::tensor::{Tensor, activation};

use super::LstmTrunk;
use crate::Result;
use crate::neural::general::{Tensors, Tokens};

/// What the head reads: `[tokens, hidden]`.
pub(super) fn tokens(trunk: &LstmTrunk, parameters: &Tensors, tokens: &Tokens) -> Result<Tensor<2>> {
    let identity = Tensor::cat(tokens.identity(parameters)?.to_vec(), 1);
    let state = last_state(trunk, parameters, &tokens.context(), &identity)?;
    let sources = [("state", state), ("known", tokens.known()), ("identity", identity)];
    Ok(activation::relu(parameters.joint("merge", sources)?))
}

/// The hidden states `[tokens, hidden]` after the last step.
fn last_state(trunk: &LstmTrunk, parameters: &Tensors, context: &Tensor<2>, identity: &Tensor<2>) -> Result<Tensor<2>> {
    let (count, hidden) = (context.dims()[0], trunk.hidden);
    let mut state = Tensor::<2>::zeros([count, hidden], &context.device());
    let mut cell = state.clone();
    for step in 0..trunk.steps {
        let columns = step * trunk.channels..(step + 1) * trunk.channels;
        let seen = context.clone().slice([0..count, columns]);
        let row = Tensor::cat(vec![seen, identity.clone(), state], 1);
        let sums = parameters.linear("encoder", row)?;
        let gate = |number: usize| sums.clone().slice([0..count, number * hidden..(number + 1) * hidden]);
        let kept = activation::sigmoid(gate(1)) * cell;
        cell = kept + activation::sigmoid(gate(0)) * gate(2).tanh();
        state = activation::sigmoid(gate(3)) * cell.clone().tanh();
    }
    Ok(state)
}
