//! Live state, scoring on each closed window, and everything that answers: gRPC, Arrow Flight, HTTP.
//!
//! | room | what stands there |
//! |---|---|
//! | [`live`] | recent windows per stream, key and target; rebuilt from the lake, fed by commits |
//! | [`model`] | which model is in charge of each target, followed in the registry |
//! | [`score`] | one issue of forecasts for each closed window, down the ladder |
//! | [`alerts`] | what is strange in each closed window, as alerts: stored, watched, delivered |
//! | [`answer`] | a request checked and answered, without wire types |
//! | [`analytics`] | questions about the city: newest windows, congestion, zones, roads, hot spots, figures |
//! | [`sql`] | queries over every table, within limits |
//! | [`grpc`], [`flight`], [`http`] | the edges |
//! | [`sinks`] | where forecasts go, beside those who ask: the lake and Kafka |
//! | [`metrics`], [`traces`] | what it says of itself |
//! | [`state`], [`server`] | what they share, and how they start and stop |
//!
//! This crate knows nothing of training.

mod admission;
pub mod alerts;
pub mod analytics;
pub mod answer;
mod around;
mod backpressure;
mod bodies;
mod calls;
pub mod config;
mod cors;
mod deadline;
pub mod error;
pub mod flight;
mod gathered;
pub mod grpc;
pub mod http;
pub mod json;
pub mod live;
pub mod metrics;
pub mod model;
pub mod readiness;
mod registry_list;
pub mod score;
mod seal;
pub mod server;
pub mod sinks;
pub mod sql;
pub mod state;
mod sync;
mod tables;
mod token;
pub mod traces;
mod watchers;

pub use config::{ServerConfig, ServingConfig};
pub use error::{Error, Result};
pub use server::{Running, Server};
pub use state::{AppState, Parts};
