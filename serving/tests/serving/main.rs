//! The service as its clients see it.
#![expect(clippy::float_cmp, reason = "the models of these tests give exact numbers")]

mod alert_sinks;
mod alerts;
mod areas;
mod browser;
mod browsers;
mod calls;
mod city;
mod clients;
mod dashboards;
mod exchange;
mod flight;
mod flows;
mod forecasts;
mod http;
mod http_schema;
mod inference;
mod kafka;
mod load;
mod metrics;
mod page;
mod past;
mod places;
mod receiver;
mod redis;
mod registry;
mod server;
mod silence;
mod sql;
mod stubs;
mod support;
mod swap;
mod town;
mod trials;
mod turns;
mod watching;
