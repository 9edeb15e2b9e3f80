//! Alerts over HTTP, and on the page.

use tonic::Code;

use super::*;

/// What the HTTP server answers to a GET: status line, head and body.
async fn get(service: &Service, path: &str, accept: &str) -> (String, serde_json::Value) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = service.running.http_addr;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.to_ascii_lowercase(),
        serde_json::from_str(body).unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_has_alerts_as_json_geojson_and_on_the_page() {
    let service = started().await;
    jam(&service, PAST).await;
    let (_, page) = get(
        &service,
        "/v1/alerts?zones=north&states=open,reopened",
        "application/json",
    )
    .await;
    assert_eq!(page["alerts"][0]["keys"][0], "a", "{page}");
    assert_eq!(page["watched"][0]["target"], "speed_kmh", "{page}");
    let (_, none) = get(&service, "/v1/alerts?zones=south", "*/*").await;
    assert_eq!(none["alerts"].as_array().map(Vec::len), Some(0));
    let (head, geo) = get(&service, "/v1/alerts", "application/geo+json").await;
    assert!(head.contains("application/geo+json"), "{head}");
    assert_eq!(
        (&geo["type"], &geo["features"][0]["type"]),
        (&"FeatureCollection".into(), &"Feature".into())
    );
    let (head, problem) = get(&service, "/v1/alerts?kinds=fire", "*/*").await;
    assert!(
        head.starts_with("http/1.1 400") && head.contains("problem+json"),
        "{head}"
    );
    assert!(problem["detail"].as_str().unwrap().contains("fire"));
    let html = text(&service, "/").await;
    assert!(html.contains("Open alerts") && html.contains("data-severity"), "{html}");
    let metrics = text(&service, "/metrics").await;
    assert!(metrics.contains("arterial_alert_live_events 1"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_alert_is_asked_for_by_its_id() {
    let service = started().await;
    jam(&service, PAST).await;
    let id = list(&service).await[0].alert_id.clone();
    let mut client = client(&service).await;
    let request = v1::GetAlertRequest {
        alert_id: id.clone(),
        language: "fr".into(),
        ..v1::GetAlertRequest::default()
    };
    let answer = client.get_alert(request.clone()).await.unwrap().into_inner();
    let alert = answer.alert.unwrap();
    assert_eq!((alert.alert_id.as_str(), alert.key.as_str()), (id.as_str(), "a"));
    let begun = v1::GetAlertRequest {
        alert_id: id[..4].to_owned(),
        ..request.clone()
    };
    let by_beginning = client.get_alert(begun).await.unwrap().into_inner().alert.unwrap();
    assert_eq!(by_beginning.alert_id, id);
    let nameless = v1::GetAlertRequest {
        alert_id: String::new(),
        ..request.clone()
    };
    let refused = client.get_alert(nameless).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
    let nobody = v1::GetAlertRequest {
        alert_id: "nobody".into(),
        ..request
    };
    let refused = client.get_alert(nobody).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound, "{refused}");

    let path = format!("/v1/alerts/{id}?language=fr");
    let (head, told) = get(&service, &path, "application/json").await;
    assert_eq!(
        (&told["alert_id"], &told["text"]),
        (&id.as_str().into(), &alert.text.into())
    );
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: w/")).unwrap();
    let again = reqwest::Client::new()
        .get(format!("http://{}{path}", service.running.http_addr))
        .header("if-none-match", tag)
        .header("accept", "application/json");
    assert_eq!(again.send().await.unwrap().status().as_u16(), 304);
    let (_, by_beginning) = get(&service, &format!("/v1/alerts/{}", &id[..4]), "application/json").await;
    assert_eq!(by_beginning["alert_id"], told["alert_id"]);
    let (_, geo) = get(&service, &path, "application/geo+json").await;
    assert_eq!(geo["features"][0]["properties"]["alert_id"], told["alert_id"], "{geo}");

    let (head, problem) = get(&service, "/v1/alerts/nobody", "*/*").await;
    assert!(
        head.starts_with("http/1.1 404") && head.contains("problem+json"),
        "{head}"
    );
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("`nobody`") && detail.contains("`/v1/alerts`"),
        "{problem}"
    );
    let (head, _) = get(&service, "/v1/alerts/%ff", "*/*").await;
    assert!(
        head.starts_with("http/1.1 400") && head.contains("problem+json"),
        "{head}"
    );
}

/// A page that is no JSON.
async fn text(service: &Service, path: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = service.running.http_addr;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
