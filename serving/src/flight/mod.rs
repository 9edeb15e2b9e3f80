//! Arrow Flight: every table by its name, with a choice of columns, keys and times; and Flight SQL, on the same service.

pub mod client;
mod datasets;
mod dictionary;
mod query;
mod service;
mod sql;
mod views;

pub(crate) use datasets::Share;
pub use datasets::{Batches, Dataset, Datasets};
pub use query::{AsOf, Instant, Query};
pub use service::FlightApi;
