//! Functions of this field over numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use arterial_features::indices;
use arterial_models::spatial::Position;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// `congestion(speed, free_flow)`, both in the same unit:
///
/// ```text
/// congestion = clamp(1 - speed / free_flow, 0, 1)
/// ```
///
/// Null where either is missing or the free flow is not positive.
pub(super) fn congestion() -> ScalarUDF {
    numeric("congestion", 2, |row| {
        let [speed, free_flow] = row else { return None };
        indices::congestion(Some(*speed), Some(*free_flow))
    })
}

/// `haversine_km(lat1, lon1, lat2, lon2)`, degrees: the length of the great circle, as [`Position::distance_km`] has it.
///
/// Null where one of them is missing, or no latitude or longitude.
pub(super) fn haversine_km() -> ScalarUDF {
    numeric("haversine_km", 4, |row| {
        let [lat1, lon1, lat2, lon2] = row else { return None };
        let (from, to) = (Position::new(*lat1, *lon1).ok()?, Position::new(*lat2, *lon2).ok()?);
        Some(from.distance_km(to))
    })
}

/// A function of `arity` numbers, null where one of them is.
fn numeric(name: &str, arity: usize, of: fn(&[f64]) -> Option<f64>) -> ScalarUDF {
    let work = move |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let columns = ColumnarValue::values_to_arrays(arguments)?;
        let columns: Vec<&Float64Array> = columns.iter().map(AsArray::as_primitive::<Float64Type>).collect();
        let rows = columns.first().map_or(0, |column| arrow::array::Array::len(*column));
        let mut row = Vec::with_capacity(columns.len());
        let value = |at: usize| {
            row.clear();
            row.extend(columns.iter().filter_map(|column| {
                let there = !arrow::array::Array::is_null(*column, at);
                there.then(|| column.value(at))
            }));
            of(&row)
        };
        let values: Float64Array = (0..rows).map(value).collect();
        Ok(ColumnarValue::Array(Arc::new(values) as ArrayRef))
    };
    create_udf(
        name,
        vec![DataType::Float64; arity],
        DataType::Float64,
        Volatility::Immutable,
        Arc::new(work),
    )
}
