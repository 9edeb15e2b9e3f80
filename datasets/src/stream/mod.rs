//! Streams are data: one TOML file each says what a topic's events hold and how they become windows.

mod catalog;
mod check;
mod check_rules;
mod definition;
mod parse;
mod rule;

pub use catalog::StreamCatalog;
pub use definition::{Aggregate, Field, FieldType, KeyDefinition, OnBad, Role, StreamDefinition};
pub use parse::{parse, read};
pub use rule::{Condition, Rule, RuleKind};
