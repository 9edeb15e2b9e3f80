//! Prediction, laid out for the cache.

mod block;
mod coder;
mod fall;
mod layout;
mod outline;

pub(crate) use block::{BlockTree, CodeTest, MOST_LEAVES};
pub(crate) use fall::Room;
pub(crate) use layout::Layout;
pub(crate) use outline::Outline;

use ndarray::ArrayView2;

use super::binning::BLOCK;
use super::fitted::Precision;

/// Rows that are predicted as one piece of work.
pub(crate) const PIECE: usize = 16 * BLOCK;

/// The scores of a piece of rows: output by output, and for each of them row by row.
pub(crate) fn scores(layout: &Layout, values: ArrayView2<'_, f32>) -> Vec<Vec<f64>> {
    let rows = values.nrows();
    let mut scores = vec![vec![0.0; rows]; layout.outputs.len()];
    let mut codes = vec![[0; BLOCK]; layout.columns.len()];
    let mut room = Room::new();
    for start in (0..rows).step_by(BLOCK) {
        let count = BLOCK.min(rows - start);
        for (column, codes) in layout.columns.iter().zip(&mut codes) {
            let mut block = [f32::NAN; BLOCK];
            for (lane, value) in block[..count].iter_mut().enumerate() {
                *value = values[(start + lane, column.source)];
            }
            column.fill(&mut block, codes);
        }
        let columns: Vec<&[u8; BLOCK]> = codes.iter().collect();
        for ((base, trees), scores) in layout.outputs.iter().zip(&mut scores) {
            let mut sums = [*base; BLOCK];
            for tree in trees {
                tree.add(&columns, &mut room, &mut sums);
                if layout.precision == Precision::Single {
                    sums = sums.map(|sum| Precision::Single.round(sum));
                }
            }
            scores[start..start + count].copy_from_slice(&sums[..count]);
        }
    }
    scores
}

/// The scores of a single row, which are those of [`scores`] to the last bit.
pub(crate) fn row_scores(layout: &Layout, row: &[f32]) -> Vec<f64> {
    let codes: Vec<u8> = layout
        .columns
        .iter()
        .map(|column| column.code(row[column.source]))
        .collect();
    let score = |(base, trees): &(f64, Vec<BlockTree>)| {
        let add = |sum, tree: &BlockTree| {
            layout
                .precision
                .round(sum + f64::from(tree.value(|column| codes[column])))
        };
        trees.iter().fold(*base, add)
    };
    layout.outputs.iter().map(score).collect()
}
