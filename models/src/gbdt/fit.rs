//! Fitting: all outputs are boosted side by side, round by round.

use rayon::prelude::*;

use super::boosting::Booster;
use super::examples::{Examples, TargetRows};
use super::fitted::{Ensemble, FittedGbdt, Link, Precision};
use super::histogram::{Cell, CountCell, CurvedCell};
use super::objective::Objective;
use super::parameters::GbdtParameters;
use super::save::GbdtSettings;
use crate::{Error, Result};

/// How far a fit has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// The number of rounds that are done.
    pub done: usize,
    /// The most rounds that there will be.
    pub of: usize,
    /// The mean validation loss of each output; none without validation rows.
    pub validation_losses: Option<Vec<f64>>,
}

/// Watches a fit, and may stop it.
pub trait Observer: Sync {
    /// Hears of each round when it is done.
    fn round(&self, _round: &Round) {}

    /// Whether to stop: asked many times a second, from any thread.
    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing and lets every fit finish.
impl Observer for () {}

/// Gradient-boosted trees that are not fitted yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Gbdt {
    parameters: GbdtParameters,
}

impl Gbdt {
    /// Checks the parameters.
    ///
    /// # Errors
    /// A parameter out of its range.
    pub fn new(parameters: GbdtParameters) -> Result<Self> {
        parameters.check()?;
        Ok(Self { parameters })
    }

    /// Fits every output: for each target one, or, for the quantile objective, one for each level.
    ///
    /// With validation rows each output keeps the trees up to the lowest validation loss. The same seed gives the
    /// same model at any number of threads.
    ///
    /// Memory beside the table's 2 bytes a value: 28 bytes a row for each output, and for each thread at most
    /// `max_leaves` histograms (depth-wise: two for each level) of 2 KiB a column, twice that where rows are weighted.
    ///
    /// # Errors
    /// Examples whose shapes or values do not fit, a target without any row that counts, or a cancelled fit.
    pub fn fit(
        &self,
        training: &Examples<'_>,
        validation: Option<&Examples<'_>>,
        observer: &dyn Observer,
    ) -> Result<FittedGbdt> {
        self.check(training, validation)?;
        let is_curved = training.weights.is_some() || self.parameters.objective == Objective::Poisson;
        if is_curved {
            self.boost::<CurvedCell>(training, validation, observer)
        } else {
            self.boost::<CountCell>(training, validation, observer)
        }
    }

    fn check(&self, training: &Examples<'_>, validation: Option<&Examples<'_>>) -> Result<()> {
        let columns = training.features.binner().columns();
        let directions = self.parameters.monotone.len();
        if directions != 0 && directions != columns {
            return Err(Error::invalid(
                "monotone",
                directions,
                format!("no direction, or one for each of {columns} columns"),
            ));
        }
        training.check(&self.parameters.objective)?;
        let Some(validation) = validation else { return Ok(()) };
        validation.check(&self.parameters.objective)?;
        if validation.features.binner() != training.features.binner() {
            return Err(Error::invalid(
                "validation",
                "rows of other bins",
                "rows coded by the bins of the training rows",
            ));
        }
        let (given, expected) = (validation.targets.ncols(), training.targets.ncols());
        if given != expected {
            return Err(Error::invalid(
                "validation",
                format!("{given} targets"),
                format!("{expected} targets"),
            ));
        }
        Ok(())
    }

    fn boost<C: Cell>(
        &self,
        training: &Examples<'_>,
        validation: Option<&Examples<'_>>,
        observer: &dyn Observer,
    ) -> Result<FittedGbdt> {
        let targets = target_rows(training)?;
        let held_out = validation.map(target_rows).transpose()?;
        let losses = self.parameters.objective.losses();
        let cancelled = || observer.is_cancelled();
        let mut boosters: Vec<Booster<'_, C>> = (0..targets.len() * losses.len())
            .map(|output| {
                let target = output / losses.len();
                let held_out = validation
                    .zip(held_out.as_ref())
                    .map(|(rows, targets)| (rows.features, &targets[target]));
                let training = (training.features, &targets[target]);
                Booster::new(
                    &self.parameters,
                    losses[output % losses.len()],
                    output,
                    training,
                    held_out,
                )
            })
            .collect();
        for done in 1..=self.parameters.rounds {
            boosters
                .par_iter_mut()
                .filter(|booster| !booster.is_done)
                .for_each(|booster| booster.round(&cancelled));
            if cancelled() {
                return Err(Error::Cancelled);
            }
            observer.round(&Round {
                done,
                of: self.parameters.rounds,
                validation_losses: boosters.iter().map(|booster| booster.validation_loss).collect(),
            });
            if boosters.iter().all(|booster| booster.is_done) {
                break;
            }
        }
        let outputs = boosters.into_iter().map(|mut booster| {
            booster.keep_best();
            Ensemble {
                base: booster.base,
                trees: booster.trees,
            }
        });
        let link = if self.parameters.objective == Objective::Poisson {
            Link::Exponential
        } else {
            Link::Identity
        };
        let settings = GbdtSettings {
            columns: training.features.binner().columns(),
            levels: losses.len(),
            link,
            precision: Precision::Double,
        };
        Ok(FittedGbdt::new(settings, outputs.collect()))
    }
}

fn target_rows(examples: &Examples<'_>) -> Result<Vec<TargetRows>> {
    let targets: Vec<TargetRows> = (0..examples.targets.ncols())
        .map(|target| TargetRows::new(examples, target))
        .collect();
    for (target, rows) in targets.iter().enumerate() {
        if rows.rows.is_empty() {
            return Err(Error::NotEnoughData {
                what: format!("target {target}"),
                needed: 1,
                got: 0,
            });
        }
    }
    Ok(targets)
}
