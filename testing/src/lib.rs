//! Real servers for the tests of the other crates. Never a dependency outside of tests.
//!
//! A server, or a client of somebody else, that cannot be had makes its tests skip with one plain line that says what to type, unless
//! `ARTERIAL_REQUIRE_ALL` is set: then it fails them ([`missing()`]), but for what `ARTERIAL_MAY_LACK` names, such as public data sets
//! ([`data()`]).

pub mod alertmanager;
pub mod chromium;
mod data;
pub mod jars;
pub mod kafka;
pub mod minio;
mod missing;
mod program;
pub mod prometheus;
pub mod promtool;
pub mod redis;
mod run;
pub mod secure;
pub mod shaky;
mod signal;

pub use alertmanager::Alertmanager;
pub use chromium::{Chromium, Screen};
pub use data::data;
pub use kafka::KafkaBroker;
pub use minio::Minio;
pub use missing::{missing, python};
pub use prometheus::Prometheus;
pub use promtool::Promtool;
pub use redis::Redis;
pub use run::{refused, run, run_beside};
pub use secure::SecureListener;
pub use shaky::{Shaky, Trouble};
pub use signal::signal;
