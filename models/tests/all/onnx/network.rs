//! Answers against ONNX Runtime's, and files that are refused.

use arterial_models::Error;
use arterial_models::onnx::{LIMIT, Network, TENSOR_LIMIT};
use ndarray::ArrayD;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Deserialize;

use super::fixture;

const EXPORTED: [&str; 4] = [
    "lstm.onnx",
    "lstm-dynamo.onnx",
    "transformer.onnx",
    "transformer-dynamo.onnx",
];

#[derive(Deserialize)]
struct Case {
    network: String,
    batch: usize,
    window: Vec<f32>,
    shape: Vec<usize>,
    forecast: Vec<f32>,
}

fn refusal(name: &str) -> String {
    let error = Network::parse(&fixture(name)).err().unwrap();
    assert!(error.is_bad_input() || error.is_refusal());
    error.to_string()
}

#[test]
fn answers_equal_those_of_onnx_runtime() {
    let cases: Vec<Case> = serde_json::from_slice(&fixture("answers.json")).unwrap();
    assert_eq!(cases.len(), 2 * EXPORTED.len());
    for case in cases {
        let network = Network::parse(&fixture(&case.network)).unwrap();
        let window = ArrayD::from_shape_vec(vec![case.batch, 12, 3], case.window).unwrap();
        let answer = network.run(&window, "forecast").unwrap();
        assert_eq!(answer.shape(), case.shape, "{}", case.network);
        for (got, expected) in answer.iter().zip(&case.forecast) {
            assert!((got - expected).abs() < 1e-5, "{}: {got} for {expected}", case.network);
        }
    }
}

#[test]
fn a_network_tells_its_input_and_outputs() {
    let network = Network::parse(&fixture("transformer.onnx")).unwrap();
    assert_eq!(network.input().name, "window");
    assert_eq!(network.input().shape, [None, Some(12), Some(3)]);
    assert_eq!(network.outputs().len(), 1);
    assert_eq!(network.outputs()[0].shape, [None, Some(4), Some(3)]);
}

#[test]
fn an_input_of_another_shape_is_refused_with_the_right_one() {
    let network = Network::parse(&fixture("lstm.onnx")).unwrap();
    for shape in [vec![1, 12], vec![1, 13, 3], vec![1, 12, 2], vec![1, 12, 3, 1]] {
        let error = network.run(&ArrayD::zeros(shape), "forecast").unwrap_err().to_string();
        assert!(error.contains("`window`") && error.contains("[*, 12, 3]"), "{error}");
    }
}

#[test]
fn an_output_that_is_not_there_is_refused_with_those_that_are() {
    let network = Network::parse(&fixture("lstm.onnx")).unwrap();
    let error = network
        .run(&ArrayD::zeros(vec![1, 12, 3]), "speed")
        .unwrap_err()
        .to_string();
    assert!(error.contains("`speed`") && error.contains("forecast"), "{error}");
}

#[test]
fn an_unsupported_operator_is_named() {
    let message = refusal("unsupported.onnx");
    assert!(
        message.contains("com.example.Wavelet") && message.contains("`filter`"),
        "{message}"
    );
}

#[test]
fn an_operator_that_draws_random_numbers_is_refused() {
    assert!(refusal("random.onnx").contains("RandomNormalLike"));
}

#[test]
fn weights_in_another_file_are_refused() {
    assert!(refusal("external.onnx").contains("another file"));
}

#[test]
fn a_second_input_is_refused_by_name() {
    assert!(refusal("two-inputs.onnx").contains("window, calendar"));
}

#[test]
fn an_input_of_another_type_is_refused() {
    let message = refusal("double.onnx");
    assert!(
        message.contains("type of `window`") && message.contains("Double"),
        "{message}"
    );
}

#[test]
fn a_network_that_makes_too_large_a_tensor_is_refused() {
    let message = refusal("large.onnx");
    let expected = format!("at most {TENSOR_LIMIT} are accepted");
    assert!(
        message.contains("makes a tensor of") && message.contains(&expected),
        "{message}"
    );
}

#[test]
fn a_file_that_is_no_network_is_refused() {
    for foreign in [&b""[..], b"\x80\x04", b"{\"learner\": {}}", b"PK\x03\x04", &[0xff; 64]] {
        let error = Network::parse(foreign).err().unwrap();
        assert!(error.is_refusal(), "{error}");
    }
}

#[test]
fn a_file_that_is_too_large_is_refused_before_it_is_read() {
    let error = Network::parse(&vec![0; LIMIT + 1]).err().unwrap();
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
}

#[test]
fn a_cut_or_flipped_file_never_panics() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    for name in EXPORTED {
        let whole = fixture(name);
        for round in 0..60 {
            let mut bytes = whole.clone();
            let place = random.random_range(0..bytes.len());
            if round % 3 == 0 {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 1 << random.random_range(0..8);
            }
            // A flipped weight is a network, too; what counts is that each comes to an answer or an error.
            if let Ok(network) = Network::parse(&bytes) {
                let _ = network.run(&ArrayD::zeros(vec![2, 12, 3]), "forecast");
            }
        }
    }
}
