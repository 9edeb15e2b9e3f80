//! How the learning rate changes.

use serde::{Deserialize, Serialize};

/// The learning rate after the warm-up, as a share of the highest one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "shape", rename_all = "lowercase", deny_unknown_fields)]
pub enum Schedule {
    /// Half a cosine from one down to `least`: Loshchilov and Hutter, "SGDR", ICLR 2017.
    Cosine {
        /// The share at the end; 0 to 1.
        least: f32,
    },
    /// Times `factor` whenever `patience` epochs have not lowered the validation loss.
    Plateau {
        /// Strictly between 0 and 1.
        factor: f32,
        /// From 1.
        patience: u64,
    },
    /// Always one.
    Constant,
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Cosine { least: 0.01 }
    }
}

impl Schedule {
    /// The share when `progress` (0 to 1) of all steps after the warm-up are made, with the validation losses so far.
    pub(super) fn share(self, progress: f64, validation: impl Iterator<Item = f64>) -> f64 {
        match self {
            Self::Constant => 1.0,
            Self::Cosine { least } => {
                let least = f64::from(least);
                least + (1.0 - least) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
            Self::Plateau { factor, patience } => f64::from(factor).powf(plateaus(patience, validation) as f64),
        }
    }
}

/// How often `patience` epochs in a row have brought nothing.
fn plateaus(patience: u64, losses: impl Iterator<Item = f64>) -> u64 {
    let (mut least, mut since, mut count) = (f64::INFINITY, 0, 0);
    for loss in losses {
        if loss < least {
            (least, since) = (loss, 0);
            continue;
        }
        since += 1;
        if since == patience {
            (since, count) = (0, count + 1);
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosine_falls_from_one_to_its_least() {
        let schedule = Schedule::Cosine { least: 0.1 };
        let share = |progress| schedule.share(progress, std::iter::empty());
        assert!((share(0.0) - 1.0).abs() < 1e-6);
        assert!((share(0.5) - 0.55).abs() < 1e-6);
        assert!((share(1.0) - 0.1).abs() < 1e-6);
    }

    #[test]
    fn each_plateau_lowers_the_rate_once() {
        let schedule = Schedule::Plateau {
            factor: 0.5,
            patience: 2,
        };
        let share = |losses: &[f64]| schedule.share(0.0, losses.iter().copied());
        assert!((share(&[3.0, 2.0, 2.5]) - 1.0).abs() < 1e-9);
        assert!((share(&[3.0, 2.0, 2.5, 2.0]) - 0.5).abs() < 1e-9);
        assert!((share(&[3.0, 2.0, 2.5, 2.0, 1.0, 1.0, 1.0]) - 0.25).abs() < 1e-9);
    }
}
