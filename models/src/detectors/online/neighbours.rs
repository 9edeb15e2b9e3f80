//! How far a row is from the rows most like it.

use super::sample::Sampler;

/// Which neighbour counts.
const NEIGHBOUR: usize = 10;
/// What a change counts beside a value. One strange value is a strange change as well: in full the two would count one thing twice.
pub(super) const CHANGE: f64 = 0.5;
/// The radius of the circle that the day is, in spreads. So it is as wide as nearly all values of a column, which lie within two spreads of the
/// middle: rows of another time of the day are no neighbours, however alike their values are.
pub(super) const RADIUS: f64 = 2.0;

/// An even sample of the history of short vectors, in a bounded memory: every row at first, half of them once it is full, and so on.
///
/// The memory stands number by number, so that distances to all rows are summed side by side. A number that is missing is NaN: what is not
/// known of a remembered row makes its distance NaN, too, and so it is no neighbour.
#[derive(Debug, Clone)]
pub(super) struct Neighbours {
    memory: Vec<Vec<f32>>,
    distances: Vec<f32>,
    places: usize,
    sampler: Sampler,
}

impl Neighbours {
    /// A memory of at most `places` vectors of `size` numbers.
    pub(super) fn new(size: usize, places: usize) -> Self {
        Self {
            memory: vec![Vec::new(); size],
            distances: Vec::new(),
            places,
            sampler: Sampler::new(),
        }
    }

    /// The distance to the tenth neighbour (Ramaswamy, Rastogi and Shim, SIGMOD 2000) and the
    /// nearest row; nothing while there are not so many.
    ///
    /// Neighbours are rows that know every number that `row` knows: one that lacks the strange number would be near to any. The square
    /// over these numbers stands for all of them, so it is scaled up by how many there are over how many are known.
    pub(super) fn distance(&mut self, row: &[f32]) -> Option<(f64, Vec<f32>)> {
        let rows = self.memory.first().map_or(0, Vec::len);
        self.distances.clear();
        self.distances.resize(rows, 0.0);
        let pairs = self.memory.iter().zip(row);
        for (column, value) in pairs.filter(|(_, value)| !value.is_nan()) {
            for (distance, known) in self.distances.iter_mut().zip(column) {
                *distance += (known - value) * (known - value);
            }
        }
        let mut least = [f32::INFINITY; NEIGHBOUR];
        let mut nearest = 0;
        for (place, distance) in self.distances.iter().enumerate() {
            if *distance < least[NEIGHBOUR - 1] {
                if *distance < least[0] {
                    nearest = place;
                }
                insert(&mut least, *distance);
            }
        }
        let known = row.iter().filter(|value| !value.is_nan()).count();
        let tenth = f64::from(least[NEIGHBOUR - 1]).sqrt() * (row.len() as f64 / known as f64).sqrt();
        let nearest = || self.memory.iter().map(|column| column[nearest]).collect();
        tenth.is_finite().then(|| (tenth, nearest()))
    }

    pub(super) fn remember(&mut self, row: &[f32]) {
        if self.sampler.takes() {
            for (column, value) in self.memory.iter_mut().zip(row) {
                column.push(*value);
            }
        }
        if self.memory.first().is_some_and(|column| column.len() >= self.places) {
            let thinning = self.sampler.thin();
            for column in &mut self.memory {
                thinning.apply(column);
            }
        }
    }
}

/// Puts `distance` into its place among the least ones, which stand in order.
fn insert(least: &mut [f32; NEIGHBOUR], distance: f32) {
    let mut place = NEIGHBOUR - 1;
    while place > 0 && least[place - 1] > distance {
        least[place] = least[place - 1];
        place -= 1;
    }
    least[place] = distance;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_is_bounded_and_even_over_the_history() {
        let mut neighbours = Neighbours::new(1, 1000);
        for row in 0..100_000 {
            neighbours.remember(&[row as f32]);
        }
        let kept = &neighbours.memory[0];
        assert!(kept.len() < 1000);
        let first_half = kept.iter().filter(|row| **row < 50_000.0).count();
        assert!((kept.len() / 3..kept.len() * 2 / 3).contains(&first_half));
    }

    #[test]
    fn the_tenth_neighbour_is_told_with_the_nearest() {
        let mut neighbours = Neighbours::new(2, 100);
        for row in 0..20_u8 {
            neighbours.remember(&[f32::from(row), 0.0]);
        }
        let (distance, nearest) = neighbours.distance(&[-3.0, 4.0]).unwrap();
        assert!((distance - (12.0_f64.powi(2) + 16.0).sqrt()).abs() < 1e-6);
        assert_eq!(nearest, [0.0, 0.0]);
    }

    #[test]
    fn rows_that_lack_what_the_row_knows_are_no_neighbours_and_what_it_lacks_is_scaled_up() {
        let mut neighbours = Neighbours::new(2, 100);
        for row in 0..10_u8 {
            neighbours.remember(&[f32::NAN, f32::from(row)]);
        }
        assert_eq!(neighbours.distance(&[5.0, 0.0]), None);
        for row in 0..10_u8 {
            neighbours.remember(&[f32::from(row), 100.0]);
        }
        let (distance, nearest) = neighbours.distance(&[20.0, f32::NAN]).unwrap();
        assert!((distance - 20.0 * 2.0_f64.sqrt()).abs() < 1e-6);
        assert_eq!(nearest, [9.0, 100.0]);
    }
}
