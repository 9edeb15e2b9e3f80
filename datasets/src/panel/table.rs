//! A file's cells before they are put on a grid.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::clock::{PanelClock, cut};
use super::csv::{behind_header, in_line};
use crate::time::{DAY, Duration, Timestamp};
use crate::{Error, Result};

/// How a file lays out its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A column of times and one numeric column a series.
    Wide,
    /// The columns `unique_id`, `ds` and `y`.
    Long,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Text with a header row.
    Csv,
    /// The same, compressed by gzip.
    CsvGz,
    /// Parquet.
    Parquet,
}

/// The cells of a file.
///
/// # Shapes
/// `times` and `ids` have one entry a row (`ids` only where long); `columns` has one a series where wide, one in all
/// where long.
#[derive(Debug)]
pub(super) struct Table {
    pub path: String,
    pub layout: Layout,
    pub format: Format,
    /// Whether every row has one line of text, right behind the header: then an error says which.
    pub is_even: bool,
    /// The name of the column that has the times.
    pub time_column: String,
    /// Columns of a long file that are none of its three.
    pub ignored: Vec<String>,
    pub times: Vec<i64>,
    pub ids: Vec<u32>,
    pub series: Vec<String>,
    pub columns: Vec<Vec<f64>>,
}

impl Table {
    /// Puts every row at the start of the step that it falls in; steps are counted from 1970 in UTC. Says how many rows moved.
    pub(super) fn resample(&mut self, step: Duration) -> Result<usize> {
        if step.0 <= 0 || DAY % step.0 != 0 {
            return Err(Error::invalid(
                "resample",
                step,
                "a duration that divides a day evenly, such as 5m, 1h or 1d",
            ));
        }
        let mut moved = 0;
        for time in &mut self.times {
            let start = Timestamp(*time).window_start(step).0;
            moved += usize::from(start != *time);
            *time = start;
        }
        Ok(moved)
    }

    /// An error at the time of row `row`, counted from 0.
    pub(super) fn time_error(&self, row: usize, message: String) -> Error {
        let error = cell(&self.path, row, &self.time_column, message);
        if self.is_even {
            in_line(error, behind_header(row))
        } else {
            error
        }
    }

    /// Row `row`, counted from 0, as people find it.
    pub(super) fn row_name(&self, row: usize) -> String {
        if self.is_even {
            format!("row {} (line {})", row + 1, behind_header(row))
        } else {
            format!("row {}", row + 1)
        }
    }
}

/// An error at a cell of row `row`, counted from 0 behind the header.
pub(super) fn cell(path: &str, row: usize, column: &str, message: String) -> Error {
    Error::Cell {
        path: path.into(),
        row: row + 1,
        column: cut(column),
        message,
    }
}

/// A file's SHA-256, hexadecimal.
///
/// # Errors
/// A file that cannot be read.
pub fn file_digest(path: &Path) -> Result<String> {
    let mut file = open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(|source| Error::reading(path, source))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
    }
    Ok(hexadecimal(&hash.finalize()))
}

/// A digest as text.
pub(super) fn hexadecimal(digest: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(2 * digest.len());
    for byte in digest {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Opens a file that somebody named.
pub(super) fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|source| Error::reading(path, source))?;
    let facts = file.metadata().map_err(|source| Error::reading(path, source))?;
    if facts.is_dir() {
        return Err(Error::reading(path, std::io::ErrorKind::IsADirectory.into()));
    }
    Ok(file)
}

/// Finds out by a file's first bytes how it is written.
pub(super) fn format(path: &Path, file: &mut File) -> Result<Format> {
    let fail = |source| Error::reading(path, source);
    let mut magic = Vec::new();
    Read::by_ref(file).take(4).read_to_end(&mut magic).map_err(fail)?;
    file.seek(SeekFrom::Start(0)).map_err(fail)?;
    match magic.as_slice() {
        [] => Err(Error::invalid("data", path.display(), "a file that is not empty")),
        b"PAR1" => Ok(Format::Parquet),
        [0x1f, 0x8b, ..] => Ok(Format::CsvGz),
        _ => Ok(Format::Csv),
    }
}

/// The text of a CSV file, decompressed where it needs to be.
pub(super) fn text(file: File, format: Format) -> Box<dyn Read> {
    match format {
        Format::CsvGz => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(BufReader::new(file)))),
        Format::Csv | Format::Parquet => Box::new(BufReader::new(file)),
    }
}

/// Reads a file's cells, whatever its layout and format.
pub(super) fn read(path: &Path, clock: &mut PanelClock) -> Result<Table> {
    let mut file = open(path)?;
    let name = path.display().to_string();
    match format(path, &mut file)? {
        Format::Parquet => super::columnar::read(&name, file, clock),
        format => super::csv::read(&name, file, format, clock),
    }
}

/// What the first column of a wide file may be called, in any case.
const TIME_NAMES: [&str; 5] = ["timestamp", "time", "ds", "date", "datetime"];

/// Where the columns of a layout stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Places {
    Wide { time: usize, series: Vec<usize> },
    Long { id: usize, time: usize, value: usize },
}

/// Finds the layout by the header.
pub(super) fn places(path: &str, header: &[String]) -> Result<Places> {
    distinct(path, header)?;
    let find = |name: &str| header.iter().position(|column| column == name);
    if let (Some(id), Some(time), Some(value)) = (find("unique_id"), find("ds"), find("y")) {
        return Ok(Places::Long { id, time, value });
    }
    let time = time_place(path, header, ", or `unique_id`, `ds` and `y`")?;
    if header.len() == 1 {
        return Err(Error::invalid(
            format!("{path}: header"),
            &header[time],
            format!("at least one series beside `{}`", header[time]),
        ));
    }
    Ok(Places::Wide {
        time,
        series: (0..header.len()).filter(|&place| place != time).collect(),
    })
}

/// Refuses columns without a name or with a name that another one has.
pub(super) fn distinct(path: &str, header: &[String]) -> Result<()> {
    let mut sorted: Vec<&String> = header.iter().collect();
    sorted.sort_unstable();
    if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Error::invalid(
            format!("{path}: header"),
            cut(pair[0]),
            "each column's name once",
        ));
    }
    if let Some(empty) = header.iter().position(String::is_empty) {
        return Err(Error::invalid(
            format!("{path}: header"),
            format!("column {} without a name", empty + 1),
            "named columns",
        ));
    }
    Ok(())
}

/// Where the times of a wide file stand: in `timestamp`, or else in a first column that is called like a time. A refusal names what else the
/// reader takes (`or`).
pub(super) fn time_place(path: &str, header: &[String], or: &str) -> Result<usize> {
    if let Some(place) = header.iter().position(|name| name == TIME_NAMES[0]) {
        return Ok(place);
    }
    let hint = if header.iter().any(|name| name.contains(';')) {
        "; there are semicolons in it: write commas between the columns"
    } else {
        ""
    };
    let refuse = |accepted: String| {
        Error::invalid(
            format!("{path}: header"),
            cut(&header.join(",")),
            format!("{accepted}{hint}"),
        )
    };
    let like_a_time = |name: &String| TIME_NAMES.iter().any(|known| name.eq_ignore_ascii_case(known));
    let Some(first) = header.first().filter(|name| like_a_time(name)) else {
        return Err(refuse(format!(
            "`timestamp` and one numeric column a series (its first column may also be called {}){or}",
            TIME_NAMES[1..].join(", ")
        )));
    };
    match header[1..].iter().find(|name| like_a_time(name)) {
        Some(other) => Err(refuse(format!(
            "one column with date and time, called `timestamp`: both `{first}` and `{other}` could be the time"
        ))),
        None => Ok(0),
    }
}

/// The columns of `header` that are not among `used`.
pub(super) fn others(header: &[String], used: &[usize]) -> Vec<String> {
    let unused = header.iter().enumerate().filter(|(place, _)| !used.contains(place));
    unused.map(|(_, name)| name.clone()).collect()
}
