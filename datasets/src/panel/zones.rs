//! The zones of series: which of them belong together.

use std::collections::HashMap;
use std::path::Path;

use super::graph::cells;
use crate::Result;

/// The column of a file of attributes that names the zone of each series.
pub(super) const ZONE: &str = "zone_id";

/// Reads the zone of each of `series` from a file of attributes (CSV or Parquet): its first column names a series, the column
/// `zone_id` its zone. A series without a row or with an empty cell has none; without such a column nothing is known of any.
///
/// # Errors
/// A file that cannot be read.
pub fn read_zones(path: &Path, series: &[String]) -> Result<Vec<Option<String>>> {
    let (header, rows) = cells(path)?;
    let Some(column) = (1..header.len()).find(|&column| header[column] == ZONE) else {
        return Ok(Vec::new());
    };
    let mut zones = HashMap::new();
    for record in &rows {
        if let (Some(name), Some(zone)) = (record.first(), record.get(column)) {
            zones.insert(name, zone);
        }
    }
    let named = |name: &String| zones.get(name).filter(|zone| !zone.is_empty());
    Ok(series.iter().map(|name| Some((*named(name)?).clone())).collect())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Vec<Option<String>> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read_zones(file.path(), &["a".into(), "b".into(), "c".into()]).unwrap()
    }

    #[test]
    fn zones_are_read_by_series_and_an_empty_cell_is_none() {
        let zones = read("sensor,lanes,zone_id\nc,2,\na,3,north\n");
        assert_eq!(zones, [Some("north".to_owned()), None, None]);
    }

    #[test]
    fn a_file_without_the_column_says_nothing_of_zones() {
        assert!(read("sensor,lanes\na,3\n").is_empty());
    }
}
