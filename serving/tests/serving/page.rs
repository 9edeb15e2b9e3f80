//! What the page is made of, over HTTP alone: its first state, its files, its data, its events.

use std::sync::Arc;
use std::time::Duration;

use arterial_serving::ServerConfig;
use futures::StreamExt;
use reqwest::header;
use serde_json::{Value, json};

use crate::support::{Service, TOPIC, batch, eventually, ready, ready_with, waiting, window};
use crate::town::{PAST, close, jam, town};

fn address(service: &Service, path: &str) -> String {
    format!("http://{}{path}", service.running.http_addr)
}

async fn get(service: &Service, path: &str, head: &[(&str, &str)]) -> reqwest::Response {
    let mut request = reqwest::Client::new().get(address(service, path));
    for (name, value) in head {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn read(service: &Service, path: &str) -> Value {
    get(service, path, &[]).await.json().await.unwrap()
}

/// Somebody who follows the events.
struct Events {
    answer: reqwest::Response,
    text: String,
}

impl Events {
    async fn of(service: &Service, path: &str, head: &[(&str, &str)]) -> Self {
        Self {
            answer: get(service, path, head).await,
            text: String::new(),
        }
    }

    /// The next event: its kind, its id and its data; none where the stream has ended.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    event
                        .lines()
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                if let (Some(kind), Some(id), Some(data)) = (field("event: "), field("id: "), field("data: ")) {
                    return Some((kind, id, serde_json::from_str(&data).unwrap()));
                }
                continue;
            }
            let chunk = tokio::time::timeout(Duration::from_secs(20), self.answer.chunk());
            let chunk = chunk.await.expect("an event in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of that kind.
    async fn until(&mut self, wanted: &str) -> (String, Value) {
        loop {
            let (kind, id, data) = self.next().await.expect("the stream goes on");
            if kind == wanted {
                return (id, data);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_begin_with_everything_and_go_on_with_what_changes() {
    let service = town().await;
    let mut events = Events::of(&service, "/v1/events?language=fr", &[]).await;
    assert_eq!(
        events.answer.headers()[header::CONTENT_TYPE],
        "text/event-stream; charset=utf-8"
    );
    assert_eq!(
        events.answer.headers()["x-accel-buffering"],
        "no",
        "a proxy hands them on at once"
    );
    let (_, status) = events.until("status").await;
    assert_eq!((&status["ready"], &status["watching"]), (&json!(true), &json!(true)));
    let (_, models) = events.until("models").await;
    assert_eq!(models["models"][0]["champion"], "constant@1");
    let (_, now) = events.until("now").await;
    assert_eq!(
        now["horizons_minutes"],
        json!([5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60])
    );
    let (_, alerts) = events.until("alerts").await;
    assert_eq!(alerts, json!({"begins": true, "alerts": [], "resolved": []}));

    jam(&service, PAST).await;
    let (id, alerts) = events.until("alerts").await;
    assert_eq!(alerts["begins"], false);
    let alert = &alerts["alerts"][0];
    assert_eq!(
        (&alert["cause"], &alert["reference"]),
        (&json!("accident"), &json!("INC-7"))
    );
    assert!(
        alert["text"].as_str().unwrap().contains("accident INC-7, à "),
        "{alert}"
    );

    // Who comes back is told what changed, and nothing else anew.
    let mut again = Events::of(&service, "/v1/events", &[("Last-Event-ID", &id)]).await;
    close(&service, PAST + 4, |_| 1.0).await;
    close(&service, PAST + 5, |_| 1.0).await;
    let mut kinds = Vec::new();
    eventually("the window was told", async || {
        let (kind, _, data) = again.next().await.unwrap();
        assert!(kind != "alerts" || data["begins"] == false, "{data}");
        kinds.push(kind);
        kinds.contains(&"now".to_owned())
    })
    .await;
    assert!(
        !kinds.contains(&"models".to_owned()),
        "nobody else is in charge: {kinds:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alert_that_was_resolved_is_told_of_for_some_hours() {
    let service = town().await;
    let mut next = jam(&service, PAST).await;
    // Traffic flows again until nothing is open any more.
    while !service.state.alerts.store.live().is_empty() {
        assert!(next < PAST + 40, "the jam is over");
        close(&service, next, |_| 1.0).await;
        next += 1;
    }
    let mut events = Events::of(&service, "/v1/events", &[]).await;
    let (_, alerts) = events.until("alerts").await;
    assert_eq!((&alerts["begins"], &alerts["alerts"]), (&json!(true), &json!([])));
    let resolved = alerts["resolved"].as_array().unwrap();
    let is_over = |one: &Value| one["state"] == "resolved" && one["live"] == false && one["closed_at"].is_string();
    assert!(!resolved.is_empty() && resolved.iter().all(is_over), "{alerts}");

    let page = async || get(&service, "/", &[]).await.text().await.unwrap();
    let told = page().await;
    assert!(
        told.contains("Resolved lately") && told.contains("High street"),
        "{told}"
    );
    let later = service.state.clock.now().0 + 4 * 3_600_000_000;
    service.clock.set(arterial_datasets::time::Timestamp(later));
    assert!(
        !page().await.contains("<h3 class=\"past-head\">"),
        "hours later it is not"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_from_elsewhere_begins_anew_and_wrong_parameters_are_refused() {
    let service = town().await;
    let mut events = Events::of(&service, "/v1/events?last_event_id=999999", &[]).await;
    let (_, alerts) = events.until("alerts").await;
    assert_eq!(alerts["begins"], true, "a sequence that is yet to come is none of ours");
    for (path, said) in [
        ("/v1/events?language=de", "en, ru, fr"),
        ("/v1/events?since=1", "language, last_event_id"),
        ("/page/data/history?key=nobody", "nobody"),
        ("/page/data/history?key=H-1&hours=0", "1 to 168"),
    ] {
        let answer = get(&service, path, &[]).await;
        let (status, problem) = (answer.status(), answer.text().await.unwrap());
        assert!(
            status.is_client_error() && problem.contains(said),
            "{path}: {status} {problem}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_finds_the_newest_and_no_queue() {
    let service = town().await;
    // Without a network between, whose buffers would read for a reader that does not.
    let mut router = arterial_serving::http::router(Arc::clone(&service.state), &ServerConfig::default()).unwrap();
    let request = axum::http::Request::get("/v1/events")
        .body(axum::body::Body::empty())
        .unwrap();
    let answer = tower::Service::call(&mut router, request).await.unwrap();
    let mut pieces = answer.into_body().into_data_stream();
    let mut next = async || String::from_utf8(pieces.next().await.unwrap().unwrap().to_vec()).unwrap();
    while !next().await.contains("\"begins\":true") {}
    for number in PAST..PAST + 10 {
        close(&service, number, |_| 1.0).await;
    }
    let newest = service.state.live.stream("traffic-sensors").unwrap().newest().unwrap();
    let told = loop {
        let piece = next().await;
        if piece.contains("\"window_start\"") {
            break piece;
        }
    };
    assert!(
        told.contains(&format!("\"window_start\":\"{newest}\"")),
        "the first that is read is the newest: {told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_followers_than_the_service_bears_are_refused_until_one_goes() {
    let server = ServerConfig {
        max_followers: 1,
        ..ServerConfig::default()
    };
    let service = ready_with(24, server).await;
    let first = Events::of(&service, "/v1/events", &[]).await;
    let refused = get(&service, "/v1/events", &[]).await;
    assert_eq!(refused.status().as_u16(), 503);
    let problem: Value = refused.json().await.unwrap();
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`[server] max_followers`"), "{detail}");
    assert_eq!(get(&service, "/v1/traffic", &[]).await.status().as_u16(), 200);
    drop(first);
    eventually("a place is free", async || {
        get(&service, "/v1/events", &[]).await.status().as_u16() == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_events_end_when_the_service_drains_and_begin_before_it_is_ready() {
    let service = waiting(None).await;
    let mut early = Events::of(&service, "/v1/events", &[]).await;
    let (_, status) = early.until("status").await;
    assert_eq!(
        (&status["ready"], &status["reasons"][0]["code"]),
        (&json!(false), &json!("rebuilding"))
    );
    service.state.start().await.unwrap();
    loop {
        let (_, status) = early.until("status").await;
        if status["ready"] == true {
            break;
        }
    }
    let ending = tokio::spawn(service.running.shutdown());
    while early.next().await.is_some() {}
    ending.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn congestion_is_speed_against_the_key_s_own_free_flow() {
    let service = town().await;
    close(&service, PAST, |key| if key == "M-1" { 0.25 } else { 1.0 }).await;
    let mut events = Events::of(&service, "/v1/events", &[]).await;
    let (_, now) = events.until("now").await;
    let at = now["keys"]
        .as_array()
        .unwrap()
        .iter()
        .position(|key| key == "M-1")
        .unwrap();
    let (speed, free) = (
        now["speed"][at][0].as_f64().unwrap(),
        now["free_flow"][at].as_f64().unwrap(),
    );
    // Speeds of the past lie between 59 and 61 km/h: their 85th percentile is in the class from 60 to 61.
    assert_eq!((free, now["free_flow_days"].as_i64()), (60.5, Some(3)));
    let congestion = now["congestion"][at][0].as_f64().unwrap();
    assert!(
        (congestion - (1.0 - speed / free)).abs() < 2e-3 && congestion > 0.7,
        "{speed} {free} {congestion}"
    );
    let ahead = now["speed"][at][12].as_f64().unwrap();
    assert!(
        (ahead - speed - 13.0).abs() < 0.11,
        "the median forecast: {speed} {ahead}"
    );
    // Once the data are too old for a forecast, there is none, and no old one in its place.
    service.clock.set(arterial_datasets::time::Timestamp(
        service.state.clock.now().0 + 20 * 60_000_000,
    ));
    loop {
        let (_, now) = events.until("now").await;
        if now["speed"][at][12].is_null() {
            assert!(now["congestion"][at][12].is_null() && !now["speed"][at][0].is_null());
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn until_the_service_is_ready_no_stream_is_called_stale_and_no_model_is_missed() {
    let service = waiting(None).await;
    let page = async || get(&service, "/", &[]).await.text().await.unwrap();
    let report = |number: i64| {
        let rows = batch(&[("a", "north", number, 0, Some(50.0))]);
        service.state.take(TOPIC, &rows, window(number + 1));
    };
    service.clock.set(window(1000));
    report(0);
    let told = page().await;
    assert!(told.contains("Not ready yet.</p>"), "{told}");
    assert!(!told.contains("· stale</td>"), "{told}");

    service.state.start().await.unwrap();
    report(1);
    let told = page().await;
    assert!(!told.contains("Not ready yet.</p>"), "{told}");
    assert!(told.contains("· stale</td>"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_map_has_a_key_as_soon_as_it_reported() {
    let service = ready(24).await;
    let map = async || read(&service, "/page/data/city").await;
    let first = map().await;
    assert_eq!((&first["keys"], &first["unplaced"]), (&json!([]), &json!(2)));
    service.close_window(24, [50.0, 80.0]).await;
    assert_eq!(map().await, first, "nobody is elsewhere");
    let newcomer = batch(&[("c", "north", 24, 0, Some(40.0))]);
    service.state.take(TOPIC, &newcomer, window(25));
    assert_eq!(map().await["unplaced"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_tells_what_had_been_forecast_an_hour_before() {
    let service = town().await;
    for number in PAST..PAST + 14 {
        close(&service, number, |_| 1.0).await;
    }
    let stored = async || {
        let history = read(&service, "/page/data/history?key=R-1&hours=2").await;
        history["earlier"].as_array().is_some_and(|earlier| earlier.len() >= 2)
    };
    eventually("the forecasts are stored", stored).await;
    let history = read(&service, "/page/data/history?key=R-1&hours=2").await;
    assert_eq!(history["measured"].as_array().map(Vec::len), Some(24));
    assert_eq!(history["forecast"]["points"].as_array().map(Vec::len), Some(12));
    let earlier = history["earlier"].as_array().unwrap().last().unwrap();
    let before = earlier["window_start"].as_str().unwrap();
    let asked = read(
        &service,
        &format!(
            "/v1/forecasts?keys=R-1&horizons_minutes=60&as_of={}",
            earlier["issued_at"].as_str().unwrap()
        ),
    )
    .await;
    assert_eq!(
        asked["forecasts"][0]["target_time"], before,
        "the same forecast, by its own way"
    );
    assert_eq!(asked["forecasts"][0]["quantiles"][1]["value"], earlier["p50"]);
    assert_eq!(
        (&earlier["model"], &history["earlier_minutes"]),
        (&json!("constant@1"), &json!(60))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_speaks_the_reader_s_language_and_loads_nothing_from_elsewhere() {
    let service = ready(24).await;
    for (head, path, said) in [
        (("Accept-Language", "ru, en;q=0.5"), "/", "Открытые оповещения"),
        (("Accept-Language", "ru"), "/?language=fr", "Alertes en cours"),
        (("Accept-Language", "ru"), "/?lang=fr", "Alertes en cours"),
        (("Cookie", "language=fr"), "/", "Alertes en cours"),
        (("Accept-Language", "de"), "/", "Open alerts"),
    ] {
        let answer = get(&service, path, &[head]).await;
        let policy = answer.headers()[header::CONTENT_SECURITY_POLICY]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"),
            "{policy}"
        );
        let page = answer.text().await.unwrap();
        assert!(page.contains(said) && !page.contains("{{"), "{path}: {page}");
        let names = |attribute: &str| {
            page.split(attribute)
                .skip(1)
                .map(|rest| rest.split('"').next().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        for address in names("src=\"").into_iter().chain(names("href=\"")) {
            assert!(
                address.starts_with('/') || address.starts_with('#'),
                "{address} is elsewhere"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_place_of_the_map_stands_what_is_waited_for_until_the_first_window_has_closed() {
    let service = waiting(None).await;
    service.state.start().await.unwrap();
    for (language, said) in [
        (
            "en",
            "No data yet. The map appears once the first window of traffic-sensors has closed",
        ),
        (
            "fr",
            "Pas encore de données. La carte apparaîtra quand la première fenêtre du flux traffic-sensors",
        ),
        (
            "ru",
            "Данных ещё нет. Карта появится, когда закроется первое окно потока traffic-sensors",
        ),
    ] {
        let page = get(&service, "/", &[("Accept-Language", language)]).await;
        let page = page.text().await.unwrap();
        assert!(
            page.contains(&format!("<p id=\"map-empty\" class=\"map-empty\">{said}")),
            "{language}: {page}"
        );
    }
    service
        .state
        .take(TOPIC, &batch(&[("a", "north", 0, 0, Some(50.0))]), window(1));
    let page = get(&service, "/", &[]).await.text().await.unwrap();
    assert!(
        page.contains("<p id=\"map-empty\" class=\"map-empty\" hidden>"),
        "{page}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_kept_by_browsers_as_long_as_they_are_the_same() {
    let service = waiting(None).await;
    let first = get(&service, "/page/main.js", &[]).await;
    assert_eq!(first.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
    let script = first.text().await.unwrap();
    let again = get(&service, "/page/main.js", &[("If-None-Match", &tag)]).await;
    assert_eq!(
        (again.status().as_u16(), again.text().await.unwrap()),
        (304, String::new())
    );
    // Every file that a script names is there.
    for name in script.split("\"./").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert_eq!(
            get(&service, &format!("/page/{name}"), &[]).await.status().as_u16(),
            200,
            "{name}"
        );
    }
    assert_eq!(get(&service, "/page/..%2Fmod.rs", &[]).await.status().as_u16(), 404);
}
