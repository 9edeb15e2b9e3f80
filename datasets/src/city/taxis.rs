//! Taxis and private hire cars: they wait, fetch people and drive at the speed of the zone's traffic.

use super::calendar::LocalTime;
use super::config::CityConfig;
use super::demand::liveliness;
use super::event::{Outlet, Topic};
use super::json;
use super::network::STEP_HOURS;
use super::plan::{Plan, Zone};
use super::random::{Dice, Part};

/// A shift, hours.
const SHIFT: f64 = 10.0;

#[derive(Debug, Clone)]
struct Trip {
    id: u64,
    from: usize,
    distance: f64,
    driven: f64,
    fare: f64,
    minutes: f64,
}

#[derive(Debug, Clone)]
struct Taxi {
    head: Vec<u8>,
    kind: &'static str,
    zone: usize,
    target: usize,
    place: (f64, f64),
    trip: Option<Trip>,
    speed: f64,
    /// The local hour at which the shift begins.
    begins: f64,
    battery: Option<f64>,
}

#[derive(Debug, Clone)]
pub(super) struct Taxis {
    dice: Dice,
    list: Vec<Taxi>,
    trips: u64,
    pull: Vec<f64>,
}

impl Taxis {
    pub(super) fn new(plan: &Plan, config: &CityConfig) -> Self {
        let mut dice = Dice::new(config.seed, Part::Taxis);
        let pull: Vec<f64> = plan
            .zone_nodes
            .iter()
            .map(|nodes| {
                nodes
                    .iter()
                    .map(|&node| plan.network.nodes[node].jobs + plan.network.nodes[node].residents)
                    .sum()
            })
            .collect();
        let list = (0..5 * config.size.radials())
            .map(|number| {
                let zone = dice.weighted(pull.iter().copied());
                Taxi {
                    head: format!("{{\"taxi_id\":\"CAB-{:06X}\",\"timestamp\":\"", dice.bits() & 0xff_ffff)
                        .into_bytes(),
                    kind: if number % 3 == 2 { "vtc" } else { "taxi" },
                    zone,
                    target: zone,
                    place: plan.zones[zone].place,
                    trip: None,
                    speed: 0.0,
                    begins: dice.between(0.0, 24.0),
                    battery: dice.happens(0.35).then(|| dice.between(40.0, 100.0)),
                }
            })
            .collect();
        Self {
            dice,
            list,
            trips: 0,
            pull,
        }
    }

    /// Goes on by a step; `speeds` are the zones' mean speeds in km/h.
    pub(super) fn step(&mut self, local: &LocalTime, zones: &[Zone], speeds: &[f64]) {
        let hail = liveliness(local) * STEP_HOURS * 8.0;
        for taxi in &mut self.list {
            taxi.drive(zones, speeds[taxi.zone], &mut self.dice);
            if taxi.trip.is_none() && taxi.on_duty(local) && self.dice.happens(hail) {
                self.trips += 1;
                let target = self.dice.weighted(self.pull.iter().copied());
                taxi.hire(self.trips, target, zones, speeds[taxi.zone], &mut self.dice);
            }
        }
    }

    pub(super) fn report(&self, local: &LocalTime, config: &CityConfig, zones: &[Zone], outlet: &mut Outlet<'_>) {
        for taxi in &self.list {
            taxi.report(local, config, zones, outlet);
        }
    }
}

impl Taxi {
    fn on_duty(&self, local: &LocalTime) -> bool {
        (local.hour - self.begins).rem_euclid(24.0) < SHIFT
    }

    fn hire(&mut self, number: u64, target: usize, zones: &[Zone], speed: f64, dice: &mut Dice) {
        let goal = zones[target].place;
        let straight = ((goal.0 - self.place.0).powi(2) + (goal.1 - self.place.1).powi(2)).sqrt();
        let distance = 1.3 * straight + dice.between(0.8, 2.5);
        let minutes = distance / speed.max(8.0) * 60.0 * dice.between(0.9, 1.2);
        let fare = 2.6 + 1.75 * distance + 0.35 * minutes;
        self.target = target;
        self.trip = Some(Trip {
            id: number,
            from: self.zone,
            distance,
            driven: 0.0,
            fare,
            minutes,
        });
    }

    /// Drives on towards the target; ends the trip there.
    fn drive(&mut self, zones: &[Zone], zone_speed: f64, dice: &mut Dice) {
        let Some(trip) = &mut self.trip else {
            self.speed = if dice.happens(0.3) {
                dice.between(0.0, 0.6) * zone_speed
            } else {
                0.0
            };
            if let Some(level) = &mut self.battery {
                *level = (*level + 0.01).min(100.0);
            }
            return;
        };
        self.speed = (zone_speed * (1.0 + 0.25 * dice.bell())).clamp(0.0, 130.0);
        let step = self.speed * STEP_HOURS;
        let share = (step / (trip.distance - trip.driven).max(1e-6)).min(1.0);
        let goal = zones[self.target].place;
        self.place.0 += share * (goal.0 - self.place.0);
        self.place.1 += share * (goal.1 - self.place.1);
        trip.driven += step;
        if let Some(level) = &mut self.battery {
            *level = (*level - step * 0.25).max(5.0);
        }
        self.zone = nearest(zones, self.place);
        if trip.driven >= trip.distance {
            self.trip = None;
        }
    }

    fn report(&self, local: &LocalTime, config: &CityConfig, zones: &[Zone], outlet: &mut Outlet<'_>) {
        let status = match &self.trip {
            Some(_) => "occupied",
            None if self.on_duty(local) => "available",
            None => "off_duty",
        };
        let speed = if status == "off_duty" { 0.0 } else { self.speed };
        outlet.send(Topic::TaxiVtc, &zones[self.zone].id, &self.head, |buffer| {
            json::raw(buffer, "\",\"type\":\"");
            json::raw(buffer, self.kind);
            json::raw(buffer, "\",\"status\":\"");
            json::raw(buffer, status);
            json::raw(buffer, "\",\"location\":");
            json::location(buffer, config.degrees(self.place));
            json::raw(buffer, ",\"current_zone\":\"");
            json::raw(buffer, &zones[self.zone].id);
            json::raw(buffer, "\",\"speed_kmh\":");
            json::fixed(buffer, speed, 1);
            match &self.trip {
                Some(trip) => {
                    json::raw(buffer, ",\"fare_info\":{\"trip_id\":\"TRIP-");
                    json::whole(buffer, trip.id as i64);
                    json::raw(buffer, "\",\"start_zone\":\"");
                    json::raw(buffer, &zones[trip.from].id);
                    json::raw(buffer, "\",\"estimated_fare\":");
                    json::fixed(buffer, trip.fare, 2);
                    json::raw(buffer, ",\"estimated_duration_min\":");
                    json::fixed(buffer, trip.minutes, 1);
                    json::raw(buffer, "},\"battery_level\":");
                }
                None => json::raw(buffer, ",\"fare_info\":null,\"battery_level\":"),
            }
            match self.battery {
                Some(level) => json::whole(buffer, level.round() as i64),
                None => json::raw(buffer, "null"),
            }
            buffer.push(b'}');
        });
    }
}

fn nearest(zones: &[Zone], place: (f64, f64)) -> usize {
    let far = |zone: &Zone| (zone.place.0 - place.0).powi(2) + (zone.place.1 - place.1).powi(2);
    (0..zones.len())
        .min_by(|one, two| far(&zones[*one]).total_cmp(&far(&zones[*two])))
        .unwrap_or(0)
}
