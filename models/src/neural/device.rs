//! Where networks are trained.

use serde::{Deserialize, Serialize};

/// A place of computation. GPUs are there when the crate was built with the feature of their name.
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
