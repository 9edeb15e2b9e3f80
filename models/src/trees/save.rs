//! The models in the artefact: numbers as tensors, so that they predict bit for bit what they did.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::description::Description;
use super::forecaster::{FittedTrees, NAME};
use super::imported::Trees;
use crate::artefact::{Parts, from_exact, to_exact};
use crate::gbdt::{FittedGbdt, GbdtSettings, SavedGbdt};
use crate::scope::Scope;
use crate::{Error, Result, Task};

/// The part of what is not a model.
const SETTINGS: &str = "settings";
/// The array of what does not change about the series.
const CONSTANTS: &str = "constants";
/// The kind of a part that is a model.
const MODEL: &str = "gbdt";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    scope: Scope,
    task: Task,
    description: Value,
}

/// The part of the model at `place`.
fn part_of(place: usize) -> String {
    format!("model{place}")
}

/// Everything of `fitted`.
pub(super) fn write(fitted: &FittedTrees) -> Result<Parts> {
    let saved = Saved {
        scope: fitted.scope.clone(),
        task: fitted.task,
        description: to_exact(serde_json::to_value(&fitted.trees.description)?),
    };
    let settings = Parts::new(NAME, &saved)?.with(CONSTANTS, &fitted.constants);
    let mut parts = vec![(SETTINGS.to_owned(), settings)];
    for (place, model) in fitted.trees.models.iter().enumerate() {
        parts.push((part_of(place), write_model(model)?));
    }
    Parts::of(NAME, parts)
}

/// Puts together again what [`write`] took apart.
pub(super) fn read(parts: &Parts) -> Result<FittedTrees> {
    let settings = parts.part(SETTINGS, &parts.kind)?;
    let saved: Saved = settings.settings(NAME)?;
    saved.task.check()?;
    let description: Description = serde_json::from_value(from_exact(saved.description))
        .map_err(|error| Error::malformed("parameters.json", error.to_string()))?;
    let constants = settings.shaped(CONSTANTS, &[saved.scope.series.len(), description.features.len()])?;
    let models = (0..description.models.len()).map(|place| read_model(&parts.part(&part_of(place), MODEL)?));
    let trees = Trees::new(description, models.collect::<Result<_>>()?)?;
    FittedTrees::new(Arc::new(trees), saved.scope, saved.task, constants)
}

fn write_model(model: &FittedGbdt) -> Result<Parts> {
    let SavedGbdt { settings, arrays } = model.save();
    let parts = Parts::new(MODEL, &settings)?;
    Ok(arrays
        .iter()
        .fold(parts, |parts, (name, array)| parts.with(name, array)))
}

fn read_model(parts: &Parts) -> Result<FittedGbdt> {
    let settings: GbdtSettings = parts.settings(MODEL)?;
    let arrays = parts
        .tensors
        .keys()
        .map(|name| Ok((name.clone(), parts.array(name)?)))
        .collect::<Result<_>>()?;
    FittedGbdt::load(&SavedGbdt { settings, arrays })
}
