//! The functions that queries may call: a list, as whatever is not on it may read files, name the machine, fill memory with one
//! value (`repeat`), or take for ever over one (`levenshtein`).

mod bounded;
mod city;
mod local_time;
mod size;
mod window_bucket;

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use super::operators::Operators;

/// Scalar functions of `DataFusion`.
const SCALAR: &[&str] = &[
    "abs",
    "acos",
    "acosh",
    "array_distinct",
    "array_element",
    "array_has",
    "array_length",
    "array_max",
    "array_min",
    "array_position",
    "array_slice",
    "array_sort",
    "array_to_string",
    "arrow_typeof",
    "ascii",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bit_length",
    "btrim",
    "cardinality",
    "cbrt",
    "ceil",
    "character_length",
    "chr",
    "coalesce",
    "concat",
    "concat_ws",
    "contains",
    "cos",
    "cosh",
    "cot",
    "current_date",
    "current_time",
    "date_bin",
    "date_part",
    "date_trunc",
    "degrees",
    "ends_with",
    "exp",
    "find_in_set",
    "floor",
    "from_unixtime",
    "gcd",
    "get_field",
    "greatest",
    "initcap",
    "isnan",
    "iszero",
    "lcm",
    "least",
    "left",
    "ln",
    "log",
    "log10",
    "log2",
    "lower",
    "lpad",
    "ltrim",
    "make_array",
    "make_date",
    "nanvl",
    "now",
    "nullif",
    "nvl",
    "nvl2",
    "octet_length",
    "overlay",
    "pi",
    "power",
    "radians",
    "regexp_like",
    "replace",
    "reverse",
    "right",
    "round",
    "rpad",
    "rtrim",
    "signum",
    "sin",
    "sinh",
    "split_part",
    "sqrt",
    "starts_with",
    "strpos",
    "substr",
    "substr_index",
    "tan",
    "tanh",
    "to_char",
    "to_date",
    "to_hex",
    "to_local_time",
    "to_timestamp",
    "to_timestamp_micros",
    "to_timestamp_millis",
    "to_timestamp_seconds",
    "to_unixtime",
    "translate",
    "trunc",
    "upper",
];

/// Aggregate functions of `DataFusion`.
const AGGREGATE: &[&str] = &[
    "any_value",
    "approx_distinct",
    "approx_median",
    "approx_percentile_cont",
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "first_value",
    "grouping",
    "last_value",
    "max",
    "median",
    "min",
    "nth_value",
    "percentile_cont",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "stddev",
    "stddev_pop",
    "string_agg",
    "sum",
    "var",
    "var_pop",
    "regr_avgx",
];

/// Window functions of `DataFusion`.
const WINDOW: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "first_value",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

/// The scalar functions; `zone` is the clock of `local_time` where a call names none.
pub(super) fn scalar(zone: &str) -> Vec<Arc<ScalarUDF>> {
    let mut functions = SessionStateDefaults::default_scalar_functions();
    functions.retain(|function| SCALAR.contains(&function.name()));
    let mut functions: Vec<_> = functions.into_iter().map(bounded::bounded).collect();
    functions.extend([
        Arc::new(city::congestion()),
        Arc::new(city::haversine_km()),
        Arc::new(window_bucket::function()),
        local_time(zone),
    ]);
    functions
}

/// What clocks of `zone` show.
pub(super) fn local_time(zone: &str) -> Arc<ScalarUDF> {
    Arc::new(local_time::function(zone))
}

/// What operators and literals call, out of `functions`.
pub(super) fn operators(functions: &[Arc<ScalarUDF>]) -> Option<Operators> {
    let named = |name: &str| functions.iter().find(|function| function.name() == name).cloned();
    Some(Operators {
        joined: bounded::joined(),
        make_array: named("make_array")?,
        overlay: named("overlay")?,
    })
}

/// The aggregate functions.
pub(super) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    let mut functions = SessionStateDefaults::default_aggregate_functions();
    functions.retain(|function| AGGREGATE.contains(&function.name()));
    functions
}

/// The window functions.
pub(super) fn window() -> Vec<Arc<WindowUDF>> {
    let mut functions = SessionStateDefaults::default_window_functions();
    functions.retain(|function| WINDOW.contains(&function.name()));
    functions
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::Volatility;

    use super::*;
    use crate::sql::statement::asks_the_time;

    #[test]
    fn whatever_differs_from_query_to_query_asks_the_time_by_its_name() {
        let mut found = 0;
        for function in scalar("UTC") {
            if function.signature().volatility == Volatility::Stable {
                let names = function.aliases().iter().map(String::as_str);
                let name = function.name();
                assert!(names.chain([name]).all(asks_the_time), "{name}");
                found += 1;
            }
        }
        assert_eq!(found, 3, "now, current_date and current_time");
    }

    #[test]
    fn every_function_on_the_lists_exists() {
        let found: Vec<String> = scalar("UTC")
            .iter()
            .map(|function| function.name().to_owned())
            .collect();
        let missing: Vec<_> = SCALAR
            .iter()
            .filter(|name| !found.iter().any(|found| found == *name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        let found: Vec<String> = aggregate().iter().map(|function| function.name().to_owned()).collect();
        let missing: Vec<_> = AGGREGATE
            .iter()
            .filter(|name| !found.iter().any(|found| found == *name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
        let found: Vec<String> = window().iter().map(|function| function.name().to_owned()).collect();
        let missing: Vec<_> = WINDOW
            .iter()
            .filter(|name| !found.iter().any(|found| found == *name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
