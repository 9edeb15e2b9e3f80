//! What stands under a key: JSON with the column names of the tables.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::score::{Issue, rows};
use crate::{Result, json};

/// What all forecasts of one key have in common.
const COMMON: [&str; 5] = ["topic", "target", "key", "origin", "issued_at"];

/// The forecasts of each key of `issue` at the steps `kept`, as one document a key; none for keys that have no forecast.
///
/// # Errors
/// None in practice: the columns fit the schema.
pub(super) fn forecasts(issue: &Issue, kept: &BTreeSet<usize>) -> Result<BTreeMap<String, Option<String>>> {
    let mut documents: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for mut row in json::rows(&rows(issue, kept)?) {
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
    let document = |key: &std::sync::Arc<str>| {
        let known = documents
            .remove(key.as_ref())
            .map(|document| Value::Object(document).to_string());
        (key.to_string(), known)
    };
    Ok(issue.keys.iter().map(document).collect())
}
