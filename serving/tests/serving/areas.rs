//! Forecasts of zones and of the city: they agree with those of their keys, and what they cannot say they refuse.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arterial_datasets::panel::{Channel, ChannelRole, Panel};
use arterial_datasets::time::{MINUTE, Timestamp};
use arterial_proto::v1;
use arterial_serving::model::RegistryModels;
use ndarray::Array3;
use serde_json::{Value, json};

use crate::http::with;
use crate::registry::{WINDOWS, empty, kinds, promote, publish_fitted_on};
use crate::support::{
    FIELD, FakeModels, START, STEP, Service, TOPIC, WindowRow, asking, batch, launch, ready, waiting, window,
};

/// Windows of the live history.
const LIVE: i64 = 24;
/// The sensors, their zones, and how fast it goes there. No model knows the last one.
const SENSORS: [(&str, &str, f64); 6] = [
    ("a", "north", 50.0),
    ("b", "north", 43.0),
    ("c", "north", 31.5),
    ("d", "south", 80.0),
    ("e", "south", 64.0),
    ("new", "west", 20.0),
];

/// What the model is fitted on: every sensor but the last one.
fn panel() -> Panel {
    let known = &SENSORS[..5];
    let value = |(row, series, _): (usize, usize, usize)| known[series].2 + ((row * (37 + series)) % 11) as f64 - 5.0;
    let channels = vec![Channel {
        name: FIELD.into(),
        role: ChannelRole::Target,
    }];
    let values = Array3::from_shape_fn((WINDOWS as usize, known.len(), 1), value);
    let names = known.iter().map(|sensor| sensor.0.to_owned()).collect();
    let zones = known.iter().map(|sensor| Some(sensor.1.to_owned())).collect();
    let panel = Panel::new(START, STEP, "UTC", names, channels, values);
    panel.unwrap().with_zones(zones)
}

/// A number for each row of the live windows: `first` for the first sensor, `step` more for each of the next ones.
fn apart(first: f64, step: f64) -> ArrayRef {
    let of_window = (0..SENSORS.len()).map(|sensor| first + step * sensor as f64);
    let numbers = of_window.cycle().take(SENSORS.len() * LIVE as usize);
    Arc::new(Float64Array::from_iter_values(numbers))
}

/// A service whose champion repeats the last value of each sensor, and the folder of its registry.
async fn city() -> (Service, tempfile::TempDir) {
    let (folder, registry) = empty();
    let champion = publish_fitted_on(&registry, "persistence", &panel()).await;
    promote(&registry, &champion).await;
    let rows: Vec<WindowRow<'_>> = (0..LIVE)
        .flat_map(|at| SENSORS.map(|(key, zone, speed)| (key, zone, at, 0, Some(speed + (at % 5) as f64))))
        .collect();
    let source = Arc::new(RegistryModels::new(registry.clone(), kinds()));
    let models = Arc::new(FakeModels::default());
    let places = [("lat_last", apart(56.0, 0.25)), ("lon_last", apart(10.0, 0.5))];
    let service = launch(Some(with(&batch(&rows), &places)), models, source, Some(registry)).await;
    service.clock.set(window(LIVE));
    service.state.start().await.unwrap();
    (service, folder)
}

fn request() -> v1::ForecastAreasRequest {
    v1::ForecastAreasRequest {
        topic: TOPIC.into(),
        target: FIELD.into(),
        ..v1::ForecastAreasRequest::default()
    }
}

async fn ask(service: &Service, request: v1::ForecastAreasRequest) -> v1::ForecastAreasResponse {
    let mut client = asking::client(service).await;
    client.forecast_areas(request).await.unwrap().into_inner()
}

/// The medians of all keys that are forecast so far ahead, by zone.
async fn medians(service: &Service, horizon: i32) -> BTreeMap<&'static str, Vec<f64>> {
    let request = v1::ForecastRequest {
        horizons_minutes: vec![horizon],
        ..asking::request()
    };
    let answer = asking::ask(service, request).await;
    let mut medians: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for forecast in answer.forecasts {
        let &(_, zone, _) = SENSORS.iter().find(|sensor| sensor.0 == forecast.key).unwrap();
        medians.entry(zone).or_default().push(forecast.quantiles[1].value);
    }
    medians
}

fn refusals(answer: &v1::ForecastAreasResponse) -> Vec<(&str, &str)> {
    let refusals = answer.refusals.iter();
    refusals.map(|one| (one.key.as_str(), one.code.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_area_is_the_mean_of_what_is_served_of_its_keys() {
    let (service, _folder) = city().await;
    let answer = ask(&service, request()).await;
    let found: Vec<(&str, &str, i32)> = answer
        .areas
        .iter()
        .map(|area| (area.level.as_str(), area.zone_id.as_str(), area.horizon_minutes))
        .collect();
    let areas = [("zone", "north"), ("zone", "south"), ("city", "")];
    let expected = areas
        .into_iter()
        .flat_map(|(level, zone)| [15, 30, 60].map(|minutes| (level, zone, minutes)));
    assert_eq!(found, expected.collect::<Vec<_>>());
    assert_eq!(refusals(&answer), [("west", "OUT_OF_DOMAIN")]);
    for area in &answer.areas {
        let medians = medians(&service, area.horizon_minutes).await;
        let members: Vec<f64> = match area.level.as_str() {
            "city" => medians.into_values().flatten().collect(),
            _ => medians[area.zone_id.as_str()].clone(),
        };
        let mean = members.iter().sum::<f64>() / members.len() as f64;
        let values: Vec<f64> = area.quantiles.iter().map(|pair| pair.value).collect();
        assert!((values[1] - mean).abs() < 1e-6, "{area:?} {mean}");
        assert!(values[0] < values[1] && values[1] < values[2], "{area:?}");
        assert_eq!(area.members as usize, members.len());
        assert_eq!((area.model.as_str(), area.model_version.as_str()), ("persistence", "1"));
        assert_eq!(
            (area.origin, area.target_time),
            (
                window(LIVE - 1).0,
                window(LIVE - 1).0 + i64::from(area.horizon_minutes) * MINUTE
            )
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_quantiles_are_computed_around_the_same_median() {
    let (service, _folder) = city().await;
    let wider = v1::ForecastAreasRequest {
        zones: vec!["south".into()],
        horizons_minutes: vec![30],
        quantiles: vec![0.95, 0.05],
        ..request()
    };
    let asked = ask(&service, wider).await;
    let usual = ask(&service, request()).await;
    let usual = usual
        .areas
        .iter()
        .find(|area| area.zone_id == "south" && area.horizon_minutes == 30);
    let usual = &usual.unwrap().quantiles;
    let [area] = asked.areas.as_slice() else {
        panic!("{asked:?}")
    };
    let pairs: Vec<(f64, f64)> = area.quantiles.iter().map(|pair| (pair.quantile, pair.value)).collect();
    assert_eq!((pairs[0].0, pairs[1].0, pairs.len()), (0.05, 0.95, 2));
    assert!(
        pairs[0].1 <= usual[0].value && pairs[1].1 >= usual[2].value,
        "{pairs:?} {usual:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_zone_is_refused_by_name_and_a_horizon_too_far_for_all() {
    let (service, _folder) = city().await;
    let far = v1::ForecastAreasRequest {
        zones: vec!["south".into(), "moon".into()],
        horizons_minutes: vec![60, 65],
        ..request()
    };
    let answer = ask(&service, far).await;
    assert_eq!(answer.areas.len(), 1);
    assert_eq!(refusals(&answer), [("moon", "UNKNOWN_KEY"), ("", "HORIZON_TOO_FAR")]);
    assert!(answer.refusals[0].message.contains("zone `moon`"), "{answer:?}");
    assert_eq!(answer.refusals[1].horizon_minutes, 65);
    let wrong = v1::ForecastAreasRequest {
        horizons_minutes: vec![7],
        ..request()
    };
    let mut client = asking::client(&service).await;
    let status = client.forecast_areas(wrong).await.unwrap_err();
    assert!(
        status
            .message()
            .starts_with("`horizons_minutes` is `7`, accepted: multiples of 5m"),
        "{status}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn areas_of_stale_keys_are_refused() {
    let (service, _folder) = city().await;
    service.clock.set(Timestamp(window(LIVE).0 + 15 * MINUTE + 1));
    let answer = ask(&service, request()).await;
    assert_eq!(answer.areas, []);
    let expected = ["north", "south", "west", ""].map(|zone| (zone, "STALE"));
    assert_eq!(refusals(&answer), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_model_knows_areas_the_answer_says_why() {
    let answer = ask(&ready(LIVE).await, request()).await;
    assert_eq!(refusals(&answer), [("", "OUT_OF_DOMAIN")]);
    assert!(answer.refusals[0].message.contains("constant@1"), "{answer:?}");
    let service = waiting(None).await;
    service.state.start().await.unwrap();
    assert_eq!(refusals(&ask(&service, request()).await), [("", "NO_DATA")]);
    let rows = [("a", "north", 0, 0, Some(50.0))];
    let service = waiting(Some(batch(&rows))).await;
    service.state.start().await.unwrap();
    let answer = ask(&service, request()).await;
    assert_eq!(refusals(&answer), [("", "NO_DATA")]);
    assert!(answer.refusals[0].message.contains("no model answered"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn areas_come_over_http_as_json_and_csv() {
    let (service, _folder) = city().await;
    let address = service.running.http_addr;
    let get = async |path: &str| reqwest::get(format!("http://{address}{path}")).await.unwrap();
    let page: Value = get("/v1/forecasts/areas?horizons_minutes=15&zones=south,moon")
        .await
        .json()
        .await
        .unwrap();
    let area = &page["areas"][0];
    assert_eq!(
        (&area["level"], &area["zone_id"], &area["members"]),
        (&"zone".into(), &"south".into(), &2.into())
    );
    assert_eq!(
        area["quantiles"][1]["value"], 75.0,
        "80 and 64, and 3 in the last window"
    );
    assert_eq!(page["refusals"][0]["key"], "moon");
    let csv = get("/v1/forecasts/areas?horizons_minutes=15&zones=south&format=csv").await;
    let lines = csv.text().await.unwrap();
    assert!(
        lines.starts_with("topic,level,zone_id,target,members,origin,target_time,horizon_minutes,p10,p50,p90,model"),
        "{lines}"
    );
    assert_eq!(lines.lines().count(), 2);
    let refused = get("/v1/forecasts/areas?horizons_minutes=7").await;
    assert_eq!(refused.status().as_u16(), 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_map_a_zone_is_where_its_sensors_are_and_the_city_nowhere() {
    let (service, _folder) = city().await;
    let address = service.running.http_addr;
    let url = format!("http://{address}/v1/forecasts/areas?horizons_minutes=15&format=geojson");
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.headers()["content-type"], "application/geo+json");
    let map: Value = answer.json().await.unwrap();
    let features = map["features"].as_array().unwrap().iter();
    let found: Vec<(&str, &Value)> = features
        .map(|feature| (feature["id"].as_str().unwrap(), &feature["geometry"]["coordinates"]))
        .collect();
    assert_eq!(
        found,
        [
            ("zone+north+15", &json!([10.5, 56.25])),
            ("zone+south+15", &json!([11.75, 56.875])),
            ("city++15", &Value::Null),
        ]
    );
    let north = &map["features"][0]["properties"];
    assert_eq!((&north["zone_id"], &north["members"]), (&"north".into(), &3.into()));
    assert_eq!(map["refusals"][0]["key"], "west");
}
