//! Panels from files.

use std::path::{Path, PathBuf};

use ndarray::{Array3, Axis, s};

use super::clock::PanelClock;
use super::covariates::{self, Column};
use super::frame::Frame;
use super::graph::read_graph;
use super::grid::{Grid, regular};
use super::options::PanelOptions;
use super::table::{self, Format, Layout, file_digest};
use super::{Attributes, Channel, ChannelRole, Holidays, Panel, read_zones};
use crate::{Error, Result};

/// What reading a file told about it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FileFacts {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// How it lays out its series.
    pub layout: Layout,
    /// How it is written.
    pub format: Format,
    /// Rows behind the header.
    pub rows: usize,
    /// Rows (wide) or cells (long) that repeated a time and were resolved as asked.
    pub duplicates: usize,
    /// Rows that were put onto the grid as asked, away from their own time.
    pub moved: usize,
    /// Rows of a wide file that lay before the row above them; they were sorted.
    pub unsorted: usize,
    /// Columns of a long file beside its three; they were not read.
    pub ignored: Vec<String>,
    /// Rows that were absent and inserted as asked, every value missing.
    pub inserted: usize,
    /// Zeros of the target taken as missing, as asked.
    pub zeros: usize,
    /// Whether times without offset were read.
    pub naive: bool,
}

/// Reads a panel: wide (`timestamp` and one numeric column a series) or long (`unique_id`, `ds`, `y`), as CSV, gzipped
/// CSV or Parquet, recognised by content. The time of a wide file may also stand in a first column called time, ds, date
/// or datetime.
///
/// Null, NA, NaN and empty cells are missing. In a long file, a series without a row at a time is missing there. Rows may
/// stand in any order.
///
/// # Errors
/// Repeated, absent or uneven times, times that the zone skips or repeats, cells that are no finite number: with the
/// row (counted from 1 behind the header) and the column, unless `options` say what to do. A time far from all others:
/// with its row, whatever they say.
pub fn read(path: &Path, options: &PanelOptions) -> Result<(Panel, FileFacts)> {
    let mut clock = PanelClock::new(options)?;
    let mut table = table::read(path, &mut clock)?;
    let moved = options.resample.map(|step| table.resample(step)).transpose()?;
    let frame = Frame::build(&table, options.merging())?;
    let (duplicates, unsorted) = (frame.duplicates, frame.unsorted);
    let mut grid = regular(&table, frame, &clock, options)?;
    let zeros = if options.missing_zero { drop_zeros(&mut grid) } else { 0 };
    let facts = FileFacts {
        path: path.into(),
        sha256: file_digest(path)?,
        layout: table.layout,
        format: table.format,
        rows: table.times.len(),
        duplicates,
        moved: moved.unwrap_or_default(),
        unsorted,
        ignored: table.ignored.clone(),
        inserted: grid.inserted,
        zeros,
        naive: clock.naive,
    };
    let series = table.series;
    drop(table.columns);
    let panel = assemble(grid, series, options)?;
    Ok((panel, facts))
}

fn drop_zeros(grid: &mut Grid) -> usize {
    let mut zeros = 0;
    for value in grid.values.iter_mut().filter(|value| **value == 0.0) {
        *value = f64::NAN;
        zeros += 1;
    }
    zeros
}

/// Adds the channels and the graph that the options name.
fn assemble(grid: Grid, series: Vec<String>, options: &PanelOptions) -> Result<Panel> {
    let mut columns = Vec::new();
    for (path, role) in [
        (&options.covariates, ChannelRole::Observed),
        (&options.known_covariates, ChannelRole::KnownAhead),
    ] {
        if let Some(path) = path {
            columns.extend(covariates::columns(path, role, &series, &grid, options)?);
        }
    }
    let graph = options
        .graph
        .as_deref()
        .map(|path| read_graph(path, &series))
        .transpose()?;
    let attributes = options
        .attributes
        .as_deref()
        .map(|path| Attributes::read(path, &series));
    let attributes = attributes.transpose()?.unwrap_or_default();
    let zones = options.attributes.as_deref().map(|path| read_zones(path, &series));
    let zones = zones.transpose()?.unwrap_or_default();
    let mut channels = vec![Channel {
        name: "y".into(),
        role: ChannelRole::Target,
    }];
    channels.extend(columns.iter().map(|(channel, _)| channel.clone()));
    check_names(&channels)?;
    let (start, step) = (grid.start, grid.step);
    let (steps, width) = grid.values.dim();
    let ahead = behind(&columns, steps, width);
    let values = if columns.is_empty() {
        grid.values.insert_axis(Axis(2))
    } else {
        let mut values = Array3::zeros((steps, width, channels.len()));
        values.slice_mut(s![.., .., 0]).assign(&grid.values);
        for (place, (_, column)) in columns.iter().enumerate() {
            let inside = column.slice(s![..steps, ..]);
            values.slice_mut(s![.., .., place + 1]).assign(&inside);
        }
        values
    };
    let holidays = options.holidays.as_deref().map(Holidays::read).transpose()?;
    let panel = Panel::new(start, step, &options.timezone, series, channels, values)?
        .with_ahead(ahead)?
        .with_holidays(holidays.unwrap_or_default())
        .with_attributes(attributes)
        .with_zones(zones);
    Ok(match graph {
        Some(graph) => panel.with_graph(graph),
        None => panel,
    })
}

/// What `columns` have behind the first `steps` rows, in the shape of the panel's values.
fn behind(columns: &[Column], steps: usize, width: usize) -> Array3<f64> {
    let reached = columns.iter().map(|(_, column)| column.nrows()).max();
    let rows = reached.map_or(0, |reached| reached - steps);
    let mut ahead = Array3::from_elem((rows, width, columns.len() + 1), f64::NAN);
    for (place, (_, column)) in columns.iter().enumerate() {
        let known = column.slice(s![steps.., ..]);
        ahead.slice_mut(s![..known.nrows(), .., place + 1]).assign(&known);
    }
    ahead
}

fn check_names(channels: &[Channel]) -> Result<()> {
    for (place, channel) in channels.iter().enumerate() {
        if channels[..place].iter().any(|other| other.name == channel.name) {
            return Err(Error::invalid(
                "covariates",
                &channel.name,
                "each channel's name once, and none named `y`",
            ));
        }
    }
    Ok(())
}
