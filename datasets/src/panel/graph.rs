//! Graphs over the series of a panel, from files.

use std::collections::HashMap;
use std::path::Path;

use super::Graph;
use super::clock::{cut, number};
use super::table::{Format, cell, format, open, text};
use crate::{Error, Result};

/// Reads a graph: edges `from,to,weight`, or a square matrix in the series' order with or without a header row.
///
/// Weights are finite; 0 and missing are no edge.
///
/// # Errors
/// Unknown series, other shapes, and cells that are no weight, with row and column.
pub fn read_graph(path: &Path, series: &[String]) -> Result<Graph> {
    let name = path.display().to_string();
    let (header, rows) = cells(path)?;
    if ["from", "to", "weight"]
        .iter()
        .all(|column| header.iter().any(|known| known == column))
    {
        return edges(&name, &header, &rows, series);
    }
    let (header, rows) = unlabelled(&name, (header, rows), series)?;
    if header.len() != series.len() || !(rows.len() == series.len() || rows.len() + 1 == series.len()) {
        return Err(Error::invalid(
            "graph",
            format!("{name} of {} columns and {} rows", header.len(), rows.len()),
            format!("`from,to,weight`, or a square matrix over {} series", series.len()),
        ));
    }
    if rows.len() == series.len() {
        check_header(&name, &header, series)?;
        return matrix(&name, &header, rows.iter());
    }
    matrix(&name, &header, std::iter::once(&header).chain(&rows))
}

/// Drops the first column of a matrix where it names each row's series.
fn unlabelled(path: &str, (mut header, mut rows): Cells, series: &[String]) -> Result<Cells> {
    if header.len() != series.len() + 1 || !rows.iter().any(|row| series.contains(&row[0])) {
        return Ok((header, rows));
    }
    let column = header.remove(0);
    for (place, row) in rows.iter_mut().enumerate() {
        let label = row.remove(0);
        if series.get(place) != Some(&label) {
            let expected = series.get(place).map_or("no further row", String::as_str);
            return Err(cell(
                path,
                place,
                &column,
                format!("`{}` out of order, accepted: {expected}", cut(&label)),
            ));
        }
    }
    Ok((header, rows))
}

/// Header names that are series must be all of them in their order.
fn check_header(path: &str, header: &[String], series: &[String]) -> Result<()> {
    if !header.iter().any(|name| series.contains(name)) {
        return Ok(());
    }
    match header.iter().zip(series).position(|(name, expected)| name != expected) {
        None => Ok(()),
        Some(place) => Err(Error::invalid(
            format!("{path}: header, column {}", place + 1),
            cut(&header[place]),
            format!("`{}`: the matrix in the series' order", series[place]),
        )),
    }
}

fn matrix<'a>(path: &str, header: &[String], rows: impl Iterator<Item = &'a Vec<String>>) -> Result<Graph> {
    let mut edges = Vec::new();
    for (from, row) in rows.enumerate() {
        for (to, text) in row.iter().enumerate() {
            let weight = weight(text).map_err(|message| cell(path, from, &header[to], message))?;
            if weight != 0.0 {
                edges.push((from as u32, to as u32, weight));
            }
        }
    }
    Ok(Graph { edges })
}

fn edges(path: &str, header: &[String], rows: &[Vec<String>], series: &[String]) -> Result<Graph> {
    let known: HashMap<&str, u32> = series.iter().map(String::as_str).zip(0..).collect();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap_or_default();
    let (from, to, value) = (place("from"), place("to"), place("weight"));
    let mut edges = Vec::new();
    for (row, cells) in rows.iter().enumerate() {
        let find = |column: usize| {
            known.get(cells[column].trim()).copied().ok_or_else(|| {
                let message = format!(
                    "`{}` is no series of the panel, accepted: {}",
                    cut(&cells[column]),
                    some(series)
                );
                cell(path, row, &header[column], message)
            })
        };
        let weight = weight(&cells[value]).map_err(|message| cell(path, row, &header[value], message))?;
        let edge = (find(from)?, find(to)?, weight);
        if weight != 0.0 {
            edges.push(edge);
        }
    }
    Ok(Graph { edges })
}

/// An edge's weight; 0 where it is missing.
pub(super) fn weight(text: &str) -> Result<f32, String> {
    let weight = number(text)?;
    Ok(if weight.is_nan() { 0.0 } else { weight as f32 })
}

fn some(series: &[String]) -> String {
    let names: Vec<&str> = series.iter().take(5).map(String::as_str).collect();
    format!("{}{}", names.join(", "), if series.len() > 5 { ", ..." } else { "" })
}

type Cells = (Vec<String>, Vec<Vec<String>>);

/// Every cell of the file as text, the first row as header.
pub(super) fn cells(path: &Path) -> Result<Cells> {
    let mut file = open(path)?;
    let name = path.display().to_string();
    match format(path, &mut file)? {
        Format::Parquet => super::columnar::read_texts(&name, file),
        kind => {
            let mut reader = super::csv::rows(&name, text(file, kind))?;
            let mut rows = Vec::new();
            super::csv::each_row(&name, &[], &mut reader, |_, record| {
                rows.push(
                    record
                        .iter()
                        .map(|cell| cell.trim_start_matches('\u{feff}').trim().to_owned())
                        .collect(),
                );
                Ok(())
            })?;
            let header = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
            Ok((header, rows))
        }
    }
}
