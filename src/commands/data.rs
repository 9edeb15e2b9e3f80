//! `arterial data describe`.

use std::path::PathBuf;

use arterial_datasets::panel::{self, Description};
use arterial_datasets::time::Duration;
use arterial_training::table::{Table, number};

use super::reading::Reading;

/// Look at data files
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// What a file holds: series, step, gaps, range, zone
    Describe {
        /// A wide or long file; CSV, .csv.gz or Parquet
        path: PathBuf,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        reading: Box<Reading>,
    },
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let Verb::Describe { path, json, reading } = &args.verb;
    let description = panel::describe(path, &reading.options()?)?;
    if *json {
        return super::print_json(&description);
    }
    print!("{}", table(&description).render());
    Ok(())
}

fn table(facts: &Description) -> Table {
    let mut table = Table::new(["what", "value"]);
    let mut row = |name: &str, value: String| table.push([name.to_owned(), value]);
    row("file", facts.path.clone());
    row("sha256", facts.sha256.clone());
    row("layout", word(&facts.layout));
    row("format", word(&facts.format));
    row(
        "series",
        format!("{} ({}{})", facts.series, quoted(&facts.first_series), more(facts)),
    );
    row("rows", format!("{} rows, {} distinct times", facts.rows, facts.steps));
    row("step", step(facts));
    row("from", facts.first.clone());
    row("until", facts.last.clone());
    row("zone", format!("{} ({})", facts.timezone, facts.zone_source));
    row(
        "gaps",
        format!(
            "{} absent rows, {} off the grid, {} repeated, {} out of order",
            facts.absent_rows, facts.uneven_rows, facts.duplicates, facts.unsorted_rows
        ),
    );
    if facts.stray_times > 0 {
        row("far from all others", strays(facts));
    }
    if !facts.ignored_columns.is_empty() {
        row("not read", quoted(&facts.ignored_columns));
    }
    if !facts.needs.is_empty() {
        row("reading it needs", facts.needs.join(" "));
    }
    row("missing", format!("{:.2} %", 100.0 * facts.missing_share));
    row("zeros", format!("{:.2} %", 100.0 * facts.zero_share));
    let range = facts
        .range
        .map(|(least, most)| format!("{} to {}", number(Some(least), 3), number(Some(most), 3)));
    row("range", range.unwrap_or_else(|| "no value at all".into()));
    let or_none = |names: &[String]| {
        if names.is_empty() {
            "none".to_owned()
        } else {
            quoted(names)
        }
    };
    row("constant", or_none(&facts.constant_series));
    row("empty", or_none(&facts.empty_series));
    table
}

/// The usual time between rows; where times are uneven, the even one that reading them would take.
fn step(facts: &Description) -> String {
    let resample = facts.needs.iter().find_map(|need| need.strip_prefix("--resample "));
    match (resample, facts.step_seconds) {
        (Some(even), _) => format!("uneven, about {even}"),
        (None, Some(seconds)) => Duration((seconds * 1e6) as i64).to_string(),
        (None, None) => "not visible".into(),
    }
}

/// Times that lie far from all others, and what to do with them.
fn strays(facts: &Description) -> String {
    let named = facts.first_strays.join(", ");
    let more = match facts.stray_times - facts.first_strays.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{named}{more}: mend these times, or remove their rows")
}

/// Names with quotes around each: one may have a comma.
fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn more(facts: &Description) -> &'static str {
    if facts.series > facts.first_series.len() {
        ", .."
    } else {
        ""
    }
}

/// A unit variant by the name it has in JSON.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}
