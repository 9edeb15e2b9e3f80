//! What pages of forecasts have in common, be they of keys or of areas: quantiles, refusals, which pages of windows have as well, and a
//! table with a column for each quantile.

use arrow::array::RecordBatch;
use serde::Serialize;
use serde_json::{Map, Value, json};
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

/// Why there is no answer.
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

/// The times of a forecast.
const TIMES: [Column<'static>; 3] = [
    ("origin", Kind::Instant),
    ("target_time", Kind::Instant),
    ("horizon_minutes", Kind::Whole),
];
/// Who made it.
const MODEL: [Column<'static>; 2] = [("model", Kind::Text), ("model_version", Kind::Text)];
/// And when.
const ISSUED: Column<'static> = ("issued_at", Kind::Instant);

/// `rows` as a table: what they are `of`, the times, a column for each quantile, the model, the columns that are `more`, and when it was
/// computed.
///
/// # Errors
/// A row that has no JSON form, or does not fit its columns.
pub fn by_quantile<T: Serialize>(
    rows: &[T],
    quantiles_of: impl Fn(&T) -> &[QuantileValue],
    (of, quantiles, more): (&[Column<'_>], &[f64], &[Column<'_>]),
) -> Result<RecordBatch> {
    let rows = rows.iter().map(|row| flat(row, quantiles_of(row)));
    let rows = rows.collect::<Result<Vec<_>>>()?;
    let names: Vec<String> = quantiles.iter().map(|quantile| column(*quantile)).collect();
    let numbers: Vec<Column<'_>> = names.iter().map(|name| (name.as_str(), Kind::Number)).collect();
    let columns = [of, &TIMES, &numbers, &MODEL, more, &[ISSUED]].concat();
    table(&rows, &columns)
}

/// What a collection of features tells beside them: the next page, and what could not be answered.
pub fn members(next_cursor: Option<&str>, refusals: &[RefusalRow]) -> Map<String, Value> {
    let refusals = serde_json::to_value(refusals).unwrap_or_default();
    Map::from_iter([
        ("next_cursor".to_owned(), next_cursor.into()),
        ("refusals".to_owned(), refusals),
    ])
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
