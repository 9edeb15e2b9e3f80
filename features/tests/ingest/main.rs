//! From records to durable windows: the promises of the ingest path as tests.

mod exactly_once;
mod history;
mod indices;
mod kafka;
mod killed;
mod properties;
mod support;
