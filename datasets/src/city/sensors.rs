//! Traffic sensors: what loops measure of the cells that they lie in.

use super::config::CityConfig;
use super::event::{Outlet, Topic};
use super::fault::{FaultKind, Faults};
use super::json;
use super::network::{Conditions, Network, STEP_HOURS, Traffic};
use super::plan::Plan;
use super::random::Dice;
use super::road::RoadKind;

/// Steps in the five minutes that `vehicle_flow` counts.
const FLOW_STEPS: usize = 60;
/// Length of a vehicle and of the loop, km: density times this is occupancy.
const LOOP_LENGTH: f64 = 0.0062;

/// One loop.
#[derive(Debug, Clone)]
pub struct Sensor {
    /// Its key.
    pub id: String,
    /// The cell it lies in.
    pub cell: usize,
    /// km/h on a dry day.
    pub free_speed: f64,
    length: f64,
    lanes: f64,
    head: Vec<u8>,
    middle: Vec<u8>,
    passed: f64,
    driven: f64,
    present: f64,
    steps: f64,
    counts: [u32; FLOW_STEPS],
}

/// All loops of the city.
#[derive(Debug, Clone)]
pub(super) struct Sensors {
    pub(super) list: Vec<Sensor>,
    place: usize,
}

/// Which cells of a link have a loop: the first, and the distance to the next.
fn spacing(kind: RoadKind, cells: usize) -> (usize, usize) {
    match kind {
        RoadKind::Motorway => (1, 4),
        RoadKind::Ring | RoadKind::Arterial => (cells / 2, cells),
        RoadKind::Boulevard | RoadKind::Ramp => (cells, cells),
    }
}

impl Sensors {
    pub(super) fn new(plan: &Plan, config: &CityConfig) -> Self {
        let mut list = Vec::new();
        for link in &plan.network.links {
            let (first, distance) = spacing(link.kind, link.end - link.first);
            for cell in (link.first + first..link.end).step_by(distance.max(1)) {
                let number = list.len() + 1;
                list.push(Sensor::new(number, cell, plan, config));
            }
        }
        Self { list, place: 0 }
    }

    /// Counts what passed in the last step.
    pub(super) fn observe(&mut self, traffic: &Traffic, network: &Network) {
        self.place = (self.place + 1) % FLOW_STEPS;
        for sensor in &mut self.list {
            let passed = traffic.passed[sensor.cell];
            sensor.passed += passed;
            sensor.driven += passed;
            sensor.present += traffic.vehicles_before(network, sensor.cell);
            sensor.steps += 1.0;
        }
    }

    /// Remembers the count for the five minutes' flow; once a step, after reporting.
    pub(super) fn remember(&mut self) {
        for sensor in &mut self.list {
            sensor.counts[self.place] = sensor.passed as u32;
        }
    }

    pub(super) fn report(
        &mut self,
        conditions: &Conditions,
        faults: &mut Faults,
        dice: &mut Dice,
        outlet: &mut Outlet<'_>,
    ) {
        for (number, sensor) in self.list.iter_mut().enumerate() {
            let mut readings = sensor.measure(self.place, conditions.speed, dice);
            let mut quality = "good";
            if let Some(fault) = faults.of(Topic::TrafficSensors, number) {
                if fault.kind == FaultKind::Degraded {
                    quality = "degraded";
                }
                if !fault.disturb(&mut readings, outlet.time, dice) {
                    continue;
                }
            }
            sensor.send(readings, quality, outlet);
        }
    }
}

impl Sensor {
    fn new(number: usize, cell: usize, plan: &Plan, config: &CityConfig) -> Self {
        let link = &plan.network.links[plan.network.link_of[cell]];
        let (road, zone) = (&plan.roads[link.road], &plan.zones[link.zone]);
        let id = format!("TS-{number:04}");
        let head = format!("{{\"sensor_id\":\"{id}\",\"timestamp\":\"").into_bytes();
        let middle = json::prepared(|buffer| {
            json::raw(
                buffer,
                &format!("\",\"road_id\":\"{}\",\"road_name\":\"{}\",", road.id, road.name),
            );
            json::raw(buffer, &format!("\"zone_id\":\"{}\",\"location\":", zone.id));
            json::location(buffer, config.degrees(plan.network.place(cell)));
            json::raw(buffer, ",\"speed_kmh\":");
        });
        Self {
            id,
            cell,
            free_speed: link.kind.diagram().free_speed,
            length: link.cell_length(),
            lanes: f64::from(link.lanes),
            head,
            middle,
            passed: 0.0,
            driven: 0.0,
            present: 0.0,
            steps: 0.0,
            counts: [0; FLOW_STEPS],
        }
    }

    /// Speed (km/h), flow (vehicles in five minutes) and occupancy (%) since the last report. The speed is the
    /// space-mean, flow over density; drivers differ by 8 %, which averages out over those who passed.
    fn measure(&mut self, place: usize, weather: f64, dice: &mut Dice) -> [f64; 3] {
        let free = self.free_speed * weather;
        let mean = if self.present < 1e-2 {
            free
        } else {
            self.driven / self.present * self.length / STEP_HOURS
        };
        let speed = mean * (1.0 + 0.08 * dice.bell() / (1.0 + self.driven).sqrt());
        let density = self.present / self.steps.max(1.0) / self.length / self.lanes;
        let occupancy = (density * LOOP_LENGTH * 100.0 * (1.0 + 0.03 * dice.bell())).clamp(0.0, 100.0);
        let flow = (self.passed as u32).wrapping_sub(self.counts[place]);
        (self.driven, self.present, self.steps) = (0.0, 0.0, 0.0);
        [speed.max(0.0), f64::from(flow), occupancy]
    }

    fn send(&self, [speed, flow, occupancy]: [f64; 3], quality: &str, outlet: &mut Outlet<'_>) {
        let level = match speed / self.free_speed {
            share if share > 0.7 => "low",
            share if share > 0.4 => "medium",
            _ => "high",
        };
        outlet.send(Topic::TrafficSensors, &self.id, &self.head, |buffer| {
            buffer.extend_from_slice(&self.middle);
            json::fixed(buffer, speed.min(300.0), 1);
            json::raw(buffer, ",\"vehicle_flow\":");
            json::whole(buffer, flow.round() as i64);
            json::raw(buffer, ",\"occupancy_percent\":");
            json::fixed(buffer, occupancy.min(100.0), 2);
            json::raw(buffer, ",\"congestion_level\":\"");
            json::raw(buffer, level);
            json::raw(buffer, "\",\"data_quality\":\"");
            json::raw(buffer, quality);
            json::raw(buffer, "\"}");
        });
    }
}
