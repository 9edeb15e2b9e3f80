//! The counterfactual: for each incident a twin of the traffic in which it did not happen.
//!
//! The twin begins as a copy when the incident does, meets the same drivers, the same weather and all other incidents,
//! and runs on until the traffic of both is the same again. A sensor is affected where the twin drives faster.

use std::collections::BTreeMap;

use super::incident::Incident;
use super::label::Affected;
use super::network::{Conditions, Network, Traffic};
use super::routing::{Mix, Routing};
use super::sensors::Sensor;
use crate::time::{HOUR, Timestamp};

/// A difference counts from this share of free speed on.
const NOTICEABLE: f64 = 0.15;
/// The largest difference of vehicles in any cell that counts as none.
const SAME: f64 = 0.5;
/// How long after its end an incident is followed at most.
const LONGEST_RECOVERY: i64 = 4 * HOUR;

#[derive(Debug, Clone)]
pub(super) struct Twin {
    pub(super) incident: Incident,
    pub(super) recovered: bool,
    traffic: Traffic,
    conditions: Conditions,
    /// Where the incident changes who drives, the twin has its own trips.
    routing: Option<Routing>,
    affected: BTreeMap<usize, Affected>,
}

impl Twin {
    pub(super) fn new(incident: Incident, traffic: &Traffic, conditions: &Conditions, routing: &Routing) -> Self {
        let routing = (incident.visitors > 0.0).then(|| routing.clone());
        let (traffic, conditions) = (traffic.clone(), conditions.clone());
        Self {
            incident,
            recovered: false,
            traffic,
            conditions,
            routing,
            affected: BTreeMap::new(),
        }
    }

    pub(super) fn step(&mut self, network: &Network, routing: &Routing) {
        self.traffic
            .step(network, &self.conditions, self.routing.as_ref().unwrap_or(routing));
    }

    /// Takes over the conditions of the minute, without its own incident.
    pub(super) fn next_minute(&mut self, conditions: Conditions, mix: &Mix, local: &[f64]) {
        self.conditions = conditions;
        if let Some(routing) = &mut self.routing {
            routing.set_mix(mix, local);
        }
    }

    /// Compares each sensor with the real city; true once the two are the same again after the end.
    pub(super) fn compare(
        &mut self,
        now: Timestamp,
        (network, traffic, conditions): (&Network, &Traffic, &Conditions),
        sensors: &[Sensor],
    ) -> bool {
        for (number, sensor) in sensors.iter().enumerate() {
            let real = traffic.speed(network, conditions, sensor.cell);
            let drop = self.traffic.speed(network, &self.conditions, sensor.cell) - real;
            if drop >= NOTICEABLE * sensor.free_speed {
                let entry = self.affected.entry(number).or_insert_with(|| Affected {
                    sensor_id: sensor.id.clone(),
                    from: now,
                    to: now,
                    largest_drop_kmh: 0.0,
                });
                entry.to = now;
                entry.largest_drop_kmh = entry.largest_drop_kmh.max((drop * 10.0).round() / 10.0);
            }
        }
        if now < self.incident.end {
            return false;
        }
        let mut pairs = traffic.vehicles.iter().zip(&self.traffic.vehicles);
        self.recovered = pairs.all(|(real, twin)| (real - twin).abs() < SAME);
        self.recovered || now.0 - self.incident.end.0 >= LONGEST_RECOVERY
    }

    pub(super) fn finish(self) -> (Incident, bool, Vec<Affected>) {
        (self.incident, self.recovered, self.affected.into_values().collect())
    }
}
