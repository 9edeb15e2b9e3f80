//! The windows of one stream, in memory: what the windows table holds, without late events.

use std::collections::BTreeMap;

use arterial_datasets::stream::{Aggregate, StreamDefinition};
use arterial_datasets::time::{Duration, Timestamp};
use arterial_models::alerts::Place;
use serde_json::Value;

use super::AnyError;

/// What becomes of a number in a window.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
    last: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        let is_first = self.count == 0.0;
        self.count += 1.0;
        let off = value - self.mean;
        self.mean += off / self.count;
        self.squares += off * (value - self.mean);
        self.min = if is_first { value } else { self.min.min(value) };
        self.max = if is_first { value } else { self.max.max(value) };
        self.last = value;
    }

    fn get(&self, aggregate: Aggregate) -> f64 {
        match aggregate {
            _ if self.count == 0.0 => f64::NAN,
            Aggregate::Mean => self.mean,
            Aggregate::Min => self.min,
            Aggregate::Max => self.max,
            Aggregate::Last => self.last,
            Aggregate::Std if self.count < 2.0 => f64::NAN,
            Aggregate::Std => (self.squares / (self.count - 1.0)).max(0.0).sqrt(),
        }
    }
}

/// A window of a key that is open.
#[derive(Debug, Clone, Default)]
struct Open {
    events: f64,
    numbers: Vec<Moments>,
    counts: Vec<f64>,
}

/// The windows of a stream.
#[derive(Debug)]
pub struct Windows {
    stream: StreamDefinition,
    start: Timestamp,
    columns: Vec<String>,
    places: BTreeMap<String, Place>,
    open: BTreeMap<String, (usize, Open)>,
    /// By key, then window, then column; none where there is no row.
    rows: BTreeMap<String, Vec<Option<Vec<f64>>>>,
}

impl Windows {
    pub fn new(stream: &StreamDefinition, start: Timestamp) -> Self {
        let mut columns = vec!["events".to_owned()];
        let fields = stream.value_fields().chain(stream.category_fields());
        columns.extend(fields.flat_map(arterial_datasets::stream::Field::window_columns));
        Self {
            stream: stream.clone(),
            start,
            columns,
            places: BTreeMap::new(),
            open: BTreeMap::new(),
            rows: BTreeMap::new(),
        }
    }

    /// Takes an event; the events of a key come in order.
    pub fn add(&mut self, key: &str, time: Timestamp, payload: &[u8]) -> Result<(), AnyError> {
        let event: Value = serde_json::from_slice(payload)?;
        let window = ((time.0 - self.start.0) / self.step().0) as usize;
        if self.open.get(key).is_some_and(|(open, _)| *open < window) {
            self.close(key);
        }
        if !self.places.contains_key(key) {
            self.places.insert(key.to_owned(), place(&event));
        }
        let (_, open) = self
            .open
            .entry(key.to_owned())
            .or_insert_with(|| (window, Open::default()));
        open.events += 1.0;
        for (number, field) in self.stream.value_fields().enumerate() {
            open.numbers
                .resize(open.numbers.len().max(number + 1), Moments::default());
            if let Some(value) = at(&event, &field.path).and_then(Value::as_f64) {
                open.numbers[number].add(value);
            }
        }
        let categories = self
            .stream
            .category_fields()
            .flat_map(|field| field.values.iter().map(move |one| (field, one)));
        for (number, (field, value)) in categories.enumerate() {
            open.counts.resize(open.counts.len().max(number + 1), 0.0);
            if at(&event, &field.path).and_then(Value::as_str) == Some(value) {
                open.counts[number] += 1.0;
            }
        }
        Ok(())
    }

    fn close(&mut self, key: &str) {
        let Some((window, open)) = self.open.remove(key) else {
            return;
        };
        let mut row = vec![open.events];
        for (field, moments) in self.stream.value_fields().zip(&open.numbers) {
            row.extend(
                field
                    .window_aggregates()
                    .into_iter()
                    .map(|aggregate| moments.get(aggregate)),
            );
        }
        row.extend(open.counts);
        let rows = self.rows.entry(key.to_owned()).or_default();
        rows.resize(window, None);
        rows.push(Some(row));
    }

    pub fn start(&self) -> Timestamp {
        self.start
    }

    pub fn step(&self) -> Duration {
        self.stream.window
    }

    pub fn places(&self) -> &BTreeMap<String, Place> {
        &self.places
    }

    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.rows.keys()
    }

    /// The number of windows of the key that has most.
    pub fn len(&self) -> usize {
        self.rows.values().map(Vec::len).max().unwrap_or(0)
    }

    /// The values of `columns` of a window, NaN where there is none; none where the key has no row.
    pub fn row(&self, key: &str, window: usize, columns: &[String]) -> Option<Vec<f64>> {
        let row = self.rows.get(key)?.get(window)?.as_ref()?;
        let value = |name: &String| {
            let place = self.columns.iter().position(|column| column == name);
            place.map_or(f64::NAN, |place| row[place])
        };
        Some(columns.iter().map(value).collect())
    }
}

/// The value at a path of an event.
fn at<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(event, |value, name| value.get(name))
}

fn place(event: &Value) -> Place {
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    Place {
        lat: event["location"]["lat"].as_f64(),
        lon: event["location"]["lon"].as_f64(),
        zone_id: text("zone_id"),
        road_id: text("road_id"),
        road_name: text("road_name"),
        ..Place::default()
    }
}
