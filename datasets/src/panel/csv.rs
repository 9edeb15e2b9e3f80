//! Cells of CSV files.

use std::fs::File;
use std::io::Read;

use ::csv::{ErrorKind, Position, Reader, ReaderBuilder, StringRecord};

use super::clock::{PanelClock, number};
use super::intern::Names;
use super::table::{Format, Layout, Places, Table, cell, others, places, text};
use crate::{Error, Result};

/// Reads the cells of a CSV file.
pub(super) fn read(path: &str, file: File, format: Format, clock: &mut PanelClock) -> Result<Table> {
    let mut reader = rows(path, text(file, format))?;
    let header = header(path, &mut reader)?;
    match places(path, &header)? {
        Places::Wide { time, series } => wide(path, format, &mut reader, &header, time, &series, clock),
        Places::Long { id, time, value } => long(path, format, &mut reader, &header, [id, time, value], clock),
    }
}

/// A reader whose separator is the one of the first line: a comma, or else a semicolon or a tab.
pub(super) fn rows(path: &str, mut input: Box<dyn Read>) -> Result<Reader<Box<dyn Read>>> {
    let mut start = Vec::new();
    let fail = |source| Error::reading(path.as_ref(), source);
    Read::by_ref(&mut input)
        .take(1 << 16)
        .read_to_end(&mut start)
        .map_err(fail)?;
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let separator = [b',', b';', b'\t']
        .into_iter()
        .find(|byte| line.contains(byte))
        .unwrap_or(b',');
    let whole: Box<dyn Read> = Box::new(std::io::Cursor::new(start).chain(input));
    Ok(ReaderBuilder::new()
        .has_headers(false)
        .delimiter(separator)
        .from_reader(whole))
}

/// The columns' names.
pub(super) fn header(path: &str, reader: &mut Reader<Box<dyn Read>>) -> Result<Vec<String>> {
    let mut record = StringRecord::new();
    let found = reader
        .read_record(&mut record)
        .map_err(|error| refuse(path, &[], 0, &error))?;
    if !found {
        return Err(Error::invalid("data", path, "a file with a header row"));
    }
    Ok(record
        .iter()
        .map(|name| name.trim_start_matches('\u{feff}').trim().to_owned())
        .collect())
}

/// Calls `each` with the number (from 0) and the cells of every row; what it says of a cell gets the line. Says whether every row stands
/// in its own line right behind the header.
pub(super) fn each_row(
    path: &str,
    header: &[String],
    reader: &mut Reader<Box<dyn Read>>,
    mut each: impl FnMut(usize, &StringRecord) -> Result<()>,
) -> Result<bool> {
    let mut record = StringRecord::new();
    let mut row = 0;
    let mut is_even = true;
    while reader
        .read_record(&mut record)
        .map_err(|error| refuse(path, header, row, &error))?
    {
        let line = line(row, record.position());
        each(row, &record).map_err(|error| in_line(error, line))?;
        is_even &= line == behind_header(row);
        row += 1;
    }
    Ok(is_even)
}

/// The line of a row where each has its own.
pub(super) fn behind_header(row: usize) -> u64 {
    row as u64 + 2
}

/// The line, counted from 1 as editors do. Where lines end with CR LF the reader counts the LF with the line after.
fn line(row: usize, position: Option<&Position>) -> u64 {
    position.map_or(0, Position::line).max(behind_header(row))
}

/// The same error with the line behind the file's name, where an editor finds it.
pub(super) fn in_line(error: Error, line: u64) -> Error {
    match error {
        Error::Cell {
            path,
            row,
            column,
            message,
        } => Error::Cell {
            path: format!("{path}:{line}"),
            row,
            column,
            message,
        },
        other => other,
    }
}

fn wide(
    path: &str,
    format: Format,
    reader: &mut Reader<Box<dyn Read>>,
    header: &[String],
    time: usize,
    series: &[usize],
    clock: &mut PanelClock,
) -> Result<Table> {
    let mut times = Vec::new();
    let mut columns = vec![Vec::new(); series.len()];
    let is_even = each_row(path, header, reader, |row, record| {
        let wrong = |place: usize, message| cell(path, row, &header[place], message);
        times.push(clock.read(&record[time]).map_err(|message| wrong(time, message))?);
        for (column, &place) in columns.iter_mut().zip(series) {
            column.push(number(&record[place]).map_err(|message| wrong(place, message))?);
        }
        Ok(())
    })?;
    let series = series.iter().map(|&place| header[place].clone()).collect();
    Ok(Table {
        path: path.into(),
        layout: Layout::Wide,
        format,
        is_even,
        time_column: header[time].clone(),
        ignored: Vec::new(),
        times,
        ids: Vec::new(),
        series,
        columns,
    })
}

fn long(
    path: &str,
    format: Format,
    reader: &mut Reader<Box<dyn Read>>,
    header: &[String],
    [id, time, value]: [usize; 3],
    clock: &mut PanelClock,
) -> Result<Table> {
    let mut names = Names::default();
    let (mut times, mut ids, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let is_even = each_row(path, header, reader, |row, record| {
        ids.push(
            names
                .add(&record[id])
                .map_err(|message| cell(path, row, "unique_id", message))?,
        );
        times.push(
            clock
                .read(&record[time])
                .map_err(|message| cell(path, row, "ds", message))?,
        );
        values.push(number(&record[value]).map_err(|message| cell(path, row, "y", message))?);
        Ok(())
    })?;
    let series = names.into_names();
    Ok(Table {
        path: path.into(),
        layout: Layout::Long,
        format,
        is_even,
        time_column: header[time].clone(),
        ignored: others(header, &[id, time, value]),
        times,
        ids,
        series,
        columns: vec![values],
    })
}

/// A row that is no row of this file.
fn refuse(path: &str, header: &[String], row: usize, error: &::csv::Error) -> Error {
    let name = |place: usize| header.get(place).cloned().unwrap_or_else(|| format!("#{}", place + 1));
    let refused = |place: usize, message: String| {
        let refused = cell(path, row, &name(place), message);
        // Without a header this is its row, or one of a file that may have none.
        if header.is_empty() {
            refused
        } else {
            in_line(refused, line(row, error.position()))
        }
    };
    match error.kind() {
        ErrorKind::UnequalLengths { expected_len, len, .. } => refused(
            *len.min(expected_len) as usize,
            format!("the row has {len} cells, accepted: {expected_len} as in the header"),
        ),
        ErrorKind::Utf8 { err, .. } => refused(err.field(), "no UTF-8 text, accepted: UTF-8".into()),
        _ => Error::invalid("data", path, format!("intact text with one record a line ({error})")),
    }
}
