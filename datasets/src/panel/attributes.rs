//! Static attributes of series: what does not change, such as lanes, a speed limit, a capacity, a position.

use std::path::Path;

use ndarray::Array2;

use super::clock::{cut, number};
use super::graph::cells;
use super::table::cell;
use super::zones::ZONE;
use crate::{Error, Result};

/// Numbers that hold for a series at any time.
///
/// # Shapes
/// `values` is series x name, NaN where missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    /// The attributes' names.
    pub names: Vec<String>,
    /// Their values.
    pub values: Array2<f64>,
}

impl Attributes {
    /// Reads a file (CSV or Parquet) whose first column names a series and whose others are numbers; empty cells are
    /// missing, and so is a series without a row. A column `zone_id` is no number and left to [`super::read_zones`].
    ///
    /// # Errors
    /// A file without a second column, a row that no series of the panel has or that comes twice, a cell that is no
    /// number: with row and column.
    pub fn read(path: &Path, series: &[String]) -> Result<Self> {
        let file = path.display().to_string();
        let (header, rows) = cells(path)?;
        if header.len() < 2 {
            return Err(Error::invalid(
                "attributes",
                file,
                "a column that names the series, and one for each attribute",
            ));
        }
        let columns: Vec<usize> = (1..header.len()).filter(|&column| header[column] != ZONE).collect();
        let mut values = Array2::from_elem((series.len(), columns.len()), f64::NAN);
        let mut seen = vec![false; series.len()];
        for (row, record) in rows.iter().enumerate() {
            let key = record.first().map_or("", String::as_str);
            let refuse = |problem: &str| cell(&file, row, &header[0], format!("`{}` {problem}", cut(key)));
            let place = series.iter().position(|known| known == key);
            let place = place.ok_or_else(|| refuse("is no series of the panel"))?;
            if std::mem::replace(&mut seen[place], true) {
                return Err(refuse("comes twice"));
            }
            for (at, &column) in columns.iter().enumerate() {
                let text = record.get(column).map_or("", String::as_str);
                values[[place, at]] = number(text).map_err(|problem| cell(&file, row, &header[column], problem))?;
            }
        }
        let names = columns.iter().map(|&column| header[column].clone()).collect();
        Ok(Self { names, values })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Result<Attributes> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Attributes::read(file.path(), &["a".into(), "b".into()])
    }

    #[test]
    fn attributes_are_read_by_series_and_missing_ones_stay_missing() {
        let read = read("sensor,lanes,speed_limit\nb,2,\na,3,50\n").unwrap();
        assert_eq!(read.names, ["lanes", "speed_limit"]);
        assert_eq!(
            (read.values[[0, 0]], read.values[[0, 1]], read.values[[1, 0]]),
            (3.0, 50.0, 2.0)
        );
        assert!(read.values[[1, 1]].is_nan());
    }

    #[test]
    fn a_zone_is_no_number_and_left_out() {
        let both = read("sensor,zone_id,lanes\nb,Z01,2\n").unwrap();
        assert_eq!(both.names, ["lanes"]);
        assert!((both.values[[1, 0]] - 2.0).abs() < f64::EPSILON);
        assert!(read("sensor,zone_id\nb,Z01\n").unwrap().names.is_empty());
    }

    #[test]
    fn unknown_and_repeated_series_and_words_are_refused_with_their_row() {
        for (text, what) in [
            ("sensor,lanes\nc,2\n", "`c`"),
            ("sensor,lanes\na,2\na,3\n", "twice"),
            ("sensor,lanes\na,two\n", "`two`"),
            ("sensor\na\n", "one for each attribute"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(what), "{text}: {error}");
        }
    }
}
