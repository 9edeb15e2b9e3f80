//! Functions of this field over numbers.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array};
use arrow::datatypes::{DataType, Float64Type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};

/// The mean radius of the Earth (IUGG), in kilometres.
const EARTH_KM: f64 = 6_371.008_8;

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
        (*free_flow > 0.0).then(|| (1.0 - speed / free_flow).clamp(0.0, 1.0))
    })
}

/// `haversine_km(lat1, lon1, lat2, lon2)`, degrees: the distance on the sphere (Sinnott, "Virtues of the Haversine", 1984).
///
/// ```text
/// h = sin²((lat2 - lat1) / 2) + cos(lat1) cos(lat2) sin²((lon2 - lon1) / 2)
/// distance = 2 R asin(sqrt(h))
/// ```
pub(super) fn haversine_km() -> ScalarUDF {
    numeric("haversine_km", 4, |row| {
        let [lat1, lon1, lat2, lon2] = row else { return None };
        let half_sine_squared = |from: f64, to: f64| ((to - from).to_radians() / 2.0).sin().powi(2);
        let h = half_sine_squared(*lat1, *lat2)
            + lat1.to_radians().cos() * lat2.to_radians().cos() * half_sine_squared(*lon1, *lon2);
        Some(2.0 * EARTH_KM * h.min(1.0).sqrt().asin())
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
