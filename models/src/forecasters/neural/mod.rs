//! `stid`, `lstm` and `transformer`: networks on windows of deviations from the usual week.
//!
//! Like `linear` and `gbdt` they learn the target's deviation from the usual level at the target's own slot of the week, in
//! units of the series' usual deviation, beginning from the last deviation, decayed by a weight for each step ahead. All
//! steps ahead and the 10 %, 50 % and 90 % quantiles come at once:
//!
//! ```text
//! (y(o+h) - level(o+h)) / scale = w(h) last(o) + network(window(o), series, slot of day, weekday)(h) + e
//! minimise sum over quantiles of scale * pinball(e)
//! ```
//!
//! A window holds the deviations of the context rows with their masks, before them the mean deviations of the last hours,
//! day and week, the neighbours' mean deviation where the panel has a graph, and covariates; of each target row what is
//! known ahead: the usual level and spread, the mean deviations around this slot on days and weeks before, and covariates
//! that are known ahead.

mod fit;
mod predict;
mod view;

use arterial_datasets::panel::Panel;
use ndarray::Array1;
use serde::{Deserialize, Serialize};

use self::fit::Stop;
use self::view::{CovariateScale, Neighbours};
use super::deviation::{LOOK_BACK, history};
use crate::artefact::{Parts, Tensor};
use crate::forecaster::{check_head, choose_and_refit, require_rows};
use crate::neural::training::TrainingSettings;
use crate::neural::{Device, Kind, Lstm, Network, Stid, Transformer};
use crate::profile::Profile;
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

/// The quantiles that networks learn.
const LEVELS: [f32; 3] = [0.1, 0.5, 0.9];
/// The prefix of the network's tensors.
const NETWORK: &str = "network.";

/// A kind of network.
#[derive(Debug, Clone)]
pub struct Neural {
    name: &'static str,
    kind: Kind,
    training: TrainingSettings,
    /// Windows times series of an epoch, at most.
    epoch_tokens: usize,
}

/// A trained network. A series without a single value in training is refused.
pub struct FittedNeural {
    name: &'static str,
    settings: Settings,
    profile: Profile,
    /// What is left of the last deviation at each step ahead.
    decay: Array1<f64>,
    covariates: CovariateScale,
    neighbours: Neighbours,
    network: Network,
    /// 1 for each series that varied in training, 0 for one that the network could learn nothing of.
    varies: Array1<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scope: Scope,
    task: Task,
    /// How many epochs it was trained.
    epochs: u64,
    kind: Kind,
    has_neighbours: bool,
    /// The epoch in which the loss was not a number any more, as these epochs were chosen or run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    diverged: Option<u64>,
    /// Where it was trained; none on the CPU. A text, as programs that were not built for that device load the network, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
}

impl Neural {
    /// The identity MLP, with its defaults.
    #[must_use]
    pub fn stid() -> Self {
        Self::new("stid", Kind::Stid(Stid::default()), 60, 400_000)
    }

    /// The recurrent network, with its defaults.
    #[must_use]
    pub fn lstm() -> Self {
        Self::new("lstm", Kind::Lstm(Lstm::default()), 40, 150_000)
    }

    /// The attention network, with its defaults.
    #[must_use]
    pub fn transformer() -> Self {
        Self::new("transformer", Kind::Transformer(Transformer::default()), 30, 60_000)
    }

    /// The kind `name` that trains networks of `kind` for at most `epochs` epochs of at most `epoch_tokens` windows times
    /// series.
    #[must_use]
    pub fn new(name: &'static str, kind: Kind, epochs: u64, epoch_tokens: usize) -> Self {
        let training = TrainingSettings {
            epochs,
            ..TrainingSettings::default()
        };
        Self {
            name,
            kind,
            training,
            epoch_tokens,
        }
    }

    /// The same, trained on `device`. Forecasts are computed on the CPU, wherever a network was trained.
    #[must_use]
    pub fn on(mut self, device: Device) -> Self {
        self.training.device = device;
        self
    }
}

impl Forecaster for Neural {
    fn name(&self) -> &'static str {
        self.name
    }

    fn device(&self) -> Device {
        self.training.device
    }

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(self.name, task.horizon + LOOK_BACK, training)?;
        self.training.device.check()
    }

    fn fit(&self, training: &Panel, task: &Task, progress: &dyn Progress) -> Result<Box<dyn FittedForecaster>> {
        choose_and_refit(self, training, task, progress)
    }

    fn fit_choosing(
        &self,
        training: &Panel,
        validation: usize,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        check_head(self, training, validation, task)?;
        let stop = Stop::Validation(validation);
        Ok(Box::new(fit::fit(self, training, &stop, task, progress)?))
    }

    fn refit(
        &self,
        chosen: &Parts,
        training: &Panel,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        self.check(training, task)?;
        let settings: Settings = chosen.settings(self.name)?;
        let stop = Stop::At(settings.epochs);
        let mut fitted = fit::fit(self, training, &stop, task, progress)?;
        fitted.settings.diverged = fitted.settings.diverged.or(settings.diverged);
        Ok(Box::new(fitted))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let settings: Settings = parts.settings(self.name)?;
        settings.task.check()?;
        let clock = LocalClock::new(&settings.scope.timezone, settings.scope.step)?;
        let (series, covariates) = (settings.scope.series.len(), settings.scope.covariates.len());
        let edges = parts.array(view::EDGES)?;
        let neighbours = Neighbours::from_edges(&edges, settings.has_neighbours, series)?;
        let shape = fit::shape(
            &settings.scope,
            &settings.task,
            clock.slots_per_day(),
            settings.has_neighbours,
        );
        let weights = parts.tensors.iter().filter_map(|(name, tensor)| match tensor {
            Tensor::F32(values) => Some((name.strip_prefix(NETWORK)?.to_owned(), values.clone())),
            Tensor::F64(_) | Tensor::U8(_) => None,
        });
        Ok(Box::new(FittedNeural {
            name: self.name,
            profile: Profile::load(parts, clock.slots_per_day(), series)?,
            decay: parts.shaped("decay", &[settings.task.horizon])?,
            varies: parts.shaped("varies", &[series])?,
            covariates: CovariateScale {
                mean: parts.shaped("covariates.mean", &[covariates])?,
                inverse: parts.shaped("covariates.inverse", &[covariates])?,
            },
            neighbours,
            network: Network::load(settings.kind, shape, &weights.collect())?,
            settings,
        }))
    }
}

impl FittedForecaster for FittedNeural {
    fn name(&self) -> &'static str {
        self.name
    }

    fn scope(&self) -> &Scope {
        &self.settings.scope
    }

    fn horizon(&self) -> usize {
        self.settings.task.horizon
    }

    /// As long as the other kinds look back, which learn from the same usual week.
    fn history(&self) -> usize {
        history(&self.profile).max(self.settings.task.context)
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.forecast_while(panel, origins, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        self.settings.scope.check(panel, origins)?;
        predict::predict(self, panel, origins, progress)
    }

    fn notes(&self) -> Vec<String> {
        let (name, kept) = (self.name, self.settings.epochs);
        let diverged = |epoch: u64| {
            format!(
                "training `{name}` diverged: the loss was not a number in epoch {epoch}. \
                 This is the network of epoch {kept}, the best before"
            )
        };
        let elsewhere = |device: &str| format!("`{name}` was trained on {device}; it forecasts on the CPU");
        let diverged = self.settings.diverged.map(diverged);
        let elsewhere = self.settings.device.as_deref().map(elsewhere);
        diverged.into_iter().chain(elsewhere).collect()
    }

    fn save(&self) -> Result<Parts> {
        let mut parts = Parts::new(self.name, &self.settings)?
            .with("decay", &self.decay)
            .with("varies", &self.varies)
            .with("covariates.mean", &self.covariates.mean)
            .with("covariates.inverse", &self.covariates.inverse)
            .with(view::EDGES, &self.neighbours.edges());
        for (name, values) in self.network.save() {
            parts.tensors.insert(format!("{NETWORK}{name}"), Tensor::F32(values));
        }
        Ok(self.profile.save(parts))
    }
}
