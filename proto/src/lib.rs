//! The wire types: what `arterial/v1/*.proto` and `inference/*.proto` become, and nothing else.
//!
//! Only the serving crate and the command line's client see this crate; inner crates have types of their own.

pub use prost::Message;
pub use prost_types::FieldMask;

/// Package `arterial.v1`.
#[expect(clippy::pedantic, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("arterial.v1");
}

/// Package `inference`: the Open Inference Protocol, version 2.
#[expect(clippy::pedantic, reason = "generated code")]
pub mod inference {
    tonic::include_proto!("inference");
}

/// The compiled descriptors of every file, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/arterial_descriptor.bin"));

/// Every method of these services: service, method, whether the client streams, whether the server streams.
pub const METHODS: &[(&str, &str, bool, bool)] = include!(concat!(env!("OUT_DIR"), "/arterial_methods.rs"));
