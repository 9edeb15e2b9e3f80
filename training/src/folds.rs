//! Which rows each fit reads, and which windows are scored.
//!
//! A window is named by its origin, the last row that a forecast may read: its context is `origin + 1 - context ..= origin`, its
//! targets are `origin + 1 ..= origin + horizon`.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::protocol::{Partition, Protocol};
use crate::shares::Parts;
use crate::{Error, Result};

/// One fit and the windows that it is measured on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// Rows of each part.
    pub parts: Parts,
    /// Training windows, one a row.
    pub train_windows: usize,
    /// Origins of the validation windows.
    pub validation_origins: Vec<usize>,
    /// Origins of the test windows; never empty.
    pub test_origins: Vec<usize>,
}

/// What the JSON says of a fold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldSummary {
    /// Rows of the training part.
    pub train_rows: usize,
    /// Windows of the training part.
    pub train_windows: usize,
    /// Windows of the validation part.
    pub validation_windows: usize,
    /// Windows of the test part.
    pub test_windows: usize,
    /// The row of the first test target.
    pub test_start: usize,
}

impl Fold {
    /// The row of the first test target.
    #[must_use]
    pub fn test_start(&self) -> usize {
        self.test_origins
            .first()
            .map_or(self.parts.test.start, |origin| origin + 1)
    }

    /// The rows that may be used once nothing is left to tune: training and validation.
    #[must_use]
    pub fn known_rows(&self) -> Range<usize> {
        self.parts.training.start..self.parts.validation.end
    }

    /// The counts of this fold.
    #[must_use]
    pub fn summary(&self) -> FoldSummary {
        FoldSummary {
            train_rows: self.parts.training.len(),
            train_windows: self.train_windows,
            validation_windows: self.validation_origins.len(),
            test_windows: self.test_origins.len(),
            test_start: self.test_start(),
        }
    }
}

/// The folds of `protocol` over a panel of `steps` rows: one for a split, several for a rolling origin.
///
/// # Errors
/// An option out of range, or a part that holds no window: the message says what would fit.
pub fn folds(protocol: &Protocol, steps: usize) -> Result<Vec<Fold>> {
    protocol.check()?;
    match protocol.partition {
        Partition::Split(shares) => Ok(vec![fold(protocol, steps, shares.parts(steps))?]),
        Partition::Rolling { folds, fold_steps } => rolling(protocol, steps, folds, fold_steps),
    }
}

fn rolling(protocol: &Protocol, steps: usize, count: usize, fold_steps: usize) -> Result<Vec<Fold>> {
    let tested = count.saturating_mul(fold_steps);
    if tested >= steps {
        let accepted = format!("folds x fold steps below the panel's {steps} rows");
        return Err(Error::invalid("--folds", format!("{count} x {fold_steps}"), accepted));
    }
    let first = steps - tested;
    (0..count)
        .map(|index| {
            let start = first + index * fold_steps;
            fold(
                protocol,
                steps,
                Parts {
                    training: 0..start,
                    validation: start..start,
                    test: start..start + fold_steps,
                },
            )
        })
        .collect()
}

/// What else could be asked for where a part is too short.
fn another(protocol: &Protocol) -> &'static str {
    match protocol.partition {
        Partition::Split(_) => "another --split",
        Partition::Rolling { .. } => "other --folds and --fold-steps",
    }
}

fn fold(protocol: &Protocol, steps: usize, parts: Parts) -> Result<Fold> {
    let inside = origins(&parts.training, protocol.context, protocol.horizon);
    let train_windows = inside.len();
    if train_windows == 0 {
        let needed = protocol.context + protocol.horizon;
        return Err(Error::invalid(
            "training part",
            format!("{} of {steps} rows", parts.training.len()),
            format!(
                "at least {needed} rows, context + horizon: more data, or {}",
                another(protocol)
            ),
        ));
    }
    let validation_origins = part_origins(protocol, &parts.validation)
        .step_by(protocol.stride)
        .collect();
    let mut open = part_origins(protocol, &parts.test);
    if let Some(row) = protocol.test_start {
        open = from_test_start(row, &open)?;
    }
    if open.is_empty() {
        let context = if protocol.context_across { 0 } else { protocol.context };
        return Err(Error::invalid(
            "test part",
            format!("{} of {steps} rows", parts.test.len()),
            format!(
                "at least {} rows, context + horizon: more data, or {}; --context-across lets the context reach into the part before",
                context + protocol.horizon,
                another(protocol)
            ),
        ));
    }
    Ok(Fold {
        test_origins: open.step_by(protocol.stride).collect(),
        parts,
        train_windows,
        validation_origins,
    })
}

fn from_test_start(row: usize, open: &Range<usize>) -> Result<Range<usize>> {
    if row > open.start && row <= open.end {
        return Ok(row - 1..open.end);
    }
    let accepted = if open.is_empty() {
        "nothing: the test part holds no window".to_owned()
    } else {
        format!(
            "a row from {} to {}, whose window lies inside the test part (--context-across lets the context reach into the part before)",
            open.start + 1,
            open.end
        )
    };
    Err(Error::invalid("--test-start", row, accepted))
}

/// Origins of the windows of a part that is scored.
fn part_origins(protocol: &Protocol, part: &Range<usize>) -> Range<usize> {
    if protocol.context_across && part.start >= protocol.context {
        return origins(
            &(part.start - protocol.context..part.end),
            protocol.context,
            protocol.horizon,
        );
    }
    origins(part, protocol.context, protocol.horizon)
}

/// Origins of the windows that lie wholly inside `part`.
fn origins(part: &Range<usize>, context: usize, horizon: usize) -> Range<usize> {
    let first = part.start + context - 1;
    let end = part.end.saturating_sub(horizon);
    first..end.max(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Protocol {
        Protocol {
            partition: Partition::Split(text.parse().unwrap()),
            ..Protocol::default()
        }
    }

    #[test]
    fn the_reference_split_has_1612_training_rows_and_381_test_windows() {
        let fold = &folds(&split("80/0/20"), 2016).unwrap()[0];
        assert_eq!(fold.parts.training, 0..1612);
        assert_eq!(fold.train_windows, 1612 - 24 + 1);
        assert_eq!(fold.test_origins.len(), 381);
        assert_eq!(fold.test_start(), 1624);
        assert_eq!(fold.test_origins.last().unwrap() + 12, 2015);
        assert!(fold.validation_origins.is_empty());
    }

    #[test]
    fn windows_stay_inside_their_part_unless_the_context_may_reach_across() {
        let inside = folds(&split("70/10/20"), 1000).unwrap().remove(0);
        assert_eq!((inside.validation_origins.len(), inside.test_origins.len()), (77, 177));
        let across = folds(
            &Protocol {
                context_across: true,
                ..split("70/10/20")
            },
            1000,
        )
        .unwrap()
        .remove(0);
        assert_eq!((across.validation_origins.len(), across.test_origins.len()), (89, 189));
        assert_eq!(across.test_start(), 800);
        assert_eq!(
            across.train_windows,
            700 - 23,
            "training windows have no part before them"
        );
    }

    #[test]
    fn a_stride_keeps_the_first_window() {
        let fold = folds(
            &Protocol {
                stride: 5,
                ..split("80/0/20")
            },
            2016,
        )
        .unwrap()
        .remove(0);
        assert_eq!(fold.test_origins.len(), 77);
        assert_eq!(fold.test_start(), 1624);
    }

    #[test]
    fn test_start_fixes_the_first_target() {
        let fold = folds(
            &Protocol {
                test_start: Some(1700),
                ..split("80/0/20")
            },
            2016,
        )
        .unwrap()
        .remove(0);
        assert_eq!(fold.test_start(), 1700);
        assert_eq!(fold.test_origins.len(), 2016 - 12 - 1700 + 1);
        let last = folds(
            &Protocol {
                test_start: Some(2004),
                ..split("80/0/20")
            },
            2016,
        )
        .unwrap()
        .remove(0);
        assert_eq!(last.test_origins, [2003]);
        for row in [0, 1623, 2005] {
            let error = folds(
                &Protocol {
                    test_start: Some(row),
                    ..split("80/0/20")
                },
                2016,
            )
            .unwrap_err()
            .to_string();
            assert!(error.contains("from 1624 to 2004"), "{error}");
        }
    }

    #[test]
    fn a_rolling_origin_fits_on_every_row_before_each_test_part() {
        let protocol = Protocol {
            partition: Partition::Rolling {
                folds: 3,
                fold_steps: 100,
            },
            ..Protocol::default()
        };
        let folds = folds(&protocol, 1000).unwrap();
        let tests: Vec<_> = folds.iter().map(|fold| fold.parts.test.clone()).collect();
        assert_eq!(tests, [700..800, 800..900, 900..1000]);
        assert!(
            folds
                .iter()
                .all(|fold| fold.parts.training == (0..fold.parts.test.start))
        );
        assert!(folds.iter().all(|fold| fold.test_origins.len() == 77));
    }

    #[test]
    fn parts_without_a_window_are_refused_before_anything_is_fitted() {
        assert!(
            folds(&split("80/0/20"), 100)
                .unwrap_err()
                .to_string()
                .contains("`test part` is `20 of 100 rows`, accepted: at least 24 rows")
        );
        assert!(
            folds(&split("10/0/90"), 100)
                .unwrap_err()
                .to_string()
                .contains("`training part` is `10 of 100 rows`, accepted: at least 24 rows")
        );
        let protocol = Protocol {
            partition: Partition::Rolling {
                folds: 10,
                fold_steps: 100,
            },
            ..Protocol::default()
        };
        assert!(
            folds(&protocol, 1000)
                .unwrap_err()
                .to_string()
                .contains("below the panel's 1000 rows")
        );
    }
}
