//! Places on a plane, on which a city's roads are drawn.

use arterial_models::spatial::EARTH_RADIUS_KM;

/// A place on a plane that touches the globe in the city, in km.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Towards the east.
    pub east: f64,
    /// Towards the north.
    pub north: f64,
}

impl Spot {
    /// The place of these degrees, around a city at `latitude`.
    pub fn at(lat: f64, lon: f64, latitude: f64) -> Self {
        Self {
            east: EARTH_RADIUS_KM * lon.to_radians() * latitude.to_radians().cos(),
            north: EARTH_RADIUS_KM * lat.to_radians(),
        }
    }

    /// How far it is to `other`.
    pub fn distance(&self, other: &Self) -> f64 {
        (self.east - other.east).hypot(self.north - other.north)
    }

    /// How far it is to the nearest place between `a` and `b`.
    pub fn distance_to_line(&self, a: &Self, b: &Self) -> f64 {
        let (east, north) = (b.east - a.east, b.north - a.north);
        let length = east * east + north * north;
        let along = ((self.east - a.east) * east + (self.north - a.north) * north) / length.max(f64::MIN_POSITIVE);
        let along = along.clamp(0.0, 1.0);
        self.distance(&Self {
            east: a.east + along * east,
            north: a.north + along * north,
        })
    }

    /// Orders places from west to east, of the same meridian from south to north.
    pub fn west_to_east(&self) -> (i64, i64) {
        ((self.east * 1e6) as i64, (self.north * 1e6) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_north_is_111_km_and_one_east_less_of_that() {
        let (centre, north, east) = (
            Spot::at(60.0, 10.0, 60.0),
            Spot::at(61.0, 10.0, 60.0),
            Spot::at(60.0, 11.0, 60.0),
        );
        assert!((centre.distance(&north) - 111.2).abs() < 0.1);
        assert!((centre.distance(&east) - 55.6).abs() < 0.1);
    }
}
