//! `trees`: models of `XGBoost` or LightGBM that were trained elsewhere, as a forecaster.

use std::sync::Arc;

use arterial_datasets::panel::Panel;
use ndarray::Array2;

use super::covariate::{Source, sources};
use super::description::Description;
use super::feature::constants;
use super::imported::{ModelFile, Trees};
use super::rows::Rows;
use super::save;
use crate::artefact::{Parts, digest_of};
use crate::forecaster::require_rows;
use crate::scope::Scope;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

/// The name of the kind.
pub const NAME: &str = "trees";

/// The kind `trees` with models in it: fitting makes it a forecaster of a panel.
#[derive(Clone)]
pub struct ImportedTrees {
    trees: Arc<Trees>,
    /// SHA-256 of files and description.
    digest: String,
}

/// The kind `trees` as it stands in the list: it loads what was saved. To fit, it takes an [`ImportedTrees`].
#[derive(Debug, Clone, Copy, Default)]
pub struct SavedTrees;

/// Models that fit their panel.
///
/// A series is refused a forecast where none of the values that the models read is there, and where they predict no finite
/// number.
pub struct FittedTrees {
    pub(super) trees: Arc<Trees>,
    pub(super) scope: Scope,
    pub(super) task: Task,
    /// Series x features: what does not change about the series, NaN elsewhere.
    pub(super) constants: Array2<f64>,
    /// By feature: where the panels have the covariates that are read.
    sources: Vec<Option<Source>>,
}

impl ImportedTrees {
    /// The models in `files`, which read and answer what `description` says: the files that it lists, in the order of
    /// [`Description::files`], or one file where it lists none. Models that were stopped early are read up to their best round.
    ///
    /// # Errors
    /// A file that is no model, or one of a kind that is not supported; what [`Description::check`] refuses; another number
    /// of files or columns than the description says, other names of columns; several outputs of which it names none, an
    /// output that there is not; a step without a model.
    pub fn new(description: Description, files: &[ModelFile]) -> Result<Self> {
        let described = serde_json::to_vec(&description)?;
        let named = files.iter().flat_map(|file| [file.name.as_bytes(), &file.bytes[..]]);
        let digest = digest_of(std::iter::once(&described[..]).chain(named));
        Ok(Self {
            trees: Arc::new(Trees::read(description, files)?),
            digest,
        })
    }

    /// What the models read and answer.
    #[must_use]
    pub fn description(&self) -> &Description {
        &self.trees.description
    }
}

impl FittedTrees {
    /// The models on the panels of `scope`.
    ///
    /// # Errors
    /// A step that they were not trained for, or more steps ahead than they answer; a covariate that the panels do not have.
    pub(super) fn new(trees: Arc<Trees>, scope: Scope, task: Task, constants: Array2<f64>) -> Result<Self> {
        let sources = trees.fits(&scope, &task)?;
        Ok(Self {
            trees,
            scope,
            task,
            constants,
            sources,
        })
    }
}

impl Trees {
    /// Checks that they are for panels of `scope`, and finds the covariates there that they read.
    fn fits(&self, scope: &Scope, task: &Task) -> Result<Vec<Option<Source>>> {
        let description = &self.description;
        if scope.step != description.step {
            let accepted = format!("{}, which the trees were trained for", description.step);
            return Err(Error::invalid("step", scope.step, accepted));
        }
        if task.horizon > description.horizon {
            let accepted = format!("1 to {}, which the trees answer", description.horizon);
            return Err(Error::invalid("horizon", task.horizon, accepted));
        }
        sources(&description.features, scope)
    }
}

fn nothing_to_import() -> Error {
    let accepted = "trees to import: files of XGBoost or LightGBM and their description";
    Error::invalid(NAME, "nothing", accepted)
}

impl Forecaster for ImportedTrees {
    fn name(&self) -> &'static str {
        NAME
    }

    fn imported(&self) -> Option<&str> {
        Some(&self.digest)
    }

    /// The models have to fit the panel, and the panel to have what they read of its series.
    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        let description = self.description();
        require_rows(NAME, description.history() + task.horizon, training)?;
        constants(&description.features, training)?;
        self.trees.fits(&Scope::of(training), task)?;
        Ok(())
    }

    /// Notes what does not change about the series of the panel. The context is the models'.
    fn fit(&self, training: &Panel, task: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        let constants = constants(&self.description().features, training)?;
        let fitted = FittedTrees::new(Arc::clone(&self.trees), Scope::of(training), *task, constants)?;
        Ok(Box::new(fitted))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        SavedTrees.load(parts)
    }
}

impl Forecaster for SavedTrees {
    fn name(&self) -> &'static str {
        NAME
    }

    fn check(&self, _: &Panel, _: &Task) -> Result<()> {
        Err(nothing_to_import())
    }

    fn fit(&self, _: &Panel, _: &Task, _: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        Err(nothing_to_import())
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        Ok(Box::new(save::read(parts)?))
    }
}

impl FittedForecaster for FittedTrees {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &Scope {
        &self.scope
    }

    fn horizon(&self) -> usize {
        self.task.horizon
    }

    fn history(&self) -> usize {
        self.trees.description.history()
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.forecast_while(panel, origins, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        self.scope.check(panel, origins)?;
        let (description, horizon) = (&self.trees.description, self.task.horizon);
        let rows = Rows::new(description, &self.constants, &self.sources, panel, origins, horizon)?;
        self.trees.forecast(&rows, origins, horizon, progress)
    }

    fn save(&self) -> Result<Parts> {
        save::write(self)
    }
}
