//! What a fit promises, on small generated tables.

use arterial_models::gbdt::{
    Binning, Dataset, Examples, FittedGbdt, Gbdt, GbdtParameters, Growth, Objective, Observer, Round,
};
use ndarray::{Array1, Array2, Axis, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn quick(objective: Objective) -> GbdtParameters {
    GbdtParameters {
        objective,
        rounds: 60,
        learning_rate: 0.2,
        max_leaves: 15,
        ..GbdtParameters::default()
    }
}

/// Uniform features and `target` of each row and a uniform noise between -1 and 1.
fn table(rows: usize, columns: usize, target: impl Fn(&[f32], f32) -> f32) -> (Array2<f32>, Array2<f32>) {
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let values = Array2::from_shape_fn((rows, columns), |_| random.random_range(-1.0_f32..1.0));
    let targets = values
        .axis_iter(Axis(0))
        .map(|row| target(&row.to_vec(), random.random_range(-1.0..1.0)));
    let targets: Vec<f32> = targets.collect();
    (values, Array2::from_shape_vec((rows, 1), targets).unwrap())
}

fn fit(parameters: GbdtParameters, values: &Array2<f32>, targets: &Array2<f32>) -> FittedGbdt {
    let features = Dataset::of(values.view(), &Binning::default()).unwrap();
    Gbdt::new(parameters)
        .unwrap()
        .fit(&Examples::new(&features, targets.view()), None, &())
        .unwrap()
}

fn rmse(one: &Array2<f32>, other: &Array2<f32>) -> f32 {
    (one - other).mapv(|error| error * error).mean().unwrap().sqrt()
}

#[test]
fn curves_and_products_are_learned_by_both_kinds_of_growth() {
    let (values, targets) = table(5000, 5, |x, noise| 3.0 * x[0] * x[1] + x[2].abs() + 0.1 * noise);
    for growth in [Growth::LeafWise, Growth::DepthWise] {
        let parameters = GbdtParameters {
            growth,
            max_depth: 6,
            rounds: 200,
            ..quick(Objective::SquaredError)
        };
        let model = fit(parameters, &values, &targets);
        let error = rmse(&model.predict(values.view(), None).unwrap(), &targets);
        assert!(error < 0.12, "{growth:?} {error}");
    }
}

#[test]
fn the_same_seed_gives_the_same_model_at_any_number_of_threads() {
    let (values, targets) = table(40_000, 40, |x, noise| x[0] * x[1] + (3.0 * x[2]).sin() + noise);
    let weights = values.column(3).mapv(|value| value + 1.5);
    for (growth, is_weighted) in [(Growth::LeafWise, false), (Growth::DepthWise, true)] {
        let parameters = GbdtParameters {
            growth,
            max_depth: 6,
            rounds: 8,
            row_fraction: 0.7,
            column_fraction: 0.6,
            ..quick(Objective::Quantile { levels: vec![0.1, 0.9] })
        };
        let mut saved = Vec::new();
        for threads in [1, 2, 4] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            saved.push(pool.install(|| {
                let features = Dataset::of(values.view(), &Binning::default()).unwrap();
                let mut examples = Examples::new(&features, targets.view());
                examples.weights = is_weighted.then_some(weights.view());
                Gbdt::new(parameters.clone())
                    .unwrap()
                    .fit(&examples, None, &())
                    .unwrap()
                    .save()
            }));
        }
        assert_eq!(saved[0], saved[1]);
        assert_eq!(saved[0], saved[2]);
    }
}

#[test]
fn the_direction_of_missing_values_is_learned() {
    let (mut values, mut targets) = table(4000, 2, |x, _| if x[0] > 0.0 { 5.0 } else { 0.0 });
    for row in (0..4000).step_by(4) {
        values[(row, 0)] = f32::NAN;
        targets[(row, 0)] = 5.0;
    }
    let model = fit(quick(Objective::SquaredError), &values, &targets);
    let missing = model.predict_row(&[f32::NAN, 0.0], &[]).unwrap()[0];
    assert!((missing - 5.0).abs() < 0.05, "{missing}");
    // Missing values of their own kind, neither high nor low.
    targets.slice_mut(s![..;4, 0]).fill(-9.0);
    let model = fit(quick(Objective::SquaredError), &values, &targets);
    let predictions = [f32::NAN, -0.5, 0.5].map(|value| model.predict_row(&[value, 0.0], &[]).unwrap()[0]);
    for (prediction, expected) in predictions.into_iter().zip([-9.0, 0.0, 5.0]) {
        assert!((prediction - expected).abs() < 0.1, "{predictions:?}");
    }
}

#[test]
fn a_category_split_is_the_best_of_all_subsets() {
    let effects = [3.0, -1.0, 2.5, -2.0, 0.2, 3.1];
    let (mut values, mut targets) = table(600, 1, |_, noise| noise);
    for row in 0..600 {
        let category = row * row % 6 + row % 2;
        values[(row, 0)] = (category % 6) as f32;
        targets[(row, 0)] += effects[category % 6];
    }
    let binning = Binning {
        categorical: vec![0],
        ..Binning::default()
    };
    let features = Dataset::of(values.view(), &binning).unwrap();
    let parameters = GbdtParameters {
        rounds: 1,
        learning_rate: 1.0,
        l2: 0.0,
        max_leaves: 2,
        min_child_samples: 1,
        category_smoothing: 0.0,
        ..quick(Objective::SquaredError)
    };
    let model = Gbdt::new(parameters)
        .unwrap()
        .fit(&Examples::new(&features, targets.view()), None, &())
        .unwrap();
    let loss = |subset: usize| -> f32 {
        let side = |is_left: bool| -> Array1<f32> {
            (0..600)
                .filter(|row| (subset >> values[(*row, 0)] as usize & 1 == 1) == is_left)
                .map(|row| targets[(row, 0)])
                .collect()
        };
        [side(true), side(false)]
            .iter()
            .map(|side| side.mapv(|y| (y - side.mean().unwrap()).powi(2)).sum())
            .sum()
    };
    let present = (0..6).filter(|category| values.iter().any(|value| *value as usize == *category));
    let all: usize = present.map(|category| 1 << category).sum();
    let best = (1..64)
        .filter(|subset| subset & all == *subset && *subset != all)
        .map(loss)
        .fold(f32::INFINITY, f32::min);
    let found = (model.predict(values.view(), None).unwrap() - &targets)
        .mapv(|error| error * error)
        .sum();
    assert!((found - best).abs() < 1e-3 * best, "{found} {best}");
    // What was never seen goes where missing values go.
    assert_eq!(
        model.predict_row(&[77.0], &[]).unwrap(),
        model.predict_row(&[f32::NAN], &[]).unwrap()
    );
}

#[test]
fn a_monotone_column_never_turns_back() {
    let (values, targets) = table(3000, 2, |x, noise| 2.0 * x[0] + (6.0 * x[0]).sin() - x[1] + noise);
    for objective in [
        Objective::SquaredError,
        Objective::AbsoluteError,
        Objective::Quantile { levels: vec![0.2, 0.8] },
    ] {
        let parameters = GbdtParameters {
            monotone: vec![1, -1],
            ..quick(objective)
        };
        let model = fit(parameters, &values, &targets);
        for other in [-0.9, 0.0, 0.4] {
            let along = |column: usize| {
                let mut rows = Array2::from_elem((400, 2), other);
                rows.column_mut(column).assign(&Array1::linspace(-1.1, 1.1, 400));
                model.predict(rows.view(), None).unwrap()
            };
            let rises = along(0)
                .axis_windows(Axis(0), 2)
                .into_iter()
                .all(|pair| pair[(0, 0)] <= pair[(1, 0)]);
            let falls = along(1)
                .axis_windows(Axis(0), 2)
                .into_iter()
                .all(|pair| pair[(0, 0)] >= pair[(1, 0)]);
            assert!(rises && falls);
        }
    }
}

#[test]
fn quantiles_cover_what_they_say_and_do_not_cross() {
    let (values, targets) = table(20_000, 3, |x, noise| x[0] + noise * (1.5 + x[1]));
    let parameters = GbdtParameters {
        min_child_samples: 200,
        learning_rate: 0.1,
        ..quick(Objective::Quantile {
            levels: vec![0.1, 0.5, 0.9],
        })
    };
    let model = fit(
        parameters,
        &values.slice(s![..10_000, ..]).to_owned(),
        &targets.slice(s![..10_000, ..]).to_owned(),
    );
    let predictions = model.predict(values.slice(s![10_000.., ..]), None).unwrap();
    for (output, level) in [0.1, 0.5, 0.9].into_iter().enumerate() {
        let below = predictions
            .column(output)
            .iter()
            .zip(targets.slice(s![10_000.., 0]))
            .filter(|(p, y)| y <= p)
            .count();
        assert!((below as f64 / 10_000.0 - level).abs() < 0.02, "{level} {below}");
    }
    assert!(
        predictions
            .rows()
            .into_iter()
            .all(|row| row[0] <= row[1] && row[1] <= row[2])
    );
}

#[test]
fn counts_are_predicted_by_their_rate() {
    let (values, mut targets) = table(8000, 2, |x, _| (1.0 + x[0]).exp());
    let mut random = ChaCha8Rng::seed_from_u64(3);
    targets.mapv_inplace(|rate| {
        let (mut count, mut product) = (0.0, random.random::<f32>());
        while product > (-rate).exp() {
            product *= random.random::<f32>();
            count += 1.0;
        }
        count
    });
    let model = fit(quick(Objective::Poisson), &values, &targets);
    for at in [-0.8_f32, 0.0, 0.7] {
        let rate = model.predict_row(&[at, 0.0], &[]).unwrap()[0];
        assert!((rate / (1.0 + at).exp() - 1.0).abs() < 0.25, "{at} {rate}");
    }
}

#[test]
fn outliers_move_huber_less_than_squares() {
    let (values, mut targets) = table(2000, 1, |x, _| x[0]);
    targets.slice_mut(s![..;20, 0]).fill(500.0);
    let off = |objective| {
        let model = fit(quick(objective), &values, &targets);
        (model.predict_row(&[0.0], &[]).unwrap()[0]).abs()
    };
    assert!(off(Objective::Huber { delta: 1.0 }) < 1.0);
    assert!(off(Objective::SquaredError) > 5.0);
}

#[test]
fn early_stopping_keeps_the_best_round() {
    let (values, targets) = table(600, 4, |x, noise| x[0] + 3.0 * noise);
    let features = Dataset::of(values.slice(s![..300, ..]), &Binning::default()).unwrap();
    let mut held_out = Dataset::new(features.binner().clone());
    held_out.append(values.slice(s![300.., ..])).unwrap();
    let parameters = GbdtParameters {
        rounds: 500,
        early_stopping_rounds: 10,
        min_child_samples: 5,
        ..quick(Objective::SquaredError)
    };
    let training = Examples::new(&features, targets.slice(s![..300, ..]));
    let validation = Examples::new(&held_out, targets.slice(s![300.., ..]));
    let losses = Losses::default();
    let model = Gbdt::new(parameters)
        .unwrap()
        .fit(&training, Some(&validation), &losses)
        .unwrap();
    let losses = losses.0.into_inner().unwrap();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let kept = model.trees()[0];
    assert!(kept == 0 || losses[kept - 1] <= best);
    assert!(losses.len() == kept + 10);
}

#[derive(Default)]
struct Losses(std::sync::Mutex<Vec<f64>>);

impl Observer for Losses {
    fn round(&self, round: &Round) {
        self.0
            .lock()
            .unwrap()
            .push(round.validation_losses.as_ref().unwrap()[0]);
    }
}

struct Impatient(std::sync::atomic::AtomicUsize);

impl Observer for Impatient {
    fn is_cancelled(&self) -> bool {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 40
    }
}

#[test]
fn a_cancelled_fit_ends_within_a_tree() {
    let (values, targets) = table(3000, 4, |x, noise| x[0] + noise);
    let features = Dataset::of(values.view(), &Binning::default()).unwrap();
    let observer = Impatient(0.into());
    let fitted = Gbdt::new(quick(Objective::SquaredError)).unwrap().fit(
        &Examples::new(&features, targets.view()),
        None,
        &observer,
    );
    assert_eq!(fitted.unwrap_err().to_string(), "cancelled");
    assert!(observer.0.into_inner() < 200);
}

#[test]
fn a_margin_is_where_boosting_starts() {
    let (values, targets) = table(2000, 2, |x, noise| 100.0 + x[0] + 0.1 * noise);
    let margins = values.slice(s![.., 1..2]).mapv(|value| 100.0 + 50.0 * value);
    let shifted = &targets + &margins.mapv(|margin| margin - 100.0);
    let features = Dataset::of(values.view(), &Binning::default()).unwrap();
    let mut examples = Examples::new(&features, shifted.view());
    examples.margins = Some(margins.view());
    let model = Gbdt::new(quick(Objective::SquaredError))
        .unwrap()
        .fit(&examples, None, &())
        .unwrap();
    let predictions = model.predict(values.view(), Some(margins.view())).unwrap();
    assert!(rmse(&predictions, &shifted) < 0.12);
}

#[test]
fn weights_count_and_rows_of_weight_zero_do_not() {
    let (values, mut targets) = table(2000, 1, |x, _| x[0]);
    targets.slice_mut(s![..;2, 0]).fill(1e6);
    let weights = Array1::from_shape_fn(2000, |row| if row % 2 == 0 { 0.0 } else { 1.0 + (row % 3) as f32 });
    let features = Dataset::of(values.view(), &Binning::default()).unwrap();
    let mut examples = Examples::new(&features, targets.view());
    examples.weights = Some(weights.view());
    for objective in [Objective::SquaredError, Objective::AbsoluteError] {
        let model = Gbdt::new(quick(objective)).unwrap().fit(&examples, None, &()).unwrap();
        assert!((model.predict_row(&[0.5], &[]).unwrap()[0] - 0.5).abs() < 0.1);
    }
}

#[test]
fn several_targets_share_a_model_and_rows_without_one_are_left_out() {
    let (values, one) = table(4000, 2, |x, noise| x[0] + 0.1 * noise);
    let mut targets = Array2::zeros((4000, 2));
    targets.column_mut(0).assign(&one.column(0));
    targets.column_mut(1).assign(&one.column(0).mapv(|y| -2.0 * y));
    targets.slice_mut(s![..;3, 1]).fill(f32::NAN);
    let model = fit(
        quick(Objective::Quantile {
            levels: vec![0.25, 0.75],
        }),
        &values,
        &targets,
    );
    assert_eq!((model.targets(), model.outputs()), (2, 4));
    let row = model.predict_row(&[0.5, 0.0], &[]).unwrap();
    assert!((row[0] - 0.45).abs() < 0.05 && (row[1] - 0.55).abs() < 0.05, "{row:?}");
    assert!((row[2] + 1.1).abs() < 0.1 && (row[3] + 0.9).abs() < 0.1, "{row:?}");
}

#[test]
fn a_constant_target_needs_no_tree() {
    let (values, targets) = table(500, 3, |_, _| 4.25);
    for objective in [
        Objective::SquaredError,
        Objective::AbsoluteError,
        Objective::Quantile { levels: vec![0.1, 0.9] },
    ] {
        let model = fit(quick(objective), &values, &targets);
        assert!(
            model
                .predict(values.view(), None)
                .unwrap()
                .iter()
                .all(|value| value.to_bits() == 4.25_f32.to_bits())
        );
        assert!(model.trees().iter().all(|trees| *trees <= 1));
    }
}

#[test]
fn saved_and_loaded_models_predict_the_same_bits() {
    let (mut values, targets) = table(3000, 40, |x, noise| x[0] * x[1] + x[33] + noise);
    values.column_mut(5).mapv_inplace(|value| (value * 20.0).round().abs());
    values.slice_mut(s![..;5, 1]).fill(f32::NAN);
    let features = Dataset::of(
        values.view(),
        &Binning {
            categorical: vec![5],
            ..Binning::default()
        },
    )
    .unwrap();
    let objective = Objective::Quantile { levels: vec![0.1, 0.5] };
    let model = Gbdt::new(quick(objective))
        .unwrap()
        .fit(&Examples::new(&features, targets.view()), None, &())
        .unwrap();
    let saved = model.save();
    let settings = serde_json::from_str(&serde_json::to_string(&saved.settings).unwrap()).unwrap();
    let loaded = FittedGbdt::load(&arterial_models::gbdt::SavedGbdt {
        settings,
        arrays: saved.arrays.clone(),
    })
    .unwrap();
    assert_eq!(loaded.save(), saved);
    assert_eq!(
        loaded.predict(values.view(), None).unwrap(),
        model.predict(values.view(), None).unwrap()
    );
}

#[test]
fn one_row_is_predicted_as_among_many_and_contributions_sum_up() {
    let (mut values, targets) = table(700, 6, |x, noise| x[0] * x[1] + 0.2 * noise);
    values.slice_mut(s![..;7, 2]).fill(f32::NAN);
    values.column_mut(3).mapv_inplace(|value| (value * 9.0).round().abs());
    let features = Dataset::of(
        values.view(),
        &Binning {
            categorical: vec![3],
            ..Binning::default()
        },
    )
    .unwrap();
    for leaves in [15, 400] {
        let parameters = GbdtParameters {
            max_leaves: leaves,
            rounds: 8,
            min_child_samples: 1,
            max_depth: 20,
            ..quick(Objective::SquaredError)
        };
        let model = Gbdt::new(parameters)
            .unwrap()
            .fit(&Examples::new(&features, targets.view()), None, &())
            .unwrap();
        let predictions = model.predict(values.view(), None).unwrap();
        for (row, prediction) in values.rows().into_iter().zip(&predictions) {
            assert_eq!(
                model.predict_row(row.as_slice().unwrap(), &[]).unwrap()[0].to_bits(),
                prediction.to_bits()
            );
        }
        let few = values.slice(s![..20, ..]);
        let sums = model.shap(few).unwrap().sum_axis(Axis(2));
        assert!(
            sums.iter()
                .zip(&predictions)
                .all(|(sum, prediction)| (sum - f64::from(*prediction)).abs() < 1e-5)
        );
        assert!(model.importance()[0] > model.importance()[4]);
    }
}

#[test]
fn impossible_examples_are_refused_with_a_reason() {
    let (values, targets) = table(10, 2, |x, _| x[0]);
    let features = Dataset::of(values.view(), &Binning::default()).unwrap();
    let refusal = |parameters: GbdtParameters, examples: &Examples<'_>| {
        Gbdt::new(parameters)
            .unwrap()
            .fit(examples, None, &())
            .unwrap_err()
            .to_string()
    };
    let poisson = refusal(quick(Objective::Poisson), &Examples::new(&features, targets.view()));
    assert!(poisson.contains("finite numbers from 0"), "{poisson}");
    let short = refusal(
        quick(Objective::SquaredError),
        &Examples::new(&features, targets.slice(s![..9, ..])),
    );
    assert_eq!(short, "`targets` is `9 rows`, accepted: 10 rows");
    let absent = Array2::from_elem((10, 1), f32::NAN);
    let absent = refusal(quick(Objective::SquaredError), &Examples::new(&features, absent.view()));
    assert_eq!(absent, "target 0 needs at least 1 rows, there are 0");
    let directions = GbdtParameters {
        monotone: vec![1],
        ..quick(Objective::SquaredError)
    };
    assert!(refusal(directions, &Examples::new(&features, targets.view())).contains("2 columns"));
}
