//! What a backtest measures: windows, parts, steps and levels. The same protocol gives the same windows to every model.

use std::fmt;
use std::str::FromStr;

use arterial_models::forecaster::Quantile;
use serde::{Deserialize, Serialize};

use crate::shares::Shares;
use crate::{Error, Result};

/// Steps that are reported unless asked otherwise, as far as the horizon reaches.
pub const DEFAULT_REPORT_AT: [usize; 3] = [3, 6, 12];

/// The nominal coverage of a central interval in percent, strictly between 0 and 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Level(u8);

impl Level {
    /// The level of the promised columns `coverage_80` and `width_80`.
    pub const EIGHTY: Self = Self(80);

    /// The quantiles at the two ends of the interval: 0.1 and 0.9 for level 80.
    #[must_use]
    pub fn bounds(self) -> [f64; 2] {
        let percent = f64::from(self.0);
        [(100.0 - percent) / 200.0, (100.0 + percent) / 200.0]
    }
}

impl TryFrom<u8> for Level {
    type Error = Error;

    fn try_from(percent: u8) -> Result<Self> {
        if (1..=99).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err(Error::invalid(
                "--levels",
                percent,
                "whole percentages from 1 to 99, such as 80",
            ))
        }
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level.0
    }
}

impl FromStr for Level {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let percent: u8 = text
            .trim()
            .parse()
            .map_err(|_| Error::invalid("--levels", text, "whole percentages from 1 to 99, such as 80"))?;
        Self::try_from(percent)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// How rows are divided between fitting and scoring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partition {
    /// One chronological split.
    Split(Shares),
    /// Rolling origin: the last `folds` x `fold_steps` rows are tested, `fold_steps` at a time, each time fitted on every row before.
    Rolling {
        /// How often it is fitted anew.
        folds: usize,
        /// Rows of each test part.
        fold_steps: usize,
    },
}

impl Default for Partition {
    fn default() -> Self {
        Self::Split(Shares::default())
    }
}

/// The protocol of a backtest; each field's default stands in its line.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// Rows that a network reads up to the origin; 12.
    pub context: usize,
    /// Steps ahead; 12.
    pub horizon: usize,
    /// The steps that are reported, counted from 1; 3, 6, 12 as far as the horizon reaches, and the horizon.
    pub report_at: Vec<usize>,
    /// How rows are divided; 70/10/20.
    pub partition: Partition,
    /// The row of the first test target, counted from 0; the first that the test part allows.
    pub test_start: Option<usize>,
    /// Rows between the origins of validation and test windows; 1.
    pub stride: usize,
    /// Whether a test window may read context rows from the part before it; no.
    pub context_across: bool,
    /// Central intervals that are measured; 80.
    pub levels: Vec<Level>,
    /// What every random generator starts from; 1.
    pub seed: u64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            context: 12,
            horizon: 12,
            report_at: default_report_at(12),
            partition: Partition::default(),
            test_start: None,
            stride: 1,
            context_across: false,
            levels: vec![Level::EIGHTY],
            seed: 1,
        }
    }
}

/// The steps reported by default for a horizon.
#[must_use]
pub fn default_report_at(horizon: usize) -> Vec<usize> {
    let mut steps: Vec<usize> = DEFAULT_REPORT_AT.into_iter().filter(|step| *step < horizon).collect();
    steps.push(horizon);
    steps
}

impl Protocol {
    /// Refuses what cannot be measured, before anything is fitted.
    ///
    /// # Errors
    /// The first option that is out of its range.
    pub fn check(&self) -> Result<()> {
        positive("--context", self.context)?;
        positive("--horizon", self.horizon)?;
        positive("--stride", self.stride)?;
        if let Partition::Rolling { folds, fold_steps } = self.partition {
            positive("--folds", folds)?;
            positive("--fold-steps", fold_steps)?;
            if let Some(row) = self.test_start {
                return Err(Error::invalid(
                    "--test-start",
                    row,
                    "only together with --split; --folds sets its own test parts",
                ));
            }
        }
        if self.report_at.is_empty() || self.levels.is_empty() {
            let field = if self.levels.is_empty() {
                "--levels"
            } else {
                "--report-at"
            };
            return Err(Error::invalid(field, "", "at least one number"));
        }
        for &step in &self.report_at {
            if step == 0 || step > self.horizon {
                let accepted = format!("steps from 1 to --horizon {}", self.horizon);
                return Err(Error::invalid("--report-at", step, accepted));
            }
        }
        Ok(())
    }

    /// The median and both ends of every level, increasing, without repeats: what the weighted quantile loss is taken over.
    ///
    /// # Errors
    /// None in practice: levels lie strictly between 0 and 100.
    pub fn quantiles(&self) -> Result<Vec<Quantile>> {
        let mut fractions: Vec<f64> = self
            .levels
            .iter()
            .flat_map(|level| level.bounds())
            .chain([0.5])
            .collect();
        fractions.sort_by(f64::total_cmp);
        fractions.dedup();
        fractions
            .into_iter()
            .map(|fraction| Quantile::try_from(fraction).map_err(Error::from))
            .collect()
    }
}

fn positive(field: &str, value: usize) -> Result<()> {
    if value == 0 {
        Err(Error::invalid(field, value, "a whole number of at least 1"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_steps_end_at_the_horizon() {
        assert_eq!(default_report_at(12), [3, 6, 12]);
        assert_eq!(default_report_at(9), [3, 6, 9]);
        assert_eq!(default_report_at(3), [3]);
        assert_eq!(default_report_at(1), [1]);
        assert_eq!(default_report_at(24), [3, 6, 12, 24]);
    }

    #[test]
    fn level_80_lies_between_the_first_and_the_last_decile() {
        let fractions: Vec<f64> = Protocol::default()
            .quantiles()
            .unwrap()
            .into_iter()
            .map(f64::from)
            .collect();
        assert_eq!(fractions, [0.1, 0.5, 0.9]);
    }

    #[test]
    fn options_out_of_range_are_named_with_what_is_accepted() {
        let base = Protocol::default();
        let cases = [
            (
                Protocol {
                    context: 0,
                    ..base.clone()
                },
                "--context",
            ),
            (
                Protocol {
                    horizon: 0,
                    ..base.clone()
                },
                "--horizon",
            ),
            (
                Protocol {
                    stride: 0,
                    ..base.clone()
                },
                "--stride",
            ),
            (
                Protocol {
                    report_at: vec![13],
                    ..base.clone()
                },
                "--report-at",
            ),
            (
                Protocol {
                    report_at: vec![],
                    ..base.clone()
                },
                "--report-at",
            ),
            (
                Protocol {
                    partition: Partition::Rolling {
                        folds: 0,
                        fold_steps: 9,
                    },
                    ..base.clone()
                },
                "--folds",
            ),
        ];
        for (protocol, field) in cases {
            let error = protocol.check().unwrap_err().to_string();
            assert!(error.contains(field) && error.contains("accepted"), "{error}");
        }
        assert!("100".parse::<Level>().is_err() && "0".parse::<Level>().is_err() && "x".parse::<Level>().is_err());
    }
}
