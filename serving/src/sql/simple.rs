//! Queries of the simplest shape, as programs ask them many times a second: rows of one table, chosen by one condition, sorted and cut off.
//!
//! `DataFusion` optimises every plan by all of its rules, and by all of them again until nothing changes, which costs such a query more than
//! its rows do. Here it is done once, and without the rules for what such a query has not.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// Rules for joins, unions, aggregates, window functions and queries within expressions: logical ones, then physical ones.
const LEFT_OUT: [&str; 23] = [
    "rewrite_set_comparison",
    "optimize_unions",
    "unions_to_filter",
    "replace_distinct_aggregate",
    "eliminate_join",
    "decorrelate_predicate_subquery",
    "scalar_subquery_to_join",
    "decorrelate_lateral_join",
    "extract_equijoin_predicate",
    "eliminate_cross_join",
    "filter_null_join_keys",
    "eliminate_outer_join",
    "single_distinct_aggregation_to_group_by",
    "eliminate_group_by_constant",
    "aggregate_statistics",
    "join_selection",
    "LimitedDistinctAggregation",
    "WindowTopN",
    "CombinePartialFinalAggregate",
    "OptimizeAggregateOrder",
    "LimitAggregation",
    "LimitPushPastWindows",
    "HashJoinBuffering",
];

/// Whether a plan has that shape, or explains one that has.
///
/// A condition stands right above its table: above columns that are computed it would be moved below them and could be simplified only then,
/// after the rule that does so has had its turn.
pub(super) fn is_simple(plan: &LogicalPlan) -> bool {
    let (mut node, mut chosen) = (plan, false);
    loop {
        if asks_within(node) {
            return false;
        }
        let input = match node {
            LogicalPlan::Explain(explain) => &explain.plan,
            LogicalPlan::Analyze(analyze) => &analyze.input,
            LogicalPlan::Projection(columns) if !chosen => &columns.input,
            LogicalPlan::Sort(sort) if !chosen => &sort.input,
            LogicalPlan::Limit(limit) if !chosen => &limit.input,
            LogicalPlan::Filter(filter) if !chosen => {
                chosen = true;
                &filter.input
            }
            LogicalPlan::SubqueryAlias(alias) => &alias.input,
            LogicalPlan::TableScan(_) | LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => return true,
            _ => return false,
        };
        node = input.as_ref();
    }
}

/// Whether an expression of a node holds a query.
fn asks_within(node: &LogicalPlan) -> bool {
    let mut found = false;
    let seen = node.apply_expressions(|expression| {
        found |= expression.exists(|part| Ok(is_query(part)))?;
        Ok(TreeNodeRecursion::Continue)
    });
    found || seen.is_err()
}

fn is_query(part: &Expr) -> bool {
    matches!(
        part,
        Expr::Exists(_) | Expr::InSubquery(_) | Expr::SetComparison(_) | Expr::ScalarSubquery(_)
    )
}

/// A session like this one, for plans of that shape.
pub(super) fn session(full: &SessionState) -> SessionState {
    let is_meant = |name: &str| !LEFT_OUT.contains(&name);
    let logical = full.optimizers().iter().filter(|rule| is_meant(rule.name()));
    let physical = full.physical_optimizers().iter().filter(|rule| is_meant(rule.name()));
    let mut session = SessionStateBuilder::new_from_existing(full.clone())
        .with_optimizer_rules(logical.cloned().collect())
        .with_physical_optimizer_rules(physical.cloned().collect())
        .build();
    session.config_mut().options_mut().optimizer.max_passes = 1;
    session
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn plan(sql: &str) -> LogicalPlan {
        let planned = SessionContext::new().state().create_logical_plan(sql).await;
        planned.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    #[tokio::test]
    async fn rows_of_one_table_are_simple() {
        for sql in [
            "SELECT 1",
            "SELECT value FROM generate_series(1, 9)",
            "SELECT value + 1 AS later FROM generate_series(1, 9) WHERE value > 3 AND value < 7 ORDER BY later LIMIT 2",
            "SELECT later FROM (SELECT value + 1 AS later FROM generate_series(1, 9) WHERE value > 3) LIMIT 2",
            "EXPLAIN SELECT value FROM generate_series(1, 9) WHERE value > 3",
        ] {
            assert!(is_simple(&plan(sql).await), "{sql}");
        }
    }

    #[tokio::test]
    async fn whatever_needs_more_is_not() {
        let rows = "generate_series(1, 9)";
        for sql in [
            format!("SELECT count(*) FROM {rows}"),
            format!("SELECT DISTINCT value FROM {rows}"),
            format!("SELECT sum(value) OVER () FROM {rows}"),
            format!("SELECT a.value FROM {rows} a JOIN {rows} b ON a.value = b.value"),
            format!("SELECT value FROM {rows} UNION ALL SELECT value FROM {rows}"),
            format!("SELECT value FROM {rows} WHERE value IN (SELECT value FROM {rows})"),
            format!("SELECT value, (SELECT max(value) FROM {rows}) AS most FROM {rows}"),
            format!("SELECT later FROM (SELECT value + 1 AS later FROM {rows}) WHERE later > 3"),
            format!("SELECT value FROM (SELECT value FROM {rows} LIMIT 5) WHERE value > 3"),
            format!("SELECT unnest([value]) FROM {rows}"),
        ] {
            assert!(!is_simple(&plan(&sql).await), "{sql}");
        }
    }

    #[tokio::test]
    async fn a_simple_plan_becomes_by_fewer_rules_what_it_becomes_by_all() {
        let full = SessionContext::new().state();
        let quick = session(&full);
        for sql in [
            "SELECT value FROM generate_series(1, 9) WHERE value > 1 + 2 AND value < 7",
            "SELECT value + 1 AS later FROM generate_series(1, 9) s WHERE value BETWEEN 3 AND 7",
            "SELECT value FROM generate_series(1, 9) WHERE 1 = 2",
            "SELECT value FROM generate_series(1, 9) LIMIT 3",
        ] {
            let plan = plan(sql).await;
            assert!(is_simple(&plan), "{sql}");
            let shown = |session: &SessionState| session.optimize(&plan).unwrap().display_indent().to_string();
            assert_eq!(shown(&quick), shown(&full), "{sql}");
        }
    }

    #[test]
    fn every_rule_that_is_left_out_exists() {
        let full = SessionContext::new().state();
        let logical = full.optimizers().iter().map(|rule| rule.name());
        let known: Vec<&str> = logical
            .chain(full.physical_optimizers().iter().map(|rule| rule.name()))
            .collect();
        let missing: Vec<_> = LEFT_OUT.iter().filter(|name| !known.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
