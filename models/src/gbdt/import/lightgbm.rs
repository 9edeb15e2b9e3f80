//! Models of LightGBM, text format.
//!
//! ```text
//! tree                    header: `max_feature_idx`, `num_tree_per_iteration`, `objective`
//! Tree=0                  then `num_leaves`, `split_feature`, `threshold`, `decision_type`, `left_child`, `leaf_value`
//! end of trees            nothing behind it matters
//! ```
//!
//! Children from 0 are splits, negative ones are leaves: -1 the first, -2 the second.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::assemble::{Source, assemble};
use super::{Imported, MOST_COLUMNS, MOST_OUTPUTS, link};
use crate::gbdt::fitted::{Ensemble, FittedGbdt, Link, Precision};
use crate::gbdt::save::GbdtSettings;
use crate::gbdt::tree::{Branch, Condition, Missing, Part, Tree};
use crate::{Error, Result};

const OBJECTIVES: [(&str, Link); 13] = [
    ("regression", Link::Identity),
    ("regression_l2", Link::Identity),
    ("regression_l1", Link::Identity),
    ("huber", Link::Identity),
    ("fair", Link::Identity),
    ("quantile", Link::Identity),
    ("mape", Link::Identity),
    ("custom", Link::Identity),
    ("poisson", Link::Exponential),
    ("gamma", Link::Exponential),
    ("tweedie", Link::Exponential),
    ("binary", Link::Logistic),
    ("cross_entropy", Link::Logistic),
];
/// Bits of `decision_type`.
const CATEGORICAL: u8 = 1;
const DEFAULT_LEFT: u8 = 2;
/// The most leaves of a tree, which share 16 bits with its splits.
const MOST_LEAVES: usize = 1 << 15;

/// `key=value` lines.
type Section<'a> = BTreeMap<&'a str, &'a str>;

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Result<Imported> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8 text"))?;
    let mut lines = text.lines().map(str::trim_end);
    if lines.next() != Some("tree") {
        return Err(malformed("its first line is not `tree`"));
    }
    let mut header = Section::new();
    let mut trees: Vec<Section<'_>> = Vec::new();
    let mut is_complete = false;
    for line in lines {
        if line == "end of trees" {
            is_complete = true;
            break;
        }
        if line.starts_with("Tree=") {
            trees.push(Section::new());
        } else if !line.is_empty() {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            trees.last_mut().unwrap_or(&mut header).insert(key, value);
        }
    }
    if !is_complete {
        return Err(malformed("the line `end of trees` is missing: the file is cut off"));
    }
    Ok(Imported {
        model: model(&header, &trees)?,
        names: names(&header),
    })
}

/// The names of the columns; none where they are those that LightGBM makes up for a table without names.
fn names(header: &Section<'_>) -> Vec<String> {
    let names = header.get("feature_names").copied().unwrap_or_default();
    let names: Vec<String> = names.split_ascii_whitespace().map(str::to_owned).collect();
    let is_made_up = |(column, name): (usize, &String)| *name == format!("Column_{column}");
    if names.iter().enumerate().all(is_made_up) {
        Vec::new()
    } else {
        names
    }
}

fn model(header: &Section<'_>, trees: &[Section<'_>]) -> Result<FittedGbdt> {
    // A model of an objective of the user's own has no such line.
    let objective = header.get("objective").copied().unwrap_or("custom");
    let mut words = objective.split_ascii_whitespace();
    let link = link(words.next().unwrap_or_default(), &OBJECTIVES)?;
    let mut factor = 1.0;
    for word in words {
        match word.split_once(':') {
            Some(("sigmoid", sigmoid)) => factor = number::<f64>("sigmoid", sigmoid)?,
            _ if word == "sqrt" => {
                return Err(Error::Unknown {
                    what: "objective that can be imported",
                    name: objective.into(),
                    known: "regression without `sqrt`".into(),
                });
            }
            _ => {}
        }
    }
    let columns = field::<usize>(header, "max_feature_idx")?.saturating_add(1);
    let outputs = field::<usize>(header, "num_tree_per_iteration")?;
    if columns > MOST_COLUMNS || outputs == 0 || outputs > MOST_OUTPUTS {
        let accepted = format!("at most {MOST_COLUMNS} columns and 1 to {MOST_OUTPUTS} outputs");
        return Err(malformed(format!(
            "{columns} columns and {outputs} outputs, expected {accepted}"
        )));
    }
    if header.contains_key("average_output") {
        factor /= trees.len().div_ceil(outputs).max(1) as f64;
    }
    let mut ensembles = vec![
        Ensemble {
            base: 0.0,
            trees: Vec::new()
        };
        outputs
    ];
    for (index, section) in trees.iter().enumerate() {
        let tree = tree(section, columns, factor).map_err(|message| malformed(format!("tree {index}: {message}")))?;
        ensembles[index % outputs].trees.push(tree);
    }
    let settings = GbdtSettings {
        columns,
        levels: 1,
        link,
        precision: Precision::Double,
    };
    Ok(FittedGbdt::new(settings, ensembles))
}

/// The fields of a tree with at least one split.
struct Splits {
    columns: Vec<usize>,
    thresholds: Vec<f64>,
    gains: Vec<f64>,
    decisions: Vec<u8>,
    left: Vec<i64>,
    right: Vec<i64>,
    counts: Vec<f64>,
    category_bounds: Vec<usize>,
    category_bits: Vec<u32>,
    leaf_values: Vec<f64>,
    leaf_counts: Vec<f64>,
}

fn tree(section: &Section<'_>, columns: usize, factor: f64) -> Result<Tree, String> {
    let leaves: usize = one(section, "num_leaves")?;
    if leaves == 0 || leaves > MOST_LEAVES {
        return Err(format!("{leaves} leaves, expected 1 to {MOST_LEAVES}"));
    }
    if section.get("is_linear").is_some_and(|linear| *linear == "1") {
        return Err("leaves with linear models are not supported".into());
    }
    let mut tree = if leaves == 1 {
        let values: Vec<f64> = list(section, "leaf_value", 1)?;
        assemble(0, 1, columns, |_| {
            Ok(Source::Leaf {
                value: values[0] as f32,
                cover: 1.0,
            })
        })?
    } else {
        let splits = Splits::new(section, leaves)?;
        assemble(0, 2 * leaves - 1, columns, |number| splits.node(number))?
    };
    for node in &mut tree.nodes {
        if let Part::Leaf(value) = &mut node.part {
            *value = (f64::from(*value) * factor) as f32;
        }
    }
    Ok(tree)
}

impl Splits {
    fn new(section: &Section<'_>, leaves: usize) -> Result<Self, String> {
        let splits = leaves - 1;
        let categorical: usize = one(section, "num_cat")?;
        let mut tree = Self {
            columns: list(section, "split_feature", splits)?,
            thresholds: list(section, "threshold", splits)?,
            gains: list(section, "split_gain", splits)?,
            decisions: list(section, "decision_type", splits)?,
            left: list(section, "left_child", splits)?,
            right: list(section, "right_child", splits)?,
            counts: list(section, "internal_count", splits)?,
            leaf_values: list(section, "leaf_value", leaves)?,
            leaf_counts: list(section, "leaf_count", leaves)?,
            category_bounds: Vec::new(),
            category_bits: Vec::new(),
        };
        if categorical > 0 {
            tree.category_bounds = list(section, "cat_boundaries", categorical.saturating_add(1))?;
            let words = tree.category_bounds.last().copied().unwrap_or_default();
            tree.category_bits = list(section, "cat_threshold", words)?;
        }
        Ok(tree)
    }

    /// Splits are numbered first, then leaves.
    fn node(&self, number: usize) -> Result<Source, String> {
        let splits = self.columns.len();
        if number >= splits {
            let leaf = number - splits;
            let (value, cover) = (self.leaf_values[leaf] as f32, self.leaf_counts[leaf]);
            return Ok(Source::Leaf { value, cover });
        }
        let decision = self.decisions[number];
        let (condition, missing_left) = if decision & CATEGORICAL != 0 {
            let left = self.categories(self.thresholds[number])?;
            (Condition::Categorical { left }, false)
        } else {
            let missing = match decision >> 2 & 3 {
                0 => Missing::Nothing,
                1 => Missing::NanAndZero,
                2 => Missing::Nan,
                kind => return Err(format!("node {number} has missing values of kind {kind}")),
            };
            let threshold = lower_float(self.thresholds[number]);
            (Condition::Numeric { threshold, missing }, decision & DEFAULT_LEFT != 0)
        };
        let child = |child: i64| {
            let leaf = usize::try_from(-1 - child).ok().map(|leaf| leaf.saturating_add(splits));
            usize::try_from(child)
                .ok()
                .filter(|split| *split < splits)
                .or(leaf)
                .ok_or_else(|| format!("a link leads to {child}"))
        };
        let branch = Branch {
            column: self.columns[number],
            condition,
            missing_left,
            gain: self.gains[number],
            left: child(self.left[number])?,
            right: child(self.right[number])?,
        };
        let cover = self.counts[number];
        Ok(Source::Split { branch, cover })
    }

    /// The categories of a set, by its number.
    fn categories(&self, set: f64) -> Result<Vec<u32>, String> {
        let bits = || {
            let set = set as usize;
            let (start, end) = (
                *self.category_bounds.get(set)?,
                *self.category_bounds.get(set.checked_add(1)?)?,
            );
            self.category_bits.get(start..end)
        };
        let words = bits().ok_or_else(|| format!("there is no set of categories {set}"))?;
        let each = |(place, word): (usize, &u32)| {
            let word = *word;
            (0..32)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| (place * 32) as u32 + bit)
        };
        Ok(words.iter().enumerate().flat_map(each).collect())
    }
}

/// The largest 32-bit float that is not above `threshold`.
fn lower_float(threshold: f64) -> f32 {
    let rounded = threshold as f32;
    if f64::from(rounded) > threshold {
        rounded.next_down()
    } else {
        rounded
    }
}

fn field<T: FromStr>(section: &Section<'_>, name: &str) -> Result<T> {
    one(section, name).map_err(malformed)
}

fn one<T: FromStr>(section: &Section<'_>, name: &str) -> Result<T, String> {
    let text = section.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    text.trim()
        .parse()
        .map_err(|_| format!("`{name}` is `{text}`, expected a number"))
}

fn number<T: FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse()
        .map_err(|_| malformed(format!("`{name}` is `{text}`, expected a number")))
}

fn list<T: FromStr>(section: &Section<'_>, name: &str, length: usize) -> Result<Vec<T>, String> {
    let text = section.get(name).ok_or_else(|| format!("`{name}` is missing"))?;
    let values: Result<Vec<T>, String> = text
        .split_ascii_whitespace()
        .map(|word| {
            word.parse()
                .map_err(|_| format!("`{name}` holds `{word}`, expected numbers"))
        })
        .collect();
    let values = values?;
    if values.len() == length {
        return Ok(values);
    }
    Err(format!("`{name}` has {} entries, expected {length}", values.len()))
}

fn malformed(message: impl Into<String>) -> Error {
    Error::malformed("lightgbm model", message)
}
