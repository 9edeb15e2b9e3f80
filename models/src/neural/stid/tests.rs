//! Forecasts by what is computed once, with any embeddings and any number of layers.

use burn::tensor::{Device, Tensor};

use super::Stid;
use crate::neural::optimiser::numbers;
use crate::neural::tests::{batch, shape};
use crate::neural::{Batch, Kind, Network};

fn network(embeddings: [usize; 3], layers: usize) -> Network {
    let [series, slot_of_day, weekday] = embeddings;
    let settings = Stid {
        entrance: 9,
        series,
        slot_of_day,
        weekday,
        layers,
    };
    Network::new(Kind::Stid(settings), shape(5), 1).unwrap()
}

#[test]
fn forecasts_agree_with_the_general_operations() {
    for (embeddings, layers) in [([5, 6, 3], 1), ([17, 16, 15], 2), ([1, 2, 8], 3)] {
        let network = network(embeddings, layers);
        for windows in [1, 40] {
            let batch = batch(network.shape(), windows, 2);
            let row = Tensor::<1>::from_data(network.parameters(), &Device::flex());
            let general = network.computation.general_forecast(row, &batch).unwrap();
            let forecasts = network.predict(&batch).unwrap();
            for (got, wanted) in forecasts.iter().zip(numbers(general.swap_dims(1, 2)).unwrap()) {
                assert!((got - wanted).abs() < 2e-5, "{got} is not {wanted}");
            }
        }
    }
}

#[test]
fn forecasts_without_some_embeddings_have_the_loss_of_a_training_step() {
    for (embeddings, layers) in [([5, 0, 3], 1), ([0, 0, 0], 1), ([0, 7, 0], 3), ([17, 0, 0], 2)] {
        let network = network(embeddings, layers);
        let batch = batch(network.shape(), 7, 2);
        let (wanted, _) = network.loss(&batch).unwrap();
        let found = loss(&network, &batch);
        assert!((found - wanted).abs() < 1e-5, "{found} is not {wanted}");
    }
}

/// The mean pinball loss of the forecasts, summed over quantiles and weighted.
fn loss(network: &Network, batch: &Batch) -> f64 {
    let forecasts = network.predict(batch).unwrap();
    let (mut sum, mut total) = (0.0, 0.0);
    for ((window, series, step), &target) in batch.target.indexed_iter() {
        if target.is_nan() {
            continue;
        }
        let weight = f64::from(batch.weight[series]);
        total += weight;
        for (quantile, &level) in network.shape().quantiles.iter().enumerate() {
            let error = f64::from(target) - f64::from(forecasts[(window, series, step, quantile)]);
            let level = f64::from(level);
            sum += weight * (level * error).max((level - 1.0) * error);
        }
    }
    sum / total
}
