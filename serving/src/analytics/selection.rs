//! Which keys are meant.

use std::collections::BTreeSet;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use super::columns::Columns;
use crate::live::{LiveStream, Place};
use crate::{Error, Result};

/// The most keys or zones of a selection.
const MOST: usize = 10_000;

/// A box on the map, degrees; its edges belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The western edge.
    pub west: f64,
    /// The southern edge.
    pub south: f64,
    /// The eastern edge; smaller than the western one where the box crosses the 180th meridian.
    pub east: f64,
    /// The northern edge.
    pub north: f64,
}

impl Bounds {
    /// Whether the place lies within.
    pub fn hold(&self, lat: f64, lon: f64) -> bool {
        let between = if self.west <= self.east {
            (self.west..=self.east).contains(&lon)
        } else {
            lon >= self.west || lon <= self.east
        };
        between && (self.south..=self.north).contains(&lat)
    }
}

/// Which keys are meant; what is empty takes all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Selection {
    /// Only these keys.
    pub keys: BTreeSet<String>,
    /// Only keys in these zones.
    pub zones: BTreeSet<String>,
    /// Only keys within this box; those whose place is not known are not.
    pub bounds: Option<Bounds>,
}

impl Selection {
    /// Checks that it is not too long; `keys` is what the request calls its keys.
    ///
    /// # Errors
    /// More than 10,000 keys or zones.
    pub fn check(&self, keys: &str) -> Result<()> {
        for (field, names) in [(keys, &self.keys), ("zones", &self.zones)] {
            if names.len() > MOST {
                let found = format!("{} of them", names.len());
                return Err(Error::invalid(field, found, format!("at most {MOST}")));
            }
        }
        Ok(())
    }

    /// Whether it takes all keys.
    pub fn is_all(&self) -> bool {
        self.keys.is_empty() && self.zones.is_empty() && self.bounds.is_none()
    }

    /// Whether it takes what is called `key` and lies in a zone and at a place, as far as they are known.
    pub fn takes(&self, key: &str, zone: Option<&str>, lat: Option<f64>, lon: Option<f64>) -> bool {
        let within = |bounds: Bounds| lat.zip(lon).is_some_and(|(lat, lon)| bounds.hold(lat, lon));
        (self.keys.is_empty() || self.keys.contains(key))
            && (self.zones.is_empty() || zone.is_some_and(|zone| self.zones.contains(zone)))
            && self.bounds.is_none_or(within)
    }

    /// The keys of a stream that it takes, so that a table need not be read for others; none where it takes all.
    ///
    /// Zones and boxes take the keys that lie there now, as live state or the `newest` windows have them. Keys that are only named
    /// are taken whether they are known or not: tables hold some that nobody has heard of for long.
    ///
    /// # Errors
    /// None in practice: see [`rows`](Self::rows).
    pub fn keys_of(&self, stream: &LiveStream, newest: &RecordBatch) -> Result<Option<Vec<String>>> {
        if self.zones.is_empty() && self.bounds.is_none() {
            let named = || self.keys.iter().cloned().collect();
            return Ok((!self.keys.is_empty()).then(named));
        }
        let mut keys: BTreeSet<String> = stream.with(|state| {
            let known = state.keys().iter().zip(state.places());
            let taken = known.filter(|(key, place)| self.takes(key, place.zone.as_deref(), place.lat, place.lon));
            taken.map(|(key, _)| key.to_string()).collect()
        });
        let rows = self.rows(newest, stream)?;
        let columns = Columns(&rows);
        let reported = columns.rows().filter_map(|row| columns.text("key", row));
        keys.extend(reported.map(str::to_owned));
        Ok(Some(keys.into_iter().collect()))
    }

    /// The rows of a windows table that it takes.
    ///
    /// # Errors
    /// None in practice: the mask has a value for each row.
    pub fn rows(&self, batch: &RecordBatch, stream: &LiveStream) -> Result<RecordBatch> {
        if self.is_all() {
            return Ok(batch.clone());
        }
        let columns = Columns(batch);
        let places = places(batch, stream);
        let taken = columns.rows().zip(&places).map(|(row, place)| {
            let key = columns.text("key", row).unwrap_or_default();
            Some(self.takes(key, place.zone.as_deref(), place.lat, place.lon))
        });
        Ok(filter_record_batch(batch, &taken.collect::<BooleanArray>())?)
    }
}

/// Where the key of each row is, as the row says; what it does not say is taken from what is known of the key.
pub fn places(batch: &RecordBatch, stream: &LiveStream) -> Vec<Place> {
    let columns = Columns(batch);
    stream.with(|state| {
        let place = |row: usize| {
            let key = columns.text("key", row).unwrap_or_default();
            let known = state.position(key).map(|at| state.places()[at].clone());
            let known = known.unwrap_or_default();
            let said =
                |name: &str, known: Option<std::sync::Arc<str>>| columns.text(name, row).map(Into::into).or(known);
            Place {
                zone: said("zone_id", known.zone),
                road_id: said("road_id_last", known.road_id),
                road_name: said("road_name_last", known.road_name),
                name: said("name_last", known.name),
                lat: columns.number("lat_last", row).or(known.lat),
                lon: columns.number("lon_last", row).or(known.lon),
            }
        };
        columns.rows().map(place).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_may_cross_the_180th_meridian() {
        let bounds = Bounds {
            west: 170.0,
            south: -20.0,
            east: -170.0,
            north: 20.0,
        };
        assert!(bounds.hold(0.0, 175.0) && bounds.hold(0.0, -175.0));
        assert!(!bounds.hold(0.0, 0.0) && !bounds.hold(30.0, 175.0));
    }

    #[test]
    fn too_many_keys_are_refused_by_the_name_that_the_request_has_for_them() {
        let selection = Selection {
            keys: (0..=MOST).map(|number| number.to_string()).collect(),
            ..Selection::default()
        };
        let error = selection.check("road_ids").unwrap_err().to_string();
        assert_eq!(error, "`road_ids` is `10001 of them`, accepted: at most 10000");
        Selection::default().check("road_ids").unwrap();
    }

    #[test]
    fn what_has_no_place_lies_in_no_box_and_no_zone() {
        let mut selection = Selection::default();
        assert!(selection.takes("a", None, None, None));
        selection.zones.insert("north".into());
        assert!(!selection.takes("a", None, None, None) && selection.takes("a", Some("north"), None, None));
        selection.bounds = Some(Bounds {
            west: 0.0,
            south: 0.0,
            east: 1.0,
            north: 1.0,
        });
        assert!(!selection.takes("a", Some("north"), None, None));
        assert!(selection.takes("a", Some("north"), Some(0.5), Some(0.5)));
    }
}
