//! What each column means, and in which unit: schemas carry it as the metadata `description` and `unit`.

use arrow::datatypes::Field;
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};

use super::columns::COLUMNS;

/// A column of ours with its unit and description, where its name is known.
pub(crate) fn describe(field: &Field) -> Option<Field> {
    general(field.name()).map(|found| with(field, found))
}

/// The fields of a table with their units and descriptions, where they are known.
pub(super) fn described<'a>(
    table: &str,
    fields: impl IntoIterator<Item = &'a Field>,
    streams: &StreamCatalog,
) -> Vec<Field> {
    let of_windows = streams
        .iter()
        .find(|stream| table == stream.windows_table() || table == stream.latest_view());
    let of_events = streams.iter().find(|stream| table == stream.events_table());
    let is_latest = streams.iter().any(|stream| table == stream.latest_view());
    let described = |field: &Field| {
        let name = field.name();
        let measured = of_windows.and_then(|stream| measured(stream, name).or_else(|| kept(stream, name)));
        let archived = || told(of_events?, name);
        let found = measured.or_else(archived).or_else(|| general(name));
        let found = found.map(|found| {
            if is_latest {
                of_latest(table, name, found)
            } else {
                found
            }
        });
        found.map_or_else(|| field.clone(), |found| with(field, found))
    };
    fields.into_iter().map(described).collect()
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

/// What a view of newest revisions says of a column: its name sounds as if it had the newest windows alone.
fn of_latest(view: &str, name: &str, (unit, description): (String, String)) -> (String, String) {
    if name != "window_start" {
        return (unit, description);
    }
    let said = format!(
        "{description}; every window stands here, at its newest revision. The newest window of each key: SELECT * FROM {view} \
         QUALIFY row_number() OVER (PARTITION BY key ORDER BY window_start DESC) = 1"
    );
    (unit, said)
}

/// Whether `name` is `column`, an underscore and `suffix`.
fn is_joined(name: &str, column: &str, suffix: &str) -> bool {
    let rest = name.strip_prefix(column).and_then(|rest| rest.strip_prefix('_'));
    rest == Some(suffix)
}

/// What a windows table keeps of a stream's numbers and categories.
fn measured(stream: &StreamDefinition, name: &str) -> Option<(String, String)> {
    for field in stream.value_fields() {
        for aggregate in field.window_aggregates() {
            if is_joined(name, &field.column(), aggregate.suffix()) {
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

/// What a windows table keeps of what an event tells of its key.
fn kept(stream: &StreamDefinition, name: &str) -> Option<(String, String)> {
    let field = stream
        .descriptive_fields()
        .find(|field| is_joined(name, &field.column(), "last"))?;
    let unit = field.unit.clone().unwrap_or_default();
    Some((
        unit,
        format!("`{}` as the last event of the window that has it says", field.path),
    ))
}

/// What an archived event says.
fn told(stream: &StreamDefinition, name: &str) -> Option<(String, String)> {
    let field = stream.fields.iter().find(|field| field.column() == name)?;
    let unit = field.unit.clone().unwrap_or_default();
    Some((unit, format!("`{}` of the event", field.path)))
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
            ("alert_dead_letters".to_owned(), schema::alert_dead_letters()),
            ("alert_deliveries".to_owned(), schema::alert_deliveries()),
            ("alert_signals".to_owned(), schema::alert_signals()),
            ("hot_spots".to_owned(), schema::hot_spots()),
            ("models".to_owned(), super::super::models::schema()),
            ("scorecards".to_owned(), super::super::scorecards::schema()),
        ];
        for stream in streams.iter() {
            tables.push((stream.windows_table(), schema::windows(stream)));
            tables.push((stream.events_table(), schema::events(stream)));
        }
        for (table, schema) in tables {
            let shown = schema.fields().iter().filter(|field| !field.name().starts_with('_'));
            for field in described(&table, shown.map(AsRef::as_ref), &streams) {
                let name = field.name();
                assert!(field.metadata().contains_key("description"), "{table}.{name}");
            }
        }
    }

    #[test]
    fn a_measured_column_says_unit_and_field() {
        let streams = StreamCatalog::built_in().unwrap();
        let field = Field::new("speed_kmh_mean", arrow::datatypes::DataType::Float64, true);
        let described = described("traffic_sensors_latest", [&field], &streams);
        assert_eq!(described[0].metadata()["unit"], "km/h");
        assert_eq!(
            described[0].metadata()["description"],
            "Mean of `speed_kmh` in the window"
        );
    }
}
