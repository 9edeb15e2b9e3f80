//! The convex hull of places on a map of the neighbourhood, and how far from it another place is.

use super::position::Position;

/// The smallest convex outline around places: counter-clockwise, without the places between; two places for a line, one for a
/// point.
#[derive(Debug, Clone, PartialEq)]
pub struct Hull {
    /// Counter-clockwise from the westernmost place.
    pub corners: Vec<Position>,
}

impl Hull {
    /// The outline of `places`; the monotone chain (A. Andrew, Information Processing Letters 9, 1979).
    #[must_use]
    pub fn around(places: &[Position]) -> Self {
        let Some(&origin) = places.first() else {
            return Self { corners: Vec::new() };
        };
        let mut points: Vec<([f64; 2], Position)> = places.iter().map(|one| (one.on_map(origin), *one)).collect();
        points.sort_by(|(a, _), (b, _)| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
        points.dedup_by_key(|(point, _)| point.map(f64::to_bits));
        if points.len() < 3 {
            return Self {
                corners: points.into_iter().map(|(_, place)| place).collect(),
            };
        }
        let mut corners = chain(points.iter().copied());
        corners.pop();
        corners.extend(chain(points.iter().rev().copied()));
        corners.pop();
        Self {
            corners: corners.into_iter().map(|(_, place)| place).collect(),
        }
    }

    /// How far outside `place` is, km; 0 within.
    #[must_use]
    pub fn distance_km(&self, place: Position) -> f64 {
        let corners: Vec<[f64; 2]> = self.corners.iter().map(|corner| corner.on_map(place)).collect();
        let sides = || corners.iter().zip(corners.iter().cycle().skip(1));
        let inside = corners.len() > 2 && sides().all(|(from, to)| cross(*from, *to) >= 0.0);
        if inside {
            return 0.0;
        }
        sides()
            .map(|(from, to)| to_segment(*from, *to))
            .fold(f64::INFINITY, f64::min)
    }
}

/// One side of the outline, from the first place to the last, turning left only.
fn chain(points: impl Iterator<Item = ([f64; 2], Position)>) -> Vec<([f64; 2], Position)> {
    let mut chain: Vec<([f64; 2], Position)> = Vec::new();
    for point in points {
        while let [.., (first, _), (second, _)] = chain[..] {
            let (one, other) = (minus(second, first), minus(point.0, first));
            if cross(one, other) > 0.0 {
                break;
            }
            chain.pop();
        }
        chain.push(point);
    }
    chain
}

fn minus(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] - b[0], a[1] - b[1]]
}

fn cross(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[1] - a[1] * b[0]
}

/// The distance of the origin from the straight line between two points.
fn to_segment(from: [f64; 2], to: [f64; 2]) -> f64 {
    let along = minus(to, from);
    let length = along[0] * along[0] + along[1] * along[1];
    let share = if length > 0.0 {
        (-(from[0] * along[0] + from[1] * along[1]) / length).clamp(0.0, 1.0)
    } else {
        0.0
    };
    (from[0] + share * along[0]).hypot(from[1] + share * along[1])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(lat: f64, lon: f64) -> Position {
        Position::new(lat, lon).unwrap()
    }

    #[test]
    fn the_hull_of_a_square_has_its_corners_counter_clockwise() {
        let places = [
            place(0.0, 0.0),
            place(0.005, 0.005),
            place(0.01, 0.01),
            place(0.0, 0.01),
            place(0.0, 0.005),
            place(0.01, 0.0),
        ];
        let hull = Hull::around(&places);
        assert_eq!(
            hull.corners,
            [place(0.0, 0.0), place(0.0, 0.01), place(0.01, 0.01), place(0.01, 0.0)]
        );
        assert!(hull.distance_km(place(0.004, 0.004)) < 1e-12);
        assert!((hull.distance_km(place(0.005, 0.02)) - 1.112).abs() < 0.001);
    }

    #[test]
    fn one_place_and_places_in_a_line_have_a_hull_too() {
        let one = Hull::around(&[place(10.0, 20.0); 3]);
        assert_eq!(one.corners.len(), 1);
        assert!((one.distance_km(place(10.01, 20.0)) - 1.112).abs() < 0.001);
        let line = Hull::around(&[place(0.0, 0.0), place(0.01, 0.0), place(0.005, 0.0)]);
        assert_eq!(line.corners.len(), 2);
        assert!((line.distance_km(place(0.005, 0.01)) - 1.112).abs() < 0.001);
    }
}
