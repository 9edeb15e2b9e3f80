//! A file's rows as they stand, for detectors: times may repeat, jump or go back, and nothing is put on a grid.

use std::fs::File;
use std::path::Path;

use arrow::array::AsArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use ndarray::Array2;

use super::clock::{PanelClock, cut, number};
use super::columnar::{self, read_numbers, read_times};
use super::frame;
use super::grid::spacing;
use super::options::{PanelOptions, UtcOffset};
use super::strays::first_stray;
use super::table::{self, Format, cell, distinct, file_digest, time_place};
use crate::time::Timestamp;
use crate::{Error, Result};

/// How rows are read.
#[derive(Debug, Clone, PartialEq)]
pub struct RowOptions {
    /// Whether a column has the times; else every column is a number. Default: yes.
    pub timed: bool,
    /// The IANA zone of naive times. A time that its clock skips or shows twice is read as before the change. Default `UTC`.
    pub timezone: String,
    /// A fixed offset at which naive times are read instead. Default: none.
    pub utc_offset: Option<UtcOffset>,
    /// Columns that are not read, such as labels. Default: none.
    pub ignored: Vec<String>,
    /// The only columns that are read, beside that of the times, in this order. Default: none, which means all.
    pub only: Vec<String>,
}

impl Default for RowOptions {
    fn default() -> Self {
        Self {
            timed: true,
            timezone: "UTC".into(),
            utc_offset: None,
            ignored: Vec::new(),
            only: Vec::new(),
        }
    }
}

/// The rows of a file, in its order.
///
/// # Shapes
/// `values` is rows x columns, NaN where missing; `times` and `stamps` have one entry a row, or none where no column has times.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The file.
    pub path: String,
    /// SHA-256 of its bytes, hexadecimal.
    pub sha256: String,
    /// The instants.
    pub times: Vec<Timestamp>,
    /// The times as the file writes them; RFC 3339 where it does not write text.
    pub stamps: Vec<String>,
    /// The names of the columns with numbers.
    pub columns: Vec<String>,
    /// The numbers.
    pub values: Array2<f64>,
}

impl Rows {
    /// Rows whose time is that of the row above, and rows whose time is before it.
    #[must_use]
    pub fn repeated_and_backward(&self) -> (usize, usize) {
        let count = |test: fn(&[Timestamp]) -> bool| self.times.windows(2).filter(|pair| test(pair)).count();
        (count(|pair| pair[0] == pair[1]), count(|pair| pair[0] > pair[1]))
    }

    /// The first row (from 0) whose time lies far from all others, and what is said of it.
    #[must_use]
    pub fn stray(&self) -> Option<(usize, String)> {
        let times: Vec<i64> = self.times.iter().map(|time| time.0).collect();
        let (times, rows) = frame::distinct(&times);
        let step = spacing(&times, None).usual?;
        first_stray(&times, &rows, step)
    }
}

/// Reads the rows of a CSV (also .gz) or Parquet file.
///
/// # Errors
/// A file that cannot be read; a header without a column of times where one is wanted, with repeated names or without any
/// number; a cell that is no time or no finite number, with its row and column; an ignored column that is not there.
pub fn read_rows(path: &Path, options: &RowOptions) -> Result<Rows> {
    let clock = PanelClock::new(&PanelOptions {
        timezone: options.timezone.clone(),
        utc_offset: options.utc_offset,
        ..PanelOptions::default()
    })?;
    let mut file = table::open(path)?;
    let name = path.display().to_string();
    let format = table::format(path, &mut file)?;
    let reader = Reader {
        path: &name,
        options,
        clock: clock.forgiving(),
    };
    let cells = match format {
        Format::Parquet => reader.parquet(file)?,
        Format::Csv | Format::CsvGz => reader.csv(file, format)?,
    };
    let rows = cells.numbers.first().map_or(0, Vec::len);
    let values = Array2::from_shape_fn((rows, cells.numbers.len()), |(row, column)| cells.numbers[column][row]);
    Ok(Rows {
        sha256: file_digest(path)?,
        times: cells.times.into_iter().map(Timestamp).collect(),
        stamps: cells.stamps,
        columns: cells.names,
        values,
        path: name,
    })
}

/// Where the columns of a file stand.
struct Places {
    time: Option<usize>,
    numbers: Vec<usize>,
}

/// What a file holds.
struct Cells {
    times: Vec<i64>,
    stamps: Vec<String>,
    names: Vec<String>,
    numbers: Vec<Vec<f64>>,
}

impl Cells {
    fn of(header: &[String], places: &Places) -> Self {
        Self {
            times: Vec::new(),
            stamps: Vec::new(),
            names: places.numbers.iter().map(|&place| header[place].clone()).collect(),
            numbers: vec![Vec::new(); places.numbers.len()],
        }
    }
}

struct Reader<'a> {
    path: &'a str,
    options: &'a RowOptions,
    clock: PanelClock,
}

impl Reader<'_> {
    fn places(&self, header: &[String]) -> Result<Places> {
        distinct(self.path, header)?;
        let ignored = &self.options.ignored;
        if let Some(absent) = ignored.iter().find(|name| !header.contains(name)) {
            return Err(Error::invalid(
                "ignore",
                cut(absent),
                format!("columns of the file: {}", header.join(", ")),
            ));
        }
        let time = if self.options.timed {
            Some(time_place(self.path, header, "")?)
        } else {
            None
        };
        let wanted = |place: &usize| Some(*place) != time && !ignored.contains(&header[*place]);
        let numbers: Vec<usize> = if self.options.only.is_empty() {
            (0..header.len()).filter(wanted).collect()
        } else {
            self.options
                .only
                .iter()
                .map(|name| named(name, header))
                .collect::<Result<_>>()?
        };
        if numbers.is_empty() {
            return Err(Error::invalid(
                format!("{}: header", self.path),
                cut(&header.join(",")),
                "at least one column of numbers",
            ));
        }
        Ok(Places { time, numbers })
    }

    /// The error for a cell that cannot be read; a column that looks like text or a label may be left out.
    fn refuse(&self, row: usize, column: &str, message: &str) -> Error {
        // Who names the columns that he wants has none to leave out.
        let is_chosen = !self.options.only.is_empty();
        let hint = if is_chosen || message.contains("not finite") {
            ""
        } else {
            "; `--ignore COLUMN` leaves a column out"
        };
        cell(self.path, row, column, format!("{message}{hint}"))
    }

    fn csv(mut self, file: File, format: Format) -> Result<Cells> {
        let mut reader = super::csv::rows(self.path, table::text(file, format))?;
        let header = super::csv::header(self.path, &mut reader)?;
        let places = self.places(&header)?;
        let mut cells = Cells::of(&header, &places);
        super::csv::each_row(self.path, &header, &mut reader, |row, record| {
            if let Some(time) = places.time {
                let instant = self.clock.read(&record[time]);
                let instant = instant.map_err(|message| cell(self.path, row, &header[time], message))?;
                cells.times.push(instant);
                cells.stamps.push(record[time].trim().to_owned());
            }
            for (numbers, &place) in cells.numbers.iter_mut().zip(&places.numbers) {
                let value = number(&record[place]).map_err(|message| self.refuse(row, &header[place], &message))?;
                numbers.push(value);
            }
            Ok(())
        })?;
        Ok(cells)
    }

    fn parquet(mut self, file: File) -> Result<Cells> {
        let (header, batches) = columnar::batches(self.path, file)?;
        let places = self.places(&header)?;
        let mut cells = Cells::of(&header, &places);
        let mut first = 0;
        for batch in batches {
            let batch = batch.map_err(|error| columnar::broken(self.path, &error))?;
            if let Some(time) = places.time {
                let column = batch.column(time);
                let read = read_times(column, &mut self.clock, &mut cells.times);
                read.map_err(|(row, message)| cell(self.path, first + row, &header[time], message))?;
                if columnar::is_text(column.data_type()) {
                    let texts = cast(column, &DataType::Utf8)
                        .map_err(|error| cell(self.path, first, &header[time], error.to_string()))?;
                    let texts = texts.as_string::<i32>().iter();
                    cells
                        .stamps
                        .extend(texts.map(|text| text.unwrap_or_default().to_owned()));
                } else {
                    let instants = cells.times[first..].iter();
                    cells
                        .stamps
                        .extend(instants.map(|instant| Timestamp(*instant).to_string()));
                }
            }
            for (numbers, &place) in cells.numbers.iter_mut().zip(&places.numbers) {
                let read = read_numbers(batch.column(place), numbers);
                read.map_err(|(row, message)| self.refuse(first + row, &header[place], &message))?;
            }
            first += batch.num_rows();
        }
        Ok(cells)
    }
}

/// The place of the column of that name.
fn named(name: &str, header: &[String]) -> Result<usize> {
    let place = header.iter().position(|one| one == name);
    place.ok_or_else(|| {
        Error::invalid(
            "column",
            cut(name),
            format!("columns of the file: {}", header.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, options: &RowOptions) -> Result<Rows> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        std::fs::write(&path, text).unwrap();
        read_rows(&path, options)
    }

    #[test]
    fn times_that_repeat_or_go_back_are_read_as_they_stand() {
        let text = "timestamp,a,b\n2026-01-01 00:05:00,1,\n2026-01-01 00:05:00,2,5\n2026-01-01 00:00:00,3,NaN\n";
        let rows = read(text, &RowOptions::default()).unwrap();
        assert_eq!(rows.repeated_and_backward(), (1, 1));
        assert_eq!(rows.stamps[2], "2026-01-01 00:00:00");
        assert_eq!(rows.columns, ["a", "b"]);
        assert_eq!(rows.values.column(0).to_vec(), [1.0, 2.0, 3.0]);
        assert!(rows.values[[0, 1]].is_nan() && rows.values[[2, 1]].is_nan());
    }

    #[test]
    fn a_time_far_from_all_others_is_read_and_told_of_with_its_row_wherever_it_stands() {
        let near: Vec<String> = (0..10)
            .map(|minute| format!("2026-01-01 00:0{minute}:00,1\n"))
            .collect();
        for place in [0, 5, 10] {
            let mut lines = near.clone();
            lines.insert(place, "1990-01-01 00:00:00,1\n".to_owned());
            let text = format!("timestamp,a\n{}", lines.concat());
            let rows = read(&text, &RowOptions::default()).unwrap();
            let (row, said) = rows.stray().unwrap();
            assert_eq!((rows.times.len(), row), (11, place));
            assert!(
                said.starts_with("1990-01-01T00:00:00Z lies far from the other times"),
                "{said}"
            );
        }
        let near = read(&format!("timestamp,a\n{}", near.concat()), &RowOptions::default()).unwrap();
        assert_eq!(near.stray(), None);
    }

    #[test]
    fn a_time_that_the_clock_skips_or_shows_twice_is_no_reason_to_refuse_rows() {
        let options = RowOptions {
            timezone: "Europe/Copenhagen".into(),
            ..RowOptions::default()
        };
        let text = "timestamp,a\n2026-03-29 02:30:00,1\n2026-10-25 02:30:00,2\n";
        let rows = read(text, &options).unwrap();
        let instants: Vec<String> = rows.times.iter().map(ToString::to_string).collect();
        assert_eq!(instants, ["2026-03-29T01:30:00Z", "2026-10-25T00:30:00Z"]);
    }

    #[test]
    fn a_table_has_no_times_and_a_label_can_be_left_out() {
        let options = RowOptions {
            timed: false,
            ignored: vec!["label".into()],
            ..RowOptions::default()
        };
        let rows = read("x,label,y\n1,bad,2\n", &options).unwrap();
        assert_eq!(
            (rows.columns, rows.times),
            (vec!["x".to_owned(), "y".to_owned()], vec![])
        );
    }

    #[test]
    fn columns_that_nobody_asks_for_may_hold_anything() {
        let options = RowOptions {
            timed: false,
            only: vec!["lon".into(), "lat".into()],
            ..RowOptions::default()
        };
        let rows = read("id,lat,street,lon\nA,1,High Street,2\nB,,,3\n", &options).unwrap();
        assert_eq!(rows.columns, ["lon", "lat"]);
        assert_eq!(rows.values.column(0).to_vec(), [2.0, 3.0]);
        assert!(rows.values[[1, 1]].is_nan());
        let error = read("id,lat\nA,1\n", &options).unwrap_err().to_string();
        assert!(error.contains("`lon`") && error.contains("id, lat"), "{error}");
    }

    #[test]
    fn text_infinities_and_unknown_columns_are_refused_with_their_place() {
        let table = RowOptions {
            timed: false,
            ..RowOptions::default()
        };
        let text = read("x,city\n1,Aarhus\n", &table).unwrap_err().to_string();
        assert!(
            text.contains("row 1") && text.contains("city") && text.contains("--ignore"),
            "{text}"
        );
        let infinite = read("x\n1\ninf\n", &table).unwrap_err().to_string();
        assert!(
            infinite.contains("row 2") && infinite.contains("not finite"),
            "{infinite}"
        );
        let unknown = RowOptions {
            ignored: vec!["z".into()],
            ..table
        };
        assert!(read("x\n1\n", &unknown).unwrap_err().to_string().contains("`z`"));
        assert!(
            read("a,b\n1,2\n", &RowOptions::default()).is_err(),
            "no column of times"
        );
    }
}
