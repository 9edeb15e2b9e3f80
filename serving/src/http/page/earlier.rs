//! What had been forecast of windows that have come, out of the table `forecasts`, where it stands as it was served.

use std::collections::BTreeMap;

use arrow::array::{Array, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arterial_datasets::lake::Scan;
use arterial_datasets::time::{MINUTE, Timestamp};
use serde_json::{Value, json};

use super::target;
use crate::sinks::FORECASTS;
use crate::state::AppState;
use crate::{Error, Result};

/// What had been forecast of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// When it was forecast.
    pub issued_at: Timestamp,
    /// The 0.1, 0.5 and 0.9 quantiles; none where one is not stored.
    pub quantiles: [Option<f64>; 3],
    /// Who forecast it, such as `gbdt@1`.
    pub model: String,
}

impl Earlier {
    /// As a point of the page's chart.
    pub fn to_json(&self, window: Timestamp) -> Value {
        let [p10, p50, p90] = self.quantiles;
        json!({
            "window_start": window.to_string(),
            "p10": p10,
            "p50": p50,
            "p90": p90,
            "model": self.model,
            "issued_at": self.issued_at.to_string(),
        })
    }
}

/// What had been forecast of the windows of `key` from `from` until before `to`, `minutes` ahead of each: of several forecasts of a
/// window the one that was issued last. None where no forecasts are kept.
///
/// # Errors
/// A lake that cannot be read.
pub async fn earlier(
    state: &AppState,
    key: &str,
    (from, to): (Timestamp, Timestamp),
    minutes: i32,
) -> Result<Option<BTreeMap<Timestamp, Earlier>>> {
    let Some(tables) = &state.tables else { return Ok(None) };
    let Some(table) = tables.get(FORECASTS).await? else {
        return Ok(None);
    };
    let ahead = i64::from(minutes) * MINUTE;
    let columns = [
        "topic",
        "target",
        "target_time",
        "horizon_minutes",
        "p10",
        "p50",
        "p90",
        "model",
        "model_version",
        "issued_at",
    ];
    let scan = Scan {
        columns: Some(columns.map(String::from).to_vec()),
        keys: Some(vec![key.to_owned()]),
        time_column: Some("origin".into()),
        from: Some(Timestamp(from.0 - ahead)),
        to: Some(Timestamp(to.0 - ahead)),
        ..Scan::default()
    };
    let mut found = BTreeMap::new();
    for batch in table.scan(&scan).await? {
        collect(&batch, minutes, &mut found)?;
    }
    Ok(Some(found))
}

fn collect(batch: &RecordBatch, minutes: i32, found: &mut BTreeMap<Timestamp, Earlier>) -> Result<()> {
    let (topics, targets): (&StringArray, &StringArray) = (column(batch, "topic")?, column(batch, "target")?);
    let (times, issued): (&TimestampMicrosecondArray, &TimestampMicrosecondArray) =
        (column(batch, "target_time")?, column(batch, "issued_at")?);
    let horizons: &Int32Array = column(batch, "horizon_minutes")?;
    let (models, versions): (&StringArray, &StringArray) = (column(batch, "model")?, column(batch, "model_version")?);
    let quantiles: [&Float64Array; 3] = [column(batch, "p10")?, column(batch, "p50")?, column(batch, "p90")?];
    let of_map = target();
    for row in 0..batch.num_rows() {
        let mine = topics.value(row) == of_map.topic && targets.value(row) == of_map.field;
        if !mine || horizons.value(row) != minutes {
            continue;
        }
        let (window, issued_at) = (Timestamp(times.value(row)), Timestamp(issued.value(row)));
        if found
            .get(&window)
            .is_some_and(|known: &Earlier| known.issued_at > issued_at)
        {
            continue;
        }
        let one = Earlier {
            issued_at,
            quantiles: quantiles.map(|column| (!column.is_null(row)).then(|| column.value(row))),
            model: format!("{}@{}", models.value(row), versions.value(row)),
        };
        found.insert(window, one);
    }
    Ok(())
}

fn column<'a, T: 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a T> {
    let found = batch
        .column_by_name(name)
        .and_then(|column| column.as_any().downcast_ref());
    found.ok_or_else(|| Error::invalid("forecasts", name, "a column of the table forecasts"))
}
