//! Lines that are passed upwards or downwards, and where they lie for a key that passes them at this time of the week anyway.

use super::judge::LARGEST;
use crate::alerts::Expected;

/// Where passing a line is usual, the line lies this part beyond what nine in ten such windows have.
const BEYOND: f64 = 1.25;
/// What is full, in percent.
const FULL: f64 = 100.0;

/// A line, and the side of it that is strange.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Line {
    /// A share of what fits, in percent, above which a thing is full.
    Above(f64),
    /// The same for a key that is usually so full: the usual share and the line beyond it.
    AboveUsual(f64, f64),
    /// A speed below which traffic stands.
    Below(f64),
    /// The same for a key that usually stands: the usual speed and the line beyond it.
    BelowUsual(f64, f64),
}

impl Line {
    /// The line that the definition puts at `line`, for a key with these usual values.
    pub fn above(line: f64, usual: Option<Expected>) -> Self {
        match usual {
            Some(usual) if usual.high > line => Self::AboveUsual(usual.high, usual.high * BEYOND),
            _ => Self::Above(line),
        }
    }

    /// The same downwards.
    pub fn below(line: f64, usual: Option<Expected>) -> Self {
        match usual {
            Some(usual) if usual.low < line => Self::BelowUsual(usual.low, usual.low / BEYOND),
            _ => Self::Below(line),
        }
    }

    /// Where it lies.
    pub fn at(self) -> f64 {
        match self {
            Self::Above(line) | Self::Below(line) | Self::AboveUsual(_, line) | Self::BelowUsual(_, line) => line,
        }
    }

    /// How strange `seen` is; above 1 beyond the line. Below it what is full counts by the room that is left, so that an alert is over
    /// soon after there is room again, and what is usual not at all.
    pub fn strangeness(self, seen: f64) -> f64 {
        match self {
            Self::Above(line) if seen <= line && line < FULL => (FULL - line) / (FULL - seen),
            Self::AboveUsual(usual, line) if seen <= line => ((seen - usual) / (line - usual)).max(0.0),
            Self::Above(line) | Self::AboveUsual(_, line) => seen / line,
            Self::BelowUsual(usual, line) if seen >= line => ((usual - seen) / (usual - line)).max(0.0),
            Self::Below(line) | Self::BelowUsual(_, line) => line / seen.max(line / LARGEST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(low: f64, high: f64) -> Expected {
        let middle = f64::midpoint(low, high);
        Expected { low, middle, high }
    }

    #[test]
    fn a_line_that_is_usually_passed_lies_beyond_what_is_usual() {
        assert_eq!(Line::above(95.0, None), Line::Above(95.0));
        assert_eq!(Line::above(95.0, Some(usual(40.0, 90.0))), Line::Above(95.0));
        assert_eq!(
            Line::above(95.0, Some(usual(80.0, 100.0))),
            Line::AboveUsual(100.0, 125.0)
        );
        assert_eq!(Line::below(5.0, Some(usual(4.0, 30.0))), Line::BelowUsual(4.0, 3.2));
        assert_eq!(Line::below(5.0, Some(usual(6.0, 30.0))), Line::Below(5.0));
    }

    #[test]
    fn strangeness_is_above_one_only_beyond_the_line_and_zero_where_it_is_usual() {
        for (line, near, beyond) in [
            (Line::Above(95.0), 94.9, 95.1),
            (Line::AboveUsual(100.0, 125.0), 124.0, 126.0),
            (Line::Below(5.0), 5.1, 4.9),
            (Line::BelowUsual(4.0, 3.2), 3.3, 3.1),
        ] {
            assert!((0.8..1.0).contains(&line.strangeness(near)), "{line:?}");
            assert!((1.0..1.1).contains(&line.strangeness(beyond)), "{line:?}");
        }
        assert!(Line::Above(95.0).strangeness(92.0) < 0.7, "there is room again");
        assert!(Line::AboveUsual(100.0, 125.0).strangeness(99.0) <= 0.0);
        assert!(Line::BelowUsual(4.0, 3.2).strangeness(4.5) <= 0.0);
        assert!(Line::Below(5.0).strangeness(0.0) <= LARGEST);
        assert!(Line::BelowUsual(0.0, 0.0).strangeness(0.0).is_finite());
    }
}
