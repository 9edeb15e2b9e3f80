//! The incident that is scheduled, so that whoever looks sees an alert soon.

use arterial_datasets::city::road::RoadKind;
use arterial_datasets::city::{City, IncidentKind};
use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use serde::{Serialize, Serializer};

/// When it begins: the city stands still until everything is ready, and at the usual speed this leaves twenty seconds to open a page.
const AFTER: i64 = 20 * MINUTE;
/// How long it lasts.
const MINUTES: f64 = 40.0;
/// How many cells of the road lie between the sensor and it.
const AHEAD: usize = 2;

/// What is scheduled: the simulator's own word on it.
#[derive(Debug, Clone, Serialize)]
pub struct Scheduled {
    /// As in the events.
    pub incident_id: String,
    /// As in the events.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The road.
    pub road_id: String,
    /// Its name.
    pub road_name: String,
    /// The zone.
    pub zone_id: String,
    /// The sensor behind which it happens.
    pub sensor_id: String,
    /// When it begins.
    #[serde(serialize_with = "rfc3339")]
    pub start: Timestamp,
    /// When the road is free again.
    #[serde(serialize_with = "rfc3339")]
    pub end: Timestamp,
}

/// Schedules an accident for when there was time to look, right behind the sensor of a large road that most vehicles pass: not where they
/// stand already, as the alert of that jam would take the accident in.
///
/// # Errors
/// A city without a sensor on a large road.
pub fn schedule(city: &mut City) -> anyhow::Result<Scheduled> {
    let network = &city.plan().network;
    let link = |cell: usize| &network.links[network.link_of[cell]];
    let large = |kind: RoadKind| matches!(kind, RoadKind::Motorway | RoadKind::Ring | RoadKind::Arterial);
    let traffic = city.traffic();
    let candidates = city.sensors().iter().filter(|sensor| {
        let link = link(sensor.cell);
        large(link.kind) && sensor.cell + AHEAD < link.end
    });
    let busiest = candidates.max_by(|one, other| traffic.passed[one.cell].total_cmp(&traffic.passed[other.cell]));
    let sensor = busiest
        .ok_or_else(|| anyhow::anyhow!("no sensor lies on a large road"))?
        .clone();
    let (road, zone) = {
        let link = link(sensor.cell);
        (
            city.plan().roads[link.road].clone(),
            city.plan().zones[link.zone].clone(),
        )
    };
    let start = Timestamp(city.now().0 + AFTER).window_start(Duration(MINUTE));
    let kind = IncidentKind::Accident;
    let incident_id = city.schedule(kind, sensor.cell + AHEAD, start, MINUTES)?;
    Ok(Scheduled {
        incident_id,
        kind: kind.name(),
        road_id: road.id,
        road_name: road.name,
        zone_id: zone.id,
        sensor_id: sensor.id,
        start,
        end: Timestamp(start.0 + MINUTES as i64 * MINUTE),
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn rfc3339<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(instant)
}
