//! The speeds of windows as free flow takes them in: of each window, that of the newest revision that has one.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};
use hashbrown::HashMap;

use super::free_flow::{FreeFlow, LAST_CLASS, class};
use crate::Result;
use crate::intern::Interner;

/// The columns that speeds are read from.
pub(super) const COLUMNS: [&str; 4] = ["key", "window_start", "revision", "speed_kmh_mean"];

/// The speed of a sensor's window in one of its revisions.
pub(super) struct Speed<'a> {
    pub key: &'a str,
    pub start: i64,
    pub revision: i32,
    pub kmh: f64,
}

/// The speeds of these windows, all revisions that have one.
pub(super) fn speeds(rows: &RecordBatch) -> impl Iterator<Item = Speed<'_>> {
    let keys = rows["key"].as_string::<i32>();
    let starts = rows["window_start"].as_primitive::<TimestampMicrosecondType>();
    let revisions = rows["revision"].as_primitive::<Int32Type>();
    let speeds = rows["speed_kmh_mean"].as_primitive::<Float64Type>();
    let with_speed = (0..rows.num_rows()).filter(move |row| speeds.is_valid(*row));
    with_speed.map(move |row| Speed {
        key: keys.value(row),
        start: starts.value(row),
        revision: revisions.value(row),
        kmh: speeds.value(row),
    })
}

/// What stands at the place of a window.
#[derive(Clone, Copy)]
struct Cell {
    revision: i32,
    /// None where the speed is none that counts.
    class: Option<u8>,
}

/// Where there is no row of a window yet.
const EMPTY: Cell = Cell {
    revision: i32::MIN,
    class: None,
};

/// The speeds of one UTC day. Rows and revisions may come in any order.
///
/// # Memory
/// Eight bytes a sensor and window: 23 MB for 10,000 sensors in windows of five minutes.
#[derive(Default)]
pub(super) struct DaySpeeds {
    sensors: Interner,
    /// The place of each start among a sensor's cells.
    starts: HashMap<i64, usize>,
    /// By sensor, then by the place of the start.
    cells: Vec<Vec<Cell>>,
}

impl DaySpeeds {
    /// Takes rows of the day in.
    ///
    /// # Errors
    /// More sensors than can be told apart.
    pub(super) fn take(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut last: Option<(&str, u32)> = None;
        for row in speeds(rows) {
            // A file that was compacted has all rows of a sensor together.
            let sensor = match last {
                Some((key, sensor)) if key == row.key => sensor,
                _ => self.sensors.intern(row.key)?,
            };
            last = Some((row.key, sensor));
            let next = self.starts.len();
            let place = *self.starts.entry(row.start).or_insert(next);
            let cell = self.cell(sensor as usize, place);
            if cell.revision <= row.revision {
                *cell = Cell {
                    revision: row.revision,
                    class: class(row.kmh),
                };
            }
        }
        Ok(())
    }

    fn cell(&mut self, sensor: usize, place: usize) -> &mut Cell {
        if self.cells.len() <= sensor {
            self.cells.resize(sensor + 1, Vec::new());
        }
        let cells = &mut self.cells[sensor];
        if cells.len() <= place {
            cells.resize(place + 1, EMPTY);
        }
        &mut cells[place]
    }

    /// Puts the day into `free_flow`.
    pub(super) fn enter(&self, day: i64, free_flow: &mut FreeFlow) {
        for (sensor, cells) in (0..).zip(&self.cells) {
            let mut counts = [0_u16; LAST_CLASS as usize + 1];
            for class in cells.iter().filter_map(|cell| cell.class) {
                let count = &mut counts[usize::from(class)];
                *count = count.saturating_add(1);
            }
            let counts: Vec<(u8, u16)> = (0..=LAST_CLASS).zip(counts).filter(|(_, count)| *count > 0).collect();
            if !counts.is_empty() {
                free_flow.enter(self.sensors.name(sensor), day, counts);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray, TimestampMicrosecondArray};
    use arterial_datasets::time::{DAY, MINUTE, Timestamp};

    use super::*;

    /// Sensor, number of the window, revision, speed.
    type Row = (&'static str, i64, i32, Option<f64>);

    const TODAY: i64 = 100;

    fn start(window: i64) -> i64 {
        TODAY * DAY + window * 5 * MINUTE
    }

    fn batch(rows: &[Row]) -> RecordBatch {
        let keys: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0)));
        let starts = rows.iter().map(|row| start(row.1));
        let starts: ArrayRef = Arc::new(TimestampMicrosecondArray::from_iter_values(starts));
        let revisions: ArrayRef = Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2)));
        let speeds: ArrayRef = Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>());
        let columns = COLUMNS.into_iter().zip([keys, starts, revisions, speeds]);
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// Windows of up to three revisions, some without speed, one with a speed that does not count.
    fn windows() -> Vec<Row> {
        let mut rows: Vec<Row> = vec![("c", 0, 0, None), ("d", 0, 0, Some(50.0)), ("d", 0, 1, Some(f64::NAN))];
        for sensor in ["b", "a"] {
            for window in 0..60_i32 {
                for revision in 0..=window % 3 {
                    let speed = f64::from((window * 37 + revision * 11) % 90);
                    let speed = (window % 7 != 3 || revision != 1).then_some(speed);
                    rows.push((sensor, i64::from(window), revision, speed));
                }
            }
        }
        rows
    }

    fn free_flow(batches: &[RecordBatch]) -> FreeFlow {
        let (mut day, mut free_flow) = (DaySpeeds::default(), FreeFlow::default());
        for batch in batches {
            day.take(batch).unwrap();
        }
        day.enter(TODAY, &mut free_flow);
        free_flow
    }

    #[test]
    fn the_newest_speed_of_each_window_counts_in_whatever_order_rows_come() {
        let rows = windows();
        let mut newest: BTreeMap<(&str, i64), (i32, f64)> = BTreeMap::new();
        for (sensor, window, revision, speed) in &rows {
            if let Some(speed) = speed {
                let known = newest.entry((*sensor, *window)).or_insert((*revision, *speed));
                if known.0 < *revision {
                    *known = (*revision, *speed);
                }
            }
        }
        let mut expected = FreeFlow::default();
        for ((sensor, window), (_, speed)) in newest {
            expected.observe(sensor, Timestamp(start(window)), speed);
        }
        assert_eq!(expected.sensors(), 2, "neither `c` nor `d` has a speed that counts");

        let backward: Vec<Row> = rows.iter().rev().copied().collect();
        let mut by_window = rows.clone();
        by_window.sort_by_key(|row| (row.1, row.2));
        for rows in [&rows, &backward, &by_window] {
            assert_eq!(free_flow(&[batch(rows)]), expected);
            let (first, second) = rows.split_at(rows.len() / 3);
            assert_eq!(free_flow(&[batch(first), batch(second)]), expected);
        }
    }
}
