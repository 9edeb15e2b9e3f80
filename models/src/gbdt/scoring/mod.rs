//! Prediction, laid out for the cache.

mod block;
mod coder;
mod fall;
mod layout;
mod outline;
mod pick;
#[cfg(target_arch = "x86_64")]
mod rise;
#[cfg(target_arch = "x86_64")]
mod units;

pub(crate) use block::{BlockTree, CodeTest, MOST_LEAVES};
pub(crate) use fall::Room;
pub(crate) use layout::Layout;
pub(crate) use outline::Outline;
pub(crate) use pick::add_values;

use ndarray::{ArrayView2, aview_mut1, s};

use super::binning::{BLOCK, BLOCKS, SHEET, Sheet};
use super::fitted::Precision;

/// Rows that are predicted as one piece of work.
pub(crate) const PIECE: usize = 4 * SHEET;

/// The scores of a piece of rows: output by output, and for each of them row by row.
pub(crate) fn scores(layout: &Layout, values: ArrayView2<'_, f32>) -> Vec<Vec<f64>> {
    let rows = values.nrows();
    let mut scores = vec![vec![0.0; rows]; layout.outputs.len()];
    let mut codes: Vec<Sheet> = vec![[[0; BLOCK]; BLOCKS]; layout.columns.len()];
    let mut room = Room::new();
    for start in (0..rows).step_by(SHEET) {
        let count = SHEET.min(rows - start);
        let blocks = count.div_ceil(BLOCK);
        for (column, codes) in layout.columns.iter().zip(&mut codes) {
            let source = values.column(column.source);
            for (block, codes) in codes[..blocks].iter_mut().enumerate() {
                let first = start + block * BLOCK;
                let rest = source.slice(s![first..rows.min(first + BLOCK)]);
                let mut given = [f32::NAN; BLOCK];
                aview_mut1(&mut given[..rest.len()]).assign(&rest);
                column.fill(&mut given, codes);
            }
        }
        let columns: Vec<&Sheet> = codes.iter().collect();
        for ((base, trees), scores) in layout.outputs.iter().zip(&mut scores) {
            let mut sums = [[*base; BLOCK]; BLOCKS];
            for tree in trees {
                tree.add(&columns, &mut room, &mut sums[..blocks]);
                if layout.precision == Precision::Single {
                    for sum in sums.as_flattened_mut() {
                        *sum = Precision::Single.round(*sum);
                    }
                }
            }
            scores[start..start + count].copy_from_slice(&sums.as_flattened()[..count]);
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
