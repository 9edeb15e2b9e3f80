//! The backtest results that the registry keeps with each model: one row a model, scored kind and step ahead.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use serde_json::Value;

use crate::Result;
use crate::registry_list::Shelf;

/// The dataset's name.
pub(super) const NAME: &str = "scorecards";

/// The scores, by their names in the backtest's JSON.
const SCORES: [&str; 11] = [
    "mae",
    "rmse",
    "mape",
    "mase",
    "wql",
    "coverage_80",
    "width_80",
    "skill",
    "mae_through",
    "rmse_through",
    "forecasts",
];

pub(super) fn schema() -> SchemaRef {
    let mut fields = vec![
        Field::new("model", DataType::Utf8, false),
        Field::new("model_version", DataType::Utf8, false),
        Field::new("scored", DataType::Utf8, false),
        Field::new("step", DataType::Int32, true),
    ];
    fields.extend(SCORES.iter().map(|name| Field::new(*name, DataType::Float64, true)));
    Arc::new(Schema::new(fields))
}

pub(super) async fn rows(shelf: &Shelf) -> Result<RecordBatch> {
    let mut scored: Vec<(String, String, Value)> = Vec::new();
    for listed in shelf.list().await? {
        let rows = listed.manifest.scores.as_array().cloned().unwrap_or_default();
        let id = listed.manifest.id();
        scored.extend(
            rows.into_iter()
                .map(|row| (id.name.clone(), id.version.to_string(), row)),
        );
    }
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(scored.iter().map(|(model, _, _)| Some(model)).collect::<StringArray>()),
        Arc::new(
            scored
                .iter()
                .map(|(_, version, _)| Some(version))
                .collect::<StringArray>(),
        ),
        Arc::new(
            scored
                .iter()
                .map(|(_, _, row)| Some(row["model"].as_str().unwrap_or_default()))
                .collect::<StringArray>(),
        ),
        Arc::new(
            scored
                .iter()
                .map(|(_, _, row)| row["step"].as_i64().map(|step| step as i32))
                .collect::<Int32Array>(),
        ),
    ];
    for name in SCORES {
        columns.push(Arc::new(
            scored
                .iter()
                .map(|(_, _, row)| row[name].as_f64())
                .collect::<Float64Array>(),
        ));
    }
    Ok(RecordBatch::try_new(schema(), columns)?)
}
