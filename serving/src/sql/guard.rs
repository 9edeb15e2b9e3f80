//! What `DataFusion` does not count: joins repeat their rows, `unnest` repeats the row around a list, and window functions hold all of
//! their input. A guard under each of them ends a query whose rows are too wide to be repeated, or whose windows hold too much.

use std::fmt;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, exec_err, plan_err, resources_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::windows::{BoundedWindowAggExec, WindowAggExec};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use futures::StreamExt;

/// The plan with its guards. `memory` is what the query may hold, in bytes.
///
/// # Errors
/// Lists within lists under `unnest`.
pub(super) fn guarded(plan: Arc<dyn ExecutionPlan>, memory: usize) -> Result<Arc<dyn ExecutionPlan>> {
    let guard = |node: Arc<dyn ExecutionPlan>| {
        let Some(watch) = watch(&node, memory)? else {
            return Ok(Transformed::no(node));
        };
        let children = node.children().into_iter().map(|input| {
            let input = Arc::clone(input);
            Arc::new(Guard { input, watch }) as Arc<dyn ExecutionPlan>
        });
        let children = children.collect();
        Ok(Transformed::yes(node.replace_children(children, RECOMPUTE)?))
    };
    Ok(plan.transform_up(guard)?.data)
}

const RECOMPUTE: ReplaceChildrenOptions = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// Rows that may be repeated as often as a batch has rows: together they are to stay below so many bytes.
    Width { memory: usize },
    /// Input that is held until its end, and repeated by so many functions.
    Held { functions: usize },
}

/// What is looked at in the input of a node.
fn watch(node: &Arc<dyn ExecutionPlan>, memory: usize) -> Result<Option<Watch>> {
    if let Some(windows) = node.downcast_ref::<WindowAggExec>() {
        let functions = windows.window_expr().len();
        return Ok(Some(Watch::Held { functions }));
    }
    if let Some(windows) = node.downcast_ref::<BoundedWindowAggExec>() {
        let functions = windows.window_expr().len();
        return Ok(Some(Watch::Held { functions }));
    }
    if let Some(unnest) = node.downcast_ref::<UnnestExec>() {
        let nested = |schema: &Schema| schema.fields().iter().any(|field| is_nested(field.data_type()));
        if nested(&unnest.input().schema()) {
            return plan_err!("lists within lists cannot be unnested");
        }
        return Ok(Some(Watch::Width { memory }));
    }
    let joins = node.children().len() > 1 && !node.is::<UnionExec>();
    Ok(joins.then_some(Watch::Width { memory }))
}

fn is_nested(kind: &DataType) -> bool {
    let item = |kind: &DataType| match kind {
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            Some(item.data_type().clone())
        }
        _ => None,
    };
    item(kind).is_some_and(|inner| item(&inner).is_some())
}

/// Hands batches through as they are, and looks at them.
#[derive(Debug, Clone)]
struct Guard {
    input: Arc<dyn ExecutionPlan>,
    watch: Watch,
}

impl DisplayAs for Guard {
    fn fmt_as(&self, _: DisplayFormatType, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "Guard: {:?}", self.watch)
    }
}

impl ExecutionPlan for Guard {
    fn name(&self) -> &'static str {
        "Guard"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let watch = self.watch;
        let Ok([input]) = <[_; 1]>::try_from(children) else {
            return exec_err!("a guard has one input");
        };
        Ok(Arc::new(Self { input, watch }))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, RECOMPUTE)
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (watch, rows) = (self.watch, context.session_config().batch_size());
        let held = MemoryConsumer::new("window functions").register(context.memory_pool());
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let looked = input.map(move |batch| {
            let batch = batch?;
            watch.look(&batch, rows, &held)?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, looked)))
    }
}

impl Watch {
    fn look(self, batch: &RecordBatch, rows: usize, held: &MemoryReservation) -> Result<()> {
        match self {
            Self::Width { memory } => {
                let (width, most) = (width(batch.columns()), memory / rows.max(1));
                if width > most {
                    return resources_err!(
                        "a row of {width} bytes cannot be joined or unnested, at most {most}: select fewer columns, or shorter ones"
                    );
                }
                Ok(())
            }
            Self::Held { functions } => {
                let bytes: usize = batch.columns().iter().map(bytes).sum();
                let repeated = width(batch.columns()).saturating_mul(batch.num_rows());
                held.try_grow(bytes.saturating_add(repeated.saturating_mul(functions)))
            }
        }
    }
}

/// The bytes of a column, without what it shares with other rows.
fn bytes(column: &ArrayRef) -> usize {
    let all = || column.get_array_memory_size();
    column.to_data().get_slice_memory_size().unwrap_or_else(|_| all())
}

/// At most how many bytes a row takes.
fn width(columns: &[ArrayRef]) -> usize {
    columns.iter().map(|column| widest(column.as_ref())).sum()
}

fn widest(column: &dyn Array) -> usize {
    match column.data_type() {
        DataType::Utf8 => longest(column.as_string::<i32>().value_offsets()),
        DataType::LargeUtf8 => longest(column.as_string::<i64>().value_offsets()),
        DataType::Binary => longest(column.as_binary::<i32>().value_offsets()),
        DataType::LargeBinary => longest(column.as_binary::<i64>().value_offsets()),
        DataType::Utf8View => viewed(column.as_string_view().views()),
        DataType::BinaryView => viewed(column.as_binary_view().views()),
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            longest(list.value_offsets()).saturating_mul(widest(list.values()))
        }
        DataType::LargeList(_) => {
            let list = column.as_list::<i64>();
            longest(list.value_offsets()).saturating_mul(widest(list.values()))
        }
        DataType::FixedSizeList(_, length) => {
            let length = usize::try_from(*length).unwrap_or(0);
            widest(column.as_fixed_size_list().values()).saturating_mul(length)
        }
        DataType::Struct(_) => width(column.as_struct().columns()),
        DataType::Dictionary(_, _) => column
            .as_any_dictionary_opt()
            .map_or(0, |dictionary| widest(dictionary.values())),
        other => other.primitive_width().unwrap_or(1),
    }
}

fn longest<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    let lengths = offsets.windows(2).map(|pair| (pair[1] - pair[0]).as_usize());
    lengths.max().unwrap_or(0)
}

/// The longest of texts that stand elsewhere: a view's lower half holds its length.
fn viewed(views: &[u128]) -> usize {
    let lengths = views.iter().map(|view| (view & u128::from(u32::MAX)) as usize);
    lengths.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Int64Array, ListArray, StringArray, StringViewArray};
    use arrow::datatypes::Int64Type;

    #[test]
    fn the_width_of_a_row_is_that_of_its_widest_values() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None, Some("four")]));
        let views: ArrayRef = Arc::new(StringViewArray::from(vec!["a", "a text of more than twelve bytes", ""]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), Some(2)]),
            None,
            Some(vec![]),
        ]));
        assert_eq!(width(&[texts, views, numbers, lists]), 4 + 32 + 8 + 2 * 8);
    }

    #[test]
    fn a_part_of_a_column_counts_for_itself() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["long, long ago", "a"]));
        assert_eq!(width(&[texts.slice(1, 1)]), 1);
        assert!(bytes(&texts.slice(1, 1)) < bytes(&texts));
    }
}
