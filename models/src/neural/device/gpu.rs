//! Whether a GPU answers.

use crate::{Error, Result};

/// Opens the GPU that WGPU chooses.
///
/// # Errors
/// There is none, or it refuses.
#[cfg(feature = "wgpu")]
pub(super) fn wgpu() -> Result<()> {
    use std::sync::OnceLock;

    use burn::tensor::wgpu::WgpuInitError;

    // A device is opened once in the life of a program.
    static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();
    let open = || match burn::tensor::Device::wgpu_options().init() {
        // Whoever computed on it before has opened it.
        Ok(_) | Err(WgpuInitError::Registration { .. }) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    match ANSWER.get_or_init(open) {
        Ok(()) => Ok(()),
        Err(why) => Err(absent("wgpu", why)),
    }
}

/// Looks for a GPU that the driver of CUDA knows.
///
/// # Errors
/// There is none, or no driver.
#[cfg(feature = "cuda")]
pub(super) fn cuda() -> Result<()> {
    if burn::tensor::Device::enumerate(burn::tensor::DeviceType::Cuda).is_empty() {
        return Err(absent("cuda", "CUDA's driver is not here, or knows no GPU"));
    }
    Ok(())
}

fn absent(name: &str, why: &str) -> Error {
    Error::invalid("device", name, format!("cpu, as no GPU answers: {why}"))
}
