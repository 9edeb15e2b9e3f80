//! Regular expressions by operators (`~`, `SIMILAR TO`). One costs time and memory to make ready, so it is the same for all rows, as it is
//! for `regexp_like`.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{BinaryExpr, Expr, Like, LogicalPlan, Operator};

/// Refuses a query in which a pattern may differ from row to row.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Some((operator, pattern)) = matched(part)
                    && pattern.exists(|part| Ok(!is_constant(part)))?
                {
                    return plan_err!(
                        "`pattern` of {operator} differs from row to row, accepted: a constant, such as '^TS-0[0-9]+$'"
                    );
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(())
}

/// The pattern that a part of an expression matches its left side with, behind the operator.
fn matched(part: &Expr) -> Option<(String, &Expr)> {
    match part {
        Expr::BinaryExpr(BinaryExpr { op, right, .. }) if is_regex(*op) => Some((op.to_string(), right.as_ref())),
        Expr::SimilarTo(Like { pattern, .. }) => Some(("SIMILAR TO".to_owned(), pattern.as_ref())),
        _ => None,
    }
}

fn is_regex(operator: Operator) -> bool {
    matches!(
        operator,
        Operator::RegexMatch | Operator::RegexIMatch | Operator::RegexNotMatch | Operator::RegexNotIMatch
    )
}

/// Whether a part of a pattern is the same for all rows where the parts below it are.
fn is_constant(part: &Expr) -> bool {
    matches!(
        part,
        Expr::Literal(..)
            | Expr::Placeholder(_)
            | Expr::Alias(_)
            | Expr::Cast(_)
            | Expr::TryCast(_)
            | Expr::BinaryExpr(_)
            | Expr::ScalarFunction(_)
    )
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{LogicalPlanBuilder, binary_expr, col, lit};

    use super::*;

    /// Whether the rows of a table with two texts may be chosen by this.
    fn accepts(condition: Expr) -> bool {
        let rows = LogicalPlanBuilder::values(vec![vec![lit("TS-1"), lit("^TS")]]).unwrap();
        check(&rows.filter(condition).unwrap().build().unwrap()).is_ok()
    }

    fn similar(pattern: Expr) -> Expr {
        Expr::SimilarTo(Like::new(
            false,
            Box::new(col("column1")),
            Box::new(pattern),
            None,
            false,
        ))
    }

    #[test]
    fn a_pattern_is_a_constant() {
        for operator in [
            Operator::RegexMatch,
            Operator::RegexIMatch,
            Operator::RegexNotMatch,
            Operator::RegexNotIMatch,
        ] {
            let matches = |pattern: Expr| binary_expr(col("column1"), operator, pattern);
            assert!(accepts(matches(lit("^TS"))), "{operator}");
            assert!(!accepts(matches(col("column2"))), "{operator}");
        }
        assert!(accepts(similar(lit("TS%"))));
        assert!(!accepts(similar(col("column2"))));
    }
}
