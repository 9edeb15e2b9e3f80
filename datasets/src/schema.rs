//! The schemas of the tables: the same in the lake, over Flight and in SQL.
//!
//! Times are UTC microseconds. Columns whose names begin with `_` serve the service itself and are not shown over Flight.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

use crate::stream::{FieldType, Role, StreamDefinition};

/// The column that window tables are partitioned by: the UTC day of `window_start`.
pub const DAY_COLUMN: &str = "day";
/// The hidden column that holds what a later revision of a window needs.
pub const STATE_COLUMN: &str = "_state";

/// The type of every instant: UTC microseconds.
#[must_use]
pub fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn required(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, false)
}

fn nullable(name: &str, kind: DataType) -> Field {
    Field::new(name, kind, true)
}

/// `<topic>_windows`: one row a key, window and revision.
///
/// `is_final` says that no later revision can come: the watermark has passed the window's end by the stream's revision
/// horizon, and the row is the newest. It is written with rows that are past it already, and set by maintenance in the
/// others; `<topic>_latest` works it out at each reading.
#[must_use]
pub fn windows(stream: &StreamDefinition) -> SchemaRef {
    let mut fields = vec![
        required("key", DataType::Utf8),
        nullable("zone_id", DataType::Utf8),
        required("window_start", instant()),
        required("revision", DataType::Int32),
        required("events", DataType::Int64),
        required("duplicates", DataType::Int64),
        required("quality", DataType::Float64),
    ];
    for field in stream.value_fields() {
        let unit = field.unit.clone().unwrap_or_default();
        for name in field.window_columns() {
            fields.push(nullable(&name, DataType::Float64).with_metadata([("unit".into(), unit.clone())].into()));
        }
    }
    for field in stream.category_fields() {
        let columns = field.window_columns();
        fields.extend(columns.iter().map(|name| required(name, DataType::Int64)));
    }
    for field in stream.descriptive_fields() {
        let kind = match field.kind {
            FieldType::Text => DataType::Utf8,
            _ => DataType::Float64,
        };
        let unit = field.unit.clone().unwrap_or_default();
        for name in field.window_columns() {
            fields.push(nullable(&name, kind.clone()).with_metadata([("unit".into(), unit.clone())].into()));
        }
    }
    fields.push(required("is_final", DataType::Boolean));
    fields.push(required("committed_at", instant()));
    fields.push(required(DAY_COLUMN, DataType::Date32));
    fields.push(nullable(STATE_COLUMN, DataType::Binary));
    Arc::new(Schema::new(fields))
}

/// `<topic>_events`: the raw events of an archived stream. Personal fields hold a keyed hash (32 hexadecimal digits).
#[must_use]
pub fn events(stream: &StreamDefinition) -> SchemaRef {
    let mut fields = vec![
        required("key", DataType::Utf8),
        required("event_time", instant()),
        required("partition", DataType::Int32),
        required("offset", DataType::Int64),
    ];
    for field in &stream.fields {
        let kind = match (field.role, field.kind) {
            (Role::Personal, _) | (_, FieldType::Text) => DataType::Utf8,
            (_, FieldType::Float) => DataType::Float64,
            (_, FieldType::Int) => DataType::Int64,
            (_, FieldType::Bool) => DataType::Boolean,
            (_, FieldType::Timestamp) => instant(),
        };
        fields.push(nullable(&field.column(), kind));
    }
    fields.push(required(DAY_COLUMN, DataType::Date32));
    Arc::new(Schema::new(fields))
}

/// `quarantine`: every record that could not be taken, with the reason.
#[must_use]
pub fn quarantine() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("topic", DataType::Utf8),
        required("partition", DataType::Int32),
        required("offset", DataType::Int64),
        required("received_at", instant()),
        required("reason", DataType::Utf8),
        required("detail", DataType::Utf8),
        nullable("payload", DataType::Binary),
        required("payload_bytes", DataType::Int64),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

/// `indices`: congestion and mobility per zone and window.
#[must_use]
pub fn indices() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("zone_id", DataType::Utf8),
        required("window_start", instant()),
        required("revision", DataType::Int32),
        nullable("congestion", DataType::Float64),
        nullable("jam_factor", DataType::Float64),
        nullable("mobility_index", DataType::Float64),
        required("formula", DataType::Utf8),
        required("inputs", DataType::Int64),
        required("committed_at", instant()),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

/// `forecasts`: one row a key, origin and horizon.
#[must_use]
pub fn forecasts() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("topic", DataType::Utf8),
        required("key", DataType::Utf8),
        required("target", DataType::Utf8),
        required("origin", instant()),
        required("target_time", instant()),
        required("horizon_minutes", DataType::Int32),
        required("model", DataType::Utf8),
        required("model_version", DataType::Utf8),
        required("p50", DataType::Float64),
        nullable("p10", DataType::Float64),
        nullable("p90", DataType::Float64),
        required("step_of_ladder", DataType::Utf8),
        required("data_digest", DataType::Utf8),
        required("issued_at", instant()),
        nullable("newest_window", instant()),
        nullable("newest_revision", DataType::Int32),
        nullable("revised_windows", DataType::Int32),
        nullable("instance_since", instant()),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

/// `alerts`: one row an alert and revision. `sequence` counts the revisions of all alerts.
#[must_use]
pub fn alerts() -> SchemaRef {
    let key = Arc::new(nullable("item", DataType::Utf8));
    let text = |name| required(name, DataType::Utf8);
    let known_text = |name| nullable(name, DataType::Utf8);
    let known_number = |name| nullable(name, DataType::Float64);
    Arc::new(Schema::new(vec![
        text("alert_id"),
        required("revision", DataType::Int32),
        required("sequence", DataType::Int64),
        text("kind"),
        text("severity"),
        text("state"),
        required("citywide", DataType::Boolean),
        text("topic"),
        text("target"),
        known_text("zone_id"),
        required("keys", DataType::List(key)),
        text("place_key"),
        known_number("lat"),
        known_number("lon"),
        known_text("road_id"),
        known_text("road_name"),
        required("since", instant()),
        required("opened_at", instant()),
        required("peak_at", instant()),
        required("updated_at", instant()),
        nullable("closed_at", instant()),
        nullable("estimated_end", instant()),
        required("score", DataType::Float64),
        required("certainty", DataType::Float64),
        known_number("impact"),
        known_number("seen"),
        known_number("expected_low"),
        known_number("expected_high"),
        text("cause"),
        text("symptom"),
        known_number("symptom_value"),
        text("evidence"),
        text("text"),
        known_text("held_back_by"),
        known_text("merged_into"),
        known_text("acknowledged_by"),
        nullable("acknowledged_at", instant()),
        known_text("judgement"),
        required(DAY_COLUMN, DataType::Date32),
        known_text(STATE_COLUMN),
    ]))
}

/// `alert_dead_letters`: one row for each revision of an alert that a sink did not take, and one more once it took it.
#[must_use]
pub fn alert_dead_letters() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("sink", DataType::Utf8),
        required("alert_id", DataType::Utf8),
        required("revision", DataType::Int32),
        required("sequence", DataType::Int64),
        required("state", DataType::Utf8),
        required("reason", DataType::Utf8),
        required("at", instant()),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

/// `alert_deliveries`: one row for each revision of an alert that a sink took.
#[must_use]
pub fn alert_deliveries() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("sink", DataType::Utf8),
        required("alert_id", DataType::Utf8),
        required("revision", DataType::Int32),
        required("sequence", DataType::Int64),
        required("delivered_at", instant()),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

/// `alert_signals`: what detectors said of windows that were strange, or not far from it. 1.0 is the line of `score`.
#[must_use]
pub fn alert_signals() -> SchemaRef {
    let known_number = |name| nullable(name, DataType::Float64);
    Arc::new(Schema::new(vec![
        required("topic", DataType::Utf8),
        required("key", DataType::Utf8),
        nullable("zone_id", DataType::Utf8),
        required("window_start", instant()),
        required("detector", DataType::Utf8),
        required("target", DataType::Utf8),
        required("score", DataType::Float64),
        required("reason", DataType::Utf8),
        known_number("reason_value"),
        known_number("seen"),
        known_number("expected_low"),
        known_number("expected_middle"),
        known_number("expected_high"),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

/// `hot_spots`: looks at where congestion or incidents cluster, those in which names came or went and some between them. `geojson` is what the
/// next look goes on from.
#[must_use]
pub fn hot_spots() -> SchemaRef {
    Arc::new(Schema::new(vec![
        required("kind", DataType::Utf8),
        required("looked_at", instant()),
        required("geojson", DataType::Utf8),
        required(DAY_COLUMN, DataType::Date32),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::StreamCatalog;

    #[test]
    fn the_promised_alert_columns_exist() {
        let schema = alerts();
        for name in [
            "alert_id",
            "kind",
            "severity",
            "state",
            "opened_at",
            "closed_at",
            "zone_id",
            "keys",
            "score",
            "seen",
            "expected_low",
            "expected_high",
            "cause",
            "text",
            "revision",
        ] {
            assert!(schema.field_with_name(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn the_promised_window_columns_exist() {
        let catalog = StreamCatalog::built_in().unwrap();
        let schema = windows(catalog.get("traffic-sensors").unwrap());
        for name in [
            "key",
            "zone_id",
            "speed_kmh_mean",
            "vehicle_flow_std",
            "congestion_level_high_count",
            "road_id_last",
            "lat_last",
            "is_final",
        ] {
            assert!(schema.field_with_name(name).is_ok(), "{name}");
        }
    }
}
