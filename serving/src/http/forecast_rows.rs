//! What rows of forecasts have in common, be they of keys or of areas: quantiles, refusals, and a table with a column for each quantile.

use arrow::array::RecordBatch;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::names::RefusalCodeName;
use super::table::{Kind, table};
use crate::Result;
use crate::answer::Refusal;

/// One quantile of a forecast.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuantileValue {
    /// The fraction of outcomes that lie below.
    #[schema(example = 0.5)]
    quantile: f64,
    /// The value, in the target's unit.
    #[schema(example = 43.2)]
    value: f64,
}

/// Why there is no forecast.
#[derive(Debug, Serialize, ToSchema)]
pub struct RefusalRow {
    /// The key; empty where it holds for the whole request.
    key: String,
    /// Why.
    #[schema(value_type = RefusalCodeName)]
    code: &'static str,
    /// The same for people.
    message: String,
    /// The horizon that is refused, minutes; 0 where all of them are.
    horizon_minutes: i32,
}

/// The quantiles of a forecast with their values.
pub fn pairs(quantiles: &[f64], values: &[f64]) -> Vec<QuantileValue> {
    let pair = |(quantile, value): (&f64, &f64)| QuantileValue {
        quantile: *quantile,
        value: *value,
    };
    quantiles.iter().zip(values).map(pair).collect()
}

/// The column of a quantile, named as in the table `forecasts`.
fn column(quantile: f64) -> String {
    format!("p{}", (quantile * 1e6).round() / 1e4).replace('.', "_")
}

/// A row with a column for each of its quantiles.
fn flat(row: &impl Serialize, quantiles: &[QuantileValue]) -> Result<Value> {
    let mut flat = serde_json::to_value(row)?;
    for pair in quantiles {
        flat[column(pair.quantile)] = json!(pair.value);
    }
    Ok(flat)
}

/// A column's name, and what stands in it.
type Column<'a> = (&'a str, Kind);

/// `rows` as a table: the columns before the quantiles, a column for each of those, the columns behind.
///
/// # Errors
/// A row that has no JSON form, or does not fit its columns.
pub fn by_quantile<T: Serialize>(
    rows: &[T],
    quantiles_of: impl Fn(&T) -> &[QuantileValue],
    (before, quantiles, behind): (&[Column<'_>], &[f64], &[Column<'_>]),
) -> Result<RecordBatch> {
    let rows = rows.iter().map(|row| flat(row, quantiles_of(row)));
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = quantiles.iter().map(|quantile| column(*quantile)).collect();
    let numbers = names.iter().map(|name| (name.as_str(), Kind::Number));
    let columns: Vec<Column<'_>> = before
        .iter()
        .copied()
        .chain(numbers)
        .chain(behind.iter().copied())
        .collect();
    table(&rows, &columns)
}

/// A refusal as it is told.
pub fn refused(refusal: &Refusal) -> RefusalRow {
    RefusalRow {
        key: refusal.key.clone(),
        code: refusal.code.name(),
        message: refusal.message.clone(),
        horizon_minutes: refusal.horizon_minutes,
    }
}
