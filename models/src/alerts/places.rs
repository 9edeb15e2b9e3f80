//! Where keys are, and which are near or along the flow of traffic.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::geometry::{Position, haversine, in_space, position};

/// How often in an hour vehicles are counted: sensors report those of 5 minutes, whatever the length of a window.
pub const COUNTS_AN_HOUR: f64 = 12.0;

/// Congestion spreads against the flow of traffic: so many hops upstream are near.
pub(super) const HOPS: usize = 3;
/// The edge of a cell of the index, in metres.
const CELL: f64 = 1_000.0;

/// What is known of the place of a key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// Degrees north.
    pub lat: Option<f64>,
    /// Degrees east.
    pub lon: Option<f64>,
    /// The zone.
    pub zone_id: Option<String>,
    /// The road's id.
    pub road_id: Option<String>,
    /// The road's name for people.
    pub road_name: Option<String>,
    /// What people call the key itself, such as a car park or a station.
    pub name: Option<String>,
    /// The length of road that it speaks for, in kilometres.
    pub length_km: Option<f64>,
    /// The speed on an empty road, in km/h.
    pub free_flow_kmh: Option<f64>,
    /// Vehicles an hour, usually.
    pub flow_per_hour: Option<f64>,
}

impl Place {
    pub(super) fn position(&self) -> Option<Position> {
        position(self.lat, self.lon)
    }
}

/// The places of all keys, with an index over them. Make it once, not for every window.
#[derive(Debug, Clone, Default)]
pub struct Places {
    by_key: BTreeMap<String, Place>,
    cells: HashMap<[i32; 3], Vec<String>>,
    downstream: HashMap<String, Vec<String>>,
}

impl Places {
    /// The places of keys, and which key's traffic flows on to which other's (`from`, `to`).
    #[must_use]
    pub fn new(by_key: BTreeMap<String, Place>, flows: &[(String, String)]) -> Self {
        let mut cells: HashMap<_, Vec<_>> = HashMap::new();
        for (key, place) in &by_key {
            if let Some(position) = place.position() {
                cells.entry(cell(position)).or_default().push(key.clone());
            }
        }
        let mut downstream: HashMap<_, Vec<_>> = HashMap::new();
        for (from, to) in flows {
            downstream.entry(from.clone()).or_default().push(to.clone());
        }
        Self {
            by_key,
            cells,
            downstream,
        }
    }

    /// What is known of the place of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Place> {
        self.by_key.get(key)
    }

    pub(super) fn position(&self, key: &str) -> Option<Position> {
        self.get(key)?.position()
    }

    /// The keys within `metres` of `key`, the nearest first; empty where its position is not known.
    #[must_use]
    pub fn near<'a>(&'a self, key: &str, metres: f64) -> Vec<(&'a str, f64)> {
        let Some(here) = self.position(key) else {
            return Vec::new();
        };
        let mut found: Vec<(&str, f64)> = self
            .around(here, metres)
            .filter(|other| *other != key)
            .filter_map(|other| Some((other, haversine(here, self.position(other)?))))
            .filter(|(_, distance)| *distance <= metres)
            .collect();
        found.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(b.0)));
        found
    }

    /// The keys in the cells that `metres` around `here` reach.
    fn around(&self, here: Position, metres: f64) -> Box<dyn Iterator<Item = &str> + '_> {
        let reach = (metres / CELL).ceil() as i32;
        let centre = cell(here);
        if (2 * i64::from(reach) + 1).pow(3) > self.cells.len() as i64 {
            let close = move |at: &[i32; 3]| (0..3).all(|axis| (at[axis] - centre[axis]).abs() <= reach);
            let cells = self.cells.iter().filter(move |(at, _)| close(at));
            return Box::new(cells.flat_map(|(_, keys)| keys).map(String::as_str));
        }
        let steps = move || -reach..=reach;
        let cells = steps().flat_map(move |x| steps().flat_map(move |y| steps().map(move |z| [x, y, z])));
        let cells = cells.filter_map(move |step| self.cells.get(&[0, 1, 2].map(|axis| centre[axis] + step[axis])));
        Box::new(cells.flatten().map(String::as_str))
    }

    /// The keys that traffic reaches from `key`, with the hops there: at most [`HOPS`].
    pub(super) fn downstream<'a>(&'a self, key: &'a str) -> Vec<(&'a str, usize)> {
        let mut found: Vec<(&str, usize)> = Vec::new();
        let mut seen: HashSet<&str> = HashSet::from([key]);
        let mut edge: Vec<&str> = vec![key];
        for hops in 1..=HOPS {
            let next = edge.iter().filter_map(|key| self.downstream.get(*key)).flatten();
            edge = next.map(String::as_str).filter(|key| seen.insert(key)).collect();
            found.extend(edge.iter().map(|key| (*key, hops)));
        }
        found
    }
}

fn cell(at: Position) -> [i32; 3] {
    in_space(at).map(|axis| (axis / CELL).floor() as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(count: usize) -> Places {
        let place = |step: usize| Place {
            lat: Some(56.0),
            lon: Some(10.0 + 0.005 * step as f64),
            ..Place::default()
        };
        let keys = (0..count).map(|step| (format!("s{step:03}"), place(step))).collect();
        let flows: Vec<_> = (1..count)
            .map(|step| (format!("s{:03}", step - 1), format!("s{step:03}")))
            .collect();
        Places::new(keys, &flows)
    }

    #[test]
    fn the_nearest_come_first_and_the_index_forgets_none() {
        let places = line(300);
        let near: Vec<&str> = places.near("s150", 1_000.0).iter().map(|found| found.0).collect();
        assert_eq!(near, ["s149", "s151", "s148", "s152", "s147", "s153"]);
        assert_eq!(places.near("s150", 15_000.0).len(), 96);
        assert_eq!(places.near("elsewhere", 1_000.0), []);
    }

    #[test]
    fn downstream_ends_after_three_hops() {
        let places = line(10);
        assert_eq!(places.downstream("s004"), [("s005", 1), ("s006", 2), ("s007", 3)]);
    }
}
