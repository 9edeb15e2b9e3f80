//! How rows of many series lie in one frame, so that one expression serves them all.

use polars::prelude::{Expr, NULL, col, lit};

/// Where a value's past and its neighbours stand, in rows of a frame.
///
/// All series of a block lie interleaved: time is the outer order, the series the inner one. A step back is `series`
/// rows back; in the daily frame a day back is `series * slots` rows back, where `slots` counts the slots of a day
/// and, behind them, `2 * reach` empty ones that keep the smoothing of one day out of the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Series in the block.
    pub series: i64,
    /// Slots of a day, the empty ones included.
    pub slots: i64,
    /// How many slots to either side each of two smoothing passes takes in.
    pub reach: i64,
    /// How many local days the target lies ahead of the origin.
    pub ahead: i64,
}

impl Layout {
    /// The layout whose expressions are hashed: one series of five-minute slots.
    pub const NOMINAL: Self = Self {
        series: 1,
        slots: 296,
        reach: 4,
        ahead: 0,
    };

    /// The value `steps` steps ago; missing before the start.
    pub fn ago(self, column: &str, steps: i64) -> Expr {
        col(column).shift(lit(steps * self.series))
    }

    /// The value `steps` steps ago; 0 before the start.
    pub fn ago_or_zero(self, column: &str, steps: i64) -> Expr {
        col(column).shift_and_fill(lit(steps * self.series), lit(0.0))
    }

    /// The value of the same slot `days` days ago; 0 before the start.
    pub fn days_ago_or_zero(self, column: &str, days: i64) -> Expr {
        self.ago_or_zero(column, days * self.slots)
    }

    /// The value of the same slot `days` days ago; missing before the start.
    pub fn days_ago(self, column: &str, days: i64) -> Expr {
        self.ago(column, days * self.slots)
    }

    /// Days between the origin's day and the newest day before it that has the target's weekday.
    pub fn days_to_weekday(self) -> i64 {
        7 - self.ahead.rem_euclid(7)
    }
}

/// `numerator / denominator`, missing where the denominator is 0 or less.
pub fn ratio(numerator: Expr, denominator: Expr) -> Expr {
    polars::prelude::when(denominator.clone().gt(lit(0.0)))
        .then(numerator / denominator)
        .otherwise(lit(NULL))
}

/// A value without its sign.
pub fn magnitude(value: Expr) -> Expr {
    polars::prelude::when(value.clone().lt(lit(0.0)))
        .then(lit(0.0) - value.clone())
        .otherwise(value)
}
