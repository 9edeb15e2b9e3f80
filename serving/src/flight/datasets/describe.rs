//! What each column means, and in which unit: schemas carry it as the metadata `description` and `unit`.

use arrow::datatypes::Field;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};

/// Columns of our tables, by name; a name means the same wherever it stands, unless the table is said.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("key", "", "What the row is about: the stream's key, such as a sensor"),
    ("zone_id", "", "The zone that the key lies in"),
    ("window_start", "UTC", "When the half-open window begins"),
    (
        "revision",
        "",
        "0 for the first version of the row, one more for each later one",
    ),
    ("events", "count", "Distinct events in the window"),
    ("duplicates", "count", "Events of the window that were repeats"),
    (
        "quality",
        "0..1",
        "Share of the window's events that their reporter called good",
    ),
    ("is_final", "", "Whether no later revision can come"),
    ("road_id_last", "", "The road that the key was on, by its id"),
    ("road_name_last", "", "The road's name"),
    ("name_last", "", "What the key is called"),
    ("lat_last", "°", "Where the key was: its latitude"),
    ("lon_last", "°", "Where the key was: its longitude"),
    ("committed_at", "UTC", "When the row was committed"),
    ("day", "", "The UTC day that the row is filed under"),
    ("event_time", "UTC", "When the event happened"),
    (
        "partition",
        "",
        "The Kafka partition of the record; below 0 for replayed files",
    ),
    ("offset", "", "The record's offset in its partition"),
    ("received_at", "UTC", "When the record was received"),
    (
        "reason",
        "",
        "Why: of a record or a revision that was not taken, of a window that is strange",
    ),
    ("detail", "", "Why the record was not taken, in words"),
    ("payload", "bytes", "The record as it came, cut where it was long"),
    ("payload_bytes", "bytes", "How long the record was"),
    (
        "congestion",
        "0..1",
        "1 - speed / free flow, averaged over the zone's sensors",
    ),
    ("jam_factor", "0..10", "10 times the congestion"),
    ("mobility_index", "0..100", "How freely the zone moves"),
    ("formula", "", "Which formula made the index, name@version"),
    ("inputs", "count", "How many sensors the index was made from"),
    ("topic", "", "The stream"),
    ("target", "", "The number that is forecast, a field of the stream"),
    ("origin", "UTC", "The last window that the forecast had seen"),
    ("target_time", "UTC", "The start of the window that is forecast"),
    ("horizon_minutes", "min", "From the origin to the target time"),
    ("model", "", "The model's name"),
    ("model_version", "", "The model's version"),
    ("p50", "as the target", "The median of the forecast"),
    ("p10", "as the target", "The quantile 0.1 of the forecast"),
    ("p90", "as the target", "The quantile 0.9 of the forecast"),
    (
        "step_of_ladder",
        "",
        "What gave the forecast: model, canary, last_good or profile",
    ),
    ("data_digest", "", "A digest of the windows that the forecast had seen"),
    ("issued_at", "UTC", "Since when the forecast was served"),
    (
        "newest_window",
        "UTC",
        "The newest window of the key that the forecast had seen",
    ),
    ("newest_revision", "", "The revision of that window that it had seen"),
    (
        "revised_windows",
        "count",
        "How many windows of the key that it had seen had been revised by then",
    ),
    ("alert_id", "", "The alert"),
    ("kind", "", "What kind it is"),
    ("severity", "", "How grave it is"),
    ("state", "", "Whether it is open, acknowledged or closed"),
    ("opened_at", "UTC", "When it was opened"),
    ("closed_at", "UTC", "When it was closed; null while it is open"),
    ("keys", "", "The keys that it is about"),
    ("score", "1 is the line", "How strange what was seen is"),
    ("seen", "as the target", "What was seen"),
    ("expected_low", "as the target", "The low end of what was expected"),
    ("expected_high", "as the target", "The high end of what was expected"),
    ("cause", "", "The probable cause"),
    ("text", "", "The alert in words"),
    (
        "sequence",
        "count",
        "The revision's place among the revisions of all alerts",
    ),
    (
        "citywide",
        "",
        "Whether the whole city is meant rather than a place in it",
    ),
    ("place_key", "", "The key where the alert is strangest"),
    ("lat", "deg", "Degrees north"),
    ("lon", "deg", "Degrees east"),
    ("road_id", "", "The road"),
    ("road_name", "", "The road's name for people"),
    ("since", "UTC", "The start of the first strange window"),
    ("peak_at", "UTC", "The start of the strangest window"),
    ("updated_at", "UTC", "When the revision was made"),
    (
        "estimated_end",
        "UTC",
        "When it will probably be over; null where nobody can say",
    ),
    ("certainty", "0..1", "How sure we are of it"),
    (
        "impact",
        "vehicle hours",
        "What it has cost so far; null where that cannot be counted",
    ),
    ("symptom", "", "How it shows: lower, higher, drift, stuck, silent, ..."),
    (
        "symptom_value",
        "",
        "Seconds that the symptom has lasted, or the limit that was passed",
    ),
    ("evidence", "", "What speaks for the cause and for others, as JSON"),
    (
        "held_back_by",
        "",
        "The suppression or quiet hours that keep it from being delivered",
    ),
    ("merged_into", "", "The alert that it became a part of"),
    ("acknowledged_by", "", "Who took it on"),
    ("acknowledged_at", "UTC", "When it was taken on"),
    (
        "judgement",
        "",
        "What was said of it last: useful, false, duplicate or withdrawn",
    ),
    ("sink", "", "The receiver of alerts"),
    ("at", "UTC", "When the row was written"),
    ("delivered_at", "UTC", "When the receiver took the revision"),
    ("detector", "", "The detector: residual or rules"),
    (
        "reason_value",
        "",
        "The number of the reason: seconds, a limit, a factor",
    ),
    ("expected_middle", "as the target", "The middle of what was expected"),
    (
        "aliases",
        "",
        "The aliases that point to this version, with commas between",
    ),
    ("horizon_steps", "windows", "How far ahead the model forecasts"),
    (
        "step",
        "",
        "The window that the model was fitted on; of a scorecard, how many windows ahead",
    ),
    ("series", "count", "How many series the model knows"),
    ("timezone", "", "The zone whose clock the model follows"),
    ("data_sha256", "", "The digest of the data that the model was fitted on"),
    ("feature_set", "", "The feature set, name@version and its hash"),
    ("created_at", "UTC", "When the model was published"),
    ("scored", "", "Which kind was scored: the model or one of its baselines"),
    ("mae", "as the target", "Mean absolute error at this step"),
    ("rmse", "as the target", "Root mean squared error at this step"),
    ("mape", "%", "Mean absolute percentage error at this step"),
    (
        "mase",
        "",
        "Mean absolute error, scaled by that of the seasonal naive forecast in training",
    ),
    ("wql", "", "Weighted quantile loss"),
    ("coverage_80", "0..1", "Share of what happened within the 80 % interval"),
    ("width_80", "as the target", "Mean width of the 80 % interval"),
    ("skill", "", "1 - MAE / MAE of seasonal naive"),
    (
        "mae_through",
        "as the target",
        "Mean absolute error over the steps up to this one",
    ),
    (
        "rmse_through",
        "as the target",
        "Root mean squared error over the steps up to this one",
    ),
    ("forecasts", "count", "How many forecasts were scored"),
    ("actual", "as the target", "What happened, by the newest revision"),
    ("error", "as the target", "Median of the forecast minus what happened"),
    (
        "baseline",
        "as the target",
        "What was seen a week before the target time: the seasonal naive forecast",
    ),
    ("baseline_error", "as the target", "The baseline minus what happened"),
    ("in_interval", "", "Whether what happened lies between p10 and p90"),
    (
        "coverage",
        "0..1",
        "Share of what happened that lies between p10 and p90",
    ),
    ("nominal", "0..1", "The share that the interval is meant to hold"),
    ("mean_width", "as the target", "Mean width of the interval"),
    ("baseline_mae", "as the target", "Mean absolute error of the baseline"),
    ("status", "", "OK, or the code of why there is no forecast"),
    ("table_name", "", "The table"),
    (
        "table_type",
        "",
        "TABLE, or VIEW where its rows are made at each reading",
    ),
    ("column_name", "", "The column"),
    ("data_type", "", "The column's Arrow type"),
    ("is_nullable", "", "Whether a value may be missing"),
    ("unit", "", "The column's unit; empty where it has none"),
    ("description", "", "What the column means"),
    ("shadow_model", "", "The name of the model that is on trial as shadow"),
    (
        "shadow_version",
        "",
        "The version of the model that is on trial as shadow",
    ),
    (
        "shadow_error",
        "as the target",
        "Median of the shadow's forecast minus what happened",
    ),
    (
        "shadow_in_interval",
        "",
        "Whether what happened lies between the shadow's p10 and p90",
    ),
    (
        "shadow_mae",
        "as the target",
        "Mean absolute error of the shadow over the same windows and keys",
    ),
    (
        "shadow_coverage",
        "0..1",
        "Share of what happened that lies between the shadow's p10 and p90",
    ),
    ("first_window", "UTC", "The earliest window that was compared"),
    ("last_window", "UTC", "The latest window that was compared"),
];

/// A column of ours with its unit and description, where its name is known.
pub(crate) fn describe(field: &Field) -> Option<Field> {
    general(field.name()).map(|found| with(field, found))
}

/// The field with its unit and description, where they are known.
pub(super) fn described(table: &str, field: &Field, streams: &StreamCatalog) -> Field {
    let stream = streams
        .iter()
        .find(|stream| table == stream.windows_table() || table == stream.latest_view());
    let found = stream
        .and_then(|stream| measured(stream, field.name()))
        .or_else(|| general(field.name()));
    found.map_or_else(|| field.clone(), |found| with(field, found))
}

fn with(field: &Field, (unit, description): (String, String)) -> Field {
    let mut metadata = field.metadata().clone();
    if !unit.is_empty() {
        metadata.entry("unit".into()).or_insert(unit);
    }
    metadata.insert("description".into(), description);
    field.clone().with_metadata(metadata)
}

fn general(name: &str) -> Option<(String, String)> {
    let (_, unit, description) = COLUMNS.iter().find(|column| column.0 == name)?;
    Some(((*unit).to_owned(), (*description).to_owned()))
}

/// What a windows table keeps of a stream's numbers and categories.
fn measured(stream: &StreamDefinition, name: &str) -> Option<(String, String)> {
    for field in stream.value_fields() {
        for aggregate in field.window_aggregates() {
            if name == format!("{}_{}", field.column(), aggregate.suffix()) {
                let what = match aggregate.suffix() {
                    "mean" => "Mean",
                    "min" => "Lowest",
                    "max" => "Highest",
                    "std" => "Sample standard deviation",
                    _ => "Last",
                };
                let unit = field.unit.clone().unwrap_or_default();
                return Some((unit, format!("{what} of `{}` in the window", field.path)));
            }
        }
    }
    let category = stream.category_fields().find_map(|field| {
        let value = name
            .strip_prefix(&field.column())?
            .strip_prefix('_')?
            .strip_suffix("_count")?;
        Some(format!("Events of the window whose `{}` is {value}", field.path))
    })?;
    Some(("count".to_owned(), category))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arterial_datasets::schema;

    #[test]
    fn every_column_of_every_table_is_described() {
        let streams = StreamCatalog::built_in().unwrap();
        let mut tables = vec![
            ("quarantine".to_owned(), schema::quarantine()),
            ("indices".to_owned(), schema::indices()),
            ("forecasts".to_owned(), schema::forecasts()),
            ("alerts".to_owned(), schema::alerts()),
            ("alert_deliveries".to_owned(), schema::alert_deliveries()),
            ("alert_signals".to_owned(), schema::alert_signals()),
            ("alert_dead_letters".to_owned(), schema::alert_dead_letters()),
            ("models".to_owned(), super::super::models::schema()),
            ("scorecards".to_owned(), super::super::scorecards::schema()),
        ];
        tables.extend(
            streams
                .iter()
                .map(|stream| (stream.windows_table(), schema::windows(stream))),
        );
        for (table, schema) in tables {
            for field in schema.fields().iter().filter(|field| !field.name().starts_with('_')) {
                let described = described(&table, field, &streams);
                assert!(
                    described.metadata().contains_key("description"),
                    "{table}.{}",
                    field.name()
                );
            }
        }
    }

    #[test]
    fn a_measured_column_says_unit_and_field() {
        let streams = StreamCatalog::built_in().unwrap();
        let field = Field::new("speed_kmh_mean", arrow::datatypes::DataType::Float64, true);
        let described = described("traffic_sensors_latest", &field, &streams);
        assert_eq!(described.metadata()["unit"], "km/h");
        assert_eq!(described.metadata()["description"], "Mean of `speed_kmh` in the window");
    }
}
