use super::*;
use crate::kernels::checks;

fn formula(sizes: Sizes, [data, parameters]: &[Vec<f64>; 2]) -> Vec<f64> {
    let (weights, bias) = parameters.split_at(sizes.row() * sizes.gates());
    let (hidden, sigmoid) = (sizes.hidden, |x: f64| 1.0 / (1.0 + (-x).exp()));
    let mut output = Vec::new();
    for sequence in data.chunks(sizes.steps * sizes.inputs) {
        let (mut state, mut cell) = (vec![0.0; hidden], vec![0.0; hidden]);
        for (step, input) in sequence.chunks(sizes.inputs).enumerate() {
            let row: Vec<f64> = input.iter().chain(&state).copied().collect();
            let sum = |gate: usize, unit: usize| {
                let column = gate * hidden + unit;
                bias[column]
                    + row
                        .iter()
                        .enumerate()
                        .map(|(i, x)| x * weights[i * 4 * hidden + column])
                        .sum::<f64>()
            };
            for unit in 0..hidden {
                cell[unit] = sigmoid(sum(1, unit)) * cell[unit] + sigmoid(sum(0, unit)) * sum(2, unit).tanh();
                state[unit] = sigmoid(sum(3, unit)) * cell[unit].tanh();
            }
            if sizes.output == States::All || step + 1 == sizes.steps {
                output.extend_from_slice(&state);
            }
        }
    }
    output
}

#[test]
fn output_and_gradients_agree_with_the_formula() {
    for (steps, inputs, hidden, batch) in [(1, 1, 1, 1), (5, 3, 6, 4), (3, 2, 17, 3)] {
        for output in [States::All, States::Last] {
            let make = |instructions| Lstm::new(steps, inputs, hidden, output, instructions).unwrap();
            let sizes = make(Instructions::portable()).sizes;
            checks::agrees_with_formula(make, batch, &move |inputs| formula(sizes, inputs));
        }
    }
}

#[test]
fn instruction_sets_agree_over_many_sequences() {
    let make = |instructions| Lstm::new(4, 5, 19, States::Last, instructions).unwrap();
    checks::instruction_sets_agree(make, 207);
}

#[test]
fn zero_sizes_are_refused() {
    let error = Lstm::new(0, 1, 1, States::Last, Instructions::detect())
        .unwrap_err()
        .to_string();
    assert_eq!(error, "`steps` is `0`, accepted: 1 and more");
}

#[test]
fn gates_are_as_exact_as_their_docs_say() {
    let sums: Vec<f32> = (-20_000..20_000).map(|i| i as f32 / 500.0).collect();
    let (logistic, count) = (|x: f32| 1.0 / (1.0 + (-f64::from(x)).exp()), sums.len());
    // The other gates at rest, or as far out as they can be.
    for others in [0.0, -90.0, 90.0] {
        for instructions in Instructions::available() {
            let sets = [
                [&sums[..], &vec![others; 3 * count]].concat(),
                [&vec![others; 2 * count], &sums[..], &vec![others; count]].concat(),
            ];
            for (gate, mut gates) in [0, 2].into_iter().zip(sets) {
                let (mut cells, mut squashed, mut states) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
                instructions.run(cell::Advance {
                    hidden: count,
                    gates: &mut gates,
                    before: &vec![0.0; count],
                    cells: &mut cells,
                    squashed: &mut squashed,
                    states: (&mut states, count),
                });
                for (&got, &sum) in gates[gate * count..].iter().zip(&sums) {
                    let wanted = if gate == 0 {
                        logistic(sum)
                    } else {
                        f64::from(sum).tanh()
                    };
                    assert!(
                        (f64::from(got) - wanted).abs() < 4e-7,
                        "gate {gate} of {sum} is {got}, not {wanted}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_number_that_is_not_one_shows_in_the_output() {
    let layer = Lstm::new(2, 1, 3, States::Last, Instructions::detect()).unwrap();
    let mut inputs = checks::inputs(&layer, 2);
    inputs[0][1] = f32::NAN;
    let (output, _) = checks::step(&layer, &mut State::default(), &inputs, |count| vec![1.0; count]);
    assert!(output[..3].iter().all(|value| value.is_nan()));
    assert!(output[3..].iter().all(|value| value.is_finite()));
}
