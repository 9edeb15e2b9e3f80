//! Compiles the `.proto` files with protox, so that no protoc needs to be installed.

use std::path::PathBuf;

use tonic_prost_build::FileDescriptorSet;

const FILES: [&str; 6] = [
    "arterial/v1/alert.proto",
    "arterial/v1/analytics.proto",
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
    std::fs::write(out.join("arterial_methods.rs"), format!("&{:?}", methods(&descriptors)))?;
    tonic_prost_build::configure()
        .emit_rerun_if_changed(false)
        .compile_fds(descriptors)?;
    Ok(())
}

/// Service, method, whether the client streams, whether the server streams.
fn methods(descriptors: &FileDescriptorSet) -> Vec<(String, &str, bool, bool)> {
    let mut methods = Vec::new();
    for file in &descriptors.file {
        for service in &file.service {
            let name = format!("{}.{}", file.package(), service.name());
            for method in &service.method {
                let streams = (method.client_streaming(), method.server_streaming());
                methods.push((name.clone(), method.name(), streams.0, streams.1));
            }
        }
    }
    methods
}
