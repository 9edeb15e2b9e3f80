//! Congestion and mobility per zone and window, as versioned formulas.
//!
//! | formula | what it gives | definition |
//! |---|---|---|
//! | [`ARTERIAL`] | congestion, jam factor, mobility index | [`congestion`], [`jam_factor`], [`mobility_index`] |
//! | [`CITY_PLATFORM`] | mobility index alone | [`city_platform_index`], as the city's platform publishes it |
//!
//! A sensor's congestion measures it against itself: its free-flow speed is the 85th percentile of its own window mean
//! speeds over the 28 UTC days up to the window ([`FreeFlow`]). A zone's value is the plain mean over its sensors.
//! Where there is no input there is no value.

mod catch_up;
mod derive;
mod formula;
mod free_flow;
mod speeds;
mod table;

pub use derive::derive;
pub use formula::{ARTERIAL, CITY_PLATFORM, city_platform_index, congestion, jam_factor, mobility_index};
pub use free_flow::{FREE_FLOW_DAYS, FREE_FLOW_PERCENTILE, FreeFlow, free_flow_speed};
pub use table::{IndexTable, TABLE};
