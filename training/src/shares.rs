//! Chronological shares of the rows: training, validation, test.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Serialize;

use crate::{Error, Result};

/// Percentages for training, validation and test that sum to 100, such as `70/10/20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shares {
    training: u8,
    validation: u8,
    test: u8,
}

/// The rows of each part; half-open and side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// What models are fitted on.
    pub training: Range<usize>,
    /// What intervals and early stopping are tuned on; may be empty.
    pub validation: Range<usize>,
    /// What is scored.
    pub test: Range<usize>,
}

impl Default for Shares {
    fn default() -> Self {
        Self {
            training: 70,
            validation: 10,
            test: 20,
        }
    }
}

impl Shares {
    /// The parts of `steps` rows: each ends at the floor of the cumulative share, the test part takes the rest.
    #[must_use]
    pub fn parts(self, steps: usize) -> Parts {
        let training = steps * usize::from(self.training) / 100;
        let validation = steps * usize::from(self.training + self.validation) / 100;
        Parts {
            training: 0..training,
            validation: training..validation,
            test: validation..steps,
        }
    }
}

impl FromStr for Shares {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = || {
            Error::invalid(
                "--split",
                text,
                "three whole percentages for training/validation/test that sum to 100, such as 70/10/20; training and test above 0",
            )
        };
        let numbers: Vec<u8> = text
            .split('/')
            .map(|part| part.trim().parse().map_err(|_| refuse()))
            .collect::<Result<_>>()?;
        let &[training, validation, test] = numbers.as_slice() else {
            return Err(refuse());
        };
        let total = u32::from(training) + u32::from(validation) + u32::from(test);
        if total != 100 || training == 0 || test == 0 {
            return Err(refuse());
        }
        Ok(Self {
            training,
            validation,
            test,
        })
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.training, self.validation, self.test)
    }
}

impl Serialize for Shares {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_end_at_the_floor_of_the_cumulative_share() {
        let parts = "80/0/20".parse::<Shares>().unwrap().parts(2016);
        assert_eq!(
            parts,
            Parts {
                training: 0..1612,
                validation: 1612..1612,
                test: 1612..2016
            }
        );
        let parts = "33/33/34".parse::<Shares>().unwrap().parts(10);
        assert_eq!(
            parts,
            Parts {
                training: 0..3,
                validation: 3..6,
                test: 6..10
            }
        );
    }

    #[test]
    fn shares_that_do_not_make_a_whole_are_refused_with_an_example() {
        for text in [
            "80/20",
            "80/10/20",
            "100/0/0",
            "0/50/50",
            "a/b/c",
            "",
            "70.5/9.5/20",
            "256/0/0",
            "-10/90/20",
        ] {
            let error = text.parse::<Shares>().unwrap_err().to_string();
            assert!(error.contains("70/10/20") && error.contains("--split"), "{error}");
        }
    }
}
