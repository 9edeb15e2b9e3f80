//! From windows of sensors to indices of zones.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};

use arterial_datasets::schema;
use arterial_datasets::time::Timestamp;

use super::formula::{ARTERIAL, CITY_PLATFORM, city_platform_index, congestion, jam_factor, mobility_index};
use super::free_flow::FreeFlow;
use crate::intern::Interner;
use crate::{Error, Result};

/// The column of a window's mean speed, km/h.
const SPEED: &str = "speed_kmh_mean";
/// The column of a window's mean occupancy, percent.
const OCCUPANCY: &str = "occupancy_percent_mean";
/// The columns that indices are derived from.
pub(super) const COLUMNS: [&str; 6] = ["key", "zone_id", "window_start", "revision", SPEED, OCCUPANCY];

/// A sensor's window.
struct Window {
    zone: u32,
    sensor: u32,
    revision: i32,
    speed: Option<f64>,
    occupancy: Option<f64>,
}

/// A row of the result.
struct Index {
    zone: u32,
    start: i64,
    revision: i32,
    congestion: Option<f64>,
    mobility: Option<f64>,
    formula: &'static str,
    inputs: i64,
}

/// Computes the indices of every zone and window in `rows`, which are windows of traffic sensors.
///
/// `rows` holds every sensor of each zone and window that is to be computed; of several revisions of one window the
/// newest counts. A zone's congestion is the mean over its sensors with one; its index needs speed and occupancy.
/// `inputs` counts the sensors that gave a speed. `revision` counts the rows of windows that went in so far, less one: it
/// grows with each revision and with each sensor that reports late. Sensors without zone are passed over, and so are zones without any value under a formula.
///
/// # Shapes
/// The result has the schema of the table `indices`, ordered by zone, window and formula.
///
/// # Errors
/// Columns that are missing or of another type than in the windows' schema.
pub fn derive(rows: &RecordBatch, free_flow: &FreeFlow, committed_at: Timestamp) -> Result<RecordBatch> {
    let mut derivation = Derivation::default();
    derivation.take(rows)?;
    while derivation.step(free_flow) {}
    derivation.finish(committed_at)
}

/// Windows of traffic sensors on their way to indices: rows go in, then one window after the other is computed.
#[derive(Default)]
pub(super) struct Derivation {
    zones: Interner,
    sensors: Interner,
    /// By start.
    windows: BTreeMap<i64, Vec<Window>>,
    /// The place of each sensor in the order of their names.
    ranks: Vec<u32>,
    /// Of each sensor, the day that its free-flow speed was looked up for last, and that speed.
    free: Vec<Option<(i64, Option<f64>)>>,
    indices: Vec<Index>,
}

impl Derivation {
    /// Takes rows in.
    ///
    /// # Errors
    /// As [`derive`].
    pub(super) fn take(&mut self, rows: &RecordBatch) -> Result<()> {
        let keys = column(rows, "key")?
            .as_string_opt::<i32>()
            .ok_or_else(|| wrong("key"))?;
        let zones = column(rows, "zone_id")?
            .as_string_opt::<i32>()
            .ok_or_else(|| wrong("zone_id"))?;
        let starts = column(rows, "window_start")?
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| wrong("window_start"))?;
        let revisions = column(rows, "revision")?
            .as_primitive_opt::<Int32Type>()
            .ok_or_else(|| wrong("revision"))?;
        let speeds = column(rows, SPEED)?
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| wrong(SPEED))?;
        let occupancies = column(rows, OCCUPANCY)?
            .as_primitive_opt::<Float64Type>()
            .ok_or_else(|| wrong(OCCUPANCY))?;
        for row in (0..rows.num_rows()).filter(|row| zones.is_valid(*row)) {
            let window = Window {
                zone: self.zones.intern(zones.value(row))?,
                sensor: self.sensors.intern(keys.value(row))?,
                revision: revisions.value(row),
                speed: number(speeds, row),
                occupancy: number(occupancies, row),
            };
            self.windows.entry(starts.value(row)).or_default().push(window);
        }
        Ok(())
    }

    /// Computes all zones of the earliest window that is left; `false` where none is.
    pub(super) fn step(&mut self, free_flow: &FreeFlow) -> bool {
        let Some((start, mut windows)) = self.windows.pop_first() else {
            return false;
        };
        if self.ranks.len() < self.sensors.len() {
            self.ranks = ranked(&self.sensors);
            self.free.resize(self.ranks.len(), None);
        }
        // Sums are made in the order of names, so that the order of rows changes no bit of them.
        let ranks = &self.ranks;
        windows.sort_by_key(|window| (window.zone, ranks[window.sensor as usize], Reverse(window.revision)));
        windows.dedup_by_key(|window| (window.zone, window.sensor));
        for zone in windows.chunk_by(|left, right| left.zone == right.zone) {
            self.compute(start, zone, free_flow);
        }
        true
    }

    /// The indices of one zone in the window that starts at `start`.
    fn compute(&mut self, start: i64, windows: &[Window], free_flow: &FreeFlow) {
        let speeds: Vec<f64> = windows.iter().filter_map(|window| window.speed).collect();
        let jams = windows.iter().filter_map(|window| {
            congestion(
                window.speed,
                self.free_speed(window.sensor, Timestamp(start), free_flow),
            )
        });
        let jam = mean(jams.collect());
        let occupancy = mean(windows.iter().filter_map(|window| window.occupancy).collect());
        let inputs = speeds.len() as i64;
        let revision = windows.iter().fold(-1_i32, |sum, window| {
            sum.saturating_add(window.revision).saturating_add(1)
        });
        let speed = mean(speeds);
        for (formula, congestion, mobility) in [
            (ARTERIAL, jam, mobility_index(jam, occupancy)),
            (CITY_PLATFORM, None, city_platform_index(speed, occupancy)),
        ] {
            if congestion.is_some() || mobility.is_some() {
                self.indices.push(Index {
                    zone: windows[0].zone,
                    start,
                    revision,
                    congestion,
                    mobility,
                    formula,
                    inputs,
                });
            }
        }
    }

    /// The free-flow speed of a sensor, which is the same for all windows of a day: it is looked up once.
    fn free_speed(&mut self, sensor: u32, start: Timestamp, free_flow: &FreeFlow) -> Option<f64> {
        let known = &mut self.free[sensor as usize];
        if let Some((day, speed)) = *known
            && day == start.day()
        {
            return speed;
        }
        let speed = free_flow.speed(self.sensors.name(sensor), start);
        *known = Some((start.day(), speed));
        speed
    }

    /// What was computed.
    ///
    /// # Errors
    /// None but Arrow's own.
    pub(super) fn finish(mut self, committed_at: Timestamp) -> Result<RecordBatch> {
        let zones = &self.zones;
        self.indices.sort_by_key(|index| (zones.name(index.zone), index.start));
        batch(zones, &self.indices, committed_at)
    }
}

/// The place of each text in the order of all.
fn ranked(names: &Interner) -> Vec<u32> {
    let mut order: Vec<u32> = (0..names.len() as u32).collect();
    order.sort_unstable_by_key(|number| names.name(*number));
    let mut ranks = vec![0; order.len()];
    for (rank, number) in (0..).zip(order) {
        ranks[number as usize] = rank;
    }
    ranks
}

fn column<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    rows.column_by_name(name)
        .ok_or_else(|| Error::invalid("column", format!("no `{name}`"), "the columns of traffic windows"))
}

fn wrong(name: &str) -> Error {
    Error::invalid(name, "a column of another type", "the types of traffic windows")
}

fn number(values: &Float64Array, row: usize) -> Option<f64> {
    (values.is_valid(row) && values.value(row).is_finite()).then(|| values.value(row))
}

fn mean(values: Vec<f64>) -> Option<f64> {
    let count = values.len();
    (count > 0).then(|| values.into_iter().sum::<f64>() / count as f64)
}

fn batch(zones: &Interner, indices: &[Index], committed_at: Timestamp) -> Result<RecordBatch> {
    let numbers = |number: fn(&Index) -> Option<f64>| indices.iter().map(number).collect::<Float64Array>();
    let starts = indices.iter().map(|index| index.start);
    let instants = |values: Vec<i64>| TimestampMicrosecondArray::from(values).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(
            indices.iter().map(|index| zones.name(index.zone)),
        )),
        Arc::new(instants(starts.clone().collect())),
        Arc::new(Int32Array::from_iter_values(indices.iter().map(|index| index.revision))),
        Arc::new(numbers(|index| index.congestion)),
        Arc::new(numbers(|index| jam_factor(index.congestion))),
        Arc::new(numbers(|index| index.mobility)),
        Arc::new(StringArray::from_iter_values(indices.iter().map(|index| index.formula))),
        Arc::new(Int64Array::from_iter_values(indices.iter().map(|index| index.inputs))),
        Arc::new(instants(vec![committed_at.0; indices.len()])),
        Arc::new(Date32Array::from_iter_values(
            starts.map(|start| Timestamp(start).day() as i32),
        )),
    ];
    Ok(RecordBatch::try_new(schema::indices(), columns)?)
}

#[cfg(test)]
mod tests {
    use arrow::array::{StringBuilder, new_null_array};
    use arterial_datasets::stream::StreamCatalog;

    use super::*;

    type Row = (&'static str, Option<&'static str>, i32, Option<f64>, Option<f64>);

    /// Traffic windows of one start, every other column filled with what its type allows.
    fn windows(rows: &[Row]) -> RecordBatch {
        let catalog = StreamCatalog::built_in().unwrap();
        let full = schema::windows(catalog.get("traffic-sensors").unwrap());
        let mut zones = StringBuilder::new();
        for row in rows {
            zones.append_option(row.1);
        }
        let columns = full.fields().iter().map(|field| -> ArrayRef {
            match field.name().as_str() {
                "key" => Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.0))),
                "zone_id" => Arc::new(zones.finish()),
                "window_start" => {
                    Arc::new(TimestampMicrosecondArray::from(vec![300_000_000; rows.len()]).with_timezone("UTC"))
                }
                "revision" => Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2))),
                SPEED => Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>()),
                OCCUPANCY => Arc::new(rows.iter().map(|row| row.4).collect::<Float64Array>()),
                _ => new_null_array(field.data_type(), rows.len()),
            }
        });
        let fields: Vec<_> = full
            .fields()
            .iter()
            .map(|field| field.as_ref().clone().with_nullable(true))
            .collect();
        RecordBatch::try_new(Arc::new(arrow::datatypes::Schema::new(fields)), columns.collect()).unwrap()
    }

    fn free_flow() -> FreeFlow {
        let mut tracker = FreeFlow::default();
        for sensor in ["a", "b", "c"] {
            tracker.observe(sensor, Timestamp(0), 50.0);
        }
        tracker
    }

    #[test]
    fn a_zone_is_the_mean_of_its_sensors_newest_windows() {
        let mut rows = windows(&[
            ("a", Some("z1"), 0, Some(10.0), Some(50.0)),
            ("a", Some("z1"), 2, Some(25.25), Some(30.0)),
            ("b", Some("z1"), 1, Some(75.0), Some(10.0)),
            ("c", Some("z1"), 0, None, None),
            ("c", None, 0, Some(1.0), Some(1.0)),
        ]);
        for _ in 0..2 {
            let indices = derive(&rows, &free_flow(), Timestamp(9)).unwrap();
            assert_eq!(indices.schema(), schema::indices());
            assert_eq!(indices.num_rows(), 2, "one row a formula");
            let value = |name: &str, row: usize| {
                indices
                    .column_by_name(name)
                    .unwrap()
                    .as_primitive::<Float64Type>()
                    .value(row)
            };
            assert_eq!((value("congestion", 0), value("jam_factor", 0)), (0.25, 2.5));
            assert!((value("mobility_index", 0) - 100.0 * (0.6 * 0.75 + 0.4 * 0.8)).abs() < 1e-9);
            assert!((value("mobility_index", 1) - (50.125 / 50.0 * 0.6 + 0.8 * 0.4) * 100.0).abs() < 1e-9);
            assert!(indices.column_by_name("congestion").unwrap().is_null(1));
            let inputs = indices
                .column_by_name("inputs")
                .unwrap()
                .as_primitive::<arrow::datatypes::Int64Type>()
                .value(0);
            let revision = indices
                .column_by_name("revision")
                .unwrap()
                .as_primitive::<Int32Type>()
                .value(0);
            assert_eq!((inputs, revision), (2, 5));
            let order = arrow::array::UInt32Array::from(vec![4, 3, 2, 1, 0]);
            rows = arrow::compute::take_record_batch(&rows, &order).unwrap();
        }
    }

    #[test]
    fn no_input_gives_no_row() {
        let rows = windows(&[
            ("a", Some("z1"), 0, None, Some(10.0)),
            ("unknown", Some("z2"), 0, Some(10.0), None),
        ]);
        assert_eq!(derive(&rows, &free_flow(), Timestamp(9)).unwrap().num_rows(), 0);
        let rows = windows(&[("a", Some("z1"), 0, Some(50.5), None)]);
        let indices = derive(&rows, &free_flow(), Timestamp(9)).unwrap();
        assert!(indices.column_by_name("mobility_index").unwrap().is_null(0));
        assert_eq!(indices.num_rows(), 1);
    }

    #[test]
    fn a_batch_of_something_else_is_refused() {
        let error = derive(&RecordBatch::new_empty(schema::indices()), &free_flow(), Timestamp(9)).unwrap_err();
        assert!(error.to_string().contains("key"), "{error}");
    }
}
