//! A table's cells in the order of time, each time once.

use ndarray::Array2;

use super::options::Duplicates;
use super::table::{Layout, Table};
use crate::time::Timestamp;
use crate::{Error, Result};

/// More cells than this are refused: 4 GB.
const MOST_CELLS: usize = 1 << 29;

/// Distinct times and the values at them.
///
/// # Shapes
/// `times` and `rows` have one entry a distinct time, `values` is times x series, NaN where missing or absent.
pub(super) struct Frame {
    pub times: Vec<i64>,
    /// The first row of the file (from 0) that has this time.
    pub rows: Vec<usize>,
    pub values: Array2<f64>,
    /// Cells (long) or rows (wide) that repeat a time.
    pub duplicates: usize,
    /// Rows of a wide file that lie before the row above them.
    pub unsorted: usize,
}

impl Frame {
    pub(super) fn build(table: &Table, duplicates: Duplicates) -> Result<Self> {
        if table.times.is_empty() {
            return Err(Error::invalid(
                "data",
                &table.path,
                "a file with at least one row behind the header",
            ));
        }
        let (times, rows) = distinct(&table.times);
        let places = positions(&table.times, &times);
        let mut frame = Self {
            values: empty(&table.path, times.len(), table.series.len())?,
            times,
            rows,
            duplicates: 0,
            unsorted: match table.layout {
                Layout::Wide => table.times.windows(2).filter(|pair| pair[1] < pair[0]).count(),
                Layout::Long => 0,
            },
        };
        match table.layout {
            Layout::Wide => frame.fill_wide(table, &places, duplicates)?,
            Layout::Long => frame.fill_long(table, &places, duplicates)?,
        }
        Ok(frame)
    }

    fn fill_wide(&mut self, table: &Table, places: &[usize], duplicates: Duplicates) -> Result<()> {
        let mut order: Vec<usize> = (0..places.len()).collect();
        order.sort_by_key(|&row| places[row]);
        let mut group = Vec::new();
        for rows in order.chunk_by(|&one, &other| places[one] == places[other]) {
            if rows.len() > 1 {
                if duplicates == Duplicates::Refuse {
                    return Err(repeated(table, rows[0], rows[1]));
                }
                self.duplicates += rows.len() - 1;
            }
            for (series, column) in table.columns.iter().enumerate() {
                group.clear();
                group.extend(rows.iter().map(|&row| column[row]));
                self.values[[places[rows[0]], series]] = choose(&group, duplicates);
            }
        }
        Ok(())
    }

    fn fill_long(&mut self, table: &Table, places: &[usize], duplicates: Duplicates) -> Result<()> {
        let mut order: Vec<(u64, u32)> = Vec::with_capacity(places.len());
        for (row, (&place, &id)) in places.iter().zip(&table.ids).enumerate() {
            let row = u32::try_from(row).map_err(|_| Error::invalid("data", &table.path, "fewer than 2^32 rows"))?;
            order.push(((u64::from(id) << 32) | place as u64, row));
        }
        order.sort_unstable();
        let values = &table.columns[0];
        let mut group = Vec::new();
        for cells in order.chunk_by(|left, right| left.0 == right.0) {
            if cells.len() > 1 {
                if duplicates == Duplicates::Refuse {
                    return Err(repeated(table, cells[0].1 as usize, cells[1].1 as usize));
                }
                self.duplicates += cells.len() - 1;
            }
            group.clear();
            group.extend(cells.iter().map(|(_, row)| values[*row as usize]));
            let place = (cells[0].0 & u64::from(u32::MAX)) as usize;
            self.values[[place, (cells[0].0 >> 32) as usize]] = choose(&group, duplicates);
        }
        Ok(())
    }
}

/// A matrix full of missing values, unless it would fill the memory.
pub(super) fn empty(path: &str, steps: usize, series: usize) -> Result<Array2<f64>> {
    match steps.checked_mul(series) {
        Some(cells) if cells <= MOST_CELLS => Ok(Array2::from_elem((steps, series), f64::NAN)),
        _ => Err(Error::invalid(
            "data",
            path,
            format!("at most {MOST_CELLS} values, while {steps} times x {series} series would be more"),
        )),
    }
}

fn repeated(table: &Table, first: usize, second: usize) -> Error {
    let time = Timestamp(table.times[second]);
    let series = match table.layout {
        Layout::Wide => String::new(),
        Layout::Long => format!(" of `{}`", table.series[table.ids[second] as usize]),
    };
    table.time_error(
        second,
        format!(
            "{time}{series} stands in {} already, accepted: each time once (local times repeat where the clock is put \
             back: --timezone), or --duplicates first|last|mean",
            table.row_name(first)
        ),
    )
}

/// The distinct times in order, and the first row of each.
pub(super) fn distinct(times: &[i64]) -> (Vec<i64>, Vec<usize>) {
    let mut pairs: Vec<(i64, usize)> = times.iter().copied().zip(0..).collect();
    pairs.sort_unstable();
    pairs.dedup_by_key(|(time, _)| *time);
    pairs.into_iter().unzip()
}

/// The position of each row's time among the distinct ones.
fn positions(times: &[i64], distinct: &[i64]) -> Vec<usize> {
    let mut last = 0;
    let mut places = Vec::with_capacity(times.len());
    for time in times {
        if distinct.get(last) != Some(time) {
            last = match distinct.get(last + 1) {
                Some(next) if next == time => last + 1,
                _ => distinct.partition_point(|other| other < time),
            };
        }
        places.push(last);
    }
    places
}

/// One value for all that share a time.
fn choose(values: &[f64], duplicates: Duplicates) -> f64 {
    match duplicates {
        Duplicates::Refuse | Duplicates::First => values[0],
        Duplicates::Last => values[values.len() - 1],
        Duplicates::Mean => {
            let (mut sum, mut count) = (0.0, 0.0);
            for value in values.iter().filter(|value| !value.is_nan()) {
                sum += value;
                count += 1.0;
            }
            sum / count
        }
    }
}
