//! What operators and literals mean where it is not what `DataFusion` makes of them: it calls functions that are not on our list.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{DFSchema, Result, plan_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, RawDictionaryExpr};
use datafusion::logical_expr::sqlparser::ast::BinaryOperator;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF};

/// Stands before `DataFusion`'s own.
#[derive(Debug)]
pub(super) struct Operators {
    /// `||`
    pub joined: Arc<ScalarUDF>,
    /// `[1, 2]`
    pub make_array: Arc<ScalarUDF>,
    /// `OVERLAY(text PLACING other FROM 3)`
    pub overlay: Arc<ScalarUDF>,
}

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        if expr.op != BinaryOperator::StringConcat {
            return Ok(PlannerResult::Original(expr));
        }
        let is_list = |side: &Expr| {
            let kind = side.get_type(schema);
            matches!(
                kind,
                Ok(DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(_, _))
            )
        };
        if is_list(&expr.left) || is_list(&expr.right) {
            return plan_err!("`||` joins texts, lists cannot be joined");
        }
        Ok(PlannerResult::Planned(self.joined.call(vec![expr.left, expr.right])))
    }

    fn plan_array_literal(&self, exprs: Vec<Expr>, _: &DFSchema) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(self.make_array.call(exprs)))
    }

    fn plan_overlay(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(self.overlay.call(args)))
    }

    fn plan_dictionary_literal(&self, _: RawDictionaryExpr, _: &DFSchema) -> Result<PlannerResult<RawDictionaryExpr>> {
        plan_err!("structs cannot be made: select their parts as columns")
    }

    fn plan_struct_literal(&self, _: Vec<Expr>, _: bool) -> Result<PlannerResult<Vec<Expr>>> {
        plan_err!("structs cannot be made: select their parts as columns")
    }

    fn plan_make_map(&self, _: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        plan_err!("maps cannot be made: select their parts as columns")
    }
}
