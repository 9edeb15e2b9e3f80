use super::*;
use crate::kernels::checks;

fn formula(sizes: Sizes, [tokens, parameters]: &[Vec<f64>; 2]) -> Vec<f64> {
    parameters.chunks(sizes.layer()).fold(tokens.clone(), |x, layer| {
        let (expand, contract) = layer.split_at(sizes.expand());
        let (weights, bias) = expand.split_at(sizes.width * sizes.hidden);
        let active: Vec<f64> = checks::map(&x, weights, bias).iter().map(|sum| sum.max(0.0)).collect();
        let (weights, bias) = contract.split_at(sizes.width * sizes.hidden);
        checks::add(&x, &checks::map(&active, weights, bias))
    })
}

#[test]
fn output_and_gradients_agree_with_the_formula() {
    for (layers, width, hidden, tokens) in [(1, 3, 5, 7), (3, 7, 4, 11), (2, 17, 6, 2)] {
        let make = |instructions| ResidualMlp::new(layers, width, hidden, instructions).unwrap();
        let sizes = make(Instructions::portable()).sizes;
        checks::agrees_with_formula(make, tokens, &move |inputs| formula(sizes, inputs));
    }
}

#[test]
fn instruction_sets_agree_over_many_tokens() {
    checks::instruction_sets_agree(|instructions| ResidualMlp::new(2, 19, 33, instructions).unwrap(), 205);
}

#[test]
fn wrong_sizes_are_refused_by_name() {
    let error = ResidualMlp::new(1, 0, 4, Instructions::detect())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "`width` is `0`, accepted: 1 and more");
}

#[test]
fn a_folded_stack_agrees_with_the_formula_in_all_instruction_sets() {
    const TOKENS: usize = 13;
    const OUTPUTS: usize = 4;
    for (layers, width, hidden, varying) in [(1, 5, 7, 2), (2, 6, 4, 6), (3, 20, 33, 9)] {
        for instructions in Instructions::available() {
            let stack = ResidualMlp::new(layers, width, hidden, instructions).unwrap();
            let [tokens, parameters] = checks::inputs(&stack, TOKENS);
            let head = checks::numbers((width + 1) * OUTPUTS, 0.7, 3);
            let rest: Vec<&[f32]> = tokens.chunks(width).map(|token| &token[varying..]).collect();
            let mut state = FoldedState::default();
            state.tokens.copy(&tokens);
            state.hidden.copy(&stack.first_bias(&parameters).repeat(TOKENS));
            let given = stack.first_hidden(&parameters, varying, (&rest.concat(), width - varying));
            for (sum, given) in state.hidden.iter_mut().zip(given) {
                *sum += given;
            }
            let mut output = vec![f32::NAN; TOKENS * OUTPUTS];
            stack.fold(&parameters, varying, &head).forward(&mut state, &mut output);
            let exact = |numbers: &[f32]| numbers.iter().map(|&number| f64::from(number)).collect::<Vec<_>>();
            let last = formula(stack.sizes, &[exact(&tokens), exact(&parameters)]);
            let (weights, bias) = head.split_at(width * OUTPUTS);
            checks::close("output", &output, &checks::map(&last, &exact(weights), &exact(bias)));
        }
    }
}
