//! Where networks are trained.

#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod gpu;
#[cfg(test)]
mod tests;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// The features of this crate that bring a device of their name, and whether it was built with them.
const FEATURES: [(&str, bool); 2] = [("wgpu", cfg!(feature = "wgpu")), ("cuda", cfg!(feature = "cuda"))];

/// A place of computation. GPUs are there when the crate was built with the feature of their name. Weights do not depend on it; the
/// same bits in each training are promised on the CPU alone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Device {
    /// The CPU, by fused operations.
    #[default]
    Cpu,
    /// The first GPU by WGPU, by burn's general operations.
    #[cfg(feature = "wgpu")]
    Wgpu,
    /// The first GPU by CUDA, by burn's general operations.
    #[cfg(feature = "cuda")]
    Cuda,
}

impl Device {
    /// Every device that this crate was built with.
    pub const BUILT: &'static [Self] = &[
        Self::Cpu,
        #[cfg(feature = "wgpu")]
        Self::Wgpu,
        #[cfg(feature = "cuda")]
        Self::Cuda,
    ];

    /// The name on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            #[cfg(feature = "wgpu")]
            Self::Wgpu => "wgpu",
            #[cfg(feature = "cuda")]
            Self::Cuda => "cuda",
        }
    }

    /// Looks whether the device answers, so that no training begins that cannot go on.
    ///
    /// # Errors
    /// [`Error::Invalid`] with what is in the way; the CPU always answers.
    pub fn check(self) -> Result<()> {
        match self {
            Self::Cpu => Ok(()),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => gpu::wgpu(),
            #[cfg(feature = "cuda")]
            Self::Cuda => gpu::cuda(),
        }
    }

    /// The device as burn knows it.
    pub(super) fn open(self) -> burn::tensor::Device {
        match self {
            Self::Cpu => burn::tensor::Device::flex(),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => burn::tensor::Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
            #[cfg(feature = "cuda")]
            Self::Cuda => burn::tensor::Device::cuda(0),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Device {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut built = Self::BUILT.iter().copied();
        built
            .find(|device| device.name() == text)
            .ok_or_else(|| Error::invalid("device", text, accepted()))
    }
}

/// The devices there are, and the features that would bring others.
fn accepted() -> String {
    let built: Vec<&str> = Device::BUILT.iter().map(|device| device.name()).collect();
    let lacking: Vec<&str> = FEATURES
        .iter()
        .filter(|(_, is_built)| !is_built)
        .map(|(name, _)| *name)
        .collect();
    let built = built.join(", ");
    if lacking.is_empty() {
        return built;
    }
    format!(
        "{built}; this program was built without the cargo features {}",
        lacking.join(", ")
    )
}
