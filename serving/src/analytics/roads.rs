//! Roads by congestion, worst first.

use std::collections::{BTreeMap, BTreeSet};

use arterial_datasets::time::Timestamp;
use arterial_features::indices::jam_factor;

use super::congestion::{Congestion, SensorCongestion, mean};
use super::selection::Selection;

/// One road.
#[derive(Debug, Clone, PartialEq)]
pub struct Road {
    /// Its place in the ranking of all roads, from 1.
    pub rank: usize,
    /// Its id, such as `R0001`.
    pub road_id: String,
    /// Its name.
    pub road_name: Option<String>,
    /// The zones that its sensors lie in.
    pub zones: Vec<String>,
    /// The plain mean over its sensors with one, 0 to 1.
    pub congestion: Option<f64>,
    /// 10 times the congestion.
    pub jam_factor: Option<f64>,
    /// The plain mean speed over its sensors, km/h.
    pub speed_kmh: Option<f64>,
    /// The plain mean of their free-flow speeds, km/h.
    pub free_flow_kmh: Option<f64>,
    /// Sensors that gave the congestion.
    pub inputs: usize,
    /// The start of the newest window, or of the one that is forecast.
    pub window: Timestamp,
    /// Where its sensors are: latitude and longitude, by key.
    pub places: Vec<(f64, f64)>,
}

/// A ranking.
#[derive(Debug, Clone, Default)]
pub struct Roads {
    /// The roads, the most congested first; those without congestion last.
    pub roads: Vec<Road>,
    /// The start of the newest window, or of the one that is forecast.
    pub window: Option<Timestamp>,
    /// How far ahead, in minutes; 0 is now.
    pub horizon_minutes: u32,
    /// Sensors that could not be told of.
    pub left_out: usize,
    /// Why there is nothing, where there is nothing.
    pub absent: Option<String>,
}

/// Ranks all roads, and keeps those that `selection` takes: `keys` are road ids, a zone or box takes a road with a sensor in it.
pub fn rank(congestion: &Congestion, selection: &Selection) -> Roads {
    let mut by_road: BTreeMap<&str, Vec<&SensorCongestion>> = BTreeMap::new();
    for sensor in &congestion.sensors {
        if let Some(road) = sensor.place.road_id.as_deref() {
            by_road.entry(road).or_default().push(sensor);
        }
    }
    let mut roads: Vec<(Road, bool)> = by_road
        .into_iter()
        .map(|(id, sensors)| {
            let taken = sensors.iter().any(|sensor| {
                let place = &sensor.place;
                selection.takes(id, place.zone.as_deref(), place.lat, place.lon)
            });
            (road(id, &sensors), taken)
        })
        .collect();
    let height = |road: &Road| road.congestion.unwrap_or(-1.0);
    roads.sort_by(|(one, _), (other, _)| height(other).total_cmp(&height(one)));
    for (at, (road, _)) in roads.iter_mut().enumerate() {
        road.rank = at + 1;
    }
    let absent = congestion.absent.clone().or_else(|| {
        let unknown = roads.is_empty() && !congestion.sensors.is_empty();
        unknown.then(|| "no sensor said on which road it is".to_owned())
    });
    Roads {
        roads: roads
            .into_iter()
            .filter(|(_, taken)| *taken)
            .map(|(road, _)| road)
            .collect(),
        window: congestion.window,
        horizon_minutes: congestion.horizon_minutes,
        left_out: congestion.left_out,
        absent,
    }
}

fn road(id: &str, sensors: &[&SensorCongestion]) -> Road {
    let (congestion, inputs) = mean(sensors.iter().filter_map(|sensor| sensor.congestion));
    let zones: BTreeSet<&str> = sensors
        .iter()
        .filter_map(|sensor| sensor.place.zone.as_deref())
        .collect();
    Road {
        rank: 0,
        road_id: id.to_owned(),
        road_name: sensors
            .iter()
            .find_map(|sensor| sensor.place.road_name.as_deref().map(str::to_owned)),
        zones: zones.into_iter().map(str::to_owned).collect(),
        congestion,
        jam_factor: jam_factor(congestion),
        speed_kmh: mean(sensors.iter().filter_map(|sensor| sensor.speed_kmh)).0,
        free_flow_kmh: mean(sensors.iter().filter_map(|sensor| sensor.free_flow_kmh)).0,
        inputs,
        window: sensors.iter().map(|sensor| sensor.window).max().unwrap_or(Timestamp(0)),
        places: sensors
            .iter()
            .filter_map(|sensor| sensor.place.lat.zip(sensor.place.lon))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Place;

    fn sensor(key: &str, road: &str, zone: &str, congestion: Option<f64>) -> SensorCongestion {
        SensorCongestion {
            key: key.into(),
            place: Place {
                zone: Some(zone.into()),
                road_id: Some(road.into()),
                lat: Some(1.0),
                lon: Some(2.0),
                ..Place::default()
            },
            window: Timestamp(0),
            speed_kmh: congestion.map(|congestion| 50.0 * (1.0 - congestion)),
            free_flow_kmh: Some(50.0),
            congestion,
            vehicle_flow: None,
        }
    }

    #[test]
    fn the_worst_road_comes_first_and_keeps_its_rank_in_a_selection() {
        let city = Congestion {
            sensors: vec![
                sensor("a", "R1", "north", Some(0.25)),
                sensor("b", "R2", "north", Some(0.5)),
                sensor("c", "R2", "south", Some(1.0)),
                sensor("d", "R3", "south", None),
            ],
            ..Congestion::default()
        };
        let all = rank(&city, &Selection::default()).roads;
        let order: Vec<(&str, Option<f64>, usize)> = all
            .iter()
            .map(|road| (road.road_id.as_str(), road.congestion, road.inputs))
            .collect();
        assert_eq!(order, [("R2", Some(0.75), 2), ("R1", Some(0.25), 1), ("R3", None, 0)]);
        assert_eq!(all[0].zones, ["north", "south"]);
        let only = Selection {
            keys: ["R1".to_owned()].into(),
            ..Selection::default()
        };
        let only = rank(&city, &only).roads;
        assert_eq!((only.len(), only[0].rank), (1, 2));
    }
}
