//! `GET /page/data/city`: where everything is, from our own data alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_models::spatial::{Hull, Position};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::plane::Spot;
use super::roads::{Course, course, sides};
use super::{Page, target};
use crate::live::{LiveStream, Place};

/// One placed key.
#[derive(Debug, Clone)]
struct Placed {
    key: Arc<str>,
    place: Place,
    lat: f64,
    lon: f64,
}

/// The keys of the map's stream with their places, its roads and the zones of all streams.
pub async fn show(State(page): State<Arc<Page>>) -> Json<Value> {
    let stream = page.app.live.stream(&target().topic).ok();
    let keys: Vec<Placed> = stream.map(placed).unwrap_or_default();
    let unplaced = stream.map_or(0, LiveStream::key_count) - keys.len();
    let everywhere: Vec<Placed> = page.app.live.streams().flat_map(placed).collect();
    let latitude = mean(everywhere.iter().map(|one| one.lat));
    Json(json!({
        "keys": keys.iter().map(key).collect::<Vec<_>>(),
        "unplaced": unplaced,
        "roads": roads(&keys, latitude),
        "zones": zones(&everywhere),
    }))
}

/// The keys of a stream that say where they are.
fn placed(stream: &LiveStream) -> Vec<Placed> {
    stream.with(|state| {
        let known = state.keys().iter().zip(state.places());
        let on_the_globe = |(key, place): (&Arc<str>, &Place)| {
            let (lat, lon) = (place.lat?, place.lon?);
            let there = (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon);
            there.then(|| Placed {
                key: Arc::clone(key),
                place: place.clone(),
                lat,
                lon,
            })
        };
        known.filter_map(on_the_globe).collect()
    })
}

fn key(one: &Placed) -> Value {
    json!({
        "key": &*one.key,
        "lat": one.lat,
        "lon": one.lon,
        "road_id": one.place.road_id.as_deref(),
        "road_name": one.place.road_name.as_deref(),
        "zone_id": one.place.zone.as_deref(),
        "name": one.place.name.as_deref(),
    })
}

/// The roads in order of their ids: their keys along the road, whether they are rings, on which side they are drawn.
fn roads(keys: &[Placed], latitude: f64) -> Vec<Value> {
    let mut by_road: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    for one in keys {
        if let Some(road) = one.place.road_id.as_deref() {
            by_road.entry(road).or_default().push(one);
        }
    }
    let mut lines = Vec::with_capacity(by_road.len());
    let mut found = Vec::with_capacity(by_road.len());
    for (road, of_road) in &by_road {
        let spots: Vec<Spot> = of_road.iter().map(|one| Spot::at(one.lat, one.lon, latitude)).collect();
        let Course { order, ring } = course(&spots);
        lines.push((order.iter().map(|&at| spots[at]).collect(), ring));
        let along: Vec<&str> = order.iter().map(|&at| &*of_road[at].key).collect();
        let name = of_road.iter().find_map(|one| one.place.road_name.as_deref());
        found.push(json!({"road_id": road, "road_name": name, "keys": along, "ring": ring}));
    }
    for (road, side) in found.iter_mut().zip(sides(&lines)) {
        road["side"] = json!(side);
    }
    found
}

/// The zones in order of their ids: the corners of the area that their keys span, and the middle of those.
fn zones(keys: &[Placed]) -> Vec<Value> {
    let mut by_zone: BTreeMap<&str, Vec<&Placed>> = BTreeMap::new();
    for one in keys {
        if let Some(zone) = one.place.zone.as_deref() {
            by_zone.entry(zone).or_default().push(one);
        }
    }
    let zone = |(zone, of_zone): (&&str, &Vec<&Placed>)| {
        let places: Vec<Position> = of_zone
            .iter()
            .filter_map(|one| Position::new(one.lat, one.lon).ok())
            .collect();
        let corners = Hull::around(&places)
            .corners
            .into_iter()
            .map(|corner| [corner.lat(), corner.lon()]);
        json!({
            "zone_id": zone,
            "lat": mean(of_zone.iter().map(|one| one.lat)),
            "lon": mean(of_zone.iter().map(|one| one.lon)),
            "corners": corners.collect::<Vec<_>>(),
        })
    };
    by_zone.iter().map(zone).collect()
}

/// The mean; 0 of nothing.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(key: &str, road: Option<&str>, zone: &str, lat: f64, lon: f64) -> Placed {
        let place = Place {
            road_id: road.map(Into::into),
            zone: Some(zone.into()),
            lat: Some(lat),
            lon: Some(lon),
            ..Place::default()
        };
        Placed {
            key: key.into(),
            place,
            lat,
            lon,
        }
    }

    #[test]
    fn roads_go_through_their_sensors_in_order_and_zones_span_their_keys() {
        let keys = [
            placed("c", Some("R1"), "Z1", 50.0, 10.2),
            placed("a", Some("R1"), "Z1", 50.0, 10.0),
            placed("b", Some("R1"), "Z1", 50.02, 10.1),
            placed("alone", None, "Z2", 50.1, 10.1),
        ];
        let found = roads(&keys, 50.0);
        assert_eq!(
            found,
            [json!({"road_id": "R1", "road_name": null, "keys": ["a", "b", "c"], "ring": false, "side": 0})]
        );
        let found = zones(&keys);
        assert_eq!((found[0]["zone_id"].as_str(), found.len()), (Some("Z1"), 2));
        assert_eq!(found[0]["corners"].as_array().map(Vec::len), Some(3));
    }
}
