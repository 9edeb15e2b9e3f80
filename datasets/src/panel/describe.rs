//! What a file holds, said without refusing what a panel would refuse.

use std::path::Path;

use super::clock::PanelClock;
use super::frame::Frame;
use super::grid::{Spacing, even, spacing};
use super::options::{Duplicates, Gaps, PanelOptions};
use super::strays::{near, strays};
use super::table::{self, Format, Layout, Table, file_digest};
use crate::Result;
use crate::time::Timestamp;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Description {
    /// The file.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// How it lays out its series.
    pub layout: Layout,
    /// How it is written.
    pub format: Format,
    /// The number of series.
    pub series: usize,
    /// The first few names.
    pub first_series: Vec<String>,
    /// Rows behind the header.
    pub rows: usize,
    /// Distinct times.
    pub steps: usize,
    /// The usual time between rows in seconds; none where there is one row.
    pub step_seconds: Option<f64>,
    /// The first time.
    pub first: String,
    /// The last time.
    pub last: String,
    /// Rows absent on the grid of the usual step.
    pub absent_rows: usize,
    /// Rows off that grid.
    pub uneven_rows: usize,
    /// Times that lie far from all others, which no panel is made with; absent and uneven rows are counted without them.
    pub stray_times: usize,
    /// The first few of them, each with its row.
    pub first_strays: Vec<String>,
    /// Rows of a wide file that lie before the row above them; they are sorted where the file is read.
    pub unsorted_rows: usize,
    /// Columns of a long file beside its three; they are not read.
    pub ignored_columns: Vec<String>,
    /// Rows (wide) or cells (long) that repeat a time.
    pub duplicates: usize,
    /// Options that a panel of this file needs; none where it is read as it is.
    pub needs: Vec<String>,
    /// The share of values that are missing, 0 to 1.
    pub missing_share: f64,
    /// The share of values that are exactly 0, 0 to 1; a high one may mean missing (`--missing zero`).
    pub zero_share: f64,
    /// The least and the largest value; none where all are missing.
    pub range: Option<(f64, f64)>,
    /// Series whose values are all equal, of those that have any.
    pub constant_series: Vec<String>,
    /// Series whose values are all missing.
    pub empty_series: Vec<String>,
    /// The zone in which times were read.
    pub timezone: String,
    /// Where the zone comes from: `stated in the file`, or `assumed` for times without offset.
    pub zone_source: &'static str,
}

/// Describes a file. Repeated, absent and uneven rows are counted, not refused.
///
/// # Errors
/// A file that is no panel at all: no such columns, cells that are no numbers or times.
pub fn describe(path: &Path, options: &PanelOptions) -> Result<Description> {
    let mut clock = PanelClock::new(options)?;
    let mut table = table::read(path, &mut clock)?;
    if let Some(step) = options.resample {
        table.resample(step)?;
    }
    let policy = match options.merging() {
        Duplicates::Refuse => Duplicates::First,
        other => other,
    };
    let frame = Frame::build(&table, policy)?;
    let usual = spacing(&frame.times, options.fixed_step()).usual;
    let strays = usual.map(|step| strays(&frame.times, step)).unwrap_or_default();
    let spacing = spacing(&near(&frame.times, &strays), usual);
    let cells = frame.values.len().max(1) as f64;
    let count = |test: fn(&f64) -> bool| frame.values.iter().filter(|value| test(value)).count() as f64 / cells;
    Ok(Description {
        path: table.path.clone(),
        sha256: file_digest(path)?,
        layout: table.layout,
        format: table.format,
        series: table.series.len(),
        first_series: table.series.iter().take(5).cloned().collect(),
        rows: table.times.len(),
        steps: frame.times.len(),
        step_seconds: spacing.usual.map(crate::time::Duration::seconds),
        first: Timestamp(frame.times[0]).to_string(),
        last: Timestamp(frame.times[frame.times.len() - 1]).to_string(),
        absent_rows: spacing.absent,
        uneven_rows: spacing.off_grid,
        stray_times: strays.len(),
        first_strays: strays
            .iter()
            .take(5)
            .map(|place| named(&table, &frame, *place))
            .collect(),
        unsorted_rows: frame.unsorted,
        ignored_columns: table.ignored.clone(),
        duplicates: frame.duplicates,
        needs: needs(&spacing, frame.duplicates, options),
        missing_share: count(|value| value.is_nan()),
        zero_share: count(|value| *value == 0.0),
        range: range(frame.values.iter()),
        constant_series: having(&frame, &table.series, |range| {
            range.is_some_and(|(least, most)| least >= most)
        }),
        empty_series: having(&frame, &table.series, |range| range.is_none()),
        timezone: options.timezone.clone(),
        zone_source: if clock.naive { "assumed" } else { "stated in the file" },
    })
}

/// A time of the file and the row that it stands in.
fn named(table: &Table, frame: &Frame, place: usize) -> String {
    format!(
        "{}: {}",
        table.row_name(frame.rows[place]),
        Timestamp(frame.times[place])
    )
}

fn needs(spacing: &Spacing, duplicates: usize, options: &PanelOptions) -> Vec<String> {
    let mut needs = Vec::new();
    match spacing.usual {
        Some(usual) if spacing.off_grid > 0 => needs.push(format!("--resample {}", even(usual))),
        _ if duplicates > 0 && options.merging() == Duplicates::Refuse => {
            needs.push("--duplicates first|last|mean".to_owned());
        }
        _ => {}
    }
    if spacing.absent > 0 && options.gaps == Gaps::Refuse {
        needs.push("--gaps missing".to_owned());
    }
    needs
}

fn range<'a>(values: impl Iterator<Item = &'a f64>) -> Option<(f64, f64)> {
    let mut range = None;
    for &value in values.filter(|value| !value.is_nan()) {
        let (least, most) = range.unwrap_or((value, value));
        range = Some((value.min(least), value.max(most)));
    }
    range
}

/// The names of those of `series` whose range is as wanted.
fn having(frame: &Frame, series: &[String], wanted: impl Fn(Option<(f64, f64)>) -> bool) -> Vec<String> {
    let columns = frame.values.columns().into_iter().zip(series);
    columns
        .filter(|(column, _)| wanted(range(column.iter())))
        .map(|(_, name)| name.clone())
        .collect()
}
