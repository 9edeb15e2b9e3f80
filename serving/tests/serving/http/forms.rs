//! The forms that answers have, and the length of their pages.

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arrow::ipc::reader::StreamReader;
use serde_json::json;

use super::*;
use crate::support::{TOPIC, WindowRow};

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
    let start = window(WINDOWS - 1);
    assert_eq!(
        geo["features"][0],
        json!({"type": "Feature", "id": format!("traffic-sensors+a+{start}"), "geometry": {"type": "Point", "coordinates": [10.1, 56.1]}, "properties": {"speed_kmh_mean": 20.0}})
    );
    let csv = ask(
        &service,
        Method::GET,
        "/v1/traffic?fields=key,window_start,speed_kmh_mean&format=csv",
        &[],
    )
    .await;
    assert!(header(csv.headers(), "content-type").starts_with("text/csv"));
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
async fn a_page_of_csv_is_as_long_as_it_may_be_and_its_header_says_whether_there_is_more() {
    let service = city().await;
    let before: Vec<WindowRow<'_>> = (-100..0).map(|at| ("a", "north", at, 0, Some(50.0))).collect();
    commit(&service.lake, windows_of(TOPIC), batch(&before)).await;
    let path = "/v1/traffic?since=1970-01-01T00:00:00Z&fields=key";
    let csv = async |path: &str| {
        let answer = ask(&service, Method::GET, path, &[("accept", "text/csv")]).await;
        let link = header(answer.headers(), "link").to_owned();
        (answer.text().await.unwrap().lines().count() - 1, link)
    };
    let all = 100 + 2 * WINDOWS as usize;
    assert_eq!(csv(path).await, (all, String::new()));
    let (rows, link) = csv(&format!("{path}&limit=100")).await;
    let next = linked("/v1/traffic", &link).unwrap();
    assert_eq!((rows, csv(&next).await.0), (100, all - 100), "{link}");
    let page = get(&service, path).await;
    assert_eq!(
        (
            page["windows"].as_array().unwrap().len(),
            page["next_cursor"].is_string()
        ),
        (100, true),
        "as JSON, which says itself that there is more"
    );
}
