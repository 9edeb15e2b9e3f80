//! Networks that were trained elsewhere: an ONNX file and a description make a forecaster.
//!
//! | file | what stands there |
//! |---|---|
//! | `network` | [`Network`]: a file that is checked, prepared and run by tract |
//! | `graph` | what a file must look like before tract prepares it |
//! | `guard` | panics of tract become errors |
//! | `memory` | how large tensors may become |
//! | `description` | [`Description`]: what the network reads and answers, and in which units |
//! | `axes` | the order of a tensor's axes |
//! | `scaling` | units of the target to units of the network and back |
//! | `window` | what is read: windows of a panel as input tensors |
//! | `answer` | what is answered: output tensors as forecasts |
//! | `forecaster` | [`ImportedNetwork`], the kind `network`, and [`FittedNetwork`] |
//!
//! A network is not trained here. Fitting checks that it fits the panel and, where its description says so, learns the
//! scale of each series.

mod answer;
mod axes;
mod description;
mod forecaster;
mod graph;
mod guard;
mod memory;
mod network;
mod scaling;
mod window;

pub use axes::Axis;
pub use description::{Channel, Description, Input, Missing, Output};
pub use forecaster::{FittedNetwork, ImportedNetwork, NAME, SavedNetwork};
pub use memory::TENSOR_LIMIT;
pub use network::{LIMIT, Network, Port};
pub use scaling::{Scale, Scaling};

/// The name by which messages call the network's file.
const FILE: &str = "network.onnx";
