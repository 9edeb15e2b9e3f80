//! Arrow Flight: every table by its name, with a choice of columns, keys and times; forecasts from windows that a client sends; and
//! Flight SQL, on the same service.

pub mod client;
mod datasets;
mod dictionary;
mod exchange;
mod handover;
mod plain;
mod query;
mod readers;
mod service;
mod sql;
mod views;
mod wire;

pub use datasets::{Batches, Dataset, Datasets};
pub(crate) use datasets::{Known, Share, Shown, describe, windows_schema};
pub(crate) use handover::{Giver, hand_over, stopped};
pub use query::{AsOf, Instant, Query};
pub(crate) use service::flight_service;
