//! A forest as arrays and back, bit for bit.

use ndarray::{Array2, Array3};
use serde::{Deserialize, Serialize};

use super::blocks::Blocks;
use super::parameters::MOST_COLUMNS;
use super::tree::{Component, Tree};
use super::{Forest, ForestParameters};
use crate::artefact::Parts;
use crate::{Error, Result};

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    parameters: ForestParameters,
    columns: usize,
    sample: usize,
}

impl Forest {
    /// The forest as parts of kind `kind`.
    ///
    /// # Errors
    /// Parameters that cannot be written.
    pub fn save(&self, kind: &str) -> Result<Parts> {
        let settings = Settings {
            parameters: self.parameters,
            columns: self.columns,
            sample: self.sample,
        };
        let (trees, nodes, components) = self.extents();
        let by_node = |value: &dyn Fn(&Tree, usize) -> f64| {
            Array2::from_shape_fn((trees, nodes), |(tree, node)| value(&self.trees[tree], node))
        };
        let by_component = |value: &dyn Fn(Component) -> f64| {
            Array3::from_shape_fn((trees, nodes, components), |(tree, node, place)| {
                value(self.trees[tree].plane(node)[place])
            })
        };
        let parts = Parts::new(kind, &settings)?
            .with("offset", &by_node(&|tree, node| tree.offset[node]))
            .with("left_share", &by_node(&|tree, node| tree.left_share[node]))
            .with("path", &by_node(&|tree, leaf| tree.path[leaf]));
        if components == 1 {
            let column = by_node(&|tree, node| f64::from(tree.column[node]));
            return Ok(parts.with("column", &column));
        }
        Ok(parts
            .with(
                "component_column",
                &by_component(&|component| f64::from(component.column)),
            )
            .with("weight", &by_component(&|component| component.weight))
            .with("centre", &by_component(&|component| component.centre)))
    }

    /// Puts a forest together again.
    ///
    /// # Errors
    /// Parts of another kind, and arrays that are missing, of another shape, or name columns that are not there.
    pub fn load(parts: &Parts, kind: &str) -> Result<Self> {
        let settings: Settings = parts.settings(kind)?;
        settings.parameters.check()?;
        if !(1..=MOST_COLUMNS).contains(&settings.columns)
            || !(2..=settings.parameters.sample).contains(&settings.sample)
        {
            return Err(Error::malformed(
                "parameters.json",
                "`columns` and `sample` are out of range",
            ));
        }
        let mut forest = Self {
            parameters: settings.parameters,
            columns: settings.columns,
            sample: settings.sample,
            trees: Vec::new(),
            blocks: None,
        };
        let (trees, nodes, components) = forest.extents();
        let node_array = |name: &str| parts.shaped::<ndarray::Ix2>(name, &[trees, nodes]);
        let component_array = |name: &str| parts.shaped::<ndarray::Ix3>(name, &[trees, nodes, components]);
        let (offset, left_share, path) = (node_array("offset")?, node_array("left_share")?, node_array("path")?);
        let blank = Tree::blank(Tree::levels_for(forest.sample), components);
        forest.trees = vec![blank; trees];
        for (number, tree) in forest.trees.iter_mut().enumerate() {
            tree.offset = offset.row(number).to_vec();
            tree.left_share = checked("left_share", left_share.row(number).to_vec(), |share| {
                (0.0..=1.0).contains(&share)
            })?;
            tree.path = checked("path", path.row(number).to_vec(), |path| {
                path >= 0.0 && path.is_finite()
            })?;
        }
        if components == 1 {
            let column = node_array("column")?;
            for ((number, node), column) in column.indexed_iter() {
                forest.trees[number].column[node] = forest.column(*column)?;
            }
        } else {
            let (column, weight) = (component_array("component_column")?, component_array("weight")?);
            let centre = component_array("centre")?;
            for ((number, node, place), column) in column.indexed_iter() {
                let at = (number, node, place);
                forest.trees[number].planes[node * components + place] = Component {
                    column: forest.column(*column)?,
                    weight: weight[at],
                    centre: centre[at],
                };
            }
        }
        forest.trees = forest.trees.into_iter().map(Tree::finish).collect();
        forest.blocks = Blocks::of(&forest.trees, forest.columns);
        Ok(forest)
    }

    /// The number of trees, of nodes of each, and of columns that a split looks at.
    fn extents(&self) -> (usize, usize, usize) {
        let nodes = 1 << Tree::levels_for(self.sample);
        let components = self.parameters.extension.saturating_add(1).min(self.columns);
        (self.parameters.trees, nodes, components)
    }

    fn column(&self, column: f64) -> Result<u16> {
        if column >= 0.0 && column < self.columns as f64 && column.fract() == 0.0 {
            return Ok(column as u16);
        }
        Err(Error::malformed(
            "tensors.safetensors",
            format!("a split looks at column {column} of {}", self.columns),
        ))
    }
}

fn checked(name: &str, values: Vec<f64>, accepts: impl Fn(f64) -> bool) -> Result<Vec<f64>> {
    match values.iter().find(|value| !accepts(**value)) {
        None => Ok(values),
        Some(value) => Err(Error::malformed(
            "tensors.safetensors",
            format!("`{name}` holds {value}, which is out of range"),
        )),
    }
}
