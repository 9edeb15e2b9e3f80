//! The frame of rows: what happened up to the origin.
//!
//! Inputs: `y`, and `profile`, the profile at the row's own time.

use polars::prelude::{Expr, NULL, coalesce, col, lit, when};

use super::feature::{Feature, Stages};
use super::layout::{Layout, ratio};

/// Steps that the longest of these features looks back.
pub const RECENT_STEPS: usize = 36;

macro_rules! feature {
    ($name:literal, $expression:expr) => {
        Feature {
            name: $name,
            expression: $expression,
        }
    };
}

/// The features of recent values.
pub const RECENT: Stages = Stages {
    frame: "rows",
    stages: &[
        &[
            feature!("value", |_| col("y")),
            feature!("deviation", |_| col("y") - col("profile")),
            feature!("difference_1", |layout| col("y") - layout.ago("y", 1)),
            feature!("difference_3", |layout| col("y") - layout.ago("y", 3)),
            feature!("difference_12", |layout| col("y") - layout.ago("y", 12)),
            feature!("least_3", |layout| least(
                col("y"),
                least(layout.ago("y", 1), layout.ago("y", 2))
            )),
            feature!("most_3", |layout| most(
                col("y"),
                most(layout.ago("y", 1), layout.ago("y", 2))
            )),
        ],
        &[
            feature!("deviation_1", |layout| layout.ago("deviation", 1)),
            feature!("deviation_2", |layout| layout.ago("deviation", 2)),
            feature!("deviation_3", |layout| layout.ago("deviation", 3)),
            feature!("deviation_5", |layout| layout.ago("deviation", 5)),
            feature!("deviation_8", |layout| layout.ago("deviation", 8)),
            feature!("deviation_11", |layout| layout.ago("deviation", 11)),
            feature!("deviation_last", last_seen),
            feature!("deviation_below", |_| below_zero("deviation")),
            feature!("sum", |_| col("deviation").fill_null(lit(0.0))),
            feature!("seen", |_| when(col("deviation").is_null())
                .then(lit(0.0))
                .otherwise(lit(1.0))),
            feature!("least_6", |layout| least(col("least_3"), layout.ago("least_3", 3))),
            feature!("most_6", |layout| most(col("most_3"), layout.ago("most_3", 3))),
        ],
        &[
            feature!("square", |_| col("sum") * col("sum")),
            feature!("sum_3", |layout| three(layout, "sum", 1)),
            feature!("seen_3", |layout| three(layout, "seen", 1)),
            feature!("least_12", |layout| least(col("least_6"), layout.ago("least_6", 6))),
            feature!("most_12", |layout| most(col("most_6"), layout.ago("most_6", 6))),
        ],
        &[
            feature!("square_3", |layout| three(layout, "square", 1)),
            feature!("sum_6", |layout| two(layout, "sum_3", 3)),
            feature!("seen_6", |layout| two(layout, "seen_3", 3)),
            feature!("most_36", |layout| most(
                col("most_12"),
                most(layout.ago("most_12", 12), layout.ago("most_12", 24))
            )),
        ],
        &[
            feature!("square_6", |layout| two(layout, "square_3", 3)),
            feature!("sum_12", |layout| two(layout, "sum_6", 6)),
            feature!("seen_12", |layout| two(layout, "seen_6", 6)),
        ],
        &[
            feature!("square_12", |layout| two(layout, "square_6", 6)),
            feature!("sum_36", |layout| three(layout, "sum_12", 12)),
            feature!("seen_36", |layout| three(layout, "seen_12", 12)),
            feature!("mean_3", |_| ratio(col("sum_3"), col("seen_3"))),
            feature!("mean_6", |_| ratio(col("sum_6"), col("seen_6"))),
            feature!("mean_12", |_| ratio(col("sum_12"), col("seen_12"))),
            feature!("missing_12", |_| lit(12.0) - col("seen_12")),
        ],
        &[
            feature!("mean_36", |_| ratio(col("sum_36"), col("seen_36"))),
            feature!("deviation_std_12", |_| spread("square_12", "mean_12", "seen_12")),
        ],
    ],
    kept: &[
        "value",
        "deviation",
        "deviation_1",
        "deviation_2",
        "deviation_3",
        "deviation_5",
        "deviation_8",
        "deviation_11",
        "deviation_last",
        "deviation_below",
        "difference_1",
        "difference_3",
        "difference_12",
        "mean_3",
        "mean_6",
        "mean_12",
        "mean_36",
        "deviation_std_12",
        "least_12",
        "most_12",
        "most_36",
        "missing_12",
    ],
};

/// The newest deviation of the last six steps that is not missing.
fn last_seen(layout: Layout) -> Expr {
    let steps: Vec<Expr> = (0..6).map(|step| layout.ago("deviation", step)).collect();
    coalesce(&steps)
}

/// The column where it is negative, 0 where it is not.
fn below_zero(column: &str) -> Expr {
    when(col(column).gt(lit(0.0))).then(lit(0.0)).otherwise(col(column))
}

fn two(layout: Layout, column: &str, steps: i64) -> Expr {
    col(column) + layout.ago_or_zero(column, steps)
}

fn three(layout: Layout, column: &str, steps: i64) -> Expr {
    col(column) + layout.ago_or_zero(column, steps) + layout.ago_or_zero(column, 2 * steps)
}

/// The smaller of two that are there.
fn least(left: Expr, right: Expr) -> Expr {
    when(right.clone().is_null().or(left.clone().lt_eq(right.clone())))
        .then(left.clone())
        .otherwise(coalesce(&[right, left]))
}

/// The larger of two that are there.
fn most(left: Expr, right: Expr) -> Expr {
    when(right.clone().is_null().or(left.clone().gt_eq(right.clone())))
        .then(left.clone())
        .otherwise(coalesce(&[right, left]))
}

/// The standard deviation from a sum of squares, missing below two values.
fn spread(square: &str, mean: &str, seen: &str) -> Expr {
    let variance = col(square) / col(seen) - col(mean) * col(mean);
    let floored = when(variance.clone().lt(lit(0.0))).then(lit(0.0)).otherwise(variance);
    when(col(seen).gt(lit(1.0))).then(floored.sqrt()).otherwise(lit(NULL))
}
