//! Streams are data: one TOML file each says what a topic's events hold and how they become windows.

mod catalog;
mod check;
mod definition;
mod parse;

pub use catalog::StreamCatalog;
pub use definition::{Aggregate, Field, FieldType, KeyDefinition, OnBad, Role, StreamDefinition};
pub use parse::{parse, read};
