//! Networks trained elsewhere: running them, describing them, forecasting with them.

mod description;
mod forecasts;
mod network;

pub use forecasts::persistence;

/// A network of the folder `fixtures`, which `make.py` there makes.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/onnx/fixtures");
    std::fs::read(path.join(name)).unwrap()
}
