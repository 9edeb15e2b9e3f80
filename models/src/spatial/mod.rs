//! Where things happen: clusters of places on the globe, and the hot spots that they become.

mod dbscan;
mod geojson;
mod grid;
mod hot_spots;
mod hull;
mod position;

pub use dbscan::Dbscan;
pub use geojson::{Feature, FeatureCollection, Geometry};
pub use hot_spots::{HotSpot, HotSpots, Point};
pub use hull::Hull;
pub use position::{EARTH_RADIUS_KM, Position};
