//! Which model answers which step.

use super::description::{Description, Model};
use crate::{Error, Quantile, Result};

/// The positions among the models of those that answer, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    /// The models of the medians.
    pub(super) medians: Vec<usize>,
    /// The models of the 10 % and the 90 % quantile, where there are any.
    pub(super) tails: Option<Vec<[usize; 2]>>,
}

impl Assignment {
    /// Looks for one model for each step and quantile.
    ///
    /// # Errors
    /// A step outside of the horizon, another quantile, a step with no model or with several.
    pub(super) fn of(description: &Description) -> Result<Self> {
        let models = &description.models;
        let (low, high) = Quantile::of_level(80.0)?;
        for (place, model) in models.iter().enumerate() {
            check(model, place, description.horizon, [low, Quantile::MEDIAN, high])?;
        }
        let each = |quantile| -> Result<Vec<usize>> {
            let steps = 1..=description.horizon;
            steps.map(|step| only(models, step, quantile)).collect()
        };
        let tails = if models.iter().any(|model| model.quantile != Quantile::MEDIAN) {
            let pairs = each(low)?.into_iter().zip(each(high)?);
            Some(pairs.map(|(low, high)| [low, high]).collect())
        } else {
            None
        };
        Ok(Self {
            medians: each(Quantile::MEDIAN)?,
            tails,
        })
    }
}

fn check(model: &Model, place: usize, horizon: usize, quantiles: [Quantile; 3]) -> Result<()> {
    if let Some(step) = model.step.filter(|step| !(1..=horizon).contains(step)) {
        let accepted = format!("a step from 1 to {horizon}");
        return Err(Error::invalid(format!("models[{place}].step"), step, accepted));
    }
    if quantiles.contains(&model.quantile) {
        return Ok(());
    }
    let found = f64::from(model.quantile);
    Err(Error::invalid(
        format!("models[{place}].quantile"),
        found,
        "0.1, 0.5 or 0.9",
    ))
}

/// The position of the only model of `quantile` that answers `step`.
fn only(models: &[Model], step: usize, quantile: Quantile) -> Result<usize> {
    let answers = |model: &Model| model.quantile == quantile && model.step.is_none_or(|own| own == step);
    let mut places = (0..models.len()).filter(|place| answers(&models[*place]));
    let found = match (places.next(), places.next()) {
        (Some(place), None) => return Ok(place),
        (None, _) => "no model",
        (Some(_), Some(_)) => "several models",
    };
    Err(Error::invalid(
        "models",
        format!("{found} for step {step} and quantile {}", f64::from(quantile)),
        "one for each step of the horizon and each quantile",
    ))
}
