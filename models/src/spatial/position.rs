//! A place on the globe.

use crate::{Error, Result};

/// The mean radius of the earth (IUGG), km.
pub const EARTH_RADIUS_KM: f64 = 6371.0088;

/// A place on the globe, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Position {
    lat: f64,
    lon: f64,
}

impl Position {
    /// The place at a latitude and a longitude in degrees.
    ///
    /// # Errors
    /// A latitude outside of -90 to 90, a longitude outside of -180 to 180, or no number.
    pub fn new(lat: f64, lon: f64) -> Result<Self> {
        if !(-90.0..=90.0).contains(&lat) {
            return Err(Error::invalid("lat", lat, "degrees, -90 to 90"));
        }
        if !(-180.0..=180.0).contains(&lon) {
            return Err(Error::invalid("lon", lon, "degrees, -180 to 180"));
        }
        Ok(Self { lat, lon })
    }

    /// Degrees north.
    #[must_use]
    pub fn lat(self) -> f64 {
        self.lat
    }

    /// Degrees east.
    #[must_use]
    pub fn lon(self) -> f64 {
        self.lon
    }

    /// The length of the great circle to `other`, km, by the haversine formula:
    ///
    /// ```text
    /// d = 2 R asin √(sin²(Δlat / 2) + cos lat₁ cos lat₂ sin²(Δlon / 2))
    /// ```
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let (lat, lon) = (self.lat.to_radians(), self.lon.to_radians());
        let (other_lat, other_lon) = (other.lat.to_radians(), other.lon.to_radians());
        let north = ((lat - other_lat) / 2.0).sin();
        let east = ((lon - other_lon) / 2.0).sin();
        let half = (north * north + lat.cos() * other_lat.cos() * east * east).sqrt();
        2.0 * EARTH_RADIUS_KM * half.min(1.0).asin()
    }

    /// The point of the unit sphere.
    pub(super) fn unit(self) -> [f64; 3] {
        let (lat, lon) = (self.lat.to_radians(), self.lon.to_radians());
        [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()]
    }

    /// How far east and north of `origin` it is on a map of the neighbourhood, km.
    pub(super) fn on_map(self, origin: Self) -> [f64; 2] {
        let degree = EARTH_RADIUS_KM.to_radians();
        let east = (self.lon - origin.lon + 540.0).rem_euclid(360.0) - 180.0;
        [
            east * degree * origin.lat.to_radians().cos(),
            (self.lat - origin.lat) * degree,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_great_circles() {
        let place = |lat, lon| Position::new(lat, lon).unwrap();
        for (one, other, km) in [
            (
                place(0.0, 0.0),
                place(0.0, 90.0),
                EARTH_RADIUS_KM * std::f64::consts::FRAC_PI_2,
            ),
            (
                place(0.0, 0.0),
                place(0.0, 180.0),
                EARTH_RADIUS_KM * std::f64::consts::PI,
            ),
            (place(0.0, 179.999), place(0.0, -179.999), 0.222_390),
            (place(55.95, -3.19), place(55.86, -4.25), 66.852),
        ] {
            let found = one.distance_km(other);
            assert!((found / km - 1.0).abs() < 1e-3, "{found} {km}");
        }
    }

    #[test]
    fn a_place_off_the_globe_is_refused() {
        for (lat, lon) in [(91.0, 0.0), (0.0, 181.0), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(Position::new(lat, lon).is_err());
        }
    }
}
