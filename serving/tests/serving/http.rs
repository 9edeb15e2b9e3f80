//! HTTP as curl, a browser's script, a spreadsheet and a notebook use it.

mod analytics;
mod forecasts;
mod forms;
mod protocol;
mod windows;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::array::{Date32Array, Int32Array, Int64Array, new_null_array};
use arrow::compute::concat_batches;
use arterial_datasets::lake::{Lake, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, MINUTE};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response};
use serde_json::Value;

use crate::support::{FakeModel, Says, Service, batch, batch_of, waiting, window};

/// Windows of the history; the newest is number 23.
const WINDOWS: i64 = 24;

/// The batch with these columns instead.
pub fn with(batch: &RecordBatch, columns: &[(&str, ArrayRef)]) -> RecordBatch {
    let schema = batch.schema();
    let fields = schema.fields().iter().zip(batch.columns());
    let column = |(field, column): (&arrow::datatypes::FieldRef, &ArrayRef)| {
        let other = columns.iter().find(|(name, _)| name == field.name());
        other.map_or_else(|| Arc::clone(column), |(_, other)| Arc::clone(other))
    };
    RecordBatch::try_new(Arc::clone(&schema), fields.map(column).collect()).unwrap()
}

fn numbers(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn texts(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

/// Two sensors on roads of their own; `a` goes slowly in the newest window.
fn traffic() -> RecordBatch {
    let windows: Vec<RecordBatch> = (0..WINDOWS)
        .map(|at| {
            let speed = if at == WINDOWS - 1 { 20.0 } else { 50.0 };
            let plain = batch(&[("a", "north", at, 0, Some(speed)), ("b", "south", at, 0, Some(80.0))]);
            with(
                &plain,
                &[
                    ("road_id_last", texts(&["R1", "R2"])),
                    ("road_name_last", texts(&["Ring", "Quay"])),
                    ("lat_last", numbers(&[56.10, 56.20])),
                    ("lon_last", numbers(&[10.10, 10.20])),
                    ("vehicle_flow_mean", numbers(&[30.0, 10.0])),
                ],
            )
        })
        .collect();
    concat_batches(&windows[0].schema(), &windows).unwrap()
}

fn parking() -> RecordBatch {
    let rows = [
        ("P1", "north", WINDOWS - 1, 0, Some(30.0)),
        ("P2", "south", WINDOWS - 1, 0, Some(70.0)),
    ];
    let places = [
        ("total_spaces_last", numbers(&[100.0, 100.0])),
        ("available_spaces_last", numbers(&[70.0, 30.0])),
        ("name_last", texts(&["Harbour", "Station"])),
        ("lat_last", numbers(&[56.11, 56.21])),
        ("lon_last", numbers(&[10.11, 10.21])),
    ];
    with(&batch_of("parking", "occupied_spaces_last", &rows), &places)
}

/// Congestion of two zones in the newest window; the second row is a later revision of the first.
fn indices() -> RecordBatch {
    let start = window(WINDOWS - 1).0;
    let instants = || Arc::new(TimestampMicrosecondArray::from(vec![start; 3]).with_timezone("UTC")) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        texts(&["north", "north", "south"]),
        instants(),
        Arc::new(Int32Array::from(vec![0, 1, 0])),
        numbers(&[0.5, 0.6, 0.0]),
        numbers(&[5.0, 6.0, 0.0]),
        Arc::new(Float64Array::from(vec![Some(40.0), Some(30.0), None])),
        texts(&["arterial@1"; 3]),
        Arc::new(Int64Array::from(vec![1, 1, 1])),
        instants(),
        Arc::new(Date32Array::from(vec![(start / DAY) as i32; 3])),
    ];
    RecordBatch::try_new(schema::indices(), columns).unwrap()
}

/// An accident in the north, reported ten minutes before the end.
fn incident() -> RecordBatch {
    incident_at("INC-1", 56.10, 10.10)
}

/// The same accident under another name, elsewhere.
fn incident_at(id: &str, lat: f64, lon: f64) -> RecordBatch {
    let catalog = StreamCatalog::built_in().unwrap();
    let schema = schema::events(catalog.get("incidents").unwrap());
    let time = window(WINDOWS).0 - 10 * MINUTE;
    let column = |name: &str| -> Option<ArrayRef> {
        Some(match name {
            "key" | "zone_id" => texts(&["north"]),
            "event_time" => Arc::new(TimestampMicrosecondArray::from(vec![time]).with_timezone("UTC")),
            "partition" => Arc::new(Int32Array::from(vec![0])),
            "offset" => Arc::new(Int64Array::from(vec![0])),
            "incident_id" => texts(&[id]),
            "type" => texts(&["accident"]),
            "severity" => texts(&["high"]),
            "status" => texts(&["active"]),
            "road_id" => texts(&["R1"]),
            "lat" => numbers(&[lat]),
            "lon" => numbers(&[lon]),
            "affected_lanes" => Arc::new(Int64Array::from(vec![2])),
            _ => return None,
        })
    };
    let columns = schema.fields().iter().map(|field| {
        let made = column(field.name());
        made.unwrap_or_else(|| match field.name().as_str() {
            "day" => Arc::new(Date32Array::from(vec![(time / DAY) as i32])),
            _ => new_null_array(field.data_type(), 1),
        })
    });
    let columns = columns.collect();
    RecordBatch::try_new(Arc::clone(&schema), columns).unwrap()
}

async fn commit(lake: &Lake, spec: TableSpec, rows: RecordBatch) {
    lake.table(&spec).await.unwrap().append(&[rows]).await.unwrap();
}

fn windows_of(topic: &str) -> TableSpec {
    let catalog = StreamCatalog::built_in().unwrap();
    let stream = catalog.get(topic).unwrap();
    TableSpec::new(stream.windows_table(), schema::windows(stream))
}

/// A small city at the end of its newest window, with something in each of its tables but those of lines, bikes and taxis.
pub async fn city() -> Service {
    let service = waiting(Some(traffic())).await;
    commit(&service.lake, windows_of("parking"), parking()).await;
    commit(&service.lake, TableSpec::new("indices", schema::indices()), indices()).await;
    service
        .models
        .add(FakeModel::new(1, &["a", "b"], 12, Says::LastPlus(1.0)));
    service.models.promote(1);
    service.clock.set(window(WINDOWS));
    service.state.start().await.unwrap();
    service.state.take_events("incidents", &[incident()]);
    service
}

async fn ask(service: &Service, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Client::new().request(method, format!("http://{}{path}", service.running.http_addr));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn get(service: &Service, path: &str) -> Value {
    let answer = ask(service, Method::GET, path, &[]).await;
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    assert_eq!(status, 200, "{path}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn problem(service: &Service, path: &str, headers: &[(&str, &str)]) -> Value {
    let answer = ask(service, Method::GET, path, headers).await;
    assert_eq!(
        header(answer.headers(), "content-type"),
        "application/problem+json",
        "{path}"
    );
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["status"], status, "{body}");
    body
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// The path of the next page that the header `Link` of an answer at `path` names: it is relative, as a gateway may have put something before
/// the path.
fn linked(path: &str, link: &str) -> Option<String> {
    let next = link.strip_prefix("<?")?.strip_suffix(">; rel=\"next\"")?;
    Some(format!("{path}?{next}"))
}

fn close(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-9)
}
