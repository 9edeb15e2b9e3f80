//! Further channels of a panel from a second file, as of the time when they were known.

use std::path::Path;

use ndarray::Array2;

use super::clock::PanelClock;
use super::frame::Frame;
use super::grid::{Grid, spacing};
use super::options::PanelOptions;
use super::table::{Table, read};
use super::{Channel, ChannelRole};
use crate::time::Duration;
use crate::{Error, Result};

/// Rows beyond the panel's last one that are read, at most: further than anyone forecasts, so that a calendar of years costs nothing.
const MOST_AHEAD: usize = 10_000;

/// A channel and its values, time x series; one that is known ahead may have more rows than the panel.
pub(super) type Column = (Channel, Array2<f64>);

/// Reads the channels of a second file onto the grid of the first.
///
/// A file over the panel's series gives one channel; any other file gives one channel a column, the same for every
/// series. A row holds until the next one comes, for at most twice the file's usual step; its step may be another one
/// than the panel's, and irregular. A file that is known ahead is read beyond the panel's last row, as far as it reaches.
pub(super) fn columns(
    path: &Path,
    role: ChannelRole,
    series: &[String],
    grid: &Grid,
    options: &PanelOptions,
) -> Result<Vec<Column>> {
    let mut clock = PanelClock::new(options)?;
    let table = read(path, &mut clock)?;
    let frame = Frame::build(&table, options.duplicates)?;
    let steps = match role {
        ChannelRole::KnownAhead => reach(&frame, grid),
        ChannelRole::Target | ChannelRole::Observed => grid.values.nrows(),
    };
    let rows = known_rows(&frame, grid, steps);
    let stem = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let stem = stem.split('.').next().unwrap_or_default().to_owned();
    if let Some(places) = per_series(&table, series)? {
        let channel = Channel { name: stem, role };
        return Ok(vec![(channel, gather(&frame, &rows, grid, |place| places[place]))]);
    }
    let named = table.series.iter().enumerate();
    Ok(named
        .map(|(place, name)| {
            (
                Channel {
                    name: name.clone(),
                    role,
                },
                gather(&frame, &rows, grid, |_| place),
            )
        })
        .collect())
}

/// For each series of the panel its column in the table; nothing where the table is about something else.
fn per_series(table: &Table, series: &[String]) -> Result<Option<Vec<usize>>> {
    let places: Vec<Option<usize>> = series
        .iter()
        .map(|name| table.series.iter().position(|known| known == name))
        .collect();
    if places.iter().all(Option::is_none) {
        return Ok(None);
    }
    match places.iter().position(Option::is_none) {
        None => Ok(Some(places.into_iter().flatten().collect())),
        Some(absent) => Err(Error::invalid(
            "covariates",
            format!("{} without `{}`", table.path, series[absent]),
            "a column for every series of the panel, or for none of them",
        )),
    }
}

/// How long a row of the frame holds where no other one comes.
fn oldest(frame: &Frame, grid: &Grid) -> Duration {
    let usual = spacing(&frame.times, None).usual.unwrap_or(grid.step);
    Duration(usual.0.max(grid.step.0) * 2)
}

/// The rows of the grid, and behind them those that the frame still says something of.
fn reach(frame: &Frame, grid: &Grid) -> usize {
    let steps = grid.values.nrows();
    let last = frame.times.last().copied().unwrap_or(grid.start.0);
    let held = last + oldest(frame, grid).0 - 1 - grid.start.0;
    let reached = usize::try_from(held.div_euclid(grid.step.0) + 1).unwrap_or(0);
    reached.clamp(steps, steps + MOST_AHEAD)
}

/// For each of `steps` rows of the grid, and behind it, the newest row of the frame at or before it.
fn known_rows(frame: &Frame, grid: &Grid, steps: usize) -> Vec<Option<usize>> {
    let oldest = oldest(frame, grid);
    let mut next = 0;
    let mut rows = Vec::with_capacity(steps);
    for row in 0..steps {
        let now = grid.start.0 + grid.step.0 * row as i64;
        while next < frame.times.len() && frame.times[next] <= now {
            next += 1;
        }
        rows.push(next.checked_sub(1).filter(|&known| now - frame.times[known] < oldest.0));
    }
    rows
}

fn gather(frame: &Frame, rows: &[Option<usize>], grid: &Grid, place: impl Fn(usize) -> usize) -> Array2<f64> {
    let width = grid.values.ncols();
    Array2::from_shape_fn((rows.len(), width), |(row, series)| {
        rows[row].map_or(f64::NAN, |known| frame.values[[known, place(series)]])
    })
}
