//! Trees as codes: what prediction reads, made once from the trees of a model.

use std::collections::BTreeMap;

use super::block::{BlockTree, CodeTest};
use super::coder::{CodeColumn, Coder};
use super::outline::Outline;
use crate::gbdt::binning::{Borders, MISSING, MOST_BORDERS};
use crate::gbdt::fitted::{Ensemble, Precision};
use crate::gbdt::split::CodeSet;
use crate::gbdt::tree::{Branch, Condition, Missing, Part, Tree};

/// Code columns, and trees that compare them.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) columns: Vec<CodeColumn>,
    /// The constant that each output starts from, and its trees.
    pub(crate) outputs: Vec<(f64, Vec<BlockTree>)>,
    pub(crate) precision: Precision,
}

impl Layout {
    /// Lays out the trees of each output.
    pub(crate) fn new(outputs: &[Ensemble], precision: Precision) -> Self {
        let mut plan = Plan::new(outputs.iter().flat_map(|output| &output.trees).flat_map(Tree::branches));
        let mut lay = |output: &Ensemble| {
            let trees = output.trees.iter().map(|tree| plan.tree(tree)).collect();
            (precision.round(output.base), trees)
        };
        Self {
            outputs: outputs.iter().map(&mut lay).collect(),
            columns: plan.columns,
            precision,
        }
    }
}

/// Where thresholds and categories stand in the code columns.
struct Plan {
    columns: Vec<CodeColumn>,
    /// For each column and rule of missing values its thresholds, and the code column of the first of them.
    thresholds: BTreeMap<(usize, Missing), (Vec<f32>, usize)>,
    /// For each column of few categories those that splits name, and their code column.
    categories: BTreeMap<usize, (Vec<u32>, usize)>,
}

impl Plan {
    fn new<'a>(branches: impl Iterator<Item = &'a Branch>) -> Self {
        let mut thresholds: BTreeMap<(usize, Missing), Vec<f32>> = BTreeMap::new();
        let mut categories: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for branch in branches {
            match &branch.condition {
                Condition::Numeric { threshold, missing } => {
                    thresholds
                        .entry((branch.column, *missing))
                        .or_default()
                        .push(*threshold);
                }
                Condition::Categorical { left } => categories.entry(branch.column).or_default().extend(left),
            }
        }
        let mut plan = Self {
            columns: Vec::new(),
            thresholds: BTreeMap::new(),
            categories: BTreeMap::new(),
        };
        for (key, values) in thresholds {
            plan.add_thresholds(key, values);
        }
        for (source, values) in categories {
            plan.add_categories(source, values);
        }
        plan
    }

    /// A byte tells 255 thresholds apart, so that a column with more of them gets several code columns.
    fn add_thresholds(&mut self, (source, missing): (usize, Missing), mut values: Vec<f32>) {
        values.sort_unstable_by(f32::total_cmp);
        values.dedup();
        let first = self.columns.len();
        for chunk in values.chunks(MOST_BORDERS) {
            self.columns.push(CodeColumn {
                source,
                missing,
                coder: Coder::Borders(Borders::new(chunk)),
            });
        }
        self.thresholds.insert((source, missing), (values, first));
    }

    /// A column with more categories than a byte tells apart gets a code column for each of its splits instead.
    fn add_categories(&mut self, source: usize, mut values: Vec<u32>) {
        values.sort_unstable();
        values.dedup();
        if values.len() <= MOST_BORDERS {
            self.categories.insert(source, (values.clone(), self.columns.len()));
            self.columns.push(CodeColumn {
                source,
                missing: Missing::Nan,
                coder: Coder::Categories(values),
            });
        }
    }

    fn tree(&mut self, tree: &Tree) -> BlockTree {
        BlockTree::new(0, &mut |place: usize| match &tree.nodes[place].part {
            Part::Leaf(value) => Outline::Leaf(*value),
            Part::Branch(branch) => {
                let (column, test) = self.test(branch);
                Outline::Split {
                    column,
                    test,
                    left: branch.left,
                    right: branch.right,
                }
            }
        })
    }

    fn test(&mut self, branch: &Branch) -> (usize, CodeTest) {
        let missing_left = branch.missing_left;
        match &branch.condition {
            Condition::Numeric { threshold, missing } => {
                let (values, first) = &self.thresholds[&(branch.column, *missing)];
                let place = values.partition_point(|value| value < threshold);
                let code = (place % MOST_BORDERS) as u8;
                (first + place / MOST_BORDERS, CodeTest::Above { code, missing_left })
            }
            Condition::Categorical { left } => {
                if let Some((known, column)) = self.categories.get(&branch.column) {
                    return (*column, CodeTest::Within(right_codes(known, left, missing_left)));
                }
                self.columns.push(CodeColumn {
                    source: branch.column,
                    missing: Missing::Nan,
                    coder: Coder::Membership(left.clone()),
                });
                (self.columns.len() - 1, CodeTest::Above { code: 0, missing_left })
            }
        }
    }
}

fn right_codes(known: &[u32], left: &[u32], missing_left: bool) -> CodeSet {
    let place = |category: &u32| known.binary_search(category).ok().map(|place| place as u8);
    let mut codes: Vec<u8> = left.iter().filter_map(place).collect();
    if missing_left {
        codes.push(MISSING);
    }
    CodeSet::all_but(&codes)
}
