//! `arterial forecast --data`: the series of a file beyond its last row.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use arterial_datasets::panel::{ChannelRole, Panel};
use arterial_datasets::time::{DAY, Timestamp};
use arterial_features::sets;
use arterial_models::forecasters;
use arterial_models::pipeline::Pipeline;
use arterial_models::registry::Reference;
use arterial_models::{Quantile, QuantileForecasts};
use arterial_training::backtest::task;
use arterial_training::document::DataBlock;
use arterial_training::protocol::{Level, Protocol};
use ndarray::{Axis, s};
use serde_json::{Value, json};

use super::compare::resolve;
use super::forecast::quantile_name;
use super::number::significant;
use super::output;
use super::progress::Bar;
use super::reading::Reading;
use super::registry::RegistryArgs;
use crate::outcome::{Refused, Usage};

/// The kind that is fitted where no model is named: it takes seconds, where `gbdt`, which errs less, may take minutes.
const KIND: &str = "linear";
/// Series that are named where their forecasts are refused, at most.
const NAMED: usize = 3;

/// What is forecast of a file, and where it goes.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Forecasts of a file (--data)")]
pub struct FileOptions {
    /// Rows ahead [default: 12, or as far as the model of the registry reaches]
    #[arg(long, value_name = "ROWS")]
    horizon: Option<usize>,
    /// Central intervals, in percent
    #[arg(long, value_delimiter = ',', default_value = "80", value_name = "PERCENT")]
    levels: Vec<Level>,
    /// Where the CSV goes: a file, or - for standard output
    #[arg(long, value_name = "FILE.csv", default_value = "-", conflicts_with = "json")]
    out: PathBuf,
    #[command(flatten)]
    registry: RegistryArgs,
    #[command(flatten)]
    reading: Reading,
}

/// Forecasts every series of the file at `path` with `model`, a version of the registry or a kind that is fitted on the
/// whole file at once, and writes a row a series and step. A series without any value in the rows that the model reads is refused.
///
/// # Errors
/// A file or a model that cannot be read, series that the model does not know, no forecast at all.
pub fn run(path: &Path, model: &str, json: bool, options: &FileOptions) -> anyhow::Result<()> {
    let protocol = options.protocol()?;
    output::check("--out", &options.out)?;
    let (panel, data) = options.reading.read(path)?;
    let (model, pipeline) = options.model(if model.is_empty() { KIND } else { model }, &panel, &protocol)?;
    // Series are known by their names, in whatever order the file has them.
    let panel = panel.arranged(&pipeline.scope().series).unwrap_or(panel);
    let horizon = options.horizon.unwrap_or(pipeline.horizon());
    if horizon > pipeline.horizon() {
        let accepted = format!("at most {}, as far as {model} was trained", pipeline.horizon());
        return Err(Usage(format!("`--horizon` is `{horizon}`, accepted: {accepted}")).into());
    }
    if let Some(said) = short_of(&panel, horizon) {
        eprintln!("{said}");
    }
    let mut found = pipeline.forecast(&panel, &[panel.steps() - 1], &protocol.quantiles()?)?;
    refuse_silent(&panel, pipeline.history(), &mut found);
    let forecasts = Forecasts {
        found,
        panel: &panel,
        model: &model,
        horizon,
    };
    let refused = forecasts.refused();
    if refused > 0 {
        let all = panel.series().len() * horizon;
        let silent = named(&forecasts.refused_series());
        let said = format!("{refused} of {all} forecasts are refused: {model} has too little data for {silent}");
        if refused == all {
            return Err(Refused(said).into());
        }
        eprintln!("{said}");
    }
    if json {
        return super::print_json(&forecasts.document(&data));
    }
    options.write(&forecasts.csv())
}

impl FileOptions {
    fn protocol(&self) -> anyhow::Result<Protocol> {
        let mut protocol = Protocol {
            levels: self.levels.clone(),
            ..Protocol::default()
        };
        if let Some(horizon) = self.horizon {
            protocol.horizon = horizon;
            protocol.report_at = vec![horizon];
        }
        protocol.check()?;
        Ok(protocol)
    }

    fn model(&self, name: &str, panel: &Panel, protocol: &Protocol) -> anyhow::Result<(String, Pipeline)> {
        let list = forecasters::list(sets::standard());
        let reference = match name.parse::<Reference>()? {
            Reference::Newest(kind) => {
                let kind = forecasters::by_name(&list, &kind)?;
                let bar = Bar::new();
                let fitted = Pipeline::fit(kind, panel, 0, &task(protocol), &bar)?;
                bar.finish();
                return Ok((kind.name().to_owned(), fitted));
            }
            reference => reference,
        };
        let registry = self.registry.open()?;
        super::runtime()?.block_on(async {
            let id = resolve(&registry, &reference, None).await?;
            Ok((id.to_string(), registry.load(&id, &list).await?.1))
        })
    }

    fn write(&self, csv: &str) -> anyhow::Result<()> {
        if self.out == Path::new("-") {
            print!("{csv}");
            return Ok(());
        }
        let out = self.out.display();
        std::fs::write(&self.out, csv).with_context(|| format!("cannot write `{out}`"))?;
        eprintln!("forecasts: {out}");
        Ok(())
    }
}

/// Which channels that are known ahead end before the last of `horizon` steps; nothing where none does.
fn short_of(panel: &Panel, horizon: usize) -> Option<String> {
    let last = panel.steps() - 1 + horizon;
    let mut short = Vec::new();
    for (place, channel) in panel.channels().iter().enumerate() {
        if channel.role != ChannelRole::KnownAhead {
            continue;
        }
        match panel.last_known(place) {
            None => short.push(format!("`{}` has no value", channel.name)),
            Some(row) if row < last => short.push(format!("`{}` ends at {}", channel.name, panel.time(row))),
            Some(_) => {}
        }
    }
    if short.is_empty() {
        return None;
    }
    let (reach, short) = (panel.time(last), short.join(", "));
    Some(format!(
        "known covariates end before the forecasts, which reach to {reach}, and are missing from there on: {short}"
    ))
}

/// Takes back what was forecast of series without any value in the `history` rows that the model reads: it could only be what was
/// usual when the model was trained. Of a model that reads less than a day, a day of rows counts, as it may fill shorter gaps.
fn refuse_silent(panel: &Panel, history: usize, found: &mut QuantileForecasts) {
    let day = (DAY / panel.step().0).max(1) as usize;
    let first = panel.steps().saturating_sub(history.max(day));
    let target = panel.target();
    let read = target.slice(s![first.., ..]);
    for (values, mut forecasts) in read.columns().into_iter().zip(found.values.axis_iter_mut(Axis(1))) {
        if values.iter().all(|value| value.is_nan()) {
            forecasts.fill(f64::NAN);
        }
    }
}

/// The first few of `names`, and how many more there are.
fn named(names: &[&str]) -> String {
    let first: Vec<String> = names.iter().take(NAMED).map(|name| format!("`{name}`")).collect();
    let first = first.join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more series"),
    }
}

/// Forecasts from the last row of a panel.
struct Forecasts<'a> {
    /// One origin x series x step x quantile.
    found: QuantileForecasts,
    panel: &'a Panel,
    model: &'a str,
    horizon: usize,
}

/// One series at one time to come; NaN where the forecast is refused.
struct Row<'a> {
    unique_id: &'a str,
    ds: Timestamp,
    horizon: usize,
    values: Vec<f64>,
}

impl Row<'_> {
    fn is_refused(&self) -> bool {
        self.values.iter().any(|value| value.is_nan())
    }
}

impl Forecasts<'_> {
    fn origin(&self) -> usize {
        self.panel.steps() - 1
    }

    /// Series by series, the nearest time first.
    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let series = self.panel.series().iter().enumerate();
        series.flat_map(move |(place, unique_id)| {
            (1..=self.horizon).map(move |horizon| Row {
                unique_id,
                ds: self.panel.time(self.origin() + horizon),
                horizon,
                values: self.values(place, horizon),
            })
        })
    }

    fn values(&self, series: usize, horizon: usize) -> Vec<f64> {
        let quantiles = 0..self.found.quantiles.len();
        quantiles
            .map(|quantile| self.found.values[[0, series, horizon - 1, quantile]])
            .collect()
    }

    fn names(&self) -> Vec<String> {
        let fractions = self.found.quantiles.iter();
        fractions
            .map(|quantile: &Quantile| quantile_name(f64::from(*quantile)))
            .collect()
    }

    fn refused(&self) -> usize {
        self.rows().filter(Row::is_refused).count()
    }

    /// The series of which at least one forecast is refused.
    fn refused_series(&self) -> Vec<&str> {
        let refused = self.rows().filter(Row::is_refused);
        let mut names: Vec<&str> = refused.map(|row| row.unique_id).collect();
        names.dedup();
        names
    }

    fn csv(&self) -> String {
        let mut text = format!("unique_id,ds,horizon,{},model\n", self.names().join(","));
        for row in self.rows() {
            let _ = write!(text, "{},{},{}", quoted(row.unique_id), row.ds, row.horizon);
            for value in &row.values {
                // An empty cell is missing, as in the files that are read.
                let _ = if value.is_nan() {
                    write!(text, ",")
                } else {
                    write!(text, ",{}", significant(*value))
                };
            }
            let _ = writeln!(text, ",{}", self.model);
        }
        text
    }

    fn document(&self, data: &DataBlock) -> Value {
        let names = self.names();
        let forecast = |row: Row<'_>| {
            let mut cells = json!({
                "unique_id": row.unique_id, "ds": row.ds.to_string(), "horizon": row.horizon, "model": self.model,
            });
            for (name, value) in names.iter().zip(row.values) {
                cells[name] = json!(value);
            }
            cells
        };
        json!({
            "data": data,
            "model": self.model,
            "origin": self.panel.time(self.origin()).to_string(),
            "refused": self.refused(),
            "forecasts": self.rows().map(forecast).collect::<Vec<_>>(),
        })
    }
}

/// A cell of CSV.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_comma_or_a_quote_stays_one_cell() {
        assert_eq!(quoted("Main St, \"north\""), "\"Main St, \"\"north\"\"\"");
        assert_eq!(quoted("A1"), "A1");
    }

    #[test]
    fn of_many_series_the_first_few_are_named_and_the_others_counted() {
        assert_eq!(named(&["A", "B", "C"]), "`A`, `B`, `C`");
        assert_eq!(named(&["A", "B", "C", "D", "E"]), "`A`, `B`, `C` and 2 more series");
    }
}
