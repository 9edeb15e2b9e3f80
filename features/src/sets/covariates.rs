//! Further channels, as known at the origin.

use polars::prelude::{col, lit, when};

use super::feature::{Feature, Stages};
use super::layout::ratio;

/// The features of one channel known up to the origin. Input: `covariate`. Their names stand behind the channel's.
pub const OBSERVED: Stages = Stages {
    frame: "covariates",
    stages: &[
        &[
            Feature {
                name: "now",
                expression: |_| col("covariate"),
            },
            Feature {
                name: "sum",
                expression: |_| col("covariate").fill_null(lit(0.0)),
            },
            Feature {
                name: "seen",
                expression: |_| when(col("covariate").is_null()).then(lit(0.0)).otherwise(lit(1.0)),
            },
        ],
        &[
            Feature {
                name: "sum_3",
                expression: |layout| col("sum") + layout.ago_or_zero("sum", 1) + layout.ago_or_zero("sum", 2),
            },
            Feature {
                name: "seen_3",
                expression: |layout| col("seen") + layout.ago_or_zero("seen", 1) + layout.ago_or_zero("seen", 2),
            },
        ],
        &[Feature {
            name: "mean_3",
            expression: |_| ratio(col("sum_3"), col("seen_3")),
        }],
    ],
    kept: &["now", "mean_3"],
};
