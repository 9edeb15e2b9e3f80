//! From the scores of single sensors to one alert for each event.

mod signal;

pub use signal::{Expected, Finding, Reason, Signal, Subject};
