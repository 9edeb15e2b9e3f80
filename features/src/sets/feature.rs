//! One feature, and a list of them.

use polars::prelude::Expr;
use sha2::{Digest, Sha256};

use super::layout::Layout;

/// One named column and the expression that makes it.
#[derive(Clone, Copy)]
pub struct Feature {
    /// The column's name.
    pub name: &'static str,
    /// Makes the expression for a frame's layout.
    pub expression: fn(Layout) -> Expr,
}

/// A list of features made in stages: an expression reads columns of the stages before.
pub struct Stages {
    /// The frame that the stages belong to.
    pub frame: &'static str,
    /// The stages, in order.
    pub stages: &'static [&'static [Feature]],
    /// The columns that are kept at the end.
    pub kept: &'static [&'static str],
}

impl Stages {
    /// The expressions of each stage, named.
    pub fn expressions(&self, layout: Layout) -> Vec<Vec<Expr>> {
        let named = |feature: &Feature| (feature.expression)(layout).alias(feature.name);
        self.stages
            .iter()
            .map(|stage| stage.iter().map(named).collect())
            .collect()
    }

    /// Feeds every column's frame, name and expression to a hash.
    pub fn feed(&self, hash: &mut Sha256) {
        for feature in self.stages.iter().copied().flatten() {
            let text = format!(
                "{}.{} = {:?}\n",
                self.frame,
                feature.name,
                (feature.expression)(Layout::NOMINAL)
            );
            hash.update(text.as_bytes());
        }
        hash.update(format!("{} keeps {}\n", self.frame, self.kept.join(" ")).as_bytes());
    }
}
