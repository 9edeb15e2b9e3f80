//! A network that was trained on a GPU is a model like any other: it is loaded by programs that know no such device, and says where it
//! was trained.

use std::sync::Arc;

use arterial_models::artefact::Files;
use arterial_models::forecasters::{Neural, list_on};
use arterial_models::neural::{Device, Kind, Stid};
use arterial_models::pipeline::Pipeline;
use arterial_models::{Silent, Task};

use crate::support::{Lags, panel};

const ROWS: usize = 14 * 96;

fn fit(device: Device) -> Pipeline {
    let kind = Neural::new("stid", Kind::Stid(Stid::default()), 2, 3000).on(device);
    let task = Task {
        context: 12,
        horizon: 4,
        seed: 1,
    };
    Pipeline::fit(&kind, &panel(ROWS, 2, 0.0), 0, &task, &Silent).unwrap()
}

fn bits(pipeline: &Pipeline) -> Vec<u64> {
    let points = pipeline.outlook(&panel(ROWS, 2, 0.0), &[ROWS - 1]).unwrap().points;
    points.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn a_network_that_was_trained_on_another_device_is_loaded_where_nobody_knows_that_device_and_says_so() {
    let trained = fit(Device::Cpu);
    assert!(trained.notes().is_empty());
    let mut parts = trained.files().unwrap().parts().unwrap();
    assert!(parts.parameters["model"].get("device").is_none());
    parts.parameters["model"]["device"] = "abacus".into();
    let loaded = Pipeline::load_as(&Files::of(&parts).unwrap(), &Neural::stid()).unwrap();
    assert_eq!(
        loaded.notes(),
        ["`stid` was trained on abacus; it forecasts on the CPU"]
    );
    assert_eq!(bits(&loaded), bits(&trained));
    let again = Pipeline::load_as(&loaded.files().unwrap(), &Neural::stid()).unwrap();
    assert_eq!(again.notes(), loaded.notes());
}

#[test]
fn networks_and_what_has_them_as_members_are_trained_on_the_device_that_was_chosen() {
    for device in Device::BUILT {
        for kind in list_on(Arc::new(Lags), *device) {
            let is_network = ["stid", "lstm", "transformer", "ensemble"].contains(&kind.name());
            let wanted = if is_network { *device } else { Device::Cpu };
            assert_eq!(kind.device(), wanted, "{}", kind.name());
        }
    }
}

#[cfg(any(feature = "wgpu", feature = "cuda"))]
#[test]
fn a_network_that_was_trained_on_a_gpu_forecasts_the_same_bits_once_it_is_saved_and_loaded() {
    for device in Device::BUILT.iter().filter(|device| **device != Device::Cpu) {
        if let Err(why) = device.check() {
            arterial_testing::missing("gpu", &why.to_string());
            continue;
        }
        let trained = fit(*device);
        assert!(trained.notes()[0].contains(device.name()), "{:?}", trained.notes());
        let loaded = Pipeline::load_as(&trained.files().unwrap(), &Neural::stid()).unwrap();
        assert_eq!(loaded.notes(), trained.notes());
        assert_eq!(bits(&loaded), bits(&trained));
    }
}
