//! Models of `XGBoost`.
//!
//! A value below a split's condition goes left there, a value up to the threshold here, so that thresholds become the
//! next lower float. Categories of a split go right there and left here, so that its children change sides.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::assemble::{Source, assemble};
use super::{Imported, MOST_COLUMNS, MOST_OUTPUTS, Rounds, json, link, ubjson};
use crate::gbdt::fitted::{Ensemble, FittedGbdt, Link, Precision};
use crate::gbdt::save::GbdtSettings;
use crate::gbdt::tree::{Branch, Condition, Missing, Part, Tree};
use crate::{Error, Result};

const OBJECTIVES: [(&str, Link); 12] = [
    ("reg:squarederror", Link::Identity),
    ("reg:linear", Link::Identity),
    ("reg:absoluteerror", Link::Identity),
    ("reg:pseudohubererror", Link::Identity),
    ("reg:quantileerror", Link::Identity),
    ("reg:squaredlogerror", Link::Identity),
    ("count:poisson", Link::Exponential),
    ("reg:gamma", Link::Exponential),
    ("reg:tweedie", Link::Exponential),
    ("reg:logistic", Link::Logistic),
    ("binary:logistic", Link::Logistic),
    ("binary:logitraw", Link::Identity),
];

#[derive(Deserialize)]
struct File {
    learner: Learner,
}

#[derive(Deserialize)]
struct Learner {
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    feature_names: Vec<String>,
    gradient_booster: Booster,
    #[serde(rename = "learner_model_param")]
    parameters: LearnerParameters,
    objective: Named,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// Numbers are texts here.
#[derive(Deserialize)]
struct LearnerParameters {
    base_score: String,
    num_feature: String,
    #[serde(default)]
    num_class: String,
    #[serde(default)]
    num_target: String,
}

/// `gbtree`, or `dart`, which wraps one.
#[derive(Deserialize)]
struct Booster {
    name: String,
    model: Option<Model>,
    gbtree: Option<Box<Booster>>,
    #[serde(default)]
    weight_drop: Vec<f32>,
}

#[derive(Deserialize)]
struct Model {
    /// Boosters of other kinds have none: they are refused by their names.
    trees: Option<Vec<Nodes>>,
    /// The output of each tree.
    #[serde(default)]
    tree_info: Vec<usize>,
    /// The first tree of each round, and behind them the number of trees; files of before 2.0 have none.
    #[serde(default)]
    iteration_indptr: Vec<usize>,
    #[serde(default, rename = "gbtree_model_param")]
    parameters: ModelParameters,
}

#[derive(Deserialize, Default)]
struct ModelParameters {
    #[serde(default)]
    num_parallel_tree: String,
}

/// A 32-bit number; NaN is nothing. Splits by category had that for their threshold until 3.1.
type Number = Option<f32>;

/// A tree, field by field.
#[derive(Deserialize)]
struct Nodes {
    #[serde(default, rename = "tree_param")]
    parameters: TreeParameters,
    left_children: Vec<i64>,
    right_children: Vec<i64>,
    split_indices: Vec<usize>,
    /// Of a leaf its value.
    split_conditions: Vec<Number>,
    default_left: Vec<Flag>,
    /// Left out where leaves hold several values.
    #[serde(default)]
    loss_changes: Vec<Number>,
    #[serde(default)]
    sum_hessian: Vec<Number>,
    #[serde(default)]
    split_type: Vec<u8>,
    #[serde(default)]
    categories: Vec<u32>,
    #[serde(default, rename = "categories_nodes")]
    category_owners: Vec<usize>,
    #[serde(default)]
    categories_segments: Vec<usize>,
    #[serde(default)]
    categories_sizes: Vec<usize>,
}

#[derive(Deserialize, Default)]
struct TreeParameters {
    /// How many values a leaf holds; 0 is 1.
    #[serde(default)]
    size_leaf_vector: String,
}

/// Older files have booleans, newer ones numbers.
#[derive(Deserialize, Clone, Copy)]
#[serde(untagged)]
enum Flag {
    Boolean(bool),
    Number(u8),
}

impl Flag {
    fn is_set(self) -> bool {
        match self {
            Self::Boolean(flag) => flag,
            Self::Number(number) => number != 0,
        }
    }
}

/// Reads a file of either format.
pub(super) fn read(bytes: &[u8], rounds: Rounds) -> Result<Imported> {
    // Behind the first bracket JSON has a quote or white space, UBJSON the length of a name.
    let is_json = bytes.first() == Some(&b'{')
        && bytes
            .get(1)
            .is_some_and(|byte| byte.is_ascii_whitespace() || *byte == b'"');
    let file: File = if is_json {
        serde_json::from_slice(&json::plain(bytes)).map_err(|error| malformed(error.to_string()))?
    } else {
        let value = ubjson::parse(bytes).map_err(malformed)?;
        serde_json::from_value(value).map_err(|error| malformed(error.to_string()))?
    };
    let mut learner = file.learner;
    let names = std::mem::take(&mut learner.feature_names);
    Ok(Imported {
        model: learner.model(rounds)?,
        names,
    })
}

impl Learner {
    fn model(self, rounds: Rounds) -> Result<FittedGbdt> {
        let link = link(&self.objective.name, &OBJECTIVES)?;
        let parameters = &self.parameters;
        let columns = whole("num_feature", &parameters.num_feature, MOST_COLUMNS)?;
        let classes = whole("num_class", &parameters.num_class, MOST_OUTPUTS)?;
        let targets = whole("num_target", &parameters.num_target, MOST_OUTPUTS)?;
        let outputs = classes.max(targets).max(1);
        let rounds = match rounds {
            Rounds::Best => self.attributes.get("best_iteration"),
            Rounds::All => None,
        };
        let rounds = rounds
            .map(|best| whole("best_iteration", best, usize::MAX - 1))
            .transpose()?;
        let bases = bases(&parameters.base_score, &self.objective.name, link, outputs)?;
        let mut ensembles: Vec<Ensemble> = bases
            .into_iter()
            .map(|base| Ensemble {
                base,
                trees: Vec::new(),
            })
            .collect();
        let (model, weights) = self.gradient_booster.trees_and_weights()?;
        model.check()?;
        let count = match rounds {
            Some(best) => model.trees_of(best + 1, outputs)?,
            None => model.trees().len(),
        };
        for (index, nodes) in model.trees().iter().take(count).enumerate() {
            let mut tree = nodes
                .tree(columns)
                .map_err(|message| malformed(format!("tree {index}: {message}")))?;
            if let Some(weight) = weights.get(index) {
                scale(&mut tree, *weight);
            }
            let output = model.tree_info[index];
            let ensemble = ensembles.get_mut(output);
            let ensemble =
                ensemble.ok_or_else(|| malformed(format!("tree {index} is of output {output} of {outputs}")))?;
            ensemble.trees.push(tree);
        }
        let settings = GbdtSettings {
            columns,
            levels: 1,
            link,
            precision: Precision::Single,
        };
        Ok(FittedGbdt::new(settings, ensembles))
    }
}

impl Booster {
    /// The trees and, for `dart`, what each of them counts.
    fn trees_and_weights(self) -> Result<(Model, Vec<f32>)> {
        let weights = self.weight_drop;
        match (self.name.as_str(), self.model, self.gbtree) {
            ("gbtree", Some(model @ Model { trees: Some(_), .. }), _) => Ok((model, Vec::new())),
            ("dart", _, Some(inner)) => match inner.model {
                Some(model) if model.trees().len() == weights.len() => Ok((model, weights)),
                _ => Err(malformed("`weight_drop` is not as long as `trees`")),
            },
            ("gbtree" | "dart", ..) => Err(malformed("the booster has no trees")),
            (name, ..) => Err(Error::Unknown {
                what: "booster that can be imported",
                name: name.into(),
                known: "gbtree, dart".into(),
            }),
        }
    }
}

impl Model {
    fn trees(&self) -> &[Nodes] {
        self.trees.as_deref().unwrap_or_default()
    }

    /// Checks that each tree has an output, and leaves of one value.
    fn check(&self) -> Result<()> {
        if self.tree_info.len() != self.trees().len() {
            return Err(malformed("`tree_info` is not as long as `trees`"));
        }
        for nodes in self.trees() {
            let size = &nodes.parameters.size_leaf_vector;
            if whole("size_leaf_vector", size, MOST_OUTPUTS)? > 1 {
                return Err(Error::Unknown {
                    what: "`multi_strategy` that can be imported",
                    name: "multi_output_tree".into(),
                    known: "one_output_per_tree".into(),
                });
            }
        }
        Ok(())
    }

    /// How many trees the first `rounds` rounds have.
    fn trees_of(&self, rounds: usize, outputs: usize) -> Result<usize> {
        let side_by_side = whole("num_parallel_tree", &self.parameters.num_parallel_tree, usize::MAX)?;
        let count = match self.iteration_indptr.get(rounds) {
            Some(count) => *count,
            None => rounds.saturating_mul(outputs).saturating_mul(side_by_side.max(1)),
        };
        Ok(count.min(self.trees().len()))
    }
}

impl Nodes {
    fn tree(&self, columns: usize) -> Result<Tree, String> {
        let count = self.left_children.len();
        let lengths = [
            self.right_children.len(),
            self.split_indices.len(),
            self.split_conditions.len(),
            self.default_left.len(),
            self.loss_changes.len(),
            self.sum_hessian.len(),
        ];
        if lengths.iter().any(|length| *length != count)
            || !(self.split_type.is_empty() || self.split_type.len() == count)
        {
            return Err("its fields differ in length".into());
        }
        assemble(0, count, columns, |number| self.node(number))
    }

    fn node(&self, number: usize) -> Result<Source, String> {
        let cover = f64::from(self.sum_hessian[number].unwrap_or(f32::NAN));
        let (left, right) = (self.left_children[number], self.right_children[number]);
        if left == -1 && right == -1 {
            let value = self.condition(number)?;
            return Ok(Source::Leaf { value, cover });
        }
        let [left, right] =
            [left, right].map(|child| usize::try_from(child).map_err(|_| format!("a link leads to node {child}")));
        let (mut left, mut right) = (left?, right?);
        let mut missing_left = self.default_left[number].is_set();
        let condition = if self.split_type.get(number).is_some_and(|kind| *kind == 1) {
            (left, right, missing_left) = (right, left, !missing_left);
            Condition::Categorical {
                left: self.categories(number)?,
            }
        } else {
            Condition::Numeric {
                threshold: self.condition(number)?.next_down(),
                missing: Missing::Nan,
            }
        };
        let branch = Branch {
            column: self.split_indices[number],
            condition,
            missing_left,
            gain: f64::from(self.loss_changes[number].unwrap_or(f32::NAN)),
            left,
            right,
        };
        Ok(Source::Split { branch, cover })
    }

    /// The value of a leaf, the threshold of a split by number.
    fn condition(&self, number: usize) -> Result<f32, String> {
        self.split_conditions[number].ok_or_else(|| format!("`split_conditions` of node {number} is NaN"))
    }

    fn categories(&self, number: usize) -> Result<Vec<u32>, String> {
        let categories = || {
            let place = self.category_owners.iter().position(|node| *node == number)?;
            let start = *self.categories_segments.get(place)?;
            let end = start.checked_add(*self.categories_sizes.get(place)?)?;
            self.categories.get(start..end)
        };
        let mut categories = categories()
            .ok_or_else(|| format!("node {number} has no categories"))?
            .to_vec();
        categories.sort_unstable();
        categories.dedup();
        Ok(categories)
    }
}

fn scale(tree: &mut Tree, weight: f32) {
    for node in &mut tree.nodes {
        if let Part::Leaf(value) = &mut node.part {
            *value *= weight;
        }
    }
}

/// Where scores start: `base_score` is a prediction, or a list of them in newer files.
fn bases(text: &str, objective: &str, link: Link, outputs: usize) -> Result<Vec<f64>> {
    let wrong = || {
        malformed(format!(
            "`base_score` is `{text}`, expected a number or {outputs} of them"
        ))
    };
    let entries = text.trim().trim_start_matches('[').trim_end_matches(']').split(',');
    let predictions: Vec<f64> = entries
        .map(|entry| entry.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|_| wrong())?;
    let link = if objective == "binary:logitraw" {
        Link::Logistic
    } else {
        link
    };
    let bases: Vec<f64> = predictions
        .into_iter()
        .map(|prediction| link.score(prediction))
        .collect();
    match bases.as_slice() {
        _ if bases.iter().any(|base| !base.is_finite()) => Err(wrong()),
        [base] => Ok(vec![*base; outputs]),
        several if several.len() == outputs => Ok(bases),
        _ => Err(wrong()),
    }
}

fn whole(name: &str, text: &str, most: usize) -> Result<usize> {
    if text.is_empty() {
        return Ok(0);
    }
    let value = text.trim().parse().ok().filter(|value| *value <= most);
    value.ok_or_else(|| malformed(format!("`{name}` is `{text}`, expected a whole number up to {most}")))
}

fn malformed(message: impl Into<String>) -> Error {
    Error::malformed("xgboost model", message)
}
