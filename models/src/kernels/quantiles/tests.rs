use super::*;
use crate::kernels::checks::{close, numbers};

/// The loss of one row in `f64`.
fn formula(quantiles: &Quantiles, raw: &[f64], base: &[f32], target: &[f32], weight: f32) -> f64 {
    let horizon = quantiles.horizon;
    let mut loss = 0.0;
    for step in 0..horizon {
        let forecasts = forecasts(quantiles, raw, f64::from(base[step]), step);
        for (level, forecast) in quantiles.levels.iter().zip(forecasts) {
            let error = f64::from(target[step]) - forecast;
            let level = f64::from(*level);
            let pinball = (level * error).max((level - 1.0) * error);
            loss += if target[step].is_nan() {
                0.0
            } else {
                f64::from(weight) * pinball
            };
        }
    }
    loss
}

/// All quantiles at one step ahead.
fn forecasts(quantiles: &Quantiles, raw: &[f64], base: f64, step: usize) -> Vec<f64> {
    let at = |quantile: usize| raw[quantile * quantiles.horizon + step];
    let distance = |quantile: usize| at(quantile).exp().ln_1p();
    let centre = quantiles.centre;
    let value = |quantile: usize| {
        let above: f64 = (centre + 1..=quantile).map(distance).sum();
        let below: f64 = (quantile..centre).map(distance).sum();
        base + at(centre) + above - below
    };
    (0..quantiles.levels.len()).map(value).collect()
}

const CASES: [(&[f32], usize); 4] = [
    (&[0.5], 3),
    (&[0.1, 0.5, 0.9], 12),
    (&[0.05, 0.25, 0.4, 0.6, 0.95], 17),
    (&[0.7, 0.9], 16),
];

#[test]
fn loss_and_gradient_agree_with_the_formula_in_all_instruction_sets() {
    for (levels, horizon) in CASES {
        let quantiles = Quantiles::new(levels, horizon);
        let (raw, base) = (numbers(quantiles.row(), 2.0, 1), numbers(horizon, 1.0, 2));
        let mut target = numbers(horizon, 3.0, 3);
        target[1] = f32::NAN;
        let mut exact: Vec<f64> = raw.iter().map(|&number| f64::from(number)).collect();
        let wanted = formula(&quantiles, &exact, &base, &target, 0.7);
        let slope = |at: usize| {
            let mut loss_at = |value: f64| {
                exact[at] = value;
                formula(&quantiles, &exact, &base, &target, 0.7)
            };
            let here = f64::from(raw[at]);
            let slope = (loss_at(here + 1e-6) - loss_at(here - 1e-6)) / 2e-6;
            loss_at(here);
            slope
        };
        let slopes: Vec<f64> = (0..raw.len()).map(slope).collect();
        for instructions in Instructions::available() {
            let (mut rows, mut gradient) = (raw.clone(), vec![f32::NAN; raw.len()]);
            let truth = Truth {
                base: &base,
                target: &target,
                weights: &[0.7],
            };
            let loss = quantiles.loss(instructions, &mut rows, truth, &mut gradient);
            assert!((loss - wanted).abs() < 1e-5, "{loss} is not {wanted}");
            close("gradient", &gradient, &slopes);
        }
    }
}

#[test]
fn forecasts_agree_with_the_formula_and_never_cross() {
    for (levels, horizon) in CASES {
        let quantiles = Quantiles::new(levels, horizon);
        let (raw, base) = (numbers(quantiles.row(), 9.0, 1), numbers(horizon, 1.0, 2));
        let exact: Vec<f64> = raw.iter().map(|&number| f64::from(number)).collect();
        for instructions in Instructions::available() {
            let mut rows = raw.clone();
            quantiles.forecast(instructions, &mut rows, &base);
            for (step, &base) in base.iter().enumerate() {
                let got: Vec<f32> = rows.iter().skip(step).step_by(horizon).copied().collect();
                assert!(got.is_sorted());
                let wanted = forecasts(&quantiles, &exact, base.into(), step);
                close("forecast", &got, &wanted);
            }
        }
    }
}

#[test]
fn a_network_that_gives_no_number_gives_no_loss() {
    let quantiles = Quantiles::new(&[0.5], 2);
    let truth = Truth {
        base: &[0.0; 2],
        target: &[1.0; 2],
        weights: &[1.0],
    };
    let loss = quantiles.loss(Instructions::detect(), &mut [0.0, f32::NAN], truth, &mut [0.0; 2]);
    assert!(loss.is_nan());
}
