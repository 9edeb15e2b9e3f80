//! Reads the columns of a windows batch that live state needs.

use arrow::array::{Array, AsArray, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Float64Type, Int32Type, TimestampMicrosecondType};

use arterial_datasets::stream::{Aggregate, StreamDefinition};

use crate::{Error, Result};

/// The windows column that a forecast of `field` is about: the mean of a value field or, where the stream keeps none,
/// the first aggregate that it keeps; an aggregate's own name, such as `speed_kmh_max`, means itself. None where the
/// stream has neither.
pub fn target_column(stream: &StreamDefinition, field: &str) -> Option<String> {
    let Some(definition) = stream.value_fields().find(|one| one.column() == field) else {
        let aggregates = stream.value_fields().flat_map(|one| {
            one.window_aggregates()
                .into_iter()
                .map(move |kept| format!("{}_{}", one.column(), kept.suffix()))
        });
        return aggregates.into_iter().find(|name| name == field);
    };
    let kept = definition.window_aggregates();
    let aggregate = kept.iter().find(|one| **one == Aggregate::Mean).or(kept.first())?;
    Some(format!("{field}_{}", aggregate.suffix()))
}

/// The numbers of a stream that can be forecast.
pub fn target_fields(stream: &StreamDefinition) -> Vec<String> {
    let fields = stream
        .value_fields()
        .filter(|field| !field.window_aggregates().is_empty());
    fields.map(arterial_datasets::stream::Field::column).collect()
}

/// The columns that say whose windows they are. The zone is absent where only values were read.
pub(super) struct WindowColumns<'a> {
    pub keys: &'a StringArray,
    pub zones: Option<&'a StringArray>,
    pub starts: &'a TimestampMicrosecondArray,
    pub revisions: &'a Int32Array,
}

impl<'a> WindowColumns<'a> {
    pub fn of(batch: &'a RecordBatch) -> Result<Self> {
        Ok(Self {
            keys: column(batch, "key")?
                .as_string_opt()
                .ok_or_else(|| wrong("key", "Utf8"))?,
            zones: match batch.column_by_name("zone_id") {
                Some(zones) => Some(zones.as_string_opt().ok_or_else(|| wrong("zone_id", "Utf8"))?),
                None => None,
            },
            starts: column(batch, "window_start")?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or_else(|| wrong("window_start", "Timestamp(us)"))?,
            revisions: column(batch, "revision")?
                .as_primitive_opt::<Int32Type>()
                .ok_or_else(|| wrong("revision", "Int32"))?,
        })
    }

    pub fn zone(&self, row: usize) -> Option<&'a str> {
        text(self.zones, row)
    }
}

pub(super) fn floats<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float64Array> {
    column(batch, name)?
        .as_primitive_opt::<Float64Type>()
        .ok_or_else(|| wrong(name, "Float64"))
}

/// The columns that say where a key is, as far as a batch has them.
pub(super) struct PlaceColumns<'a> {
    pub road_id: Option<&'a StringArray>,
    pub road_name: Option<&'a StringArray>,
    pub name: Option<&'a StringArray>,
    pub lat: Option<&'a Float64Array>,
    pub lon: Option<&'a Float64Array>,
}

impl<'a> PlaceColumns<'a> {
    /// Their names in the windows table.
    pub const NAMES: [&'static str; 5] = ["road_id_last", "road_name_last", "name_last", "lat_last", "lon_last"];

    pub fn of(batch: &'a RecordBatch) -> Self {
        let [road_id, road_name, name, lat, lon] = Self::NAMES.map(|name| batch.column_by_name(name));
        Self {
            road_id: road_id.and_then(|column| column.as_string_opt()),
            road_name: road_name.and_then(|column| column.as_string_opt()),
            name: name.and_then(|column| column.as_string_opt()),
            lat: lat.and_then(|column| column.as_primitive_opt()),
            lon: lon.and_then(|column| column.as_primitive_opt()),
        }
    }
}

impl PlaceColumns<'_> {
    /// Whether the batch has none of them.
    pub fn are_absent(&self) -> bool {
        let texts = [self.road_id, self.road_name, self.name];
        texts.iter().all(Option::is_none) && self.lat.is_none() && self.lon.is_none()
    }

    /// Whether a row says everything that the batch has columns for.
    pub fn are_whole(&self, row: usize) -> bool {
        let texts = [self.road_id, self.road_name, self.name];
        let numbers = [self.lat, self.lon];
        texts.into_iter().flatten().all(|column| !column.is_null(row))
            && numbers.into_iter().flatten().all(|column| !column.is_null(row))
    }
}

/// A text, or none where the column is absent or null.
pub(super) fn text(column: Option<&StringArray>, row: usize) -> Option<&str> {
    column
        .filter(|column| !column.is_null(row))
        .map(|column| column.value(row))
}

/// A number, or none where the column is absent or null.
pub(super) fn number(column: Option<&Float64Array>, row: usize) -> Option<f64> {
    column
        .filter(|column| !column.is_null(row))
        .map(|column| column.value(row))
}

/// A value, or NaN where it is null.
pub(super) fn float_or_nan(values: &Float64Array, row: usize) -> f64 {
    if values.is_null(row) {
        f64::NAN
    } else {
        values.value(row)
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a arrow::array::ArrayRef> {
    batch
        .column_by_name(name)
        .ok_or_else(|| wrong(name, "a column of the windows table"))
}

fn wrong(name: &str, accepted: &str) -> Error {
    Error::invalid("windows batch", name, accepted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arterial_datasets::stream::StreamCatalog;

    #[test]
    fn a_target_is_the_mean_of_its_field_or_an_aggregate_by_name() {
        let catalog = StreamCatalog::built_in().unwrap();
        let stream = catalog.get("traffic-sensors").unwrap();
        assert_eq!(target_column(stream, "speed_kmh").as_deref(), Some("speed_kmh_mean"));
        assert_eq!(target_column(stream, "speed_kmh_max").as_deref(), Some("speed_kmh_max"));
        assert_eq!(target_column(stream, "congestion_level"), None);
        assert!(target_fields(stream).contains(&"vehicle_flow".to_owned()));
    }
}
