//! The service as its clients see it.

mod flight;
mod forecasts;
mod kafka;
mod load;
mod registry;
mod server;
mod support;
