//! The gRPC services: check, call, convert. What they do stands elsewhere.
//!
//! | file | what stands there |
//! |---|---|
//! | `forecast`, `alert`, `model`, `catalog`, `analytics`, `inference` | a service each |
//! | `watch_forecasts`, `watch_alerts` | their streams: made as they are read, so that nothing waits for whoever is slow |
//! | `convert`, `convert_alert`, `convert_analytics`, `convert_areas` | between wire types and our own |
//! | `quick_forecast`, `forecast_wire` | the busiest method, past the messages and straight to the wire |
//! | `list`, `mask`, `sized` | pages of lists, fields of messages, compression |

mod alert;
mod analytics;
mod catalog;
mod convert;
mod convert_alert;
mod convert_analytics;
mod convert_areas;
mod forecast;
mod forecast_wire;
mod inference;
mod list;
mod mask;
mod model;
mod quick_forecast;
mod sized;
mod watch_alerts;
mod watch_forecasts;

pub use alert::AlertApi;
pub use analytics::AnalyticsApi;
pub use catalog::CatalogApi;
pub use forecast::ForecastApi;
pub use inference::InferenceApi;
pub use model::ModelApi;
pub use quick_forecast::QuickForecasts;
pub(crate) use sized::is_small;

/// The service whose health depends on its table, too.
pub const ALERTS: &str = "arterial.v1.AlertService";

/// The services of this package whose health is reported one by one.
pub const SERVICES: [&str; 7] = [
    ALERTS,
    "arterial.v1.AnalyticsService",
    "arterial.v1.ForecastService",
    "arterial.v1.CatalogService",
    "arterial.v1.ModelService",
    "arrow.flight.protocol.FlightService",
    "inference.GRPCInferenceService",
];
