//! A model as arrays of numbers and back, bit for bit.

use std::collections::BTreeMap;

use ndarray::Array1;
use serde::{Deserialize, Serialize};

use super::fitted::{Ensemble, FittedGbdt, Link, Precision};
use super::tree::{Branch, Condition, Missing, Node, Part, Tree};
use crate::{Error, Result};

/// What a saved model says of itself beside its numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GbdtSettings {
    /// The number of columns that it eats.
    pub columns: usize,
    /// The number of outputs of each target.
    pub levels: usize,
    /// What turns a score into a prediction.
    pub link: Link,
    /// How its trees are summed.
    #[serde(default)]
    pub precision: Precision,
}

/// Settings and named arrays of 64-bit numbers, which hold every number of a model exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedGbdt {
    /// The settings.
    pub settings: GbdtSettings,
    /// The arrays by name.
    pub arrays: BTreeMap<String, Array1<f64>>,
}

/// The arrays that have an entry for each node, in the order of [`Fields`].
const NODE_FIELDS: [&str; 7] = ["column", "value", "rule", "gain", "cover", "left", "right"];
/// In `column`, a leaf; its value stands in `value`, where splits have their threshold.
const LEAF: f64 = -1.0;
/// In `rule`: which values are missing, and 4 for categories; plus 8 where missing values go left.
const CATEGORICAL: u8 = 4;
const MISSING_LEFT: u8 = 8;
/// The most nodes of all trees of a file.
const MOST_NODES: usize = 1 << 26;

type Fields = [f64; NODE_FIELDS.len()];

impl FittedGbdt {
    /// The model as settings and arrays.
    pub fn save(&self) -> SavedGbdt {
        let mut arrays: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
        let mut put = |name, value| arrays.entry(name).or_default().push(value);
        for output in self.ensembles() {
            put("base", output.base);
            put("trees", output.trees.len() as f64);
            for tree in &output.trees {
                put("nodes", tree.nodes.len() as f64);
                for node in &tree.nodes {
                    let (fields, categories) = fields(node);
                    for (name, field) in NODE_FIELDS.into_iter().zip(fields) {
                        put(name, field);
                    }
                    for category in categories {
                        put("categories", f64::from(*category));
                    }
                }
            }
        }
        SavedGbdt {
            settings: self.settings().clone(),
            arrays: arrays
                .into_iter()
                .map(|(name, values)| (name.into(), values.into()))
                .collect(),
        }
    }

    /// Puts a model together again; it predicts bit for bit what the saved one did.
    ///
    /// # Errors
    /// Arrays that are missing, too short, or no trees.
    pub fn load(saved: &SavedGbdt) -> Result<Self> {
        let GbdtSettings { columns, levels, .. } = saved.settings;
        let mut reader = Reader {
            saved,
            places: BTreeMap::new(),
        };
        let outputs = saved.arrays.get("base").map_or(0, Array1::len);
        if levels == 0 || outputs == 0 || !outputs.is_multiple_of(levels) {
            return Err(malformed(format!(
                "{outputs} outputs are not a multiple of {levels} levels"
            )));
        }
        let outputs = (0..outputs).map(|_| reader.ensemble(columns)).collect::<Result<_>>()?;
        Ok(Self::new(saved.settings.clone(), outputs))
    }
}

fn fields(node: &Node) -> (Fields, &[u32]) {
    let branch = match &node.part {
        Part::Leaf(value) => return ([LEAF, f64::from(*value), 0.0, 0.0, node.cover, 0.0, 0.0], &[]),
        Part::Branch(branch) => branch,
    };
    let (value, rule, categories): (f64, u8, &[u32]) = match &branch.condition {
        Condition::Numeric { threshold, missing } => (f64::from(*threshold), *missing as u8, &[]),
        Condition::Categorical { left } => (left.len() as f64, CATEGORICAL, left),
    };
    let rule = rule + if branch.missing_left { MISSING_LEFT } else { 0 };
    let [column, left, right] = [branch.column, branch.left, branch.right].map(|number| number as f64);
    (
        [column, value, f64::from(rule), branch.gain, node.cover, left, right],
        categories,
    )
}

/// Reads each array from its beginning to its end.
struct Reader<'a> {
    saved: &'a SavedGbdt,
    places: BTreeMap<&'static str, usize>,
}

impl Reader<'_> {
    fn next(&mut self, name: &'static str) -> Result<f64> {
        let place = self.places.entry(name).or_default();
        let value = self.saved.arrays.get(name).and_then(|values| values.get(*place));
        *place += 1;
        value
            .copied()
            .ok_or_else(|| malformed(format!("`{name}` is too short")))
    }

    fn count(&mut self, name: &'static str, most: usize) -> Result<usize> {
        whole(name, self.next(name)?, most)
    }

    fn ensemble(&mut self, columns: usize) -> Result<Ensemble> {
        let base = self.next("base")?;
        let trees = self.count("trees", MOST_NODES)?;
        let trees = (0..trees).map(|_| self.tree(columns)).collect::<Result<_>>()?;
        Ok(Ensemble { base, trees })
    }

    fn tree(&mut self, columns: usize) -> Result<Tree> {
        let nodes = self.count("nodes", MOST_NODES)?;
        let nodes = (0..nodes).map(|_| self.node()).collect::<Result<_>>()?;
        let tree = Tree { nodes };
        tree.check(columns).map_err(malformed)?;
        Ok(tree)
    }

    fn node(&mut self) -> Result<Node> {
        let mut fields: Fields = [0.0; NODE_FIELDS.len()];
        for (field, name) in fields.iter_mut().zip(NODE_FIELDS) {
            *field = self.next(name)?;
        }
        let [column, value, rule, gain, cover, left, right] = fields;
        if column == LEAF {
            let part = Part::Leaf(value as f32);
            return Ok(Node { cover, part });
        }
        let rule = whole("rule", rule, usize::from(u8::MAX))? as u8;
        let condition = match rule & !MISSING_LEFT {
            0 => numeric(value, Missing::Nan),
            1 => numeric(value, Missing::NanAndZero),
            2 => numeric(value, Missing::Nothing),
            CATEGORICAL => Condition::Categorical {
                left: self.categories(value)?,
            },
            _ => return Err(malformed(format!("`rule` is {rule}"))),
        };
        let part = Part::Branch(Branch {
            column: whole("column", column, u16::MAX.into())?,
            condition,
            missing_left: rule & MISSING_LEFT != 0,
            gain,
            left: whole("left", left, MOST_NODES)?,
            right: whole("right", right, MOST_NODES)?,
        });
        Ok(Node { cover, part })
    }

    fn categories(&mut self, count: f64) -> Result<Vec<u32>> {
        let count = whole("value", count, MOST_NODES)?;
        (0..count)
            .map(|_| {
                self.count("categories", u32::MAX as usize)
                    .map(|category| category as u32)
            })
            .collect()
    }
}

fn numeric(threshold: f64, missing: Missing) -> Condition {
    Condition::Numeric {
        threshold: threshold as f32,
        missing,
    }
}

fn whole(name: &str, value: f64, most: usize) -> Result<usize> {
    if value >= 0.0 && value <= most as f64 && value.fract() == 0.0 {
        return Ok(value as usize);
    }
    Err(malformed(format!(
        "`{name}` has {value}, expected a whole number up to {most}"
    )))
}

fn malformed(message: impl Into<String>) -> Error {
    Error::malformed("trees", message)
}
