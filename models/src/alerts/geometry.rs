//! Distances on the globe.

/// The mean radius of the earth in metres.
const EARTH: f64 = 6_371_008.8;

/// Degrees north and east.
pub(super) type Position = (f64, f64);

/// The position, where both numbers are known and lie on the globe.
pub(super) fn position(lat: Option<f64>, lon: Option<f64>) -> Option<Position> {
    let (lat, lon) = (lat?, lon?);
    ((-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon)).then_some((lat, lon))
}

/// The distance along the globe in metres, by the haversine formula.
pub(super) fn haversine(a: Position, b: Position) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let (north, east) = ((lat_b - lat_a) / 2.0, (b.1 - a.1).to_radians() / 2.0);
    let half = north.sin().powi(2) + lat_a.cos() * lat_b.cos() * east.sin().powi(2);
    2.0 * EARTH * half.min(1.0).sqrt().asin()
}

/// The point in space, in metres from the middle of the earth: no pole and no date line stands in the way there, and a chord is
/// never longer than the way along the globe.
pub(super) fn in_space((lat, lon): Position) -> [f64; 3] {
    let (lat, lon) = (lat.to_radians(), lon.to_radians());
    [lat.cos() * lon.cos(), lat.cos() * lon.sin(), lat.sin()].map(|axis| axis * EARTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_latitude_is_111_km() {
        assert!((haversine((56.0, 10.0), (57.0, 10.0)) - 111_195.0).abs() < 1.0);
    }

    #[test]
    fn the_date_line_is_no_distance() {
        assert!(haversine((0.0, 179.999), (0.0, -179.999)) < 250.0);
    }

    #[test]
    fn what_is_not_on_the_globe_is_no_position() {
        assert_eq!(position(Some(91.0), Some(0.0)), None);
        assert_eq!(position(Some(f64::NAN), Some(0.0)), None);
        assert_eq!(position(Some(1.0), None), None);
    }
}
