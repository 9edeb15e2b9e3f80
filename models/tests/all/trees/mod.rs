//! Trees trained elsewhere: describing them, and forecasting with them.

mod description;
mod forecasts;
mod libraries;

use arterial_models::Result;
use arterial_models::trees::{Description, ImportedTrees, ModelFile};
use serde_json::{Value, json};

/// A LightGBM model of `columns` columns with one split: it says `low` where column `column` is at most `threshold` or missing,
/// otherwise `high`.
fn stump(columns: usize, column: usize, threshold: f64, [low, high]: [f64; 2]) -> String {
    let names: Vec<String> = (0..columns).map(|column| format!("Column_{column}")).collect();
    let lines = [
        "tree".to_owned(),
        "num_tree_per_iteration=1".to_owned(),
        format!("max_feature_idx={}", columns - 1),
        "objective=regression".to_owned(),
        format!("feature_names={}\n", names.join(" ")),
        "Tree=0\nnum_leaves=2\nnum_cat=0".to_owned(),
        format!("split_feature={column}\nsplit_gain=1\nthreshold={threshold}\ndecision_type=10"),
        "left_child=-1\nright_child=-2".to_owned(),
        format!("leaf_value={low} {high}\nleaf_count=1 1\ninternal_count=2"),
        "is_linear=0\n".to_owned(),
        "end of trees\n".to_owned(),
    ];
    lines.join("\n")
}

/// Models with one answer for all rows.
fn constant(columns: usize, value: f64) -> String {
    stump(columns, 0, 0.0, [value; 2])
}

fn parse(description: &Value) -> Result<Description> {
    Description::parse(&serde_json::to_vec(description).unwrap())
}

/// The forecaster of `models`, or why there is none.
fn import(description: &Value, models: &[String]) -> Result<ImportedTrees> {
    let file = |(place, text): (usize, &String)| ModelFile {
        name: format!("m{place}.txt"),
        bytes: text.as_bytes().to_vec(),
    };
    let files: Vec<ModelFile> = models.iter().enumerate().map(file).collect();
    ImportedTrees::new(parse(description)?, &files)
}

fn refusal(description: &Value, models: &[String]) -> String {
    import(description, models).err().unwrap().to_string()
}

/// A description of one recursive model that adds a change to the last value.
fn recursive() -> Value {
    json!({"step": "15m", "horizon": 72, "strategy": "recursive", "features": [{"lag": 0}], "output": "change"})
}

/// The last value for up to 72 steps.
pub fn persistence() -> ImportedTrees {
    import(&recursive(), &[constant(1, 0.0)]).unwrap()
}
