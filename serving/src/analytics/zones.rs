//! The indices of zones: now and earlier as the table `indices` has them, ahead as the forecasts give them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::RecordBatch;
use arterial_datasets::time::Timestamp;
use arterial_features::indices::{ARTERIAL, TABLE, jam_factor};

use super::TRAFFIC;
use super::columns::Columns;
use super::congestion::{Congestion, SensorCongestion, mean};
use super::history::Range;
use super::newest::recent;
use super::selection::Bounds;
use super::slices::{Slices, table};
use crate::Result;
use crate::flight::{Datasets, Query};
use crate::state::AppState;

/// Why there is nothing where no window has closed yet.
const NO_TABLE: &str = "no indices were computed yet: the table `indices` does not exist";
/// By how many formulas each zone has indices.
const FORMULAS: usize = 2;

/// The indices of one zone in one window by one formula.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneIndex {
    /// The zone.
    pub zone_id: String,
    /// The start of the window.
    pub window: Timestamp,
    /// How far ahead of the newest window, in minutes; 0 is what was measured.
    pub horizon_minutes: u32,
    /// 0 (free) to 1 (standing): the mean over the zone's sensors.
    pub congestion: Option<f64>,
    /// 10 times the congestion.
    pub jam_factor: Option<f64>,
    /// 0 to 100; none ahead, as occupancy is not forecast here.
    pub mobility_index: Option<f64>,
    /// Which formula, `name@version`.
    pub formula: String,
    /// Sensors that it was made from.
    pub inputs: i64,
    /// Grows with each change of the row; none ahead.
    pub revision: Option<i64>,
    /// The mean latitude of the keys that are known there.
    pub lat: Option<f64>,
    /// Their mean longitude.
    pub lon: Option<f64>,
}

impl ZoneIndex {
    /// What tells it from the others of a list.
    pub fn place(&self) -> ZonePlace {
        ZonePlace {
            window: self.window,
            zone_id: self.zone_id.clone(),
            formula: self.formula.clone(),
        }
    }
}

/// What tells indices apart, and orders them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ZonePlace {
    /// The start of the window.
    pub window: Timestamp,
    /// The zone.
    pub zone_id: String,
    /// The formula.
    pub formula: String,
}

/// Indices of zones.
#[derive(Debug, Clone, Default)]
pub struct Zones {
    /// The indices: by window, zone and formula.
    pub zones: Vec<ZoneIndex>,
    /// The start of the newest window, or of the one that is forecast; of a page of a time the newest on that page.
    pub window: Option<Timestamp>,
    /// Why there is nothing, where there is nothing.
    pub absent: Option<String>,
    /// Whether there are more behind these.
    pub more: bool,
}

impl Zones {
    /// The first `limit` of them behind `after`.
    #[must_use]
    pub fn page(mut self, after: Option<&ZonePlace>, limit: usize) -> Self {
        let is_behind = |index: &ZoneIndex| after.is_none_or(|after| index.place() > *after);
        self.zones.retain(is_behind);
        self.zones.sort_by_cached_key(ZoneIndex::place);
        self.more = self.zones.len() > limit;
        self.zones.truncate(limit);
        self
    }
}

/// Which zones are meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ZoneSelection {
    /// Only these; all where empty.
    pub zones: BTreeSet<String>,
    /// Only those whose centre lies within.
    pub bounds: Option<Bounds>,
    /// Only by these formulas, `name@version`; by all where empty.
    pub formulas: BTreeSet<String>,
}

impl ZoneSelection {
    fn takes(&self, zone: &ZoneIndex) -> bool {
        let centre = zone.lat.zip(zone.lon);
        (self.zones.is_empty() || self.zones.contains(&zone.zone_id))
            && (self.formulas.is_empty() || self.formulas.contains(&zone.formula))
            && self
                .bounds
                .is_none_or(|bounds| centre.is_some_and(|(lat, lon)| bounds.hold(lat, lon)))
    }
}

/// The newest indices of each zone.
///
/// # Errors
/// A lake that cannot be read.
pub async fn zones_now(state: &AppState, selection: &ZoneSelection) -> Result<Zones> {
    let Some(dataset) = Datasets::new(state).find(TABLE, None).await? else {
        return Ok(nothing(NO_TABLE));
    };
    let stream = state.live.stream(TRAFFIC)?;
    let rows = recent(&dataset, stream.newest(), stream.definition().window).await?;
    let mut newest: BTreeMap<(String, String), ZoneIndex> = BTreeMap::new();
    for index in read(&rows, &zone_centres(state)) {
        let place = (index.zone_id.clone(), index.formula.clone());
        let is_newer = |held: &ZoneIndex| (index.window, index.revision) > (held.window, held.revision);
        if newest.get(&place).is_none_or(is_newer) {
            newest.insert(place, index);
        }
    }
    let window = newest.values().map(|index| index.window).max();
    Ok(Zones {
        absent: newest
            .is_empty()
            .then(|| "the table `indices` holds no row yet".to_owned()),
        zones: newest.into_values().filter(|index| selection.takes(index)).collect(),
        window,
        more: false,
    })
}

/// At most `limit` indices of windows that begin within `range`, behind `after`: by window, zone and formula, of each the newest revision.
///
/// The range is read in `Slices`, until the page is full.
///
/// # Errors
/// A lake that cannot be read.
pub async fn zones_between(
    state: &AppState,
    selection: &ZoneSelection,
    range: Range,
    after: Option<&ZonePlace>,
    limit: usize,
) -> Result<Zones> {
    let Some(dataset) = Datasets::new(state).find(TABLE, None).await? else {
        return Ok(nothing(NO_TABLE));
    };
    let Some(table) = table(state, TABLE).await? else {
        return Ok(nothing(NO_TABLE));
    };
    let centres = zone_centres(state);
    let query = Query {
        dataset: dataset.name.clone(),
        ..Query::default()
    };
    let left = Range {
        since: after.map_or(range.since, |after| after.window.max(range.since)),
        ..range
    };
    let step = state.live.stream(TRAFFIC)?.definition().window;
    let indices = FORMULAS * centres.len();
    let mut slices = Slices::new((&dataset, &table), query, step, left, (indices, limit));
    let is_wanted = |index: &ZoneIndex| selection.takes(index) && after.is_none_or(|after| index.place() > *after);
    let mut zones = Vec::new();
    while zones.len() <= limit
        && let Some(rows) = slices.next().await?
    {
        let wanted = read(&rows, &centres).into_iter().filter(is_wanted);
        zones.extend(newest_revisions(wanted));
    }
    let mut page = Zones {
        zones,
        ..Zones::default()
    }
    .page(after, limit);
    page.window = page.zones.last().map(|index| index.window);
    Ok(page)
}

/// Of each place the newest revision, in order.
fn newest_revisions(indices: impl Iterator<Item = ZoneIndex>) -> impl Iterator<Item = ZoneIndex> {
    let mut newest: BTreeMap<ZonePlace, ZoneIndex> = BTreeMap::new();
    for index in indices {
        let place = index.place();
        if newest.get(&place).is_none_or(|held| index.revision > held.revision) {
            newest.insert(place, index);
        }
    }
    newest.into_values()
}

/// The indices of each zone in the forecast.
pub fn zones_ahead(state: &AppState, congestion: &Congestion, selection: &ZoneSelection) -> Zones {
    let mut by_zone: BTreeMap<&str, Vec<&SensorCongestion>> = BTreeMap::new();
    for sensor in &congestion.sensors {
        if let Some(zone) = sensor.place.zone.as_deref() {
            by_zone.entry(zone).or_default().push(sensor);
        }
    }
    let centres = zone_centres(state);
    let mut zones = Vec::new();
    for (zone, sensors) in by_zone {
        let (congested, inputs) = mean(sensors.iter().filter_map(|sensor| sensor.congestion));
        let Some(first) = sensors.first() else { continue };
        let centre = centres.get(zone).copied();
        let index = ZoneIndex {
            zone_id: zone.to_owned(),
            window: first.window,
            horizon_minutes: congestion.horizon_minutes,
            congestion: congested,
            jam_factor: jam_factor(congested),
            mobility_index: None,
            formula: ARTERIAL.to_owned(),
            inputs: inputs as i64,
            revision: None,
            lat: centre.map(|centre| centre.0),
            lon: centre.map(|centre| centre.1),
        };
        if selection.takes(&index) {
            zones.push(index);
        }
    }
    Zones {
        zones,
        window: congestion.window,
        absent: congestion.absent.clone(),
        more: false,
    }
}

fn nothing(why: &str) -> Zones {
    Zones {
        absent: Some(why.to_owned()),
        ..Zones::default()
    }
}

/// The rows of the table `indices`.
fn read(rows: &RecordBatch, centres: &HashMap<String, (f64, f64)>) -> Vec<ZoneIndex> {
    let columns = Columns(rows);
    let index = |row: usize| {
        let zone = columns.text("zone_id", row)?;
        let centre = centres.get(zone).copied();
        Some(ZoneIndex {
            zone_id: zone.to_owned(),
            window: columns.instant("window_start", row)?,
            horizon_minutes: 0,
            congestion: columns.number("congestion", row),
            jam_factor: columns.number("jam_factor", row),
            mobility_index: columns.number("mobility_index", row),
            formula: columns.text("formula", row)?.to_owned(),
            inputs: columns.count("inputs", row)?,
            revision: columns.count("revision", row),
            lat: centre.map(|centre| centre.0),
            lon: centre.map(|centre| centre.1),
        })
    };
    columns.rows().filter_map(index).collect()
}

/// The centre of each zone, latitude and longitude: the mean place of all keys that are known there, of any stream.
pub fn zone_centres(state: &AppState) -> HashMap<String, (f64, f64)> {
    let mut sums: HashMap<String, (f64, f64, f64)> = HashMap::new();
    for stream in state.live.streams() {
        stream.with(|known| {
            for place in known.places() {
                let (Some(zone), Some((lat, lon))) = (place.zone.as_deref(), place.lat.zip(place.lon)) else {
                    continue;
                };
                if !sums.contains_key(zone) {
                    sums.insert(zone.to_owned(), (0.0, 0.0, 0.0));
                }
                if let Some(sum) = sums.get_mut(zone) {
                    *sum = (sum.0 + lat, sum.1 + lon, sum.2 + 1.0);
                }
            }
        });
    }
    sums.into_iter()
        .map(|(zone, (lat, lon, count))| (zone, (lat / count, lon / count)))
        .collect()
}
