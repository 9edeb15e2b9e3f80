//! An index of places: who is within a distance of whom.

use std::collections::HashMap;

use super::position::{EARTH_RADIUS_KM, Position};

/// A cube of the grid.
type Cell = [i32; 3];

/// Squared chords that differ from the limit by less than this share are doubtful.
const DOUBTFUL: f64 = 1e-6;

/// Places in cubes as wide as the distance that is asked for, in space rather than on a map: neither poles nor the meridian of
/// 180 degrees are special, and all within the distance lie in the 27 cubes around.
#[derive(Debug)]
pub(super) struct Grid<'a> {
    places: &'a [Position],
    /// The places on the unit sphere.
    units: Vec<[f64; 3]>,
    radius_km: f64,
    side: f64,
    cells: HashMap<Cell, Vec<u32>>,
}

impl<'a> Grid<'a> {
    /// An index of `places` for the distance `radius_km`, which is positive.
    pub fn new(places: &'a [Position], radius_km: f64) -> Self {
        let angle = (radius_km / EARTH_RADIUS_KM).min(std::f64::consts::PI);
        // A little wider than the chord, so that rounding hides nobody who is exactly so far away.
        let side = (2.0 * (angle / 2.0).sin() * (1.0 + 1e-9)).max(1e-9);
        let units: Vec<[f64; 3]> = places.iter().map(|place| place.unit()).collect();
        let mut cells: HashMap<Cell, Vec<u32>> = HashMap::new();
        for (number, unit) in units.iter().enumerate() {
            cells.entry(cell(*unit, side)).or_default().push(number as u32);
        }
        Self {
            places,
            units,
            radius_km,
            side,
            cells,
        }
    }

    /// The numbers of the places within the distance of place `number`, itself included; in no order.
    pub fn around(&self, number: usize) -> impl Iterator<Item = usize> {
        let [x, y, z] = cell(self.units[number], self.side);
        let cubes = (-1..=1).flat_map(move |east| {
            (-1..=1).flat_map(move |north| (-1..=1).map(move |up| [x + east, y + north, z + up]))
        });
        cubes
            .filter_map(|cube| self.cells.get(&cube))
            .flatten()
            .map(|other| *other as usize)
            .filter(move |other| self.is_near(number, *other))
    }

    /// Whether two places are within the distance. The chord says so, save where it is so close that rounding might: there the
    /// formula of the distance decides.
    fn is_near(&self, one: usize, other: usize) -> bool {
        let (a, b) = (self.units[one], self.units[other]);
        let squared: f64 = (0..3).map(|axis| (a[axis] - b[axis]).powi(2)).sum();
        let limit = self.side * self.side;
        if (squared / limit - 1.0).abs() < DOUBTFUL {
            return self.places[one].distance_km(self.places[other]) <= self.radius_km;
        }
        squared < limit
    }
}

fn cell(unit: [f64; 3], side: f64) -> Cell {
    unit.map(|coordinate| (coordinate / side).floor() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng};

    #[test]
    fn neighbours_are_those_of_a_search_through_all_places_everywhere_on_the_globe() {
        let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(3);
        for centre in [(0.0, 0.0), (89.9, 10.0), (-89.99, 0.0), (10.0, 179.99), (55.9, -3.2)] {
            let places: Vec<Position> = (0..300)
                .map(|_| {
                    let lat: f64 = centre.0 + dice.random_range(-0.5..0.5);
                    let lon: f64 = centre.1 + dice.random_range(-0.5..0.5);
                    let lon = (lon + 540.0).rem_euclid(360.0) - 180.0;
                    Position::new(lat.clamp(-90.0, 90.0), lon).unwrap()
                })
                .collect();
            for radius in [0.5, 8.0, 30_000.0] {
                let grid = Grid::new(&places, radius);
                for (number, place) in places.iter().enumerate() {
                    let mut found: Vec<usize> = grid.around(number).collect();
                    found.sort_unstable();
                    let all = (0..places.len()).filter(|other| places[*other].distance_km(*place) <= radius);
                    assert_eq!(found, all.collect::<Vec<_>>());
                }
            }
        }
    }
}
