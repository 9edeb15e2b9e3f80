//! `arterial detect`: scores the rows of a file.

mod document;
mod series;
mod table;

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_datasets::panel::{RowOptions, Rows, read_rows};
use arterial_models::detectors::{LEAST_ROWS, series_detector};

use super::output;
use crate::outcome::Usage;
use document::Document;

/// Find what is strange in a file: 1.0 is the line, and every row above it says why
#[derive(Debug, clap::Args)]
pub struct Args {
    /// CSV, .csv.gz or Parquet
    #[arg(long, value_name = "PATH")]
    data: PathBuf,
    /// `series`: a column `timestamp` and values, scored row by row from what came before; `table`: every column is a feature
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Kind,
    /// The detector: auto (the one we recommend), isolation-forest, knn, autoencoder (of those for tables the weakest in our exam,
    /// benches/anomaly.md); for series also residual, rules
    #[arg(long, value_name = "NAME", default_value = "auto")]
    detector: String,
    /// The share of the rows, from the first, that are taken for normal: a table is fitted on them, a series raises no alert there
    #[arg(long, value_name = "SHARE", conflicts_with = "train")]
    train_share: Option<f64>,
    /// A file of the same columns that is learned from first
    #[arg(long, value_name = "FILE")]
    train: Option<PathBuf>,
    /// The share of the rows learned from that lie above the line; tables only
    #[arg(long, value_name = "SHARE", default_value_t = table::ALERT_SHARE)]
    alert_share: f64,
    /// Where every random choice starts
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Columns that are not read, such as labels
    #[arg(long, value_name = "COLUMN,..", value_delimiter = ',')]
    ignore: Vec<String>,
    /// Zone of naive timestamps, whose clock the time of day follows; series only
    #[arg(long, value_name = "AREA/CITY", default_value = "UTC")]
    timezone: String,
    /// Read naive timestamps at this fixed offset, such as +10:00; series only
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    utc_offset: Option<String>,
    /// Where the CSV goes: a file, or - for standard output [default: -, nowhere with --json]
    #[arg(long, value_name = "FILE.csv")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What the rows of a file are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Series,
    Table,
}

/// One row of the answer.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
struct Scored {
    /// The timestamp as the file writes it, or the row counted from 0.
    #[serde(flatten)]
    place: Place,
    score: f64,
    alert: bool,
    reason: String,
    /// Whether the detector still learned, and so could not judge it.
    #[serde(skip)]
    learning: bool,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    Timestamp(String),
    Row(usize),
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    args.check()?;
    if let Some(out) = &args.out {
        output::check("--out", out)?;
    }
    let rows = args.read(&args.data)?;
    args.require_any(&rows)?;
    let earlier = args.train.as_deref().map(|path| args.read(path)).transpose()?;
    if let Some(earlier) = earlier.as_ref().filter(|earlier| earlier.columns != rows.columns) {
        let (found, accepted) = (earlier.columns.join(", "), rows.columns.join(", "));
        return Err(Usage(format!("`--train` has the columns `{found}`, accepted: {accepted}")).into());
    }
    tell_empty(&rows, earlier.as_ref());
    let scored = match args.kind {
        Kind::Series => series::score(args, &rows, earlier.as_ref())?,
        Kind::Table => table::score(args, rows.clone(), earlier)?,
    };
    let out = match (&args.out, args.json) {
        (Some(out), _) => Some(out.as_path()),
        (None, json) => (!json).then_some(Path::new("-")),
    };
    if let Some(out) = out {
        write(out, args.kind, &scored)?;
    }
    let document = Document::new(args, &rows, &scored);
    if args.json {
        return super::print_json(&document);
    }
    eprintln!("{}", document.words());
    Ok(())
}

impl Args {
    fn check(&self) -> anyhow::Result<()> {
        for (option, share) in [
            ("--train-share", self.train_share),
            ("--alert-share", Some(self.alert_share)),
        ] {
            if let Some(share) = share.filter(|share| !(*share > 0.0 && *share < 1.0)) {
                let accepted = "a fraction strictly between 0 and 1";
                return Err(Usage(format!("`{option}` is `{share}`, accepted: {accepted}")).into());
            }
        }
        if self.json && self.out.as_deref() == Some(Path::new("-")) {
            return Err(Usage("`--out` is `-` beside --json, accepted: a file".into()).into());
        }
        Ok(())
    }

    fn read(&self, path: &Path) -> anyhow::Result<Rows> {
        let options = RowOptions {
            timed: self.kind == Kind::Series,
            timezone: self.timezone.clone(),
            utc_offset: self.utc_offset.as_deref().map(str::parse).transpose()?,
            ignored: self.ignore.clone(),
            ..RowOptions::default()
        };
        Ok(read_rows(path, &options)?)
    }

    /// Refuses a file that has nothing behind its header, and says how much would be enough.
    fn require_any(&self, rows: &Rows) -> anyhow::Result<()> {
        if rows.values.nrows() > 0 {
            return Ok(());
        }
        let enough = match self.kind {
            Kind::Series => {
                let learning = series_detector(&self.detector)?.warm_up();
                format!(
                    "more than {learning} rows, of which `{}` learns before it judges",
                    self.detector
                )
            }
            Kind::Table => format!("at least {LEAST_ROWS} rows"),
        };
        Err(Usage(format!(
            "not enough data: `{}` has no rows, accepted: {enough}",
            rows.path
        ))
        .into())
    }

    /// How many of `rows` rows are learned from before the others.
    fn training_rows(&self, rows: usize) -> usize {
        self.train_share
            .map_or(0, |share| (share * rows as f64).floor() as usize)
    }
}

/// Says on stderr which columns have no value in the file, and none in that which is learned from first.
fn tell_empty(rows: &Rows, earlier: Option<&Rows>) {
    let is_missing = |rows: &Rows, column: usize| rows.values.column(column).iter().all(|value| value.is_nan());
    let columns = rows.columns.iter().enumerate();
    let empty = columns
        .filter(|(column, _)| is_missing(rows, *column) && earlier.is_none_or(|earlier| is_missing(earlier, *column)));
    let empty: Vec<String> = empty.map(|(_, name)| format!("`{name}`")).collect();
    if !empty.is_empty() {
        let names = empty.join(", ");
        eprintln!("{}: columns without any value are not judged: {names}", rows.path);
    }
}

fn write(out: &Path, kind: Kind, scored: &[Scored]) -> anyhow::Result<()> {
    let place = match kind {
        Kind::Series => "timestamp",
        Kind::Table => "row",
    };
    let mut csv = format!("{place},score,alert,reason\n");
    for row in scored {
        let place = match &row.place {
            Place::Timestamp(text) => quoted(text),
            Place::Row(row) => row.to_string(),
        };
        writeln!(csv, "{place},{},{},{}", row.score, row.alert, quoted(&row.reason))?;
    }
    if out == Path::new("-") {
        print!("{csv}");
        return Ok(());
    }
    std::fs::write(out, csv).with_context(|| format!("cannot write `{}`", out.display()))
}

/// `text` as a cell of a CSV file.
fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
