//! The frame of targets: what is known at the origin about the target's time.
//!
//! Inputs: columns of the other frames at the origin, `profile_ahead` and the like at the target's slot, `profile_now`
//! at the origin's, `hour` (0 to 24) and `weekday` (Monday 0) of the target's local time.

use polars::prelude::{Expr, col, lit, when};

use super::feature::{Feature, Stages};
use super::layout::magnitude;

macro_rules! feature {
    ($name:literal, $expression:expr) => {
        Feature {
            name: $name,
            expression: $expression,
        }
    };
}

/// The columns that these features read from the rest.
pub const TARGET_INPUTS: &[&str] = &[
    "profile",
    "profile_now",
    "profile_days",
    "deviation_last",
    "mean_12",
    "value",
    "level",
    "free_level",
    "hour",
    "weekday",
];

/// The features that depend on the horizon.
pub const TARGET: Stages = Stages {
    frame: "targets",
    stages: &[
        &[feature!("unsure", |_| lit(1.0) / (lit(1.0) + col("profile_days")))],
        &[
            feature!("profile_change", |_| col("profile") - col("profile_now")),
            feature!("deviation_unsure", |_| col("deviation_last") * col("unsure")),
            feature!("mean_12_unsure", |_| col("mean_12") * col("unsure")),
            feature!("value_unsure", |_| (col("value") - col("level")) * col("unsure")),
            feature!("profile_unsure", |_| (col("profile") - col("level")) * col("unsure")),
            feature!("deviation_bent", |_| {
                col("deviation_last") * magnitude(col("deviation_last")) / (magnitude(col("level")) + lit(1.0))
            }),
            feature!("profile_below_free", |_| col("free_level") - col("profile")),
            feature!("hour_sin", |_| wave(1.0).sin()),
            feature!("hour_cos", |_| wave(1.0).cos()),
            feature!("half_day_sin", |_| wave(2.0).sin()),
            feature!("half_day_cos", |_| wave(2.0).cos()),
            feature!("weekend", |_| when(col("weekday").gt_eq(lit(5.0)))
                .then(lit(1.0))
                .otherwise(lit(0.0))),
        ],
    ],
    kept: &[
        "unsure",
        "profile_change",
        "deviation_unsure",
        "mean_12_unsure",
        "value_unsure",
        "profile_unsure",
        "deviation_bent",
        "profile_below_free",
        "hour_sin",
        "hour_cos",
        "half_day_sin",
        "half_day_cos",
        "weekend",
    ],
};

/// The features of these that are made of recent values.
pub const TARGET_OF_RECENT: &[&str] = &["deviation_unsure", "mean_12_unsure", "value_unsure", "deviation_bent"];

/// The angle of the local time of day, `cycles` turns a day.
fn wave(cycles: f64) -> Expr {
    col("hour") * lit(cycles * std::f64::consts::TAU / 24.0)
}
