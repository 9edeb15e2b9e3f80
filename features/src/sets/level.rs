//! The frame of days: a series' own level, known at the start of the day.
//!
//! Inputs: `sum` and `seen` over a day, `high`, the 85th percentile of its values (missing where the day has none).

use polars::prelude::{Expr, col, lit, when};

use super::feature::{Feature, Stages};
use super::layout::{Layout, ratio};

macro_rules! feature {
    ($name:literal, $expression:expr) => {
        Feature {
            name: $name,
            expression: $expression,
        }
    };
}

/// The features of a series' level. `slots` of the layout is 1: a day back is one step back.
pub const LEVEL: Stages = Stages {
    frame: "days",
    stages: &[
        &[
            feature!("high_sum", |_| col("high").fill_null(lit(0.0))),
            feature!("high_seen", |_| when(col("high").is_null())
                .then(lit(0.0))
                .otherwise(lit(1.0))),
        ],
        &[
            feature!("sum_1", |layout| layout.ago_or_zero("sum", 1)),
            feature!("seen_1", |layout| layout.ago_or_zero("seen", 1)),
            feature!("sum_7", |layout| week(layout, "sum", 1)),
            feature!("seen_7", |layout| week(layout, "seen", 1)),
            feature!("high_7", |layout| week(layout, "high_sum", 1)),
            feature!("high_seen_7", |layout| week(layout, "high_seen", 1)),
        ],
        &[
            feature!("sum_28", |layout| month(layout, "sum_7")),
            feature!("seen_28", |layout| month(layout, "seen_7")),
            feature!("high_28", |layout| month(layout, "high_7")),
            feature!("high_seen_28", |layout| month(layout, "high_seen_7")),
        ],
        &[
            feature!("level_day", |_| ratio(col("sum_1"), col("seen_1"))),
            feature!("level_week", |_| ratio(col("sum_7"), col("seen_7"))),
            feature!("level", |_| ratio(col("sum_28"), col("seen_28"))),
            feature!("free_level", |_| ratio(col("high_28"), col("high_seen_28"))),
        ],
    ],
    kept: &["level", "level_week", "level_day", "free_level"],
};

/// The sum over the seven days that end `from` days ago.
fn week(layout: Layout, column: &str, from: i64) -> Expr {
    let mut sum = layout.ago_or_zero(column, from);
    for day in from + 1..from + 7 {
        sum = sum + layout.ago_or_zero(column, day);
    }
    sum
}

/// The sum over four weeks from sums over one.
fn month(layout: Layout, column: &str) -> Expr {
    col(column) + layout.ago_or_zero(column, 7) + layout.ago_or_zero(column, 14) + layout.ago_or_zero(column, 21)
}
