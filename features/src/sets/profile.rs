//! The daily frame: what is usual at a slot, from complete days before the origin's local day alone.
//!
//! One row is a slot of a local day and holds what is known at the start of that day. Sums run over fixed windows (28
//! days, and 8 weeks for the slot of the week) and are built by adding shifted sums in one fixed order, so the same
//! values give the same bits wherever the history begins.
//!
//! Inputs: `y`, `work` (1 on Monday to Friday), `target_work` (the same of the target's day). 0 stands for missing in
//! sums; counts say what was there.

use polars::prelude::{Expr, NULL, col, lit, when};

use super::feature::{Feature, Stages};
use super::layout::{Layout, ratio};

/// Days that the profiles of a slot of the day look back.
pub const PROFILE_DAYS: usize = 28;
/// Weeks that the profile of a slot of the week looks back.
pub const PROFILE_WEEKS: usize = 8;
/// How many days the mean over all days counts for beside the days of the target's kind.
const KIND_PRIOR: f64 = 1.0;
/// How many weeks the mean of its kind of day counts for beside the slot of the week.
const WEEK_PRIOR: f64 = 2.0;

macro_rules! feature {
    ($name:literal, $expression:expr) => {
        Feature {
            name: $name,
            expression: $expression,
        }
    };
}

/// The daily frame's features.
pub const PROFILE: Stages = Stages {
    frame: "slots",
    stages: &[
        &[
            feature!("sum", |_| col("y").fill_null(lit(0.0))),
            feature!("seen", |_| seen("y")),
        ],
        &[
            feature!("work_1", |layout| on_kind(layout, "sum", 1.0)),
            feature!("work_seen_1", |layout| on_kind(layout, "seen", 1.0)),
            feature!("rest_1", |layout| on_kind(layout, "sum", 0.0)),
            feature!("rest_seen_1", |layout| on_kind(layout, "seen", 0.0)),
            feature!("week_1", |layout| layout
                .days_ago_or_zero("sum", layout.days_to_weekday())),
            feature!("week_seen_1", |layout| layout
                .days_ago_or_zero("seen", layout.days_to_weekday())),
            feature!("yesterday", |layout| layout.days_ago("y", 1)),
            feature!("last_week", |layout| layout.days_ago("y", layout.days_to_weekday())),
        ],
        &[
            feature!("work_2", |layout| doubled(layout, "work_1", 1)),
            feature!("work_seen_2", |layout| doubled(layout, "work_seen_1", 1)),
            feature!("rest_2", |layout| doubled(layout, "rest_1", 1)),
            feature!("rest_seen_2", |layout| doubled(layout, "rest_seen_1", 1)),
            feature!("week_2", |layout| doubled(layout, "week_1", 7)),
            feature!("week_seen_2", |layout| doubled(layout, "week_seen_1", 7)),
        ],
        &[
            feature!("work_4", |layout| doubled(layout, "work_2", 2)),
            feature!("work_seen_4", |layout| doubled(layout, "work_seen_2", 2)),
            feature!("rest_4", |layout| doubled(layout, "rest_2", 2)),
            feature!("rest_seen_4", |layout| doubled(layout, "rest_seen_2", 2)),
            feature!("week_4", |layout| doubled(layout, "week_2", 14)),
            feature!("week_seen_4", |layout| doubled(layout, "week_seen_2", 14)),
        ],
        &[
            feature!("work_8", |layout| doubled(layout, "work_4", 4)),
            feature!("work_seen_8", |layout| doubled(layout, "work_seen_4", 4)),
            feature!("rest_8", |layout| doubled(layout, "rest_4", 4)),
            feature!("rest_seen_8", |layout| doubled(layout, "rest_seen_4", 4)),
            feature!("week", |layout| doubled(layout, "week_4", 28)),
            feature!("week_seen", |layout| doubled(layout, "week_seen_4", 28)),
        ],
        &[
            feature!("work_16", |layout| doubled(layout, "work_8", 8)),
            feature!("work_seen_16", |layout| doubled(layout, "work_seen_8", 8)),
            feature!("rest_16", |layout| doubled(layout, "rest_8", 8)),
            feature!("rest_seen_16", |layout| doubled(layout, "rest_seen_8", 8)),
        ],
        &[
            feature!("work_28", |layout| four_weeks(layout, "work_16", "work_8", "work_4")),
            feature!("work_seen_28", |layout| four_weeks(
                layout,
                "work_seen_16",
                "work_seen_8",
                "work_seen_4"
            )),
            feature!("rest_28", |layout| four_weeks(layout, "rest_16", "rest_8", "rest_4")),
            feature!("rest_seen_28", |layout| four_weeks(
                layout,
                "rest_seen_16",
                "rest_seen_8",
                "rest_seen_4"
            )),
        ],
        &[
            feature!("all", |_| col("work_28") + col("rest_28")),
            feature!("all_seen", |_| col("work_seen_28") + col("rest_seen_28")),
            feature!("kind", |_| of_target("work_28", "rest_28")),
            feature!("kind_seen", |_| of_target("work_seen_28", "rest_seen_28")),
        ],
        &[
            feature!("all_s", |layout| smoothed(layout, "all")),
            feature!("all_seen_s", |layout| smoothed(layout, "all_seen")),
            feature!("kind_s", |layout| smoothed(layout, "kind")),
            feature!("kind_seen_s", |layout| smoothed(layout, "kind_seen")),
            feature!("week_s", |layout| smoothed(layout, "week")),
            feature!("week_seen_s", |layout| smoothed(layout, "week_seen")),
        ],
        &[
            feature!("all_ss", |layout| smoothed(layout, "all_s")),
            feature!("all_seen_ss", |layout| smoothed(layout, "all_seen_s")),
            feature!("kind_ss", |layout| smoothed(layout, "kind_s")),
            feature!("kind_seen_ss", |layout| smoothed(layout, "kind_seen_s")),
            feature!("week_ss", |layout| smoothed(layout, "week_s")),
            feature!("week_seen_ss", |layout| smoothed(layout, "week_seen_s")),
        ],
        &[
            feature!("profile_all_days", |_| ratio(col("all_ss"), col("all_seen_ss"))),
            feature!("profile_days", |_| col("kind_seen_ss")),
        ],
        &[feature!("profile_kind", |_| shrunk(
            "kind_ss",
            "kind_seen_ss",
            "profile_all_days",
            KIND_PRIOR
        ))],
        &[feature!("profile", |_| shrunk(
            "week_ss",
            "week_seen_ss",
            "profile_kind",
            WEEK_PRIOR
        ))],
    ],
    kept: &[
        "profile",
        "profile_kind",
        "profile_all_days",
        "profile_days",
        "yesterday",
        "last_week",
    ],
};

/// 1 where the column has a value, 0 where it is missing.
fn seen(column: &str) -> Expr {
    when(col(column).is_null()).then(lit(0.0)).otherwise(lit(1.0))
}

/// Yesterday's entry where yesterday was a day of this kind, 0 elsewhere.
fn on_kind(layout: Layout, column: &str, work: f64) -> Expr {
    when(layout.days_ago_or_zero("work", 1).eq(lit(work)))
        .then(layout.days_ago_or_zero(column, 1))
        .otherwise(lit(0.0))
}

/// A sum over twice as many days.
fn doubled(layout: Layout, column: &str, days: i64) -> Expr {
    col(column) + layout.days_ago_or_zero(column, days)
}

/// 28 days from sums over 16, 8 and 4.
fn four_weeks(layout: Layout, sixteen: &str, eight: &str, four: &str) -> Expr {
    col(sixteen) + layout.days_ago_or_zero(eight, 16) + layout.days_ago_or_zero(four, 24)
}

/// The column of the target's kind of day.
fn of_target(work: &str, rest: &str) -> Expr {
    when(col("target_work").eq(lit(1.0)))
        .then(col(work))
        .otherwise(col(rest))
}

/// The mean over the slots within reach; two such passes weigh them as a triangle.
fn smoothed(layout: Layout, column: &str) -> Expr {
    let mut sum = col(column);
    for distance in 1..=layout.reach {
        sum = sum + layout.ago_or_zero(column, distance) + layout.ago_or_zero(column, -distance);
    }
    sum / lit((2 * layout.reach + 1) as f64)
}

/// `(sum + prior * usual) / (seen + prior)`; what is known of the two where one is missing.
fn shrunk(sum: &str, seen: &str, usual: &str, prior: f64) -> Expr {
    when(col(usual).is_null())
        .then(lit(NULL))
        .otherwise((col(sum) + col(usual) * lit(prior)) / (col(seen) + lit(prior)))
}
