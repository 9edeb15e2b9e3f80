//! Options that say how a panel is read, and what they become.

use std::path::{Path, PathBuf};

use arterial_datasets::panel::{self, Panel, PanelOptions};
use arterial_training::document::DataBlock;
use serde::{Deserialize, Serialize};

use crate::outcome::Usage;

/// How a panel file is read; kept in a model's manifest, so that the same data can be read again.
#[derive(Debug, Clone, PartialEq, clap::Args, Serialize, Deserialize)]
#[command(next_help_heading = "Reading the data")]
pub struct Reading {
    /// Zone of naive timestamps, whose clock seasonality follows
    #[arg(long, value_name = "AREA/CITY", default_value = "UTC")]
    pub timezone: String,
    /// Read naive timestamps at this fixed offset, such as +10:00
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    pub utc_offset: Option<String>,
    /// Time between rows, only where the file does not show it: 5m, 1h
    #[arg(long, value_name = "DURATION")]
    pub step: Option<String>,
    /// Put uneven times on a grid of this step, counted in UTC; rows that fall into the same step become their mean
    #[arg(long, value_name = "DURATION", conflicts_with_all = ["step", "duplicates"])]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resample: Option<String>,
    /// Take every 0 as missing with `--missing zero`; empty cells, NA, NaN and null are missing anyway
    #[arg(long, value_name = "zero")]
    pub missing: Option<String>,
    /// Repeated timestamps: refuse, first, last or mean
    #[arg(long, value_name = "POLICY", default_value = "refuse")]
    pub duplicates: String,
    /// Absent rows: refuse or missing
    #[arg(long, value_name = "POLICY", default_value = "refuse")]
    pub gaps: String,
    /// Square weight matrix in the series' order, or edges from,to,weight
    #[arg(long, value_name = "FILE")]
    pub graph: Option<PathBuf>,
    /// A second panel, known up to the forecast origin
    #[arg(long, value_name = "FILE")]
    pub covariates: Option<PathBuf>,
    /// A second panel, known ahead, such as a calendar or a weather forecast: its rows after the end of the data are used, too
    #[arg(long, value_name = "FILE")]
    pub known_covariates: Option<PathBuf>,
    /// What does not change about a series (lanes, limit, position): a column of series, and one for each number; a column
    /// `zone_id` says which zone it lies in
    #[arg(long = "static", value_name = "FILE")]
    #[serde(default)]
    pub attributes: Option<PathBuf>,
    /// Days that count as Sundays: one date a line
    #[arg(long, value_name = "FILE")]
    #[serde(default)]
    pub holidays: Option<PathBuf>,
}

impl Reading {
    /// The reader's options.
    ///
    /// # Errors
    /// An option that is out of its range.
    pub fn options(&self) -> anyhow::Result<PanelOptions> {
        let missing_zero = match self.missing.as_deref() {
            None => false,
            Some("zero") => true,
            Some(other) => return Err(Usage(format!("`--missing` is `{other}`, accepted: zero")).into()),
        };
        Ok(PanelOptions {
            timezone: self.timezone.clone(),
            utc_offset: self.utc_offset.as_deref().map(str::parse).transpose()?,
            step: self.step.as_deref().map(str::parse).transpose()?,
            resample: self.resample.as_deref().map(str::parse).transpose()?,
            missing_zero,
            duplicates: self.duplicates.parse()?,
            gaps: self.gaps.parse()?,
            graph: self.graph.clone(),
            covariates: self.covariates.clone(),
            known_covariates: self.known_covariates.clone(),
            attributes: self.attributes.clone(),
            holidays: self.holidays.clone(),
        })
    }

    /// Reads the panel at `path` and says what was read; what was mended as asked is said on stderr.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds no regular panel.
    pub fn read(&self, path: &Path) -> anyhow::Result<(Panel, DataBlock)> {
        let (panel, facts) = panel::read(path, &self.options()?)?;
        let file = path.display();
        if !facts.ignored.is_empty() {
            eprintln!(
                "{file}: not read: {} (only unique_id, ds and y are; --covariates takes a file of more)",
                facts.ignored.join(", ")
            );
        }
        let mended = [
            (facts.unsorted, "rows sorted that lay before the row above them"),
            (facts.moved, "rows moved to the start of their step"),
            (facts.duplicates, "repeated timestamps resolved"),
            (facts.inserted, "absent rows inserted as missing"),
            (facts.zeros, "zeros taken as missing"),
        ];
        for (count, what) in mended.into_iter().filter(|(count, _)| *count > 0) {
            eprintln!("{file}: {count} {what}");
        }
        let block = data_block(&panel, file.to_string(), facts.sha256);
        Ok((panel, block))
    }
}

/// What the JSON says of a panel.
pub fn data_block(panel: &Panel, path: String, sha256: String) -> DataBlock {
    DataBlock {
        path,
        sha256,
        series: panel.series().len(),
        steps: panel.steps(),
        step_seconds: panel.step().seconds(),
        timezone: panel.timezone().to_owned(),
        missing_share: panel.missing_share(),
    }
}
