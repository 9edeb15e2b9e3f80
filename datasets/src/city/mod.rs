//! A synthetic city: traffic that obeys the cell transmission model, and everything that follows from it.
//!
//! Vehicles move through the cells of a road network (C. F. Daganzo, Transportation Research B 28 (1994) and 29 (1995)):
//! a triangular fundamental diagram for each kind of road, merges and diverges at junctions. Demand follows the hour and
//! the weekday of the local clock and differs from day to day; weather lowers capacity and free speed; incidents close
//! lanes, and their queues spill back upstream. Buses and taxis drive at the speeds of the cells they are in, car parks
//! fill with those who arrive, bikes follow people and weather, and the air holds what vehicles emit.
//!
//! The clock is simulated, everything is drawn from the seed, and every event is synthetic.
//!
//! | file | what stands there |
//! |---|---|
//! | `road`, `network`, `junction` | the cell transmission model |
//! | `plan`, `routing`, `demand` | the drawn city, its trips, how many at which hour |
//! | `calendar`, `weather`, `incident` | what changes from outside |
//! | `twin`, `label` | the truth: what an incident really changed |
//! | `sensors`, `transit`, `taxis`, `parking`, `bikes`, `air`, `fault` | who reports, and how they break |

mod air;
mod bikes;
pub mod calendar;
mod config;
mod demand;
pub mod event;
pub mod fault;
pub mod incident;
mod json;
pub mod junction;
pub mod label;
pub mod network;
mod parking;
pub mod plan;
mod random;
pub mod road;
pub mod routing;
pub mod sensors;
mod taxis;
mod transit;
mod twin;
pub mod weather;
mod world;

pub use config::{CityConfig, CitySize};
pub use event::{SimulatedEvent, Topic};
pub use incident::IncidentKind;
pub use label::Label;
pub use world::City;
