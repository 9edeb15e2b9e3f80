//! Model files: data that can be checked, and nothing that can run.
//!
//! A model is two files: `parameters.json` (its kind and its settings) and `tensors.safetensors` (its numbers).

mod exact;
mod files;
mod parts;

pub(crate) use exact::{from_exact, to_exact};
pub(crate) use files::digest_of;
pub use files::{FileDigest, Files, PARAMETERS_FILE, TENSORS_FILE};
pub use parts::{Parts, Tensor};
