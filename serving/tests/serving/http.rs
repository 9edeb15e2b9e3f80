//! HTTP as curl, a browser's script, a spreadsheet and a notebook use it.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::array::{Date32Array, Int32Array, Int64Array, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::StreamReader;
use arterial_datasets::lake::{Lake, TableSpec};
use arterial_datasets::schema;
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, MINUTE};
use arterial_serving::{ServerConfig, http};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{FakeModel, START, Says, Service, TOPIC, batch, batch_of, waiting, window};

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

fn close(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-9)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traffic_is_the_newest_window_of_each_sensor_with_its_congestion() {
    let service = city().await;
    let page = get(&service, "/v1/traffic").await;
    let [a, b] = page["windows"].as_array().unwrap().as_slice() else {
        panic!("{page}");
    };
    assert_eq!(
        (&a["key"], &a["road_name"], &a["lat"]),
        (&json!("a"), &json!("Ring"), &json!(56.1))
    );
    assert_eq!(a["window_start"], window(WINDOWS - 1).to_string());
    // Of 24 windows 23 went at 50 km/h: the middle of their class is the free flow.
    assert_eq!(
        (&a["free_flow_kmh"], &b["congestion"]),
        (&json!(50.5), &json!(1.0 - 80.0 / 80.5))
    );
    assert!(
        close(&a["congestion"], 1.0 - 20.0 / 50.5) && close(&a["jam_factor"], 10.0 * (1.0 - 20.0 / 50.5)),
        "{a}"
    );
    assert_eq!(page["next_cursor"], Value::Null);
    assert_eq!(page["streams"][0]["newest_window"], window(WINDOWS - 1).to_string());
    for (filter, keys) in [
        ("keys=b,nobody", vec!["b"]),
        ("zones=north", vec!["a"]),
        ("bbox=10.15,56.15,10.3,56.3", vec!["b"]),
        ("zones=nowhere", vec![]),
    ] {
        let page = get(&service, &format!("/v1/traffic?{filter}&fields=key")).await;
        let found: Vec<&str> = page["windows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["key"].as_str().unwrap())
            .collect();
        assert_eq!(found, keys, "{filter}");
    }
    let page = get(&service, "/v1/transport").await;
    assert_eq!(
        page["streams"],
        json!([{"topic": "public-transport", "newest_window": null, "keys": 0}])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_has_its_windows_in_order_page_by_page() {
    let service = city().await;
    let revised = batch(&[("a", "north", 3, 1, Some(33.0))]);
    commit(&service.lake, windows_of(TOPIC), revised).await;
    let path = format!(
        "/v1/traffic?since={}&until={}&limit=3&fields=key,window_start,revision,speed_kmh_mean,congestion",
        window(2),
        window(6)
    );
    let (mut next, mut pages, mut rows) = (Some(path.clone()), 0, Vec::new());
    while let Some(path) = next {
        let answer = ask(&service, Method::GET, &path, &[]).await;
        let link = header(answer.headers(), "link").to_owned();
        let page: Value = answer.json().await.unwrap();
        rows.extend(page["windows"].as_array().unwrap().clone());
        assert_eq!(link.is_empty(), page["next_cursor"].is_null());
        next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""))
            .map(str::to_owned);
        pages += 1;
    }
    assert_eq!((pages, rows.len()), (3, 8));
    let order: Vec<(String, String)> = rows
        .iter()
        .map(|row| {
            (
                row["window_start"].as_str().unwrap().to_owned(),
                row["key"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    assert!(order.is_sorted(), "{order:?}");
    assert_eq!(order[2], (window(3).to_string(), "a".to_owned()));
    assert_eq!(
        (&rows[2]["revision"], &rows[2]["speed_kmh_mean"], &rows[2]["congestion"]),
        (&json!(1), &json!(33.0), &Value::Null)
    );

    let one = get(&service, "/v1/traffic?limit=1").await;
    let cursor = one["next_cursor"].as_str().unwrap();
    assert_eq!(
        get(&service, &format!("/v1/traffic?limit=5&cursor={cursor}")).await["windows"][0]["key"],
        "b"
    );
    let foreign = problem(&service, &format!("/v1/traffic?zones=north&cursor={cursor}"), &[]).await;
    assert_eq!((&foreign["field"], &foreign["status"]), (&json!("cursor"), &json!(400)));
    let lonely = problem(&service, "/v1/traffic?until=2026-01-05T01:00:00Z", &[]).await;
    assert_eq!(lonely["field"], "since", "{lonely}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_may_begin_long_before_the_first_window_and_end_in_zones_that_nobody_knows() {
    let service = city().await;
    let since = "since=1970-01-01T00:00:00Z";
    let first = get(&service, &format!("/v1/traffic?{since}&limit=1")).await;
    assert_eq!(
        (&first["windows"][0]["key"], &first["windows"][0]["window_start"]),
        (&json!("a"), &json!(window(0).to_string()))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = get(&service, &format!("/v1/traffic?{since}&limit=100&cursor={cursor}")).await;
    let count = |page: &Value| page["windows"].as_array().unwrap().len() as i64;
    assert_eq!((count(&rest), &rest["next_cursor"]), (2 * WINDOWS - 1, &Value::Null));
    for (filter, expected) in [
        ("zones=north", WINDOWS),
        ("zones=north,south", 2 * WINDOWS),
        ("bbox=10.15,56.15,10.3,56.3", WINDOWS),
        ("keys=a,b&zones=south", WINDOWS),
        ("keys=b&zones=north", 0),
        ("zones=nowhere", 0),
        ("keys=nobody", 0),
    ] {
        let page = get(&service, &format!("/v1/traffic?{since}&{filter}&limit=100")).await;
        assert_eq!(
            (count(&page), &page["next_cursor"]),
            (expected, &Value::Null),
            "{filter}"
        );
    }
    // Car parks that live state does not know, as none of their numbers is served.
    let parking = get(&service, &format!("/v1/mobility?topics=parking&zones=south&{since}")).await;
    assert_eq!((count(&parking), &parking["windows"][0]["key"]), (1, &json!("P2")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forecasts_of_named_keys_come_page_by_page_and_every_filter_holds() {
    let service = city().await;
    let keys = |page: &Value| -> Vec<String> {
        let rows = page["forecasts"].as_array().unwrap().iter();
        rows.map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    };
    let path = "/v1/forecasts?horizons_minutes=15&keys=b,a&limit=1";
    let first = get(&service, path).await;
    assert_eq!(keys(&first), ["a"]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&service, &format!("{path}&cursor={cursor}")).await;
    assert_eq!(keys(&second), ["b"]);
    assert_eq!(second["next_cursor"], Value::Null);
    for (filter, found, refused) in [
        ("keys=a,b", vec!["a", "b"], 0),
        ("keys=a,b&zones=south", vec!["b"], 0),
        ("keys=a&zones=south", vec![], 0),
        ("keys=a,b&bbox=10.0,56.0,10.15,56.15", vec!["a"], 0),
        ("keys=b&zones=south&bbox=10.0,56.0,10.15,56.15", vec![], 0),
        ("keys=nobody,a", vec!["a"], 1),
        ("zones=nowhere", vec![], 1),
    ] {
        let page = get(&service, &format!("/v1/forecasts?horizons_minutes=15&{filter}")).await;
        assert_eq!(keys(&page), found, "{filter}");
        assert_eq!(page["refusals"].as_array().unwrap().len(), refused, "{filter}: {page}");
    }
    let wrong = problem(&service, "/v1/forecasts?keys=a,b&cursor=nonsense", &[]).await;
    assert_eq!((&wrong["status"], &wrong["field"]), (&json!(400), &json!("cursor")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hot_spots_come_page_by_page_the_heaviest_first() {
    let service = city().await;
    let others = [
        ("INC-2", 56.101, 10.10),
        ("INC-3", 56.300, 10.30),
        ("INC-4", 56.301, 10.30),
        ("INC-5", 56.302, 10.30),
    ];
    let others = others.map(|(id, lat, lon)| incident_at(id, lat, lon));
    service.state.take_events("incidents", &others);
    let first = get(&service, "/v1/analytics/hot-spots?of=incidents&limit=1").await;
    let spots = first["hot_spots"].as_array().unwrap();
    assert_eq!((spots.len(), &spots[0]["points"]), (1, &json!(3)), "{first}");
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(
        &service,
        &format!("/v1/analytics/hot-spots?of=incidents&limit=1&cursor={cursor}"),
    )
    .await;
    assert_eq!(
        (
            &second["hot_spots"][0]["points"],
            &second["inputs"],
            &second["next_cursor"]
        ),
        (&json!(2), &json!(5), &Value::Null),
        "{second}"
    );
    let foreign = problem(&service, &format!("/v1/analytics/hot-spots?cursor={cursor}"), &[]).await;
    assert_eq!(foreign["field"], "cursor", "{foreign}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_resource_comes_as_geojson_csv_and_arrow() {
    let service = city().await;
    let geo = ask(
        &service,
        Method::GET,
        "/v1/traffic?fields=speed_kmh_mean",
        &[("accept", "application/geo+json")],
    )
    .await;
    assert_eq!(header(geo.headers(), "content-type"), "application/geo+json");
    let geo: Value = geo.json().await.unwrap();
    assert_eq!(
        geo["features"][0],
        json!({"type": "Feature", "id": "a", "geometry": {"type": "Point", "coordinates": [10.1, 56.1]}, "properties": {"speed_kmh_mean": 20.0}})
    );
    let csv = ask(
        &service,
        Method::GET,
        "/v1/traffic?fields=key,window_start,speed_kmh_mean&format=csv",
        &[],
    )
    .await;
    assert!(header(csv.headers(), "content-type").starts_with("text/csv"));
    let start = window(WINDOWS - 1);
    assert_eq!(
        csv.text().await.unwrap(),
        format!("key,window_start,speed_kmh_mean\na,{start},20.0\nb,{start},80.0\n")
    );
    for path in [
        "/v1/forecasts",
        "/v1/forecasts/areas",
        "/v1/incidents",
        "/v1/analytics",
        "/v1/analytics/zones",
        "/v1/analytics/roads",
        "/v1/analytics/hot-spots",
        "/v1/mobility",
        "/v1/alerts",
    ] {
        let csv = ask(&service, Method::GET, path, &[("accept", "text/csv")]).await;
        let (status, lines) = (csv.status(), csv.text().await.unwrap());
        assert!(
            status == 200 && lines.lines().next().unwrap().contains(','),
            "{path}: {lines}"
        );
        let arrow = ask(
            &service,
            Method::GET,
            path,
            &[("accept", "application/vnd.apache.arrow.stream")],
        )
        .await;
        let bytes = arrow.bytes().await.unwrap();
        let batches: Vec<RecordBatch> = StreamReader::try_new(bytes.as_ref(), None)
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(rows, lines.lines().count() - 1, "{path}: {lines}");
    }
    let arrow = ask(&service, Method::GET, "/v1/traffic?format=arrow", &[])
        .await
        .bytes()
        .await
        .unwrap();
    let mut reader = StreamReader::try_new(arrow.as_ref(), None).unwrap();
    assert_eq!(
        reader.schema().field_with_name("speed_kmh_mean").unwrap().metadata()["unit"],
        "km/h"
    );
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(
        batch["speed_kmh_mean"].as_primitive::<Float64Type>().values(),
        &[20.0, 80.0]
    );
    let forecasts = ask(
        &service,
        Method::GET,
        "/v1/forecasts?format=csv&horizons_minutes=15&keys=a,nobody",
        &[],
    )
    .await;
    assert_eq!(header(forecasts.headers(), "arterial-left-out"), "1");
    let lines = forecasts.text().await.unwrap();
    assert!(
        lines.starts_with("topic,key,target,origin,target_time,horizon_minutes,p10,p50,p90,model"),
        "{lines}"
    );
    assert!(lines.contains(",15,20.0,24.0,28.0,constant,1,model,"), "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_not_changed_is_not_sent_again() {
    let service = city().await;
    for path in [
        "/v1/traffic",
        "/v1/forecasts",
        "/v1/alerts",
        "/v1/analytics",
        "/v1/analytics/roads?format=csv",
        "/openapi.json",
    ] {
        let first = ask(&service, Method::GET, path, &[]).await;
        let tag = header(first.headers(), "etag").to_owned();
        assert!(
            tag.starts_with("W/\"") && header(first.headers(), "cache-control") == "no-cache",
            "{path} {tag}"
        );
        // Ages grow, and nothing is new.
        service
            .clock
            .set(arterial_datasets::time::Timestamp(window(WINDOWS).0 + MINUTE));
        let others = format!("\"other\", {tag}");
        let again = ask(&service, Method::GET, path, &[("if-none-match", &others)]).await;
        assert_eq!(
            (again.status().as_u16(), header(again.headers(), "etag")),
            (304, tag.as_str()),
            "{path}"
        );
        assert!(again.bytes().await.unwrap().is_empty());
    }
    let first = ask(&service, Method::GET, "/v1/traffic", &[]).await;
    let tag = header(first.headers(), "etag").to_owned();
    let other = ask(
        &service,
        Method::GET,
        "/v1/traffic?format=csv",
        &[("if-none-match", &tag)],
    )
    .await;
    assert_eq!(other.status(), 200, "another form is another thing");
    let newer = batch(&[("a", "north", WINDOWS, 0, Some(48.0))]);
    commit(&service.lake, windows_of(TOPIC), newer).await;
    let changed = ask(&service, Method::GET, "/v1/traffic", &[("if-none-match", &tag)]).await;
    assert_eq!(changed.status(), 200);
    let page: Value = changed.json().await.unwrap();
    assert_eq!(page["windows"][0]["speed_kmh_mean"], 48.0, "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_forms_and_parameters_that_are_not_known_are_refused_with_those_that_are() {
    let service = city().await;
    for path in ["/v1/traffic", "/", "/openapi.json"] {
        let options = ask(&service, Method::OPTIONS, path, &[]).await;
        assert_eq!(
            (options.status().as_u16(), header(options.headers(), "allow")),
            (204, "GET, HEAD, OPTIONS")
        );
        let post = ask(&service, Method::POST, path, &[]).await;
        assert_eq!(
            (post.status().as_u16(), header(post.headers(), "allow")),
            (405, "GET, HEAD, OPTIONS")
        );
        let body: Value = post.json().await.unwrap();
        assert!(
            body["type"]
                .as_str()
                .unwrap()
                .ends_with("docs/http.md#method-not-allowed"),
            "{body}"
        );
        let head = ask(&service, Method::HEAD, path, &[]).await;
        assert_eq!(head.status(), 200);
        assert!(header(head.headers(), "content-length").parse::<usize>().unwrap() > 0);
        assert!(head.bytes().await.unwrap().is_empty());
    }
    let refused = problem(&service, "/v1/traffic", &[("accept", "text/html, image/png")]).await;
    assert_eq!(refused["status"], 406);
    assert!(refused["accepted"].as_str().unwrap().contains("text/csv"), "{refused}");
    let refused = problem(&service, "/v1/analytics", &[("accept", "application/geo+json")]).await;
    assert_eq!(refused["status"], 406, "figures have no place");
    let long = format!("/v1/traffic?keys={}", "a,".repeat(9_000));
    assert_eq!(problem(&service, &long, &[]).await["status"], 414);
    for (query, field, accepted) in [
        (
            "/v1/traffic?key=a",
            "query",
            "keys, zones, bbox, fields, since, until, limit, cursor, format",
        ),
        ("/v1/traffic?limit=10001", "limit", "1 to 10000"),
        ("/v1/traffic?fields=colour", "fields", "congestion"),
        ("/v1/traffic?bbox=1,2", "bbox", "west,south,east,north"),
        (
            "/v1/mobility?topics=scooters",
            "topics",
            "bike-share, parking, taxi-vtc",
        ),
        ("/v1/incidents?types=fire", "types", "accident, breakdown"),
        (
            "/v1/forecasts?horizon_minutes=30",
            "query",
            "`horizons_minutes` may have been meant",
        ),
        (
            "/v1/analytics/zones?horizons_minutes=15,30",
            "query",
            "`horizon_minutes` may have been meant",
        ),
        (
            "/v1/analytics/roads?horizon_minutes=7",
            "horizon_minutes",
            "multiples of 5m",
        ),
        (
            "/v1/analytics/zones?since=2026-01-01T00:00:00Z&horizon_minutes=15",
            "horizon_minutes",
            "together with `since`",
        ),
        ("/v1/analytics/hot-spots?of=smoke", "of", "congestion, incidents"),
        ("/v1/analytics/hot-spots?limit=0", "limit", "1 to 10000"),
        ("/v1/alerts?limit=1&limit=2", "limit", "once"),
    ] {
        let refused = problem(&service, query, &[]).await;
        assert_eq!(
            (&refused["status"], &refused["field"]),
            (&json!(400), &json!(field)),
            "{refused}"
        );
        assert!(refused["accepted"].as_str().unwrap().contains(accepted), "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mobility_has_the_members_of_each_stream_and_incidents_go_on_until_they_are_over() {
    let service = city().await;
    let page = get(&service, "/v1/mobility").await;
    assert_eq!(page["streams"].as_array().unwrap().len(), 3);
    let first = &page["windows"][0];
    assert_eq!(
        (&first["topic"], &first["name"], &first["occupied_spaces_last"]),
        (&json!("parking"), &json!("Harbour"), &json!(30.0))
    );
    let page = get(&service, "/v1/mobility?topics=taxi-vtc").await;
    assert_eq!(
        (
            page["windows"].as_array().unwrap().len(),
            page["streams"].as_array().unwrap().len()
        ),
        (0, 1)
    );
    let first = get(&service, "/v1/mobility?limit=1").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = get(&service, &format!("/v1/mobility?limit=1&cursor={cursor}")).await;
    assert_eq!(
        (&second["windows"][0]["key"], &second["next_cursor"]),
        (&json!("P2"), &Value::Null)
    );

    let page = get(
        &service,
        "/v1/incidents?zones=north&types=accident&severities=high&roads=R1",
    )
    .await;
    let one = &page["incidents"][0];
    assert_eq!(
        (&one["incident_id"], &one["active"], &one["affected_lanes"]),
        (&json!("INC-1"), &json!(true), &json!(2))
    );
    assert_eq!(
        get(&service, "/v1/incidents?types=roadwork").await["incidents"],
        json!([])
    );
    service.clock.set(window(WINDOWS + 24));
    assert_eq!(
        get(&service, "/v1/incidents").await["incidents"],
        json!([]),
        "nobody told of it for hours"
    );
    let page = get(&service, &format!("/v1/incidents?since={START}")).await;
    assert_eq!(
        (&page["incidents"][0]["active"], &page["known"]),
        (&json!(false), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_say_what_they_were_made_from_and_what_has_no_input_has_no_value() {
    let service = city().await;
    let page = get(&service, "/v1/analytics").await;
    let kpi = |name: &str| {
        page["kpis"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["name"] == name)
            .unwrap()
            .clone()
    };
    let speed = kpi("traffic_speed_kmh");
    assert_eq!(
        (&speed["value"], &speed["inputs"], &speed["absent"]),
        (&json!(50.0), &json!(2), &Value::Null)
    );
    let index = kpi("traffic_travel_time_index");
    assert!(
        close(&index["value"], (30.0 * 50.5 / 20.0 + 10.0 * 80.5 / 80.0) / 40.0),
        "{index}"
    );
    assert_eq!(kpi("parking_occupancy_percent")["value"], 50.0);
    assert_eq!(
        (
            &kpi("incidents_active")["value"],
            &kpi("incidents_lanes_affected")["value"]
        ),
        (&json!(1.0), &json!(2.0))
    );
    let delay = kpi("transport_delay_minutes");
    assert_eq!((&delay["value"], &delay["inputs"]), (&Value::Null, &json!(0)));
    assert_eq!(delay["absent"], "no window of `public-transport` has closed yet");
    let page = get(&service, "/v1/analytics?zones=south").await;
    assert_eq!(page["kpis"][0]["value"], 80.0, "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_and_roads_are_told_of_now_and_in_the_forecast() {
    let service = city().await;
    let page = get(&service, "/v1/analytics/zones").await;
    let north = &page["zones"][0];
    assert_eq!(
        (
            &north["congestion"],
            &north["revision"],
            page["zones"].as_array().unwrap().len()
        ),
        (&json!(0.6), &json!(1), 2),
        "{page}"
    );
    // The mean place of the keys that live state knows there: one sensor.
    assert!(close(&north["lat"], 56.1), "{north}");
    assert_eq!(page["zones"][1]["mobility_index"], Value::Null);
    let timed = get(&service, &format!("/v1/analytics/zones?since={START}&limit=1")).await;
    assert_eq!(
        (&timed["zones"][0]["congestion"], timed["next_cursor"].is_string()),
        (&json!(0.6), true)
    );
    let ahead = get(&service, "/v1/analytics/zones?horizon_minutes=15").await;
    // The model says 20 + 1 + 3 at the median, three windows ahead.
    assert!(close(&ahead["zones"][0]["congestion"], 1.0 - 24.0 / 50.5), "{ahead}");
    assert_eq!(ahead["window_start"], window(WINDOWS + 2).to_string());

    let page = get(&service, "/v1/analytics/roads").await;
    let worst = &page["roads"][0];
    assert_eq!(
        (&worst["rank"], &worst["road_id"], &worst["inputs"]),
        (&json!(1), &json!("R1"), &json!(1))
    );
    assert!(close(&worst["congestion"], 1.0 - 20.0 / 50.5), "{worst}");
    let only = get(&service, "/v1/analytics/roads?zones=south&horizon_minutes=30").await;
    assert_eq!(
        (&only["roads"][0]["rank"], &only["horizon_minutes"], &only["left_out"]),
        (&json!(2), &json!(30), &json!(0))
    );
    let spots = get(&service, "/v1/analytics/hot-spots").await;
    assert_eq!(
        (&spots["hot_spots"], &spots["inputs"]),
        (&json!([]), &json!(2)),
        "one slow sensor is no hot spot"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_wait_for_the_service_and_are_compressed_for_those_who_take_that() {
    let service = waiting(Some(traffic())).await;
    let answer = ask(&service, Method::GET, "/v1/traffic", &[]).await;
    assert_eq!(
        (answer.status().as_u16(), header(answer.headers(), "retry-after")),
        (503, "2")
    );
    service.clock.set(window(WINDOWS));
    service.state.start().await.unwrap();
    let answer = ask(&service, Method::GET, "/v1/traffic", &[("accept-encoding", "gzip")]).await;
    assert_eq!(header(answer.headers(), "content-encoding"), "gzip");
    assert!(answer.bytes().await.unwrap().starts_with(&[0x1f, 0x8b]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_sites_may_ask_where_the_configuration_says_so() {
    let service = city().await;
    let origin = ("origin", "https://city.example");
    let plain = ask(&service, Method::GET, "/v1/traffic", &[origin]).await;
    assert_eq!(header(plain.headers(), "access-control-allow-origin"), "");
    let config = ServerConfig {
        cors_origins: vec![origin.1.to_owned()],
        ..ServerConfig::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/traffic", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let routes = http::router(Arc::clone(&service.state), &config).unwrap();
    let serving = tokio::spawn(http::serve(listener, routes, stop.clone()));
    let request = |method: Method, origin: &str| Client::new().request(method, &url).header("origin", origin);
    let answer = request(Method::GET, origin.1).send().await.unwrap();
    assert_eq!(header(answer.headers(), "access-control-allow-origin"), origin.1);
    assert!(header(answer.headers(), "access-control-expose-headers").contains("etag"));
    let asked = request(Method::OPTIONS, origin.1)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "if-none-match");
    let answer = asked.send().await.unwrap();
    assert!(answer.status().is_success() && header(answer.headers(), "access-control-allow-methods").contains("GET"));
    let answer = request(Method::GET, "https://elsewhere.example").send().await.unwrap();
    assert_eq!(header(answer.headers(), "access-control-allow-origin"), "");
    stop.cancel();
    serving.await.unwrap().unwrap();
}
