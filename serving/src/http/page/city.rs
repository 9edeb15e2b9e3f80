//! `GET /page/data/city`: where everything is, from our own data alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_models::spatial::{Hull, Position};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::plane::Spot;
use super::roads::{Course, course, sides};
use super::{Page, target};
use crate::http::Problem;
use crate::live::{LiveStream, Place};
use crate::state::AppState;
use crate::{Error, Result};

/// One placed key.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    key: Arc<str>,
    place: Place,
    lat: f64,
    lon: f64,
}

/// The keys of the map's stream with their places, its roads and the zones of all streams.
pub async fn show(State(page): State<Arc<Page>>) -> Result<Response, Problem> {
    let drawn = page.city.get(&page.app).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], drawn).into_response())
}

/// What was drawn last, for everybody who asks.
#[derive(Default)]
pub struct Cache {
    made: Mutex<Option<Made>>,
}

#[derive(Clone)]
struct Made {
    /// Of each stream the batches that were taken and the keys that it has.
    seen: Vec<(u64, usize)>,
    scene: Arc<Scene>,
    drawn: Bytes,
}

/// What a drawing is made from.
#[derive(Debug, PartialEq)]
struct Scene {
    /// The placed keys of the map's stream.
    keys: Vec<Placed>,
    /// How many of its keys have no place.
    unplaced: usize,
    /// The placed keys of all streams.
    everywhere: Vec<Placed>,
}

impl Cache {
    /// Where everything is, as JSON.
    ///
    /// # Errors
    /// Work that stopped.
    async fn get(&self, state: &Arc<AppState>) -> Result<Bytes> {
        let mut made = self.made.lock().await;
        let streams = state.live.streams();
        let seen: Vec<_> = streams.map(|stream| (stream.changes(), stream.key_count())).collect();
        if let Some(known) = made.as_ref().filter(|known| known.seen == seen) {
            return Ok(known.drawn.clone());
        }
        let (state, former) = (Arc::clone(state), made.clone());
        let work = tokio::task::spawn_blocking(move || Made::of(Scene::of(&state), seen, former));
        let new = work.await.map_err(|error| Error::Background(error.to_string()))?;
        let drawn = new.drawn.clone();
        *made = Some(new);
        Ok(drawn)
    }
}

impl Made {
    /// Windows come all the time and keys seldom move: the same scene is not drawn again.
    fn of(scene: Scene, seen: Vec<(u64, usize)>, former: Option<Self>) -> Self {
        match former {
            Some(former) if *former.scene == scene => Self { seen, ..former },
            _ => Self {
                seen,
                drawn: scene.draw().to_string().into(),
                scene: Arc::new(scene),
            },
        }
    }
}

impl Scene {
    fn of(state: &AppState) -> Self {
        let stream = state.live.stream(&target().topic).ok();
        let keys: Vec<Placed> = stream.map(placed).unwrap_or_default();
        Self {
            unplaced: stream.map_or(0, LiveStream::key_count).saturating_sub(keys.len()),
            keys,
            everywhere: state.live.streams().flat_map(placed).collect(),
        }
    }

    fn draw(&self) -> Value {
        let latitude = mean(self.everywhere.iter().map(|one| one.lat));
        json!({
            "keys": self.keys.iter().map(key).collect::<Vec<_>>(),
            "unplaced": self.unplaced,
            "roads": roads(&self.keys, latitude),
            "zones": zones(&self.everywhere),
        })
    }
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

    fn scene(lat: f64) -> Scene {
        let keys = vec![placed("a", Some("R1"), "Z1", lat, 10.0)];
        Scene {
            everywhere: keys.clone(),
            keys,
            unplaced: 0,
        }
    }

    #[test]
    fn the_city_is_drawn_again_only_where_something_is_elsewhere() {
        let first = Made::of(scene(50.0), vec![(1, 1)], None);
        let same = Made::of(scene(50.0), vec![(2, 1)], Some(first.clone()));
        assert_eq!(first.drawn.as_ptr(), same.drawn.as_ptr());
        assert_eq!(same.seen, [(2, 1)]);
        let moved = Made::of(scene(51.0), vec![(3, 1)], Some(same));
        assert_ne!(moved.drawn, first.drawn);
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
