//! Artefacts that are not what they say are refused, and nothing worse.

use arterial_models::artefact::{Files, Parts, Tensor};
use arterial_models::pipeline::Pipeline;
use ndarray::{ArrayD, Axis};

use super::small::small;

/// The same numbers with an axis more, and none at all where there were any.
fn forgeries<T: Clone>(values: &ArrayD<T>) -> Vec<ArrayD<T>> {
    let deeper = values.clone().insert_axis(Axis(0));
    let nothing = ArrayD::from_shape_vec(vec![0; values.ndim()], Vec::new()).unwrap();
    let is_less = nothing.shape() != values.shape();
    std::iter::once(deeper).chain(is_less.then_some(nothing)).collect()
}

/// Models in which the tensor `name` is another one.
fn forged(parts: &Parts, name: &str) -> Vec<Parts> {
    let tensors: Vec<Tensor> = match &parts.tensors[name] {
        Tensor::F64(values) => forgeries(values).into_iter().map(Tensor::F64).collect(),
        Tensor::F32(values) => forgeries(values).into_iter().map(Tensor::F32).collect(),
        Tensor::U8(values) => forgeries(values).into_iter().map(Tensor::U8).collect(),
    };
    let with = |tensor| {
        let mut forged = parts.clone();
        forged.tensors.insert(name.to_owned(), tensor);
        forged
    };
    tensors.into_iter().map(with).collect()
}

#[test]
fn a_model_with_one_array_of_another_shape_or_without_numbers_is_refused() {
    let small = small();
    for pipeline in &small.pipelines {
        let parts = pipeline.files().unwrap().parts().unwrap();
        assert!(!parts.tensors.is_empty());
        for name in parts.tensors.keys() {
            for forged in forged(&parts, name) {
                let loaded = Pipeline::load(&Files::of(&forged).unwrap(), &small.kinds);
                assert!(loaded.is_err(), "{}: {name}", pipeline.name());
            }
        }
    }
}
