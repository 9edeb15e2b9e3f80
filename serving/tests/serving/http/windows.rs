//! What sensors, car parks and people report: the newest of it, and what they reported in a time.

use serde_json::json;

use super::*;
use crate::support::{START, TOPIC};

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
        next = linked("/v1/traffic", &link);
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
async fn a_key_that_never_reported_is_told_of_and_one_that_is_silent_gives_an_empty_page() {
    let service = city().await;
    let silent = batch_of("parking", "occupied_spaces_last", &[("P9", "south", 0, 0, Some(1.0))]);
    commit(&service.lake, windows_of("parking"), silent).await;
    let refusals = async |path: &str| get(&service, path).await["refusals"].clone();
    let told = |topics: &str| {
        let message = format!("`{topics}` never reported a key of this name");
        json!([{"key": "nobody", "code": "UNKNOWN_KEY", "message": message, "horizon_minutes": 0}])
    };
    let past = "since=1970-01-01T00:00:00Z&until=1971-01-01T00:00:00Z";
    for path in [
        "/v1/traffic?keys=b,nobody".to_owned(),
        format!("/v1/traffic?keys=a,nobody&{past}"),
    ] {
        assert_eq!(refusals(&path).await, told("traffic-sensors"), "{path}");
    }
    assert_eq!(
        refusals("/v1/transport?keys=nobody").await,
        told("public-transport"),
        "a stream without any window"
    );
    assert_eq!(
        refusals("/v1/mobility?keys=P1,P9,nobody").await,
        told("bike-share`, `parking`, `taxi-vtc")
    );
    for path in [
        format!("/v1/traffic?keys=a&{past}"),
        "/v1/mobility?topics=parking&keys=P9".to_owned(),
        format!("/v1/mobility?topics=parking&keys=P9&{past}"),
    ] {
        let page = get(&service, &path).await;
        assert_eq!(
            (&page["windows"], &page["refusals"]),
            (&json!([]), &json!([])),
            "{path}"
        );
    }
    let csv = ask(&service, Method::GET, "/v1/traffic?keys=nobody&format=csv", &[]).await;
    assert_eq!(header(csv.headers(), "arterial-left-out"), "1");
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
        (&one["estimated_duration_min"], &one["expected_end"]),
        (&Value::Null, &json!(window(WINDOWS + 10).to_string())),
        "nobody said how long it lasts: an hour after the report"
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
