//! Places on a plane, and zones as the area that their keys span.

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

/// The corners of the smallest convex area that holds every spot, anticlockwise, as positions in `spots`; all spots where they are
/// fewer than three (A. M. Andrew, "Another Efficient Algorithm for Convex Hulls in Two Dimensions", 1979).
pub fn hull(spots: &[Spot]) -> Vec<usize> {
    let mut sorted: Vec<usize> = (0..spots.len()).collect();
    sorted.sort_by_key(|&at| spots[at].west_to_east());
    if sorted.len() < 3 {
        return sorted;
    }
    let mut corners = half(spots, sorted.iter().copied());
    corners.pop();
    corners.extend(half(spots, sorted.iter().rev().copied()));
    corners.pop();
    corners
}

fn half(spots: &[Spot], order: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut corners: Vec<usize> = Vec::new();
    for at in order {
        while let [.., a, b] = corners[..]
            && turn(&spots[a], &spots[b], &spots[at]) <= 0.0
        {
            corners.pop();
        }
        corners.push(at);
    }
    corners
}

/// Positive where the way from `a` over `b` to `c` turns left.
fn turn(a: &Spot, b: &Spot, c: &Spot) -> f64 {
    (b.east - a.east) * (c.north - a.north) - (b.north - a.north) * (c.east - a.east)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_the_area_that_its_keys_span() {
        let spots = [(0.0, 0.0), (1.0, 0.4), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0), (1.0, 1.0)];
        let spots = spots.map(|(east, north)| Spot { east, north });
        assert_eq!(hull(&spots), [0, 2, 3, 4]);
        assert_eq!(hull(&spots[..2]), [0, 1]);
        assert_eq!(hull(&[]), Vec::<usize>::new());
    }

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
