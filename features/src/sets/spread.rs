//! The daily frame's second part: how far values usually lie from the profile at a slot.
//!
//! Inputs: `y` and `profile` (that of the day itself, known at its start).

use polars::prelude::{Expr, col, lit, when};

use super::feature::{Feature, Stages};
use super::layout::{Layout, magnitude, ratio};

/// Days over which absolute deviations are averaged.
pub const SPREAD_DAYS: usize = 16;

/// The features that need the profile of each day.
pub const SPREAD: Stages = Stages {
    frame: "spread",
    stages: &[
        &[Feature {
            name: "miss",
            expression: |_| col("y") - col("profile"),
        }],
        &[
            Feature {
                name: "miss_1",
                expression: |layout| yesterday(layout, false),
            },
            Feature {
                name: "seen_1",
                expression: |layout| yesterday(layout, true),
            },
            Feature {
                name: "deviation_yesterday",
                expression: |layout| layout.days_ago("miss", 1),
            },
        ],
        &[
            Feature {
                name: "miss_2",
                expression: |layout| doubled(layout, "miss_1", 1),
            },
            Feature {
                name: "seen_2",
                expression: |layout| doubled(layout, "seen_1", 1),
            },
        ],
        &[
            Feature {
                name: "miss_4",
                expression: |layout| doubled(layout, "miss_2", 2),
            },
            Feature {
                name: "seen_4",
                expression: |layout| doubled(layout, "seen_2", 2),
            },
        ],
        &[
            Feature {
                name: "miss_8",
                expression: |layout| doubled(layout, "miss_4", 4),
            },
            Feature {
                name: "seen_8",
                expression: |layout| doubled(layout, "seen_4", 4),
            },
        ],
        &[
            Feature {
                name: "miss_16",
                expression: |layout| doubled(layout, "miss_8", 8),
            },
            Feature {
                name: "seen_16",
                expression: |layout| doubled(layout, "seen_8", 8),
            },
        ],
        &[
            Feature {
                name: "miss_s",
                expression: |layout| smoothed(layout, "miss_16"),
            },
            Feature {
                name: "seen_s",
                expression: |layout| smoothed(layout, "seen_16"),
            },
        ],
        &[Feature {
            name: "profile_spread",
            expression: |_| ratio(col("miss_s"), col("seen_s")),
        }],
    ],
    kept: &["profile_spread", "deviation_yesterday"],
};

/// Yesterday's absolute deviation, or whether there was one.
fn yesterday(layout: Layout, count: bool) -> Expr {
    let miss = layout.days_ago("miss", 1);
    let there = if count { lit(1.0) } else { magnitude(miss.clone()) };
    when(miss.is_null()).then(lit(0.0)).otherwise(there)
}

fn doubled(layout: Layout, column: &str, days: i64) -> Expr {
    col(column) + layout.days_ago_or_zero(column, days)
}

fn smoothed(layout: Layout, column: &str) -> Expr {
    let mut sum = col(column);
    for distance in 1..=layout.reach {
        sum = sum + layout.ago_or_zero(column, distance) + layout.ago_or_zero(column, -distance);
    }
    sum
}
