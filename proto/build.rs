//! Compiles the `.proto` files with protox, so that no protoc needs to be installed.

use std::path::PathBuf;

const FILES: [&str; 5] = [
    "arterial/v1/alert.proto",
    "arterial/v1/catalog.proto",
    "arterial/v1/forecast.proto",
    "arterial/v1/model.proto",
    "inference/inference.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for file in FILES {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(FILES, ["."])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(
        out.join("arterial_descriptor.bin"),
        prost::Message::encode_to_vec(&descriptors),
    )?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)?;
    Ok(())
}
