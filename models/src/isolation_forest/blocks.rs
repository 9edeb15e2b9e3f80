//! Four times sixty-four rows fall through a tree together, on the engine that predicts with boosted trees.
//!
//! A split along one column asks whether a value is above a number. How many of the column's split values lie below the value, its
//! rank, answers that as well, exactly; and ranks, cut into bytes, are compared sixty-four at a time.

use ndarray::ArrayView2;

use super::ranks::{Ranks, STRETCH};
use super::tree::Tree;
use crate::gbdt::{BLOCK, BLOCKS, BlockTree, CodeTest, MOST_LEAVES, Outline, Room, SHEET, Sheet, add_values};

/// Rows that are scored as one piece of work.
pub(super) const PIECE: usize = SHEET;
/// A forest whose splits compare codes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Blocks {
    columns: Vec<Splits>,
    trees: Vec<Falls>,
}

/// The split values of a column, ascending; every [`STRETCH`] of them have a code column.
#[derive(Debug, Clone, PartialEq)]
struct Splits {
    values: Vec<f64>,
    ranks: Ranks,
    /// Its first code column.
    first: usize,
}

/// A tree of a forest.
#[derive(Debug, Clone, PartialEq)]
struct Falls {
    tree: BlockTree,
    /// The path length of each leaf, from left to right.
    paths: Vec<f64>,
}

/// What scoring works in; none of it outlasts a piece of work.
pub(super) struct Workspace {
    /// Code columns.
    codes: Vec<Sheet>,
    room: Box<Room>,
    values: Vec<f64>,
}

impl Workspace {
    pub(super) fn new() -> Self {
        Self {
            codes: Vec::new(),
            room: Room::new(),
            values: Vec::new(),
        }
    }

    /// Room for numbers.
    pub(super) fn values(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }
}

impl Blocks {
    /// Lays out `trees`; none where their splits look at several columns, or where they have more leaves than a byte numbers.
    pub(super) fn of(trees: &[Tree], columns: usize) -> Option<Self> {
        if trees
            .iter()
            .any(|tree| tree.components > 1 || tree.path.len() > MOST_LEAVES)
        {
            return None;
        }
        let columns = splits(trees, columns);
        let trees = trees.iter().map(|tree| Falls::of(tree, &columns)).collect();
        Some(Self { columns, trees })
    }

    /// Adds up the path lengths of at most [`PIECE`] rows over all trees, as if nothing were missing.
    pub(super) fn sum(&self, rows: ArrayView2<'_, f64>, space: &mut Workspace, paths: &mut [f64]) {
        let blocks = rows.nrows().div_ceil(BLOCK);
        self.code(&rows, blocks, &mut space.codes);
        let codes: Vec<&Sheet> = space.codes.iter().collect();
        let (mut leaves, mut sums) = ([[0; BLOCK]; BLOCKS], [[0.0; BLOCK]; BLOCKS]);
        for falls in &self.trees {
            falls.tree.leaves(&codes, &mut space.room, &mut leaves[..blocks]);
            for (leaves, sums) in leaves[..blocks].iter().zip(&mut sums) {
                add_values(&falls.paths, leaves, sums);
            }
        }
        for (path, sum) in paths.iter_mut().zip(sums.as_flattened()) {
            *path += *sum;
        }
    }

    /// The codes of so many blocks of rows; rows behind the last one are like rows of zeros.
    fn code(&self, rows: &ArrayView2<'_, f64>, blocks: usize, codes: &mut Vec<Sheet>) {
        codes.clear();
        for (column, splits) in rows.columns().into_iter().zip(&self.columns) {
            if splits.values.is_empty() {
                continue;
            }
            let first = codes.len();
            let stretches = splits.values.len().div_ceil(STRETCH);
            codes.resize(first + stretches, [[0; BLOCK]; BLOCKS]);
            for block in 0..blocks {
                let mut values = [0.0; BLOCK];
                let given = column.iter().skip(block * BLOCK);
                values.iter_mut().zip(given).for_each(|(value, given)| *value = *given);
                splits.ranks.codes(&values, block, &mut codes[first..]);
            }
        }
    }
}

/// The split values of each column.
fn splits(trees: &[Tree], columns: usize) -> Vec<Splits> {
    let mut values = vec![Vec::new(); columns];
    for tree in trees {
        for node in 1..tree.offset.len() {
            if !tree.is_leaf(node) {
                values[usize::from(tree.column[node])].push(tree.offset[node]);
            }
        }
    }
    let mut next = 0;
    let mut of_column = |mut values: Vec<f64>| {
        values.sort_unstable_by(f64::total_cmp);
        values.dedup();
        let first = next;
        next += values.len().div_ceil(STRETCH);
        Splits {
            ranks: Ranks::of(&values),
            values,
            first,
        }
    };
    values.into_iter().map(&mut of_column).collect()
}

impl Splits {
    /// The code column of a split at `offset`, and the highest code that goes left.
    fn place(&self, offset: f64) -> (usize, u8) {
        let rank = self.values.partition_point(|split| *split < offset);
        (self.first + rank / STRETCH, (rank % STRETCH) as u8)
    }
}

impl Falls {
    fn of(tree: &Tree, columns: &[Splits]) -> Self {
        let mut paths = Vec::new();
        let tree = BlockTree::new(1_usize, &mut |node: usize| {
            if tree.is_leaf(node) {
                paths.push(tree.first_path(node));
                return Outline::Leaf(0.0);
            }
            let (column, code) = columns[usize::from(tree.column[node])].place(tree.offset[node]);
            Outline::Split {
                column,
                test: CodeTest::Above {
                    code,
                    missing_left: false,
                },
                left: 2 * node,
                right: 2 * node + 1,
            }
        });
        Self { tree, paths }
    }
}
