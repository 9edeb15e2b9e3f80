//! Figures of the whole city or of some zones, each with its definition and with what it was made from.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::time::Timestamp;

use super::TRAFFIC;
use super::columns::Columns;
use super::congestion::{self, Congestion, mean};
use super::newest::newest;
use super::selection::Selection;
use crate::Result;
use crate::state::AppState;

/// Slower than so many km/h, traffic counts as walking in the travel time index, which would have no bound otherwise.
const WALKING_KMH: f64 = 5.0;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Kpi {
    /// Its name.
    pub name: &'static str,
    /// What it is; none where there is no input.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
    /// How many windows, sensors or incidents it was made from.
    pub inputs: usize,
    /// How it was made.
    pub definition: &'static str,
    /// The table or stream that it was made from.
    pub source: &'static str,
    /// The start of the newest window that went in, or the time of the look.
    pub at: Option<Timestamp>,
    /// Why there is no value, where there is none.
    pub absent: Option<String>,
}

/// The figures of now, of these zones or of the whole city where none is named.
///
/// # Errors
/// A lake that cannot be read.
pub async fn kpis(state: &Arc<AppState>, zones: &BTreeSet<String>) -> Result<Vec<Kpi>> {
    let selection = Selection {
        zones: zones.clone(),
        ..Selection::default()
    };
    let mut kpis = traffic(&congestion::now(state).await?, &selection);
    for (topic, figures) in WINDOWS {
        let (rows, at) = fresh(state, topic, &selection).await?;
        kpis.extend(figures.iter().map(|figure| figure.kpi(topic, &rows, at)));
    }
    kpis.extend(events(state, zones));
    Ok(kpis)
}

/// A figure of the newest windows of a stream.
struct Figure {
    name: &'static str,
    unit: &'static str,
    definition: &'static str,
    of: fn(Columns<'_>) -> (Option<f64>, usize),
}

/// The figures by stream.
const WINDOWS: [(&str, &[Figure]); 4] = [
    (
        "public-transport",
        &[
            Figure {
                name: "transport_delay_minutes",
                unit: "min",
                definition: "Mean delay of vehicles, over the reports of all lines: mean of delay_minutes_mean weighed by events",
                of: |columns| weighed(columns, "delay_minutes_mean", "events"),
            },
            Figure {
                name: "transport_on_time_share",
                unit: "0..1",
                definition: "Share of reports that said on_time: status_on_time_count / (status_on_time_count + status_delayed_count)",
                of: |columns| {
                    share(
                        columns,
                        "status_on_time_count",
                        &["status_on_time_count", "status_delayed_count"],
                    )
                },
            },
            Figure {
                name: "transport_occupancy_percent",
                unit: "%",
                definition: "Mean share of places taken, over the reports of all lines: mean of occupancy_rate_mean weighed by events",
                of: |columns| weighed(columns, "occupancy_rate_mean", "events"),
            },
        ],
    ),
    (
        "parking",
        &[
            Figure {
                name: "parking_occupancy_percent",
                unit: "%",
                definition: "Spaces taken of all spaces: 100 * sum of occupied_spaces_last / sum of total_spaces_last",
                of: |columns| {
                    let (ratio, inputs) = ratio(columns, "occupied_spaces_last", "total_spaces_last");
                    (ratio.map(|ratio| 100.0 * ratio), inputs)
                },
            },
            Figure {
                name: "parking_available_spaces",
                unit: "spaces",
                definition: "Sum of available_spaces_last",
                of: |columns| sum(columns, "available_spaces_last"),
            },
        ],
    ),
    (
        "bike-share",
        &[
            Figure {
                name: "bikes_available",
                unit: "bikes",
                definition: "Sum of available_bikes_last",
                of: |columns| sum(columns, "available_bikes_last"),
            },
            Figure {
                name: "bike_stations_empty_share",
                unit: "0..1",
                definition: "Share of stations whose available_bikes_last is 0",
                of: |columns| {
                    mean(numbers(columns, "available_bikes_last").map(|bikes| f64::from(u8::from(bikes < 0.5))))
                },
            },
        ],
    ),
    (
        "taxi-vtc",
        &[Figure {
            name: "taxis_available_share",
            unit: "0..1",
            definition: "Share of reports that said available: status_available_count / sum of the counts of available, occupied and off_duty",
            of: |columns| {
                let all = [
                    "status_available_count",
                    "status_occupied_count",
                    "status_off_duty_count",
                ];
                share(columns, "status_available_count", &all)
            },
        }],
    ),
];

impl Figure {
    fn kpi(&self, topic: &'static str, rows: &RecordBatch, at: Option<Timestamp>) -> Kpi {
        let (value, inputs) = (self.of)(Columns(rows));
        let why = match at {
            None => format!("no window of `{topic}` has closed yet"),
            Some(_) => format!("no fresh window of `{topic}` has what it takes"),
        };
        Kpi {
            name: self.name,
            value,
            unit: self.unit,
            inputs,
            definition: self.definition,
            source: topic,
            at,
            absent: value.is_none().then_some(why),
        }
    }
}

/// The newest windows of a stream that are not stale, as far as they are selected.
async fn fresh(state: &AppState, topic: &str, selection: &Selection) -> Result<(RecordBatch, Option<Timestamp>)> {
    let newest = newest(state, topic).await?;
    let rows = selection.rows(&newest.rows, state.live.stream(topic)?)?;
    let Some(window) = newest.window else {
        return Ok((rows, None));
    };
    let oldest = Timestamp(window.0 - state.config.stale_after.0);
    let columns = Columns(&rows);
    let mask = columns
        .rows()
        .map(|row| columns.instant("window_start", row).map(|start| start >= oldest));
    let rows = arrow::compute::filter_record_batch(&rows, &mask.collect())?;
    Ok((rows, Some(window)))
}

fn traffic(city: &Congestion, selection: &Selection) -> Vec<Kpi> {
    let sensors: Vec<_> = city
        .sensors
        .iter()
        .filter(|one| selection.takes(&one.key, one.place.zone.as_deref(), one.place.lat, one.place.lon))
        .collect();
    let one = |name, unit, definition, (value, inputs): (Option<f64>, usize)| Kpi {
        name,
        value,
        unit,
        inputs,
        definition,
        source: TRAFFIC,
        at: city.window,
        absent: value.is_none().then(|| {
            let why = "no fresh window of `traffic-sensors` has what it takes";
            city.absent.clone().unwrap_or_else(|| why.to_owned())
        }),
    };
    let congested = || sensors.iter().filter_map(|sensor| sensor.congestion);
    vec![
        one(
            "traffic_speed_kmh",
            "km/h",
            "Mean of speed_kmh_mean over the sensors",
            mean(sensors.iter().filter_map(|sensor| sensor.speed_kmh)),
        ),
        one(
            "traffic_congestion",
            "0..1",
            "Mean over the sensors of clamp(1 - speed / free flow, 0, 1); free flow is the 85th percentile of a sensor's own window mean speeds over 28 days",
            mean(congested()),
        ),
        one(
            "traffic_congested_share",
            "0..1",
            "Share of sensors that go at half of their free-flow speed or less",
            mean(congested().map(|one| f64::from(u8::from(one >= 0.5)))),
        ),
        one(
            "traffic_travel_time_index",
            "",
            "Travel time over travel time at free flow: mean of max(free flow / max(speed, 5 km/h), 1) over the sensors, weighed by their flow; road sections count as equally long",
            travel_time_index(
                sensors
                    .iter()
                    .map(|one| (one.speed_kmh, one.free_flow_kmh, one.vehicle_flow)),
            ),
        ),
        one(
            "traffic_flow_vehicles",
            "vehicles per 5 min",
            "Sum of vehicle_flow_mean over the sensors; a vehicle counts at each sensor that it passes",
            total(sensors.iter().filter_map(|sensor| sensor.vehicle_flow)),
        ),
    ]
}

/// Of speed, free flow and flow of each sensor; those without one of them, or without flow, are passed over.
fn travel_time_index(sensors: impl Iterator<Item = (Option<f64>, Option<f64>, Option<f64>)>) -> (Option<f64>, usize) {
    let (mut index, mut weight, mut inputs) = (0.0, 0.0, 0);
    for (speed, free_flow, flow) in sensors {
        let (Some(speed), Some(free_flow), Some(flow)) = (speed, free_flow, flow.filter(|flow| *flow > 0.0)) else {
            continue;
        };
        index += flow * (free_flow / speed.max(WALKING_KMH)).max(1.0);
        weight += flow;
        inputs += 1;
    }
    ((inputs > 0).then(|| index / weight), inputs)
}

/// What is counted of events: these are 0 where nothing is going on.
fn events(state: &AppState, zones: &BTreeSet<String>) -> Vec<Kpi> {
    let now = state.clock.now();
    let within = |zone: Option<&str>| zones.is_empty() || zone.is_some_and(|zone| zones.contains(zone));
    let incidents: Vec<_> = state.live.incidents().active(now);
    let incidents: Vec<_> = incidents.iter().filter(|one| within(one.zone_id.as_deref())).collect();
    let lanes = incidents.iter().filter_map(|one| one.affected_lanes).sum::<i64>();
    let known = !state.live.incidents().is_empty();
    let alerts = state.alerts.store.live();
    let alerts = alerts.iter().filter(|one| within(one.alert.zone_id.as_deref())).count();
    let watched = !state.alerts.config.watch.is_empty();
    let one = |name, unit, definition, source, (value, inputs, known): (f64, usize, bool), absent: &str| Kpi {
        name,
        value: known.then_some(value),
        unit,
        inputs,
        definition,
        source,
        at: Some(now),
        absent: (!known).then(|| absent.to_owned()),
    };
    let none = "no incident was ever reported to this service";
    let count = incidents.len();
    vec![
        one(
            "incidents_active",
            "count",
            "Incidents that are going on",
            "incidents",
            (count as f64, count, known),
            none,
        ),
        one(
            "incidents_lanes_affected",
            "lanes",
            "Sum of affected_lanes over the incidents that are going on",
            "incidents",
            (lanes as f64, count, known),
            none,
        ),
        one(
            "alerts_open",
            "count",
            "Alerts whose events go on",
            "alerts",
            (alerts as f64, alerts, watched),
            "nothing is watched: `[alerts] watch` is empty",
        ),
    ]
}

fn numbers<'a>(columns: Columns<'a>, name: &'a str) -> impl Iterator<Item = f64> + 'a {
    columns.rows().filter_map(move |row| columns.number(name, row))
}

fn total(values: impl Iterator<Item = f64>) -> (Option<f64>, usize) {
    let values: Vec<f64> = values.collect();
    ((!values.is_empty()).then(|| values.iter().sum()), values.len())
}

fn sum(columns: Columns<'_>, name: &str) -> (Option<f64>, usize) {
    total(numbers(columns, name))
}

/// The mean of a number weighed by a count.
fn weighed(columns: Columns<'_>, name: &str, weight: &str) -> (Option<f64>, usize) {
    let (mut sum, mut weights, mut inputs) = (0.0, 0.0, 0);
    for row in columns.rows() {
        if let Some((value, count)) = columns.number(name, row).zip(columns.count(weight, row)) {
            sum += value * count as f64;
            weights += count as f64;
            inputs += 1;
        }
    }
    ((weights > 0.0).then(|| sum / weights), inputs)
}

/// One count as a share of several.
fn share(columns: Columns<'_>, part: &str, all: &[&str]) -> (Option<f64>, usize) {
    let (mut part_sum, mut sum, mut inputs) = (0_i64, 0_i64, 0);
    for row in columns.rows() {
        let counts: Option<Vec<i64>> = all.iter().map(|name| columns.count(name, row)).collect();
        if let Some((part, counts)) = columns.count(part, row).zip(counts) {
            part_sum += part;
            sum += counts.iter().sum::<i64>();
            inputs += 1;
        }
    }
    ((sum > 0).then(|| part_sum as f64 / sum as f64), inputs)
}

/// The sum of one number over the sum of another, of rows that have both.
fn ratio(columns: Columns<'_>, part: &str, whole: &str) -> (Option<f64>, usize) {
    let (mut parts, mut wholes, mut inputs) = (0.0, 0.0, 0);
    for row in columns.rows() {
        if let Some((part, whole)) = columns.number(part, row).zip(columns.number(whole, row)) {
            parts += part;
            wholes += whole;
            inputs += 1;
        }
    }
    ((wholes > 0.0).then(|| parts / wholes), inputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_travel_time_index_weighs_by_flow_and_is_never_below_one() {
        let sensors = [
            (Some(25.0), Some(50.0), Some(30.0)),
            (Some(60.0), Some(50.0), Some(10.0)),
            (Some(0.0), Some(50.0), Some(0.0)),
            (None, Some(50.0), Some(5.0)),
        ];
        assert_eq!(travel_time_index(sensors.into_iter()), (Some(1.75), 2));
        let standing = [(Some(0.0), Some(50.0), Some(1.0))];
        assert_eq!(travel_time_index(standing.into_iter()), (Some(10.0), 1));
        assert_eq!(travel_time_index(std::iter::empty()), (None, 0));
    }
}
