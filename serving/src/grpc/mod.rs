//! The gRPC services: check, call, convert. What they do stands elsewhere.

mod alert;
mod catalog;
mod convert;
mod convert_alert;
mod forecast;
mod inference;
mod model;

pub use alert::AlertApi;
pub use catalog::CatalogApi;
pub use forecast::ForecastApi;
pub use inference::InferenceApi;
pub use model::ModelApi;

/// The services of this package whose health is reported one by one.
pub const SERVICES: [&str; 6] = [
    "arterial.v1.AlertService",
    "arterial.v1.ForecastService",
    "arterial.v1.CatalogService",
    "arterial.v1.ModelService",
    "arrow.flight.protocol.FlightService",
    "inference.GRPCInferenceService",
];
