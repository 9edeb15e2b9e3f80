//! `ensemble`: a weighted mean of other kinds, with weights for each step ahead.
//!
//! ```text
//! forecast(o, h) = sum over members m of w(m, h) forecast(m, o, h),     w >= 0, sum over m of w(m, h) = 1
//! minimise sum of |y - forecast| over rows that no member was fitted on
//! ```
//!
//! The expected spread is the weighted mean of the members' that have one. Where a member refuses, the others take its
//! weight. Averages of different families err less than the best of them: Bates, Granger: The combination of forecasts
//! (1969). Where the rows that choose do not show it, the best member counts more, up to all
//! ([`shrinkage`](self::shrinkage)).

mod shrinkage;
mod weights;

use std::path::Path;

use arterial_datasets::feature::FeatureSetId;
use arterial_datasets::panel::Panel;
use ndarray::{Array2, Array3, Array4, Axis, Zip};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::artefact::Parts;
use crate::forecaster::{check_head, choose_and_refit, go_on, require_rows};
use crate::held_out::observed;
use crate::neural::Device;
use crate::scope::Scope;
use crate::season::LocalClock;
use crate::{Error, FittedForecaster, Forecaster, Outlook, Progress, Result, Silent, Task};

const NAME: &str = "ensemble";
/// The most forecasts that weights are chosen by, for each step ahead.
const MOST_FORECASTS: usize = 40_000;

/// The kind, with the kinds that it averages.
pub struct Ensemble {
    members: Vec<Box<dyn Forecaster>>,
}

/// The members, and what each of them counts. A series that all of them refuse is refused.
pub struct FittedEnsemble {
    settings: Settings,
    members: Vec<Box<dyn FittedForecaster>>,
    /// Member x step ahead.
    weights: Array2<f64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    scope: Scope,
    task: Task,
    /// The members' kinds.
    members: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    ensemble: Settings,
}

impl Ensemble {
    /// The kind that averages `members`.
    #[must_use]
    pub fn new(members: Vec<Box<dyn Forecaster>>) -> Self {
        Self { members }
    }

    /// Fits every member, one after the other.
    fn members(
        &self,
        progress: &dyn Progress,
        fit: impl Fn(usize, &dyn Forecaster, &dyn Progress) -> Result<Box<dyn FittedForecaster>>,
    ) -> Result<Vec<Box<dyn FittedForecaster>>> {
        let total = self.members.len();
        let fitted = self.members.iter().enumerate().map(|(place, member)| {
            let watch = Member {
                all: progress,
                name: member.name(),
                place,
                total,
            };
            fit(place, member.as_ref(), &watch)
        });
        fitted.collect()
    }

    fn settings(&self, training: &Panel, task: &Task) -> Settings {
        Settings {
            scope: Scope::of(training),
            task: *task,
            members: self.members.iter().map(|member| member.name().into()).collect(),
        }
    }

    /// What is saved in `parts`, if it is of these members.
    fn saved(&self, parts: &Parts) -> Result<(Settings, Array2<f64>)> {
        let Saved { ensemble: settings } = parts.settings(NAME)?;
        settings.task.check()?;
        let here: Vec<&str> = self.members.iter().map(|member| member.name()).collect();
        if settings.members != here {
            return Err(Error::malformed(
                "parameters.json",
                format!(
                    "the members are {}, here they are {}",
                    settings.members.join(", "),
                    here.join(", ")
                ),
            ));
        }
        let weights = parts.shaped("weights", &[here.len(), settings.task.horizon])?;
        Ok((settings, weights))
    }
}

/// The progress of one member among all.
struct Member<'a> {
    all: &'a dyn Progress,
    name: &'static str,
    place: usize,
    total: usize,
}

impl Progress for Member<'_> {
    fn report(&self, done: u64, total: u64, message: &str) {
        let total = total.max(1);
        let message = format!("{}: {message}", self.name);
        self.all
            .report(self.place as u64 * total + done, self.total as u64 * total, &message);
    }

    fn is_cancelled(&self) -> bool {
        self.all.is_cancelled()
    }

    fn workplace(&self) -> Option<&Path> {
        self.all.workplace()
    }
}

/// The name of a member's parts.
fn part(place: usize) -> String {
    format!("member{place}")
}

impl Forecaster for Ensemble {
    fn name(&self) -> &'static str {
        NAME
    }

    /// That of its networks.
    fn device(&self) -> Device {
        let mut devices = self.members.iter().map(|member| member.device());
        devices.find(|device| *device != Device::Cpu).unwrap_or_default()
    }

    fn check(&self, training: &Panel, task: &Task) -> Result<()> {
        task.check()?;
        require_rows(NAME, task.horizon + 1, training)?;
        self.members.iter().try_for_each(|member| member.check(training, task))
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
        let members = self.members(progress, |_, member, progress| {
            member.fit_choosing(training, validation, task, progress)
        })?;
        let last = training.steps() - 1;
        let each = validation * observed(training);
        let origins: Vec<usize> = (last - validation..last)
            .step_by(each.div_ceil(MOST_FORECASTS).max(1))
            .collect();
        let points: Vec<Array3<f64>> = members
            .iter()
            .map(|member| Ok(member.forecast_while(training, &origins, progress)?.points))
            .collect::<Result<_>>()?;
        go_on(progress)?;
        let slots_per_day = LocalClock::of(training)?.slots_per_day();
        let weights = weights::choose(&training.target(), &origins, &points, slots_per_day);
        tracing::debug!(%weights, "weights of the ensemble chosen");
        Ok(Box::new(FittedEnsemble {
            settings: self.settings(training, task),
            members,
            weights,
        }))
    }

    fn refit(
        &self,
        chosen: &Parts,
        training: &Panel,
        task: &Task,
        progress: &dyn Progress,
    ) -> Result<Box<dyn FittedForecaster>> {
        let (settings, weights) = self.saved(chosen)?;
        if settings.task.horizon != task.horizon {
            return Err(Error::invalid(
                "horizon",
                task.horizon,
                settings.task.horizon.to_string(),
            ));
        }
        let members = self.members(progress, |place, member, progress| {
            member.refit(&chosen.part(&part(place), member.name())?, training, task, progress)
        })?;
        Ok(Box::new(FittedEnsemble {
            settings: self.settings(training, task),
            members,
            weights,
        }))
    }

    fn load(&self, parts: &Parts) -> Result<Box<dyn FittedForecaster>> {
        let (settings, weights) = self.saved(parts)?;
        let members: Vec<Box<dyn FittedForecaster>> = self
            .members
            .iter()
            .enumerate()
            .map(|(place, member)| member.load(&parts.part(&part(place), member.name())?))
            .collect::<Result<_>>()?;
        let fits = |member: &dyn FittedForecaster| {
            *member.scope() == settings.scope && member.horizon() == settings.task.horizon
        };
        if !members.iter().all(|member| fits(member.as_ref())) {
            return Err(Error::malformed(
                "parameters.json",
                "the members were fitted on different panels",
            ));
        }
        Ok(Box::new(FittedEnsemble {
            settings,
            members,
            weights,
        }))
    }
}

impl FittedForecaster for FittedEnsemble {
    fn name(&self) -> &'static str {
        NAME
    }

    fn scope(&self) -> &Scope {
        &self.settings.scope
    }

    fn horizon(&self) -> usize {
        self.settings.task.horizon
    }

    /// What the member that reads the most reads.
    fn history(&self) -> usize {
        self.members.iter().map(|member| member.history()).max().unwrap_or(1)
    }

    fn feature_set(&self) -> Option<FeatureSetId> {
        self.members.iter().find_map(|member| member.feature_set())
    }

    fn forecast(&self, panel: &Panel, origins: &[usize]) -> Result<Outlook> {
        self.forecast_while(panel, origins, &Silent)
    }

    fn forecast_while(&self, panel: &Panel, origins: &[usize], progress: &dyn Progress) -> Result<Outlook> {
        self.settings.scope.check(panel, origins)?;
        let mut outlooks = Vec::with_capacity(self.members.len());
        for member in &self.members {
            go_on(progress)?;
            outlooks.push(member.forecast_while(panel, origins, progress)?);
        }
        Ok(self.combine(&outlooks, (origins.len(), panel.series().len(), self.horizon())))
    }

    fn notes(&self) -> Vec<String> {
        self.members.iter().flat_map(|member| member.notes()).collect()
    }

    fn save(&self) -> Result<Parts> {
        let saved = Saved {
            ensemble: self.settings.clone(),
        };
        let mut parts = Parts::new(NAME, &saved)?.with("weights", &self.weights);
        for (place, member) in self.members.iter().enumerate() {
            parts = parts.with_part(&part(place), member.save()?);
        }
        Ok(parts)
    }
}

impl FittedEnsemble {
    fn combine(&self, outlooks: &[Outlook], shape: (usize, usize, usize)) -> Outlook {
        let mut points = Array3::from_elem(shape, f64::NAN);
        Zip::indexed(&mut points).par_for_each(|place, point| {
            let said = outlooks.iter().map(|outlook| outlook.points[place]);
            *point = mean(self.weights.column(place.2).iter().copied().zip(said));
        });
        if outlooks.iter().all(|outlook| outlook.spread.is_none()) {
            return points.into();
        }
        let mut spread = Array4::from_elem((shape.0, shape.1, shape.2, 2), f64::NAN);
        let blocks = spread.axis_iter_mut(Axis(0)).into_par_iter().enumerate();
        blocks.for_each(|(at, mut block)| {
            for ((series, step, side), value) in block.indexed_iter_mut() {
                let known = self.weights.column(step).to_vec().into_iter().zip(outlooks);
                let known = known.filter_map(|(weight, outlook)| {
                    // A member that counts nothing still says how wide, where nobody else does.
                    Some((
                        weight.max(f64::MIN_POSITIVE),
                        outlook.spread.as_ref()?[(at, series, step, side)],
                    ))
                });
                *value = mean(known);
            }
        });
        Outlook {
            points,
            spread: Some(spread),
        }
    }
}

/// The mean of what is known, by weight; where only members without a weight know anything, their plain mean.
fn mean(known: impl Iterator<Item = (f64, f64)>) -> f64 {
    let (mut sum, mut weights, mut plain, mut count) = (0.0, 0.0, 0.0, 0.0);
    for (weight, value) in known.filter(|(_, value)| value.is_finite()) {
        sum += weight * value;
        weights += weight;
        plain += value;
        count += 1.0;
    }
    if weights > 0.0 { sum / weights } else { plain / count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_refuse_leave_their_weight_to_the_others() {
        assert!((mean([(0.5, 2.0), (0.5, f64::NAN)].into_iter()) - 2.0).abs() < 1e-12);
        assert!((mean([(1.0, f64::NAN), (0.0, 3.0)].into_iter()) - 3.0).abs() < 1e-12);
        assert!(mean([(1.0, f64::NAN)].into_iter()).is_nan());
    }
}
