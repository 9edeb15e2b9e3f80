//! A tree, split by split.

use std::f64::consts::TAU;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::sample::Sample;
use super::tree::{Component, Side, Tree, projection, side_of};

/// Grows a tree that isolates the rows of `sample`, with `components` columns a split.
pub(super) fn grow(sample: &Sample, components: usize, generator: &mut ChaCha8Rng) -> Tree {
    let mut growth = Growth {
        sample,
        generator,
        columns: (0..sample.columns() as u16).collect(),
        tree: Tree::blank(Tree::levels_for(sample.rows()), components),
        projected: Vec::with_capacity(sample.rows()),
    };
    let mut rows: Vec<u32> = (0..sample.rows() as u32).collect();
    growth.branch(1, 0, &mut rows, sample.columns());
    growth.tree.finish()
}

struct Growth<'a> {
    sample: &'a Sample,
    generator: &'a mut ChaCha8Rng,
    /// All columns. Those that a branch can still split on stand in front; the children of a branch reorder only these.
    columns: Vec<u16>,
    tree: Tree,
    /// What the split at hand makes of each of its rows.
    projected: Vec<f64>,
}

impl Growth<'_> {
    /// Splits `rows` at `node`, where the first `varied` columns may still differ among them.
    fn branch(&mut self, node: usize, depth: u32, rows: &mut [u32], mut varied: usize) {
        let offset = if depth < self.tree.levels && rows.len() > 1 {
            self.split(node, rows, &mut varied)
        } else {
            None
        };
        let Some(offset) = offset else {
            return self.tree.end(node, depth, rows.len());
        };
        self.tree.offset[node] = offset;
        let left = self.partition(node, rows, offset);
        let (left, right) = rows.split_at_mut(left);
        self.branch(2 * node, depth + 1, left, varied);
        self.branch(2 * node + 1, depth + 1, right, varied);
    }

    /// Draws a split, projects the rows on it and draws its offset; nothing where all rows are alike.
    fn split(&mut self, node: usize, rows: &[u32], varied: &mut usize) -> Option<f64> {
        let mut taken = 0;
        while taken < self.tree.components && taken < *varied {
            let place = self.generator.random_range(taken..*varied);
            let column = self.columns[place];
            if let Some((low, high)) = range(rows, self.sample.column(column)) {
                self.columns.swap(taken, place);
                self.take(node, taken, column, low, high);
                taken += 1;
            } else {
                *varied -= 1;
                self.columns.swap(place, *varied);
            }
        }
        if taken == 0 {
            return None;
        }
        self.project(node, rows);
        let (low, high) = extent(self.projected.iter().copied())?;
        let part = self.generator.random::<f64>();
        // The difference of the ends may be too large for a number. Rounding may give the upper end, behind which nothing would lie.
        let offset = (low * (1.0 - part) + high * part).max(low);
        Some(if offset < high { offset } else { low })
    }

    /// Takes a column that runs from `low` to `high` into the split. An extended split weighs its columns by a random normal vector
    /// in units of their ranges here, so that no column counts more for its unit.
    fn take(&mut self, node: usize, place: usize, column: u16, low: f64, high: f64) {
        if self.tree.components == 1 {
            self.tree.column[node] = column;
            return;
        }
        let weight = normal(self.generator) / (high - low);
        self.tree.planes[node * self.tree.components + place] = Component {
            column,
            weight: if weight.is_finite() { weight } else { 0.0 },
            centre: low / 2.0 + high / 2.0,
        };
    }

    fn project(&mut self, node: usize, rows: &[u32]) {
        self.projected.clear();
        if self.tree.components == 1 {
            let column = self.sample.column(self.tree.column[node]);
            self.projected.extend(rows.iter().map(|row| column[*row as usize]));
            return;
        }
        let plane = self.tree.plane(node);
        let of_row = |row: &u32| projection(plane, |column| self.sample.column(column)[*row as usize]);
        self.projected.extend(rows.iter().map(of_row));
    }

    /// Moves the rows that go left to the front and says how many they are. Rows of which nothing is known go by chance, as often to
    /// each side as the others do.
    fn partition(&mut self, node: usize, rows: &mut [u32], offset: f64) -> usize {
        let known = self.projected.iter().filter(|value| !value.is_nan()).count();
        let low = self.projected.iter().filter(|value| **value <= offset).count();
        let share = low as f64 / known as f64;
        self.tree.left_share[node] = share;
        let mut left = 0;
        for place in 0..rows.len() {
            let goes_left = match side_of(self.projected[place], offset) {
                Side::Left => true,
                Side::Right => false,
                Side::Unknown => self.generator.random::<f64>() < share,
            };
            if goes_left {
                rows.swap(left, place);
                left += 1;
            }
        }
        left
    }
}

/// The least and the largest value of a column among `rows`; nothing where they do not differ.
fn range(rows: &[u32], column: &[f64]) -> Option<(f64, f64)> {
    extent(rows.iter().map(|row| column[*row as usize]))
}

/// The least and the largest of the values that are not missing; nothing where they do not differ.
fn extent(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    let mut extent = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values {
        // A comparison with NaN is false, which leaves missing values out.
        if value < extent.0 {
            extent.0 = value;
        }
        if value > extent.1 {
            extent.1 = value;
        }
    }
    (extent.0 < extent.1).then_some(extent)
}

/// A standard normal number (Box and Muller 1958).
fn normal(generator: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - generator.random::<f64>()).ln()).sqrt();
    radius * (TAU * generator.random::<f64>()).cos()
}
