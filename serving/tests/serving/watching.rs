//! Whoever watches: many at once, slowly, again after a while; or reads page by page while windows close.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::support::asking::{client, request};
use crate::support::{FakeModel, Says, Service, eventually, ready, ready_with, window};
use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arterial_datasets::lake::TableSpec;
use arterial_datasets::schema;
use arterial_datasets::time::DAY;
use arterial_proto::v1;
use arterial_proto::v1::analytics_service_client::AnalyticsServiceClient;
use arterial_proto::v1::forecast_service_client::ForecastServiceClient;
use arterial_serving::ServerConfig;
use tonic::transport::Channel;
use tonic::{Code, Streaming};

async fn watch(channel: Channel, request: v1::ForecastRequest) -> Streaming<v1::ForecastResponse> {
    let mut client = ForecastServiceClient::new(channel);
    client.watch_forecasts(request).await.unwrap().into_inner()
}

/// The next answer, ten seconds at most.
async fn next(stream: &mut Streaming<v1::ForecastResponse>) -> v1::ForecastResponse {
    let answer = tokio::time::timeout(Duration::from_secs(10), stream.message()).await;
    answer.expect("an answer in time").unwrap().unwrap()
}

/// Nobody says anything for a moment: long enough for an answer that was there to have come.
async fn says_nothing(stream: &mut Streaming<v1::ForecastResponse>) -> bool {
    tokio::time::timeout(Duration::from_millis(200), stream.message())
        .await
        .is_err()
}

/// Whether so many watch, as the metrics have it.
fn watched_by(service: &Service, count: usize) -> bool {
    let metrics = service.state.metrics.render();
    let mut lines = metrics
        .lines()
        .filter(|line| line.starts_with("arterial_server_watchers_open"));
    lines.any(|line| line.ends_with(&format!(" {count}")))
}

fn origin(answer: &v1::ForecastResponse) -> i64 {
    answer.forecasts[0].origin
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_watchers_over_two_connections_are_all_told_of_each_window() {
    let service = ready(24).await;
    let channels = [service.channel().await, service.channel().await];
    let begun = Instant::now();
    let mut streams = Vec::new();
    for number in 0..1_000 {
        let mut stream = watch(channels[number % 2].clone(), request()).await;
        assert_eq!(origin(&next(&mut stream).await), window(23).0);
        streams.push(stream);
    }
    assert!(watched_by(&service, 1_000));
    for number in 24..27 {
        service.close_window(number, [60.0, 70.0]).await;
        for stream in &mut streams {
            assert_eq!(origin(&next(stream).await), window(number).0);
        }
    }
    assert!(begun.elapsed() < Duration::from_mins(1), "{:?}", begun.elapsed());
    drop(streams);
    eventually("the places are free again", async || watched_by(&service, 0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_does_not_read_finds_the_newest_forecasts_and_no_queue() {
    let service = ready(24).await;
    let address = format!("http://{}", service.running.grpc_addr);
    let endpoint = tonic::transport::Endpoint::from_shared(address).unwrap();
    let small = endpoint.initial_stream_window_size(16 << 10).connect().await.unwrap();
    let all = v1::ForecastRequest {
        horizons_minutes: (1..=12).map(|step| 5 * step).collect(),
        ..request()
    };
    let mut slow = watch(small, all.clone()).await;
    let mut quick = watch(service.channel().await, all).await;
    next(&mut quick).await;
    let windows = 60;
    for number in 24..24 + windows {
        service.close_window(number, [60.0, 70.0]).await;
        assert_eq!(
            origin(&next(&mut quick).await),
            window(number).0,
            "the others do not wait"
        );
    }
    let newest = window(23 + windows).0;
    let mut read = 1;
    while origin(&next(&mut slow).await) != newest {
        read += 1;
    }
    // Some 5 KB an answer: a few were on their way when the connection was full.
    assert!(read < 15, "{read} answers of {windows}");
    assert!(says_nothing(&mut slow).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_resumes_is_told_what_is_newer_and_nothing_twice() {
    let service = ready(24).await;
    let channel = service.channel().await;
    let first = next(&mut watch(channel.clone(), request()).await).await;
    assert!(!first.resume_after.is_empty());
    let resumed = |token: &str| v1::ForecastRequest {
        resume_after: token.into(),
        ..request()
    };
    let mut again = watch(channel.clone(), resumed(&first.resume_after)).await;
    assert!(says_nothing(&mut again).await, "nothing is newer");
    service.close_window(24, [60.0, 70.0]).await;
    assert_eq!(origin(&next(&mut again).await), window(24).0);
    let mut late = watch(channel.clone(), resumed(&first.resume_after)).await;
    let newest = next(&mut late).await;
    assert_eq!(origin(&newest), window(24).0, "what was missed is told at once");
    assert_ne!(newest.resume_after, first.resume_after);
    let mut client = ForecastServiceClient::new(channel);
    let status = client.watch_forecasts(resumed("yesterday")).await.unwrap_err();
    assert!(
        status.code() == Code::InvalidArgument && status.message().starts_with("`resume_after` is `yesterday`"),
        "{status}"
    );
    let status = client.forecast(resumed(&first.resume_after)).await.unwrap_err();
    assert!(status.message().contains("only WatchForecasts resumes"), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_of_many_keys_comes_in_parts_and_only_the_last_says_where_to_resume() {
    let service = ready(24).await;
    let parts = v1::ForecastRequest {
        page_size: 1,
        horizons_minutes: vec![5],
        ..request()
    };
    let mut stream = watch(service.channel().await, parts).await;
    let [one, other] = [next(&mut stream).await, next(&mut stream).await];
    assert_eq!((one.forecasts[0].key.as_str(), one.resume_after.as_str()), ("a", ""));
    assert!(other.forecasts[0].key == "b" && !other.resume_after.is_empty());
    assert!(says_nothing(&mut stream).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_is_told_when_another_model_takes_charge() {
    let service = ready(24).await;
    let mut stream = watch(service.channel().await, request()).await;
    assert_eq!(next(&mut stream).await.forecasts[0].model_version, "1");
    service
        .models
        .add(FakeModel::new(2, &["a", "b"], 12, Says::LastPlus(2.0)));
    service.models.promote(2);
    let answer = next(&mut stream).await;
    assert_eq!(
        (answer.forecasts[0].model_version.as_str(), origin(&answer)),
        ("2", window(23).0)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_a_single_answer_takes_is_refused_to_watchers() {
    let service = ready(24).await;
    let mut client = client(&service).await;
    let wrong = [
        (
            "as_of",
            v1::ForecastRequest {
                as_of: Some(1),
                ..request()
            },
        ),
        (
            "explain",
            v1::ForecastRequest {
                explain: true,
                ..request()
            },
        ),
        (
            "page_token",
            v1::ForecastRequest {
                page_token: "1".into(),
                ..request()
            },
        ),
        (
            "page_size",
            v1::ForecastRequest {
                page_size: -1,
                ..request()
            },
        ),
    ];
    for (field, request) in wrong {
        let status = client.watch_forecasts(request).await.unwrap_err();
        assert!(status.message().starts_with(&format!("`{field}`")), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_watchers_than_the_service_bears_are_refused_until_one_goes() {
    let server = ServerConfig {
        max_watchers: 2,
        ..ServerConfig::default()
    };
    let service: Service = ready_with(24, server).await;
    let mut watching = Vec::new();
    for _ in 0..2 {
        watching.push(watch(service.channel().await, request()).await);
    }
    let mut client = client(&service).await;
    let status = client.watch_forecasts(request()).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    assert!(client.forecast(request()).await.is_ok(), "others do not feel it");
    watching.pop();
    eventually("a place is free", async || {
        client.watch_forecasts(request()).await.is_ok()
    })
    .await;
}

const ZONES: [&str; 3] = ["east", "north", "west"];

/// Commits the indices of all zones in window `number`.
async fn commit_indices(service: &Service, number: i64) {
    let start = window(number).0;
    let instants = || Arc::new(TimestampMicrosecondArray::from(vec![start; 3]).with_timezone("UTC")) as ArrayRef;
    let numbers = |number: f64| Arc::new(Float64Array::from(vec![number; 3])) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(ZONES.to_vec())),
        instants(),
        Arc::new(Int32Array::from(vec![0; 3])),
        numbers(0.5),
        numbers(5.0),
        numbers(50.0),
        Arc::new(StringArray::from(vec!["arterial@1"; 3])),
        Arc::new(Int64Array::from(vec![1; 3])),
        instants(),
        Arc::new(Date32Array::from(vec![(start / DAY) as i32; 3])),
    ];
    let rows = RecordBatch::try_new(schema::indices(), columns).unwrap();
    let spec = TableSpec::new("indices", schema::indices());
    service.lake.table(&spec).await.unwrap().append(&[rows]).await.unwrap();
}

/// Zone and window of each row, page by page; the window `closing` closes behind the first page.
async fn zones_while_a_window_closes(service: &Service, since: Option<i64>, closing: i64) -> Vec<Vec<(String, i64)>> {
    let mut client = AnalyticsServiceClient::new(service.channel().await);
    let mut request = v1::ListZonesRequest {
        page_size: 2,
        since,
        ..v1::ListZonesRequest::default()
    };
    let mut pages = Vec::new();
    loop {
        let answer = client.list_zones(request.clone()).await.unwrap().into_inner();
        let row = |zone: v1::ZoneIndex| (zone.zone_id, zone.window_start);
        pages.push(answer.zones.into_iter().map(row).collect());
        request.page_token = answer.next_page_token;
        if request.page_token.is_empty() {
            return pages;
        }
        if pages.len() == 1 {
            commit_indices(service, closing).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zones_that_are_listed_while_a_window_closes_are_all_there() {
    let service = ready(24).await;
    commit_indices(&service, 21).await;
    let at = |zone: &str, number: i64| (zone.to_owned(), window(number).0);
    let in_time = zones_while_a_window_closes(&service, Some(window(0).0), 22).await;
    let expected = [
        [at("east", 21), at("north", 21)],
        [at("west", 21), at("east", 22)],
        [at("north", 22), at("west", 22)],
    ];
    assert_eq!(in_time, expected, "each window of each zone once");
    let newest = zones_while_a_window_closes(&service, None, 23).await;
    assert_eq!(newest[0], [at("east", 22), at("north", 22)]);
    assert_eq!(
        newest[1],
        [at("east", 23), at("north", 23)],
        "again, with the newer window"
    );
    assert_eq!(newest[2], [at("west", 23)]);

    let mut client = AnalyticsServiceClient::new(service.channel().await);
    for token in ["west", "1+arterial@1", "x+arterial@1+west"] {
        let wrong = v1::ListZonesRequest {
            page_token: token.into(),
            ..v1::ListZonesRequest::default()
        };
        let status = client.list_zones(wrong).await.unwrap_err();
        assert!(
            status.message().starts_with(&format!("`page_token` is `{token}`")),
            "{status}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_zones_reads_no_day_that_it_does_not_reach() {
    let service = ready(24).await;
    commit_indices(&service, 21).await;
    commit_indices(&service, 21 + 288).await;
    // Whoever reads the second day from now on fails.
    std::fs::remove_dir_all(service.folder.path().join("indices/day=2026-01-06")).unwrap();
    let mut client = AnalyticsServiceClient::new(service.channel().await);
    let mut request = v1::ListZonesRequest {
        page_size: 2,
        since: Some(window(0).0),
        ..v1::ListZonesRequest::default()
    };
    let first = client.list_zones(request.clone()).await.unwrap().into_inner();
    assert_eq!((first.zones.len(), first.window_start), (2, Some(window(21).0)));
    let path = format!("/v1/analytics/zones?limit=2&since={}", window(0));
    let page = reqwest::get(format!("http://{}{path}", service.running.http_addr)).await;
    let page: serde_json::Value = page.unwrap().json().await.unwrap();
    assert_eq!(page["window_start"], window(21).to_string(), "{page}");
    assert!(page["next_cursor"].is_string(), "{page}");

    request.page_token = first.next_page_token;
    assert!(client.list_zones(request).await.is_err(), "the next one needs it");
}
