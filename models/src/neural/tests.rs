//! Every kind of network against burn's general operations, and what all of them must fulfil.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array1, Array3, Array4, s};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

pub(super) fn shape(series: usize) -> Shape {
    Shape {
        series,
        context: 5,
        channels: 3,
        known: 2,
        horizon: 4,
        slots_per_day: 24,
        quantiles: vec![0.1, 0.5, 0.9],
    }
}

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        Kind::Stid(Stid {
            entrance: 6,
            series: 5,
            slot_of_day: 4,
            weekday: 3,
            layers: 2,
        }),
        Kind::Lstm(Lstm {
            hidden: 9,
            series: 5,
            slot_of_day: 4,
            weekday: 3,
        }),
        Kind::Transformer(Transformer {
            width: 12,
            heads: 3,
            hidden: 20,
            temporal_layers: 2,
            spatial_layers: 1,
        }),
        Kind::Transformer(Transformer {
            width: 8,
            heads: 2,
            hidden: 10,
            temporal_layers: 0,
            spatial_layers: 0,
        }),
    ]
}

/// Windows of all series of a shape, with a gap in the targets.
pub(super) fn batch(shape: &Shape, windows: usize, seed: u64) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (series, horizon) = (shape.series, shape.horizon);
    let mut number = || random.random_range(-1.0..1.0_f32);
    let mut target = Array3::from_shape_simple_fn((windows, series, horizon), &mut number);
    target[(0, 0, 1)] = f32::NAN;
    Batch {
        context: Array4::from_shape_simple_fn((windows, series, shape.context, shape.channels), &mut number),
        known: Array4::from_shape_simple_fn((windows, series, horizon, shape.known), &mut number),
        base: Array3::from_shape_simple_fn((windows, series, horizon), &mut number),
        target,
        weight: Array1::from_shape_fn(series, |one| 0.5 + one as f32),
        slot_of_day: Array1::from_shape_fn(windows, |window| (window * 7 % shape.slots_per_day) as u32),
        weekday: Array1::from_shape_fn(windows, |window| (window % 7) as u32),
        series: Array1::from_shape_fn(series, |one| (series - 1 - one) as u32),
    }
}

type Weights = std::collections::BTreeMap<String, ndarray::ArrayD<f32>>;

fn row(network: &Network) -> Tensor<1> {
    let numbers = network.parameters().to_vec();
    let length = numbers.len();
    let device = Device::flex().autodiff();
    Tensor::from_data(TensorData::new(numbers, [length]), &device).require_grad()
}

fn close(what: &str, left: &[f32], right: &[f32]) {
    assert_eq!(left.len(), right.len(), "{what}");
    for (at, (left, right)) in left.iter().zip(right).enumerate() {
        assert!((left - right).abs() < 2e-5, "{what}[{at}]: {left} is not {right}");
    }
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    optimiser::numbers(tensor).unwrap()
}

#[test]
fn loss_and_gradient_agree_with_burns_differentiation_of_the_general_operations() {
    for kind in kinds() {
        for (series, windows, known) in [(1, 2, 2), (3, 40, 2), (70, 3, 0)] {
            let shape = Shape { known, ..shape(series) };
            let network = Network::new(kind, shape.clone(), 1).unwrap();
            let batch = batch(&shape, windows, 2);
            let (fused_row, general_row) = (row(&network), row(&network));
            let fused = operation::loss(&*network.computation, fused_row.clone(), &batch).unwrap();
            let general = network.computation.general(general_row.clone(), &batch).unwrap();
            close(
                "loss",
                &numbers(fused.clone().inner()),
                &numbers(general.clone().inner()),
            );
            // A multiple, so that what comes from behind the loss is seen to be passed on.
            let fused = fused_row.grad(&(fused * 3.0).backward()).unwrap();
            let general = general_row.grad(&(general * 3.0).backward()).unwrap();
            close("gradient", &numbers(fused), &numbers(general));
        }
    }
}

#[test]
fn gradient_agrees_with_finite_differences() {
    const STEP: f32 = 2e-3;
    for kind in kinds() {
        let shape = shape(3);
        let network = Network::new(kind, shape.clone(), 4).unwrap();
        let batch = batch(&shape, 6, 5);
        let mut parameters = network.parameters().to_vec();
        let mut gradient = vec![0.0; parameters.len()];
        network.computation.fused(&parameters, &batch, Some(&mut gradient));
        for at in (0..parameters.len()).step_by(17) {
            let here = parameters[at];
            let mut loss_at = |value: f32| {
                parameters[at] = value;
                network.computation.fused(&parameters, &batch, None)
            };
            let slope = (loss_at(here + STEP) - loss_at(here - STEP)) / (2.0 * f64::from(STEP));
            loss_at(here);
            let error = (slope - f64::from(gradient[at])).abs();
            assert!(error < 5e-3, "parameter {at}: {} is not {slope}", gradient[at]);
        }
    }
}

#[test]
fn forecasts_agree_with_the_general_operations() {
    for kind in kinds() {
        let shape = shape(3);
        let network = Network::new(kind, shape.clone(), 6).unwrap();
        let batch = batch(&shape, 5, 7);
        let general = network
            .computation
            .general_forecast(row(&network).inner(), &batch)
            .unwrap();
        let general = general.swap_dims(1, 2);
        let forecasts = network.predict(&batch).unwrap();
        close("forecast", forecasts.as_slice().unwrap(), &numbers(general));
    }
}

#[test]
fn quantiles_are_ordered_whatever_the_input() {
    for kind in kinds() {
        let shape = shape(2);
        let mut batch = batch(&shape, 3, 8);
        batch.context *= 1e3;
        let forecasts = Network::new(kind, shape, 9).unwrap().predict(&batch).unwrap();
        let ordered = |lane: ndarray::ArrayView1<f32>| lane.iter().is_sorted();
        assert!(forecasts.lanes(ndarray::Axis(3)).into_iter().all(ordered));
    }
}

#[test]
fn loss_and_gradient_are_the_same_bits_at_any_number_of_threads() {
    for kind in kinds() {
        let shape = shape(40);
        let network = Network::new(kind, shape.clone(), 1).unwrap();
        let batch = batch(&shape, 60, 2);
        let results = [1, 2, 3].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut gradient = vec![0.0; network.parameters().len()];
                let loss = network
                    .computation
                    .fused(network.parameters(), &batch, Some(&mut gradient));
                let bits: Vec<u32> = gradient.iter().map(|number| number.to_bits()).collect();
                (loss.to_bits(), bits)
            })
        });
        assert!(results[0] == results[1] && results[0] == results[2]);
    }
}

#[test]
fn saved_weights_give_the_same_forecasts_bit_for_bit() {
    for kind in kinds() {
        let shape = shape(3);
        let network = Network::new(kind, shape.clone(), 10).unwrap();
        let loaded = Network::load(kind, shape.clone(), &network.save()).unwrap();
        let batch = batch(&shape, 4, 11);
        assert_eq!(network.predict(&batch).unwrap(), loaded.predict(&batch).unwrap());
    }
}

#[test]
fn the_same_seed_gives_the_same_network_and_another_one_another() {
    for kind in kinds() {
        let network = |seed| Network::new(kind, shape(3), seed).unwrap().parameters().to_vec();
        assert_eq!(network(1), network(1));
        assert_ne!(network(1), network(2));
    }
}

#[test]
fn some_of_the_series_are_forecast_as_among_all_where_they_do_not_see_each_other() {
    let apart = |kind: &Kind| !matches!(kind, Kind::Transformer(settings) if settings.spatial_layers > 0);
    for kind in kinds().into_iter().filter(apart) {
        let shape = shape(4);
        let network = Network::new(kind, shape.clone(), 12).unwrap();
        let all = batch(&shape, 3, 13);
        let some = Batch {
            context: all.context.slice(s![.., 1..3, .., ..]).to_owned(),
            known: all.known.slice(s![.., 1..3, .., ..]).to_owned(),
            base: all.base.slice(s![.., 1..3, ..]).to_owned(),
            target: Array3::zeros((3, 2, 0)),
            series: all.series.slice(s![1..3]).to_owned(),
            weight: all.weight.slice(s![1..3]).to_owned(),
            ..all.clone()
        };
        let wanted = network.predict(&all).unwrap();
        let wanted = wanted.slice(s![.., 1..3, .., ..]).as_standard_layout().to_owned();
        let got = network.predict(&some).unwrap();
        close("forecast", got.as_slice().unwrap(), wanted.as_slice().unwrap());
    }
}

#[test]
fn arrays_in_any_memory_order_are_read_the_same() {
    let shape = shape(3);
    let network = Network::new(kinds()[0], shape.clone(), 14).unwrap();
    let straight = batch(&shape, 4, 15);
    let mut turned = straight.clone();
    turned.context.swap_axes(0, 3);
    turned.context = turned.context.as_standard_layout().to_owned();
    turned.context.swap_axes(0, 3);
    assert!(turned.context.as_slice().is_none());
    assert_eq!(network.predict(&turned).unwrap(), network.predict(&straight).unwrap());
}

#[test]
fn targets_that_are_all_missing_give_no_loss_and_no_gradient() {
    let shape = shape(2);
    let network = Network::new(kinds()[0], shape.clone(), 16).unwrap();
    let mut batch = batch(&shape, 3, 17);
    batch.target.fill(f32::NAN);
    let mut gradient = vec![f32::NAN; network.parameters().len()];
    let loss = network
        .computation
        .fused(network.parameters(), &batch, Some(&mut gradient));
    assert!(loss == 0.0 && gradient.iter().all(|&slope| slope == 0.0));
}

#[test]
fn batches_that_do_not_fit_are_refused_by_name() {
    let shape = shape(3);
    let network = Network::new(kinds()[0], shape.clone(), 18).unwrap();
    let good = batch(&shape, 2, 19);
    let message = |change: &dyn Fn(&mut Batch)| {
        let mut bad = good.clone();
        change(&mut bad);
        network.predict(&bad).unwrap_err().to_string()
    };
    let found = message(&|batch| batch.known = Array4::zeros((2, 3, 4, 1)));
    assert_eq!(found, "`shape of known` is `2 x 3 x 4 x 1`, accepted: 2 x 3 x 4 x 2");
    let found = message(&|batch| batch.slot_of_day[1] = 24);
    assert_eq!(found, "`slot_of_day` is `24`, accepted: 0 to 23");
    let found = message(&|batch| batch.series[1] = 0);
    assert_eq!(found, "`series` is `0`, accepted: each series at most once");
    let found = message(&|batch| batch.weight[0] = -1.0);
    assert_eq!(found, "`weight` is `-1`, accepted: 0 and more");
}

#[test]
fn foreign_weights_are_refused_by_name() {
    let network = Network::new(kinds()[0], shape(3), 20).unwrap();
    let message = |change: &dyn Fn(&mut Weights)| {
        let mut weights = network.save();
        change(&mut weights);
        Network::load(kinds()[0], shape(3), &weights).unwrap_err().to_string()
    };
    let found = message(&|weights| drop(weights.remove("head.bias")));
    assert_eq!(found, "`weights` is `without head.bias`, accepted: head.bias");
    let found = message(&|weights| {
        weights.insert("head.bias".into(), ndarray::ArrayD::zeros(vec![5]));
    });
    assert_eq!(found, "`shape of head.bias` is `[5]`, accepted: [12]");
    let found = message(&|weights| {
        weights.insert("tail".into(), ndarray::ArrayD::zeros(vec![5]));
    });
    assert!(found.starts_with("`weights` is `tail`, accepted: identity.series, "));
}

#[test]
fn impossible_shapes_and_settings_are_refused() {
    let message = |shape: Shape| Network::new(kinds()[0], shape, 1).unwrap_err().to_string();
    let found = message(Shape { horizon: 0, ..shape(1) });
    assert_eq!(found, "`horizon` is `0`, accepted: 1 to 1000000");
    let found = message(Shape {
        quantiles: vec![0.5, 0.5],
        ..shape(1)
    });
    assert_eq!(
        found,
        "`quantiles` is `[0.5, 0.5]`, accepted: increasing fractions strictly between 0 and 1"
    );
    let kind = Kind::Stid(Stid {
        layers: 0,
        ..Stid::default()
    });
    let found = Network::new(kind, shape(1), 1).unwrap_err().to_string();
    assert_eq!(found, "`layers` is `0`, accepted: 1 to 64");
}
