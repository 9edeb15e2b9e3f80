//! Networks on a GPU against the same on the CPU. Only where the crate was built for a GPU and one answers.

use burn::tensor::{Tensor, TensorData};
use ndarray::Array3;

use crate::Result;
use crate::neural::tests::{batch, kinds, shape};
use crate::neural::training::{Trained, TrainingSettings, Unobserved, train};
use crate::neural::{Batch, Batches, Device, Kind, Network, operation, optimiser};

/// How far numbers may be from those of the CPU, as a share of their length.
fn tolerance(device: Device) -> f64 {
    // CUDA may multiply in TF32, whose numbers have 11 bits.
    if device.name() == "cuda" { 1e-2 } else { 1e-3 }
}

/// The GPUs that this crate was built for and that answer.
fn gpus() -> Vec<Device> {
    let built = Device::BUILT.iter().copied();
    let there = |device: &Device| match device.check() {
        Ok(()) => true,
        Err(why) => {
            arterial_testing::missing("gpu", &why.to_string());
            false
        }
    };
    built.filter(|device| *device != Device::Cpu).filter(there).collect()
}

/// The parameters of a network on a device, differentiable.
fn row(network: &Network, device: Device) -> Tensor<1> {
    let numbers = network.parameters().to_vec();
    let length = numbers.len();
    let device = device.open().autodiff();
    Tensor::from_data(TensorData::new(numbers, [length]), &device).require_grad()
}

fn near(what: &str, device: Device, found: &[f32], wanted: &[f32]) {
    assert_eq!(found.len(), wanted.len(), "{what} on {device}");
    let length = |numbers: &[f32]| {
        let squares = numbers.iter().map(|number| f64::from(*number).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let pairs = found.iter().zip(wanted);
    let off: Vec<f32> = pairs.map(|(found, wanted)| found - wanted).collect();
    let (off, size) = (length(&off), length(wanted));
    assert!(
        off <= tolerance(device) * size,
        "{what} on {device}: off by {off} of {size}"
    );
}

/// Batches whose targets can be learnt from their context.
struct Lesson;

impl Batches for Lesson {
    fn len(&self) -> usize {
        5
    }

    fn batch(&self, epoch: u64, index: usize) -> Result<Batch> {
        let mut batch = batch(&shape(3), 8, epoch * 1000 + index as u64);
        let context = &batch.context;
        let learnable = |(window, series, step): (usize, usize, usize)| {
            context[(window, series, 4, 0)] - context[(window, series, step, 2)] + series as f32
        };
        batch.target = Array3::from_shape_fn((8, 3, 4), learnable);
        batch.base.fill(0.0);
        batch.target[(1, 1, 1)] = f32::NAN;
        Ok(batch)
    }
}

fn trained(kind: Kind, device: Device) -> Trained {
    let network = Network::new(kind, shape(3), 3).unwrap();
    let settings = TrainingSettings {
        epochs: 8,
        learning_rate: 1e-2,
        device,
        ..TrainingSettings::default()
    };
    train(&network, &Lesson, None, &settings, &Unobserved, None).unwrap()
}

#[test]
fn loss_and_gradient_on_a_gpu_are_those_of_the_cpu() {
    for device in gpus() {
        for kind in kinds() {
            for (series, windows) in [(1, 2), (3, 40)] {
                let shape = shape(series);
                let network = Network::new(kind, shape.clone(), 1).unwrap();
                let batch = batch(&shape, windows, 2);
                let row = row(&network, device);
                let loss = operation::loss(&*network.computation, row.clone(), &batch).unwrap();
                let gradient = row.grad(&loss.backward()).unwrap();
                let mut wanted = vec![0.0; network.parameters().len()];
                let wanted_loss = network
                    .computation
                    .fused(network.parameters(), &batch, Some(&mut wanted));
                let loss = optimiser::numbers(loss.inner()).unwrap();
                near("loss", device, &loss, &[wanted_loss as f32]);
                near("gradient", device, &optimiser::numbers(gradient).unwrap(), &wanted);
            }
        }
    }
}

#[test]
fn training_on_a_gpu_begins_as_on_the_cpu_and_lowers_the_loss() {
    for device in gpus() {
        for kind in kinds() {
            let [here, there] = [Device::Cpu, device].map(|device| trained(kind, device).losses);
            let (first, last) = (there[0].training, there[7].training);
            let off = (first - here[0].training).abs();
            assert!(
                off < 0.02 * here[0].training,
                "{kind:?} on {device}: {there:?} is not {here:?}"
            );
            assert!(last < first, "{kind:?} on {device}: {there:?}");
        }
    }
}

#[test]
fn weights_that_were_trained_on_a_gpu_forecast_on_the_cpu_as_there() {
    for device in gpus() {
        for kind in kinds() {
            let shape = shape(3);
            let network = trained(kind, device).network;
            let batch = batch(&shape, 5, 7);
            let there = row(&network, device).inner();
            let there = network.computation.general_forecast(there, &batch).unwrap();
            let there = optimiser::numbers(there.swap_dims(1, 2)).unwrap();
            let loaded = Network::load(kind, shape, &network.save()).unwrap();
            let here = loaded.predict(&batch).unwrap();
            near("forecast", device, &there, here.as_slice().unwrap());
        }
    }
}
