//! The optimiser: Adam with decoupled weight decay, over all parameters in one pass.
//!
//! ```text
//! g ← g · min(1, max_norm / (‖g‖ + 1e-6))
//! m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²
//! θ ← θ·(1 − rate·decay) − rate · m/(1 − β₁ᵗ) / (√(v/(1 − β₂ᵗ)) + ε)
//! ```
//!
//! Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019.

#[cfg(test)]
mod tests;
mod update;

use crate::kernels::instructions::Instructions;
use crate::{Error, Result};
use update::Factors;
pub use update::norm;

/// The options.
#[derive(Debug, Clone, PartialEq)]
pub struct AdamW {
    /// Decay of the mean gradient, β₁; 0 to below 1. Default 0.9.
    pub beta_1: f32,
    /// Decay of the mean squared gradient, β₂; 0 to below 1. Default 0.999.
    pub beta_2: f32,
    /// What keeps the quotient finite, ε; above 0. Default 1e-8.
    pub epsilon: f32,
    /// How fast parameters shrink; 0 and more. Default 0.01.
    pub weight_decay: f32,
    /// The longest gradient, over all parameters together, that is not shortened; above 0. Default none.
    pub max_norm: Option<f32>,
}

impl Default for AdamW {
    fn default() -> Self {
        Self {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.01,
            max_norm: None,
        }
    }
}

/// Parameters and their gradient, of the same length.
#[derive(Debug)]
pub struct Part<'a> {
    /// What is moved.
    pub parameters: &'a mut [f32],
    /// The way downhill is against it.
    pub gradient: &'a [f32],
}

impl Part<'_> {
    fn check(&self) -> Result<()> {
        if self.gradient.len() != self.parameters.len() {
            let accepted = self.parameters.len().to_string();
            return Err(Error::invalid("length of a gradient", self.gradient.len(), accepted));
        }
        Ok(())
    }
}

/// What the optimiser remembers between steps, for all parts one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Moments {
    /// Mean gradients, m.
    pub first: Vec<f32>,
    /// Mean squared gradients, v.
    pub second: Vec<f32>,
    /// Steps made, t.
    pub steps: u32,
}

impl AdamW {
    /// Checks each option against its range.
    ///
    /// # Errors
    /// [`Error::Invalid`] for the first one outside of it.
    pub fn check(&self) -> Result<()> {
        let norm = self.max_norm.unwrap_or(1.0);
        let rules = [
            ("beta_1", self.beta_1, (0.0..1.0).contains(&self.beta_1), "0 to below 1"),
            ("beta_2", self.beta_2, (0.0..1.0).contains(&self.beta_2), "0 to below 1"),
            (
                "epsilon",
                self.epsilon,
                self.epsilon > 0.0 && self.epsilon.is_finite(),
                "above 0",
            ),
            (
                "weight_decay",
                self.weight_decay,
                self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
                "0 and more",
            ),
            ("max_norm", norm, norm > 0.0, "above 0"),
        ];
        match rules.into_iter().find(|rule| !rule.2) {
            Some((field, value, _, accepted)) => Err(Error::invalid(field, value, accepted)),
            None => Ok(()),
        }
    }

    /// Moves all parameters by one step of the learning rate `rate` and returns the length of the gradient before it was
    /// clipped. The first step makes the moments; later ones must bring the same parts.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a gradient has another length than its parameters, or the parts another than the moments.
    pub fn step(
        &self,
        instructions: Instructions,
        rate: f32,
        moments: &mut Moments,
        parts: &mut [Part<'_>],
    ) -> Result<f32> {
        parts.iter().try_for_each(Part::check)?;
        let gradients: Vec<&[f32]> = parts.iter().map(|part| part.gradient).collect();
        let norm = norm(instructions, &gradients);
        let numbers = gradients.iter().map(|gradient| gradient.len()).sum();
        let mut step = self.begin(instructions, rate, norm, moments, numbers)?;
        for part in parts {
            step.update(part)?;
        }
        Ok(norm)
    }

    /// Begins a step whose parts come one after the other: `numbers` parameters altogether, with a gradient of the length
    /// `norm`.
    ///
    /// # Errors
    /// [`Error::Invalid`] when earlier steps moved another number of parameters.
    pub fn begin<'a>(
        &self,
        instructions: Instructions,
        rate: f32,
        norm: f32,
        moments: &'a mut Moments,
        numbers: usize,
    ) -> Result<Step<'a>> {
        if moments.steps > 0 && (moments.first.len() != numbers || moments.second.len() != numbers) {
            return Err(Error::invalid(
                "number of parameters",
                numbers,
                moments.first.len().to_string(),
            ));
        }
        moments.first.resize(numbers, 0.0);
        moments.second.resize(numbers, 0.0);
        moments.steps += 1;
        Ok(Step {
            instructions,
            factors: self.factors(rate, norm, moments.steps),
            first: &mut moments.first,
            second: &mut moments.second,
        })
    }

    fn factors(&self, rate: f32, norm: f32, steps: u32) -> Factors {
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(f64::from(steps));
        let clip = self.max_norm.map_or(1.0, |longest| (longest / (norm + 1e-6)).min(1.0));
        Factors {
            // The minimum above would hide a gradient that is not a number.
            clip: if norm.is_nan() { norm } else { clip },
            beta_1: self.beta_1,
            beta_2: self.beta_2,
            epsilon: self.epsilon,
            keep: 1.0 - rate * self.weight_decay,
            rate: (f64::from(rate) / correction(self.beta_1)) as f32,
            root: (1.0 / correction(self.beta_2).sqrt()) as f32,
        }
    }
}

/// A step under way: its parts come in the same order in each step.
pub struct Step<'a> {
    instructions: Instructions,
    factors: Factors,
    first: &'a mut [f32],
    second: &'a mut [f32],
}

impl Step<'_> {
    /// Moves the next part.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the gradient has another length than the parameters, or more comes than was announced.
    pub fn update(&mut self, part: &mut Part<'_>) -> Result<()> {
        part.check()?;
        let length = part.parameters.len();
        if length > self.first.len() {
            return Err(Error::invalid(
                "length of a part",
                length,
                format!("at most {}", self.first.len()),
            ));
        }
        let (first, first_rest) = std::mem::take(&mut self.first).split_at_mut(length);
        let (second, second_rest) = std::mem::take(&mut self.second).split_at_mut(length);
        (self.first, self.second) = (first_rest, second_rest);
        update::part(self.instructions, &self.factors, part, (first, second));
        Ok(())
    }
}
