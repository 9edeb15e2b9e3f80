//! What follows from it: figures, zones, roads, hot spots.

use serde_json::json;

use super::*;
use crate::support::START;

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
