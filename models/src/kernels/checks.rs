//! What every layer must fulfil, against its formula in `f64`. Only tests use this.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Gradients, Instructions, Layer, Purpose};

/// The formula: data and parameters to the output.
pub(super) type Formula = dyn Fn(&[Vec<f64>; 2]) -> Vec<f64>;

/// Numbers in ±`scale`, the same for the same seed.
pub(crate) fn numbers(count: usize, scale: f32, seed: u64) -> Vec<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| random.random_range(-scale..scale)).collect()
}

/// `x · w + b` by rows.
pub(super) fn map(x: &[f64], weights: &[f64], bias: &[f64]) -> Vec<f64> {
    let (outputs, inputs) = (bias.len(), weights.len() / bias.len());
    let product = |row: &[f64], column: usize| {
        let terms = row.iter().enumerate().map(|(i, x)| x * weights[i * outputs + column]);
        bias[column] + terms.sum::<f64>()
    };
    let of_row = |row| (0..outputs).map(move |column| product(row, column));
    x.chunks(inputs).flat_map(of_row).collect()
}

/// Number by number.
pub(super) fn add(left: &[f64], right: &[f64]) -> Vec<f64> {
    left.iter().zip(right).map(|(left, right)| left + right).collect()
}

/// Data for `items` items, and parameters.
pub(super) fn inputs<L: Layer>(layer: &L, items: usize) -> [Vec<f32>; 2] {
    [
        numbers(items * layer.item().0, 0.7, 1),
        numbers(layer.parameters(), 0.7, 2),
    ]
}

/// Output and gradients of one step, with `weight` as the gradient of the output.
pub(super) fn step<L: Layer>(
    layer: &L,
    state: &mut L::State,
    [data, parameters]: &[Vec<f32>; 2],
    weight: impl Fn(usize) -> Vec<f32>,
) -> (Vec<f32>, [Vec<f32>; 2]) {
    let mut packed = L::Packed::default();
    layer.pack(parameters, &mut packed, Purpose::Training);
    let (from, to) = layer.item();
    let mut output = vec![f32::NAN; data.len() / from * to];
    layer.forward(&packed, state, data, &mut output);
    let mut gradients = [vec![f32::NAN; data.len()], vec![f32::NAN; parameters.len()]];
    let [of_data, of_parameters] = &mut gradients;
    let weight = weight(output.len());
    let one = Gradients {
        output: &weight,
        data: of_data,
        parameters: of_parameters,
        begin: true,
    };
    layer.backward(&packed, state, data, one);
    (output, gradients)
}

fn weight(count: usize) -> Vec<f32> {
    numbers(count, 1.0, 99)
}

/// Output and gradients in every instruction set agree with the formula and its finite differences, also when the same
/// state has seen a larger block before, and gradients of the parameters add up.
pub(super) fn agrees_with_formula<L: Layer>(make: impl Fn(Instructions) -> L, items: usize, formula: &Formula) {
    let inputs = inputs(&make(Instructions::portable()), items);
    let exact = inputs.each_ref().map(|input| exact(input));
    let expected = formula(&exact);
    let slopes = finite_differences(&exact, formula);
    for instructions in Instructions::available() {
        let layer = make(instructions);
        let mut state = L::State::default();
        step(&layer, &mut state, &self::inputs(&layer, items + 3), |count| {
            vec![7.0; count]
        });
        let (output, gradients) = step(&layer, &mut state, &inputs, weight);
        close("output", &output, &expected);
        close("data", &gradients[0], &slopes[0]);
        close("parameters", &gradients[1], &slopes[1]);
        close("twice", &twice(&layer, &inputs, &gradients), &double(&slopes[1]));
    }
}

/// The gradient of the parameters when the same block comes a second time.
fn twice<L: Layer>(layer: &L, [data, parameters]: &[Vec<f32>; 2], gradients: &[Vec<f32>; 2]) -> Vec<f32> {
    let (mut packed, mut state) = (L::Packed::default(), L::State::default());
    layer.pack(parameters, &mut packed, Purpose::Training);
    let mut output = vec![0.0; data.len() / layer.item().0 * layer.item().1];
    layer.forward(&packed, &mut state, data, &mut output);
    let [mut of_data, mut sums] = gradients.clone();
    let second = Gradients {
        output: &weight(output.len()),
        data: &mut of_data,
        parameters: &mut sums,
        begin: false,
    };
    layer.backward(&packed, &mut state, data, second);
    sums
}

fn double(values: &[f64]) -> Vec<f64> {
    values.iter().map(|value| 2.0 * value).collect()
}

fn exact(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

fn finite_differences(inputs: &[Vec<f64>; 2], formula: &Formula) -> [Vec<f64>; 2] {
    const STEP: f64 = 1e-6;
    let loss = |inputs: &[Vec<f64>; 2]| -> f64 {
        let output = formula(inputs);
        let weights = exact(&weight(output.len()));
        output.iter().zip(weights).map(|(value, weight)| value * weight).sum()
    };
    let mut moved = inputs.clone();
    std::array::from_fn(|input| {
        let mut slope_at = |at: usize| {
            let mut loss_at = |value: f64| {
                moved[input][at] = value;
                loss(&moved)
            };
            let here = inputs[input][at];
            let slope = (loss_at(here + STEP) - loss_at(here - STEP)) / (2.0 * STEP);
            loss_at(here);
            slope
        };
        (0..inputs[input].len()).map(&mut slope_at).collect()
    })
}

pub(crate) fn close(what: &str, got: &[f32], wanted: &[f64]) {
    assert_eq!(got.len(), wanted.len(), "{what}");
    let scale = wanted.iter().fold(1.0_f64, |largest, value| largest.max(value.abs()));
    for (at, (&got, &wanted)) in got.iter().zip(wanted).enumerate() {
        let error = (f64::from(got) - wanted).abs();
        assert!(error < 3e-6 * scale, "{what}[{at}] is {got}, not {wanted}");
    }
}

/// Output and gradients over many items agree between instruction sets.
pub(super) fn instruction_sets_agree<L: Layer>(make: impl Fn(Instructions) -> L, items: usize) {
    let plain = make(Instructions::portable());
    let inputs = inputs(&plain, items);
    let (output, gradients) = step(&plain, &mut L::State::default(), &inputs, weight);
    for instructions in Instructions::available().into_iter().skip(1) {
        let layer = make(instructions);
        let (other, others) = step(&layer, &mut L::State::default(), &inputs, weight);
        close("output", &other, &exact(&output));
        close("data", &others[0], &exact(&gradients[0]));
        close("parameters", &others[1], &exact(&gradients[1]));
    }
}
