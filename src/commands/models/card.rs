//! What is known of a version, on one screen: `--json` has the rest.

use arterial_models::registry::Manifest;
use arterial_training::table::{Table, number};
use serde_json::Value;

/// The facts of a version, and its errors beside those of the baselines.
pub fn card(manifest: &Manifest, aliases: &[String]) -> String {
    let mut text = facts(manifest, aliases).render();
    let scores = scores(manifest);
    if !scores.is_empty() {
        text.push('\n');
        text.push_str(&errors(&scores).render());
        text.push_str("MAE 1-n: over all steps up to this one; skill: 1 - MAE / MAE of seasonal naive; width: of the 80 % interval\n");
    }
    text
}

fn facts(manifest: &Manifest, aliases: &[String]) -> Table {
    let mut table = Table::new(["what", "value"]);
    let mut row = |name: &str, value: String| table.push([name.to_owned(), value]);
    let Manifest {
        name, version, data, ..
    } = manifest;
    row("model", format!("{name}@{version} ({})", manifest.kind));
    row("target", manifest.target.to_string());
    let aliases = aliases.join(", ");
    row("aliases", if aliases.is_empty() { "none".into() } else { aliases });
    row("published", manifest.created_at.to_string());
    let simulated = if data.synthetic { " (synthetic)" } else { "" };
    row("trained on", format!("{}{simulated}", data.path));
    row(
        "from, until",
        format!("{}, {}: {} rows", data.from, data.until, data.rows),
    );
    let step = manifest.step;
    row(
        "series",
        format!("{} at a step of {step} ({})", manifest.series, manifest.timezone),
    );
    row("reaches", format!("{} steps ahead", manifest.horizon));
    row("intervals", intervals(&manifest.protocol));
    row("measured on", measured(&manifest.protocol));
    for note in &manifest.notes {
        row("note", note.clone());
    }
    table
}

/// The central intervals that were measured.
fn intervals(protocol: &Value) -> String {
    let levels = protocol.get("levels").and_then(Value::as_array);
    let levels: Vec<String> = levels.into_iter().flatten().map(|level| format!("{level} %")).collect();
    if levels.is_empty() {
        "-".into()
    } else {
        levels.join(", ")
    }
}

fn measured(protocol: &Value) -> String {
    let windows = protocol.get("test_windows").and_then(Value::as_u64);
    windows.map_or_else(|| "-".into(), |windows| format!("{windows} windows behind those"))
}

fn scores(manifest: &Manifest) -> Vec<&Value> {
    manifest.scores.as_array().into_iter().flatten().collect()
}

/// A row a model and step, as `backtest` has them.
fn errors(scores: &[&Value]) -> Table {
    let mut table = Table::new([
        "model", "step", "minutes", "MAE", "MAE 1-n", "RMSE", "in 80 %", "width", "skill",
    ]);
    let mut before: Option<&str> = None;
    for score in scores {
        let model = score.get("model").and_then(Value::as_str).unwrap_or_default();
        if before.is_some_and(|before| before != model) {
            table.gap();
        }
        before = Some(model);
        let figure = |name: &str| score.get(name).and_then(Value::as_f64);
        let share = figure("coverage_80").map(|share| 100.0 * share);
        table.push([
            model.to_owned(),
            number(figure("step"), 0),
            number(figure("minutes"), 0),
            number(figure("mae"), 3),
            number(figure("mae_through"), 3),
            number(figure("rmse"), 3),
            number(share, 1),
            number(figure("width_80"), 3),
            number(figure("skill"), 3),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_stand_beside_those_of_the_baselines() {
        let own = json!({"model": "gbdt", "step": 12, "minutes": 60, "mae": 1.5, "coverage_80": 0.8});
        let naive = json!({"model": "seasonal-naive", "step": 12, "minutes": 60, "mae": 2.0});
        let text = errors(&[&own, &naive]).render();
        assert!(
            text.contains("gbdt") && text.contains("1.500") && text.contains("80.0"),
            "{text}"
        );
        assert!(text.contains("seasonal-naive") && text.contains("2.000"), "{text}");
    }

    #[test]
    fn intervals_are_named_in_percent() {
        assert_eq!(intervals(&json!({"levels": [80, 95]})), "80 %, 95 %");
        assert_eq!(intervals(&Value::Null), "-");
    }
}
