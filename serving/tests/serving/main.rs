//! The service as its clients see it.
#![expect(clippy::float_cmp, reason = "the models of these tests give exact numbers")]

mod alert_sinks;
mod alerts;
mod browser;
mod clients;
mod exchange;
mod flight;
mod forecasts;
mod http;
mod http_schema;
mod inference;
mod kafka;
mod load;
mod page;
mod places;
mod receiver;
mod registry;
mod server;
mod sql;
mod support;
mod town;
