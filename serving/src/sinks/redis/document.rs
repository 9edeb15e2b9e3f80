//! What stands under a key: JSON with the column names of the tables.

use std::collections::{BTreeMap, BTreeSet};

use arterial_datasets::time::Duration;
use serde_json::{Map, Value};

use crate::score::{Issue, rows_fresh};
use crate::{Result, json};

/// What all forecasts of one key have in common.
const COMMON: [&str; 5] = ["topic", "target", "key", "origin", "issued_at"];

/// The forecasts of each key of `issue` whose windows this instance makes, at the steps `kept`, as one document a key; none for keys that
/// have no forecast, or whose data were too old when it was issued.
///
/// # Errors
/// None in practice: the columns fit the schema.
pub(super) fn forecasts(
    issue: &Issue,
    kept: &BTreeSet<usize>,
    stale_after: Duration,
) -> Result<BTreeMap<String, String>> {
    let mut documents: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let rows = rows_fresh(issue, kept, issue.issued_at, stale_after, |key| issue.ours[key])?;
    for mut row in json::rows(&rows) {
        let common: Map<String, Value> = COMMON
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), row.remove(*name)?)))
            .collect();
        let Some(key) = common.get("key").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        let document = documents.entry(key).or_insert(common);
        let list = document.entry("forecasts").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::Object(row));
        }
    }
    let text = |(key, document)| (key, Value::Object(document).to_string());
    Ok(documents.into_iter().map(text).collect())
}
