//! Arrow Flight: every table by its name, with a choice of columns, keys and times.

mod datasets;
mod query;
mod service;

pub use datasets::{Batches, Dataset, Datasets};
pub use query::{Instant, Query};
pub use service::FlightApi;
