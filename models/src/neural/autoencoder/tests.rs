use burn::tensor::{Tensor, TensorData};
use ndarray::{Array2, array, s};

use super::forward::reconstruct;
use super::train::given_back;
use super::*;
use crate::Silent;
use crate::neural::general::Tensors;

/// Four columns that follow from two numbers.
fn bound(rows: usize) -> Array2<f32> {
    Array2::from_shape_fn((rows, 4), |(row, column)| {
        let (one, other) = ((row as f32 * 0.37).sin(), (row as f32 * 0.111).cos());
        [one, other, one + other, one - other][column]
    })
}

#[test]
fn what_is_learned_in_burn_is_what_scores() {
    let widths = Widths::of(5);
    let layout = widths.layout();
    let parameters = layout.start(3);
    let rows = Array2::from_shape_fn((7, 5), |(row, column)| ((row * 5 + column) as f32 * 0.7).sin());
    let device = crate::neural::Device::Cpu.open();
    let numbers: Vec<f32> = rows.iter().copied().collect();
    let row = Tensor::<1>::from_data(TensorData::new(parameters.clone(), [layout.len()]), &device);
    let batch = Tensor::<2>::from_data(TensorData::new(numbers, [7, 5]), &device);
    let expected = given_back(&Tensors::new(row, &layout), batch).unwrap();
    let expected = crate::neural::optimiser::numbers(expected).unwrap();
    let got = rows
        .rows()
        .into_iter()
        .flat_map(|row| reconstruct(widths, &parameters, row));
    for (got, expected) in got.zip(expected) {
        assert!((got - expected).abs() < 1e-5);
    }
}

#[test]
fn rows_that_break_the_bond_between_columns_have_large_errors() {
    let rows = bound(2000);
    let network = Autoencoder::fit(rows.view(), 1000, 1, &Silent).unwrap();
    let usual = network.errors(rows.view()).unwrap().mean().unwrap();
    assert!(usual < 3.0, "{usual}");
    let broken = network.errors(array![[0.5, 0.5, -1.0, 0.0]].view()).unwrap();
    assert!(broken.mean().unwrap() > 5.0 * usual, "{broken}");
}

#[test]
fn missing_values_have_no_error_and_are_learned_around() {
    let mut rows = bound(1000);
    for (place, value) in rows.iter_mut().enumerate() {
        if place % 7 == 0 {
            *value = f32::NAN;
        }
    }
    let network = Autoencoder::fit(rows.view(), 1000, 1, &Silent).unwrap();
    let errors = network.errors(rows.view()).unwrap();
    for (error, value) in errors.iter().zip(&rows) {
        assert_eq!(error.is_nan(), value.is_nan());
    }
}

#[test]
fn a_loaded_network_is_the_saved_one() {
    let rows = bound(200);
    let network = Autoencoder::fit(rows.view(), 1000, 1, &Silent).unwrap();
    let parts = network.save("network").unwrap();
    assert_eq!(Autoencoder::load(&parts, "network").unwrap(), network);
    assert!(Autoencoder::load(&parts, "other").is_err());
    assert!(network.errors(rows.slice(s![.., ..3])).is_err());
}
