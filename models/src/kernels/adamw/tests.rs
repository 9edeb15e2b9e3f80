use super::*;
use crate::kernels::checks::numbers;

/// The formula in `f64` for one part.
fn reference(options: &AdamW, rate: f64, gradients: &[Vec<f32>], parameters: &[f32]) -> Vec<f64> {
    let mut parameters: Vec<f64> = parameters.iter().map(|&value| value.into()).collect();
    let (mut first, mut second) = (vec![0.0; parameters.len()], vec![0.0; parameters.len()]);
    let (beta_1, beta_2) = (f64::from(options.beta_1), f64::from(options.beta_2));
    for (step, gradient) in (1..).zip(gradients) {
        let norm = gradient.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>().sqrt();
        let clip = options
            .max_norm
            .map_or(1.0, |longest| (f64::from(longest) / (norm + 1e-6)).min(1.0));
        for (i, &gradient) in gradient.iter().enumerate() {
            let gradient = f64::from(gradient) * clip;
            first[i] = beta_1 * first[i] + (1.0 - beta_1) * gradient;
            second[i] = beta_2 * second[i] + (1.0 - beta_2) * gradient * gradient;
            let size = f64::sqrt(second[i] / (1.0 - beta_2.powi(step))) + f64::from(options.epsilon);
            parameters[i] *= 1.0 - rate * f64::from(options.weight_decay);
            parameters[i] -= rate * first[i] / (1.0 - beta_1.powi(step)) / size;
        }
    }
    parameters
}

/// Parameters after some steps over parts of these lengths.
fn train(
    instructions: Instructions,
    options: &AdamW,
    gradients: &[Vec<f32>],
    lengths: &[usize],
) -> (Vec<f32>, Moments) {
    let mut parameters = numbers(lengths.iter().sum(), 1.0, 1);
    let mut moments = Moments::default();
    for gradient in gradients {
        let (mut rest, mut gradient) = (&mut *parameters, &**gradient);
        let mut parts = Vec::new();
        for &length in lengths {
            let (here, after) = rest.split_at_mut(length);
            let (gradient_here, gradient_after) = gradient.split_at(length);
            parts.push(Part {
                parameters: here,
                gradient: gradient_here,
            });
            (rest, gradient) = (after, gradient_after);
        }
        options.step(instructions, 1e-2, &mut moments, &mut parts).unwrap();
    }
    (parameters, moments)
}

#[test]
fn steps_agree_with_the_formula_with_and_without_clipping() {
    for max_norm in [None, Some(0.5), Some(1e6)] {
        let options = AdamW {
            max_norm,
            ..AdamW::default()
        };
        let lengths = [37, 1, 70_003];
        let gradients: Vec<_> = (0..5).map(|step| numbers(70_041, 0.3, 10 + step)).collect();
        let expected = reference(&options, 1e-2, &gradients, &numbers(70_041, 1.0, 1));
        for instructions in Instructions::available() {
            let (parameters, moments) = train(instructions, &options, &gradients, &lengths);
            assert_eq!(moments.steps, 5);
            for (&got, &wanted) in parameters.iter().zip(&expected) {
                assert!((f64::from(got) - wanted).abs() < 2e-6, "{got} is not {wanted}");
            }
        }
    }
}

#[test]
fn steps_are_the_same_at_any_number_of_threads() {
    let gradients = [numbers(90_000, 0.3, 3), numbers(90_000, 0.3, 4)];
    let options = AdamW {
        max_norm: Some(1.0),
        ..AdamW::default()
    };
    let results = [1, 2, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| train(Instructions::detect(), &options, &gradients, &[90_000]))
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn the_norm_is_that_before_clipping() {
    let options = AdamW {
        max_norm: Some(1.0),
        ..AdamW::default()
    };
    let mut parts = [Part {
        parameters: &mut [0.0; 2],
        gradient: &[3.0, 4.0],
    }];
    let norm = options
        .step(Instructions::detect(), 0.1, &mut Moments::default(), &mut parts)
        .unwrap();
    assert!((norm - 5.0).abs() < 1e-6);
}

#[test]
fn impossible_options_and_lengths_are_refused() {
    let error = AdamW {
        beta_2: 1.0,
        ..AdamW::default()
    }
    .check()
    .unwrap_err()
    .to_string();
    assert_eq!(error, "`beta_2` is `1`, accepted: 0 to below 1");
    let mut moments = Moments::default();
    let step = |moments: &mut Moments, parameters: &mut [f32], gradient: &[f32]| {
        AdamW::default().step(
            Instructions::detect(),
            0.1,
            moments,
            &mut [Part { parameters, gradient }],
        )
    };
    assert!(step(&mut moments, &mut [0.0; 2], &[0.0; 3]).is_err());
    assert!(step(&mut moments, &mut [0.0; 2], &[0.0; 2]).is_ok());
    assert!(step(&mut moments, &mut [0.0; 3], &[0.0; 3]).is_err());
    assert_eq!(moments.steps, 1);
}
