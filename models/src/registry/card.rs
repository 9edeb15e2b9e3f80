//! The model card: the manifest for people, in Markdown.

use std::fmt::Write;

use serde_json::Value;

use super::manifest::Manifest;

/// The card of `manifest`; the same manifest gives the same card.
pub(super) fn write(manifest: &Manifest) -> String {
    let mut card = format!("# {}\n\n", manifest.id());
    let _ = writeln!(
        card,
        "Forecasts `{}` of {} series up to {} steps of {} ahead.\n",
        manifest.target, manifest.series, manifest.horizon, manifest.step
    );
    if manifest.data.synthetic {
        card.push_str("**Trained on synthetic data: it says nothing of a real city.**\n\n");
    }
    for note in &manifest.notes {
        let _ = writeln!(card, "**{}**\n", cell(note));
    }
    card.push_str("| | |\n|---|---|\n");
    for (name, value) in facts(manifest) {
        let _ = writeln!(card, "| {name} | {} |", cell(&value));
    }
    section(&mut card, "Protocol", &manifest.protocol);
    section(&mut card, "Scores", &manifest.scores);
    card.push_str("\n## Intervals\n\nSplit-conformal: they hold on average over series and hours as long as errors stay as they were in the calibration part.\n");
    card.push_str("\n## Files\n\n| file | bytes | SHA-256 |\n|---|---|---|\n");
    for (name, digest) in &manifest.files {
        let _ = writeln!(card, "| {} | {} | `{}` |", cell(name), digest.bytes, digest.sha256);
    }
    card.push_str("\n## Libraries\n\n| library | version |\n|---|---|\n");
    for (name, version) in &manifest.libraries {
        let _ = writeln!(card, "| {name} | {version} |");
    }
    card
}

fn facts(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let features = match &manifest.features {
        Some(id) => format!("{id} ({})", id.hash),
        None => "none".into(),
    };
    let data = &manifest.data;
    vec![
        ("kind", manifest.kind.clone()),
        ("published", manifest.created_at.to_string()),
        ("clock", manifest.timezone.clone()),
        ("feature set", features),
        ("seed", manifest.seed.to_string()),
        ("data", data.path.clone()),
        ("data SHA-256", data.sha256.clone()),
        (
            "trained on",
            format!("{} rows from {} until before {}", data.rows, data.from, data.until),
        ),
    ]
}

fn section(card: &mut String, title: &str, value: &Value) {
    let _ = write!(card, "\n## {title}\n\n");
    match value {
        Value::Array(rows) if rows.iter().all(Value::is_object) && !rows.is_empty() => table(card, rows),
        Value::Object(fields) if !fields.is_empty() => {
            card.push_str("| | |\n|---|---|\n");
            for (name, value) in fields {
                let _ = writeln!(card, "| {} | {} |", cell(name), number(value));
            }
        }
        _ => card.push_str("Not recorded.\n"),
    }
}

/// Objects as the rows of a table; the columns are the fields of the first one.
fn table(card: &mut String, rows: &[Value]) {
    let Some(Value::Object(first)) = rows.first() else {
        return;
    };
    let columns: Vec<&String> = first.keys().collect();
    let heads: Vec<String> = columns.iter().map(|name| cell(name)).collect();
    let _ = writeln!(card, "| {} |\n|{}", heads.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let cells: Vec<String> = columns
            .iter()
            .map(|name| row.get(*name).map_or(String::new(), number))
            .collect();
        let _ = writeln!(card, "| {} |", cells.join(" | "));
    }
}

fn number(value: &Value) -> String {
    match value {
        Value::Number(number) if number.is_f64() => format!("{:.4}", number.as_f64().unwrap_or(f64::NAN)),
        Value::String(text) => cell(text),
        other => cell(&other.to_string()),
    }
}

/// Text that cannot break out of its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
