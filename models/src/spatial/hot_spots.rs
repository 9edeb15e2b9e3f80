//! Hot spots: places where much happens, under the same name from one look to the next.

use arterial_datasets::time::Timestamp;
use serde_json::{Map, json};

use super::dbscan::Dbscan;
use super::geojson::{Feature, FeatureCollection, Geometry, rounded};
use super::hull::Hull;
use super::position::Position;
use crate::{Error, Result};

/// Something that happens at a place: an incident, a congested sensor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Where.
    pub position: Position,
    /// How much: 1 for an incident, the share of speed lost for a sensor.
    pub weight: f64,
}

/// A place where much happens.
#[derive(Debug, Clone, PartialEq)]
pub struct HotSpot {
    /// Its name, the same as long as it is there: `hot-spot-7`.
    pub id: String,
    /// When it was first seen.
    pub since: Timestamp,
    /// The mean place of its points, by weight.
    pub centre: Position,
    /// How many points there are.
    pub points: usize,
    /// What they weigh together.
    pub weight: f64,
    hull: Hull,
}

/// The hot spots of one kind of thing, look after look.
#[derive(Debug, Clone)]
pub struct HotSpots {
    dbscan: Dbscan,
    current: Vec<HotSpot>,
    /// The number of the next new one.
    next: u64,
}

/// What stands in front of a hot spot's number.
const PREFIX: &str = "hot-spot-";

impl HotSpots {
    /// None yet; clusters are those of `dbscan`.
    #[must_use]
    pub fn new(dbscan: Dbscan) -> Self {
        Self::beginning_at(dbscan, 1)
    }

    /// None yet; the first one will have the number `next`, the others those behind it.
    #[must_use]
    pub fn beginning_at(dbscan: Dbscan, next: u64) -> Self {
        Self {
            dbscan,
            current: Vec::new(),
            next,
        }
    }

    /// Goes on from what [`to_geojson`](Self::to_geojson) gave before. Where that does not say which number is the next, it is the one behind
    /// the largest there.
    ///
    /// # Errors
    /// Features that are no hot spots.
    pub fn resume(dbscan: Dbscan, before: &FeatureCollection) -> Result<Self> {
        let current: Vec<HotSpot> = before.features.iter().map(read).collect::<Result<_>>()?;
        let numbers = current
            .iter()
            .map(|one| number(&one.id))
            .collect::<Result<Vec<u64>>>()?;
        let behind = numbers.into_iter().max().unwrap_or(0).saturating_add(1);
        Ok(Self {
            dbscan,
            current,
            next: before.next.unwrap_or(0).max(behind),
        })
    }

    /// Looks again at `at`. A cluster has the name of the former hot spot that most of its points lie in or within the radius
    /// of, where no other has more of them; the heaviest come first.
    ///
    /// # Errors
    /// A weight that is negative or not finite.
    pub fn look(&mut self, at: Timestamp, points: &[Point]) -> Result<&[HotSpot]> {
        let places: Vec<Position> = points.iter().map(|point| point.position).collect();
        let weights: Vec<f64> = points.iter().map(|point| point.weight).collect();
        let labels = self.dbscan.labels(&places, &weights)?;
        let count = labels.iter().flatten().max().map_or(0, |last| last + 1);
        let mut clusters: Vec<Vec<Point>> = vec![Vec::new(); count];
        for (point, label) in points.iter().zip(&labels) {
            if let Some(cluster) = label {
                clusters[*cluster].push(*point);
            }
        }
        let weight = |cluster: &Vec<Point>| cluster.iter().map(|point| point.weight).sum::<f64>();
        clusters.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
        let names = self.names(&clusters);
        let found = clusters
            .iter()
            .zip(names)
            .map(|(cluster, former)| self.hot_spot(cluster, former, at))
            .collect();
        self.current = found;
        Ok(&self.current)
    }

    /// The hot spots of the last look.
    #[must_use]
    pub fn current(&self) -> &[HotSpot] {
        &self.current
    }

    /// For each cluster the former hot spot whose name it takes.
    fn names(&self, clusters: &[Vec<Point>]) -> Vec<Option<usize>> {
        let radius = self.dbscan.radius_km();
        let mut pairs = Vec::new();
        for (cluster, points) in clusters.iter().enumerate() {
            for (former, hot_spot) in self.current.iter().enumerate() {
                let near = |point: &&Point| hot_spot.hull.distance_km(point.position) <= radius;
                let shared = points.iter().filter(near).count();
                if shared > 0 {
                    pairs.push((shared, cluster, former));
                }
            }
        }
        pairs.sort_by_key(|(shared, cluster, former)| (std::cmp::Reverse(*shared), *cluster, *former));
        let mut names = vec![None; clusters.len()];
        let mut taken = vec![false; self.current.len()];
        for (_, cluster, former) in pairs {
            if names[cluster].is_none() && !taken[former] {
                names[cluster] = Some(former);
                taken[former] = true;
            }
        }
        names
    }

    fn hot_spot(&mut self, cluster: &[Point], former: Option<usize>, at: Timestamp) -> HotSpot {
        let (id, since) = if let Some(former) = former {
            (self.current[former].id.clone(), self.current[former].since)
        } else {
            let number = self.next;
            self.next = number.saturating_add(1);
            (format!("{PREFIX}{number}"), at)
        };
        let places: Vec<Position> = cluster.iter().map(|point| point.position).collect();
        HotSpot {
            id,
            since,
            centre: centre(cluster),
            points: cluster.len(),
            weight: cluster.iter().map(|point| point.weight).sum(),
            hull: Hull::around(&places),
        }
    }

    /// The hot spots of the last look as GeoJSON: the convex hull of each, with `since`, `points`, `weight` and `centre`
    /// (longitude, latitude), and the number of the next new one.
    #[must_use]
    pub fn to_geojson(&self) -> FeatureCollection {
        FeatureCollection {
            features: self.current.iter().map(HotSpot::to_feature).collect(),
            next: Some(self.next),
        }
    }
}

impl HotSpot {
    fn to_feature(&self) -> Feature {
        let properties = [
            ("since", json!(self.since.to_string())),
            ("points", json!(self.points)),
            ("weight", json!(self.weight)),
            (
                "centre",
                json!([rounded(self.centre.lon()), rounded(self.centre.lat())]),
            ),
        ];
        Feature {
            id: self.id.clone(),
            geometry: Geometry::of(&self.hull),
            properties: properties
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect(),
        }
    }
}

/// The mean place by weight; where nothing weighs anything, the first place.
fn centre(cluster: &[Point]) -> Position {
    let first = cluster[0].position;
    let total: f64 = cluster.iter().map(|point| point.weight).sum();
    let mean = |of: fn(Position) -> f64| {
        cluster
            .iter()
            .map(|one| one.weight * (of(one.position) - of(first)))
            .sum::<f64>()
            / total
    };
    let (lat, lon) = (first.lat() + mean(Position::lat), first.lon() + mean(Position::lon));
    Position::new(lat, lon).unwrap_or(first)
}

/// A hot spot from its feature.
fn read(feature: &Feature) -> Result<HotSpot> {
    let properties: &Map<_, _> = &feature.properties;
    let wrong = |name: &str, accepted: &str| {
        let value = properties.get(name).map_or_else(String::new, ToString::to_string);
        Error::invalid(format!("`{name}` of feature `{}`", feature.id), value, accepted)
    };
    let since = properties.get("since").and_then(|value| value.as_str()?.parse().ok());
    let points = properties.get("points").and_then(serde_json::Value::as_u64);
    let weight = properties.get("weight").and_then(serde_json::Value::as_f64);
    let hull = feature.geometry.hull()?;
    number(&feature.id)?;
    Ok(HotSpot {
        id: feature.id.clone(),
        since: since.ok_or_else(|| wrong("since", "RFC 3339 with an offset"))?,
        centre: hull.corners[0],
        points: points.ok_or_else(|| wrong("points", "a whole number"))? as usize,
        weight: weight.ok_or_else(|| wrong("weight", "a number"))?,
        hull,
    })
}

fn number(id: &str) -> Result<u64> {
    let digits = id.strip_prefix(PREFIX).and_then(|digits| digits.parse().ok());
    digits.ok_or_else(|| Error::invalid("id", id, "the name of a hot spot, such as hot-spot-7"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many points around a place, within 100 m of each other.
    fn heap(lat: f64, lon: f64, count: usize) -> Vec<Point> {
        (0..count)
            .map(|number| Point {
                position: Position::new(lat + 0.0003 * (number % 3) as f64, lon + 0.0003 * (number / 3) as f64)
                    .unwrap(),
                weight: 1.0,
            })
            .collect()
    }

    fn hot_spots() -> HotSpots {
        HotSpots::new(Dbscan::new(0.2, 5.0).unwrap())
    }

    fn ids(found: &[HotSpot]) -> Vec<&str> {
        found.iter().map(|one| one.id.as_str()).collect()
    }

    #[test]
    fn a_hot_spot_keeps_its_name_while_it_moves_and_grows() {
        let mut spots = hot_spots();
        let first = [heap(55.95, -3.19, 9), heap(55.90, -3.30, 6)].concat();
        assert_eq!(
            ids(spots.look(Timestamp(1), &first).unwrap()),
            ["hot-spot-1", "hot-spot-2"]
        );
        let second = [heap(55.9005, -3.30, 12), heap(55.95, -3.189, 9), heap(55.99, -3.1, 5)].concat();
        let found = spots.look(Timestamp(2), &second).unwrap();
        assert_eq!(ids(found), ["hot-spot-2", "hot-spot-1", "hot-spot-3"]);
        assert_eq!(
            found.iter().map(|one| one.since).collect::<Vec<_>>(),
            [1, 1, 2].map(Timestamp)
        );
        assert_eq!((found[0].points, found[0].weight), (12, 12.0));
    }

    #[test]
    fn a_name_that_is_gone_is_not_given_again() {
        let mut spots = hot_spots();
        spots.look(Timestamp(1), &heap(55.95, -3.19, 9)).unwrap();
        assert!(spots.look(Timestamp(2), &[]).unwrap().is_empty());
        assert_eq!(
            ids(spots.look(Timestamp(3), &heap(55.95, -3.19, 9)).unwrap()),
            ["hot-spot-2"]
        );
    }

    #[test]
    fn a_name_that_is_gone_is_not_given_again_by_the_next_process() {
        let dbscan = || Dbscan::new(0.2, 5.0).unwrap();
        let mut spots = HotSpots::beginning_at(dbscan(), 40);
        assert_eq!(
            ids(spots.look(Timestamp(1), &heap(55.95, -3.19, 9)).unwrap()),
            ["hot-spot-40"]
        );
        spots.look(Timestamp(2), &[]).unwrap();
        let text = serde_json::to_string(&spots.to_geojson()).unwrap();
        let mut before: FeatureCollection = serde_json::from_str(&text).unwrap();
        let mut again = HotSpots::resume(dbscan(), &before).unwrap();
        assert_eq!(
            ids(again.look(Timestamp(3), &heap(55.95, -3.19, 9)).unwrap()),
            ["hot-spot-41"]
        );
        // A file of before, which does not say the number.
        before = again.to_geojson();
        before.next = None;
        let mut old = HotSpots::resume(dbscan(), &before).unwrap();
        let points = [heap(55.95, -3.19, 9), heap(55.0, -3.0, 5)].concat();
        assert_eq!(
            ids(old.look(Timestamp(4), &points).unwrap()),
            ["hot-spot-41", "hot-spot-42"]
        );
    }

    #[test]
    fn when_one_splits_the_larger_part_keeps_the_name() {
        let mut spots = hot_spots();
        let bridge: Vec<Point> = (0..20)
            .map(|number| Point {
                position: Position::new(55.95, -3.19 + 0.001 * f64::from(number)).unwrap(),
                weight: 3.0,
            })
            .collect();
        assert_eq!(ids(spots.look(Timestamp(1), &bridge).unwrap()), ["hot-spot-1"]);
        let parts = [&bridge[..4], &bridge[9..]].concat();
        let found = spots.look(Timestamp(2), &parts).unwrap();
        assert_eq!(ids(found), ["hot-spot-1", "hot-spot-2"]);
        assert_eq!(found[0].points, 11);
    }

    #[test]
    fn geojson_is_what_the_standard_says_and_names_outlive_the_process() {
        let mut spots = hot_spots();
        spots.look(Timestamp(0), &heap(55.95, -3.19, 9)).unwrap();
        let text = serde_json::to_string(&spots.to_geojson()).unwrap();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value["type"], "FeatureCollection");
        let feature = &value["features"][0];
        assert_eq!(
            (&feature["type"], &feature["id"]),
            (&json!("Feature"), &json!("hot-spot-1"))
        );
        assert_eq!(feature["geometry"]["type"], "Polygon");
        let ring = feature["geometry"]["coordinates"][0].as_array().unwrap();
        assert_eq!(ring.first(), ring.last());
        assert_eq!(ring[0], json!([-3.19, 55.95]));
        assert_eq!(feature["properties"]["since"], "1970-01-01T00:00:00Z");

        let before: FeatureCollection = serde_json::from_str(&text).unwrap();
        let mut spots = HotSpots::resume(Dbscan::new(0.2, 5.0).unwrap(), &before).unwrap();
        let points = [heap(55.9504, -3.19, 6), heap(55.0, -3.0, 5)].concat();
        assert_eq!(
            ids(spots.look(Timestamp(9), &points).unwrap()),
            ["hot-spot-1", "hot-spot-2"]
        );
    }

    #[test]
    fn other_features_are_refused() {
        let text = r#"{"type":"FeatureCollection","features":[{"type":"Feature","id":"park","geometry":{"type":"Point",
            "coordinates":[1,2]},"properties":{}}]}"#;
        let before: FeatureCollection = serde_json::from_str(text).unwrap();
        let error = HotSpots::resume(Dbscan::new(0.2, 5.0).unwrap(), &before)
            .unwrap_err()
            .to_string();
        assert!(error.contains("park") && error.contains("hot-spot-7"), "{error}");
    }
}
