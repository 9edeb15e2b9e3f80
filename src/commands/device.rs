//! Where networks are trained, from the command line.

use arterial_models::neural::Device;

/// The device option of `backtest` and `train`.
#[derive(Debug, Clone, clap::Args)]
pub struct DeviceArgs {
    /// Where networks are trained: cpu, or the first GPU by wgpu or by cuda where this program was built with the cargo feature of that
    /// name. They forecast on the CPU, wherever they were trained
    #[arg(long, value_name = "DEVICE", default_value_t)]
    device: Device,
}

impl DeviceArgs {
    /// The device, which answers.
    ///
    /// # Errors
    /// It does not.
    pub fn device(&self) -> arterial_models::Result<Device> {
        self.device.check()?;
        Ok(self.device)
    }
}
