//! Which columns shortened the path of a row.

use ndarray::{Array1, ArrayView1};

use super::Forest;
use super::tree::{Side, Tree};
use crate::Result;

impl Forest {
    /// What each column adds to the strangeness of `row`: how much its splits shortened the path against the mean of the training rows
    /// that came there, summed over the trees. Not negative; the sum is 1, or 0 where no column shortened anything.
    ///
    /// The credit of a split is the difference of the mean path lengths at its node and at the child that the row went to, so that all
    /// credits of a tree add up to the mean path less the row's own (Saabas 2014, on paths instead of predictions).
    ///
    /// # Errors
    /// Another number of columns than the forest was grown on.
    pub fn shares(&self, row: ArrayView1<'_, f64>) -> Result<Array1<f64>> {
        self.check_columns(row.len())?;
        let mut credits = Array1::zeros(self.columns);
        for tree in &self.trees {
            tree.credit(1, 1.0, row, &mut credits);
        }
        credits.mapv_inplace(|credit: f64| credit.max(0.0));
        let sum = credits.sum();
        Ok(if sum > 0.0 { credits / sum } else { credits })
    }
}

impl Tree {
    /// Credits the splits from `node` on, which a share `weight` of the row comes to.
    fn credit(&self, node: usize, weight: f64, row: ArrayView1<'_, f64>, credits: &mut Array1<f64>) {
        if node >= self.offset.len() {
            return;
        }
        let (left, right) = (2 * node, 2 * node + 1);
        let child = match self.side(node, |column| row[usize::from(column)]) {
            Side::Left => left,
            Side::Right => right,
            Side::Unknown => {
                let share = self.left_share[node];
                for (child, share) in [(left, share), (right, 1.0 - share)] {
                    if share > 0.0 {
                        self.credit(child, weight * share, row, credits);
                    }
                }
                return;
            }
        };
        let gained = weight * (self.mean[node] - self.mean[child]);
        if self.components == 1 {
            credits[usize::from(self.column[node])] += gained;
        } else {
            self.divide(node, gained, row, credits);
        }
        self.credit(child, weight, row, credits);
    }

    /// Divides the credit of an extended split among its columns by how far each moved the row from the middle.
    fn divide(&self, node: usize, gained: f64, row: ArrayView1<'_, f64>, credits: &mut Array1<f64>) {
        let moved = self.plane(node).iter().map(|component| {
            let moved = (component.weight * (row[usize::from(component.column)] - component.centre)).abs();
            (component.column, if moved.is_nan() { 0.0 } else { moved })
        });
        let sum: f64 = moved.clone().map(|(_, moved)| moved).sum();
        if sum > 0.0 {
            for (column, moved) in moved {
                credits[usize::from(column)] += gained * (moved / sum);
            }
        }
    }
}
