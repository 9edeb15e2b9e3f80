//! Car parks: a part of those who arrive in a zone look for a space there, and leave after their stay.

use super::calendar::LocalTime;
use super::config::CityConfig;
use super::event::{Outlet, Topic};
use super::fault::Faults;
use super::json;
use super::plan::Plan;
use super::random::{Dice, Part};
use super::routing::{PEAKS, Routing};

#[derive(Debug, Clone)]
struct CarPark {
    id: String,
    head: Vec<u8>,
    middle: Vec<u8>,
    zone: usize,
    spaces: i64,
    taken: i64,
    /// The share of the zone's arrivals that want a space here.
    share: f64,
    /// Whether people live around it: then it empties in the morning and is full by night.
    residential: bool,
    rate: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Parking {
    dice: Dice,
    list: Vec<CarPark>,
}

impl Parking {
    pub(super) fn new(plan: &Plan, routing: &Routing, config: &CityConfig, local: &LocalTime) -> Self {
        let mut parking = Self {
            dice: Dice::new(config.seed, Part::Parking),
            list: Vec::new(),
        };
        for zone in 0..plan.zones.len() {
            let kinds: &[&str] = if zone == 0 {
                &["garage", "garage", "garage", "street", "lot", "street"]
            } else if zone % 2 == 0 {
                &["street", "lot"]
            } else {
                &["street", "garage"]
            };
            for kind in kinds {
                parking.open(plan, routing, config, (zone, kind, kinds.len()), local);
            }
        }
        parking
    }

    /// How many car parks there are.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// The key of a car park.
    pub(super) fn key(&self, number: usize) -> &str {
        &self.list[number].id
    }

    fn open(
        &mut self,
        plan: &Plan,
        routing: &Routing,
        config: &CityConfig,
        (zone, kind, neighbours): (usize, &str, usize),
        local: &LocalTime,
    ) {
        let dice = &mut self.dice;
        let spaces = match kind {
            "garage" => dice.between(220.0, 650.0),
            "lot" => dice.between(90.0, 260.0),
            _ => dice.between(40.0, 110.0),
        }
        .round();
        let residential = kind == "street" && zone != 0;
        // In the three busiest hours about as many arrive as there are spaces.
        let peak = &PEAKS[usize::from(residential)];
        let expected: f64 = plan.zone_nodes[zone]
            .iter()
            .map(|&node| routing.arriving(node, peak))
            .sum();
        let share = (spaces * dice.between(0.6, 1.0) / (3.0 * expected).max(1.0)).min(1.0 / neighbours as f64);
        let rate = if kind == "street" {
            dice.between(1.0, 2.5)
        } else {
            dice.between(1.8, 4.0)
        };
        let by_night = (local.hour < 7.0 || local.hour > 19.0) == residential;
        let taken = (spaces
            * if by_night {
                dice.between(0.6, 0.9)
            } else {
                dice.between(0.05, 0.25)
            }) as i64;
        let number = self.list.len() + 1;
        let id = format!("P-{number:03}");
        let place = (
            plan.zones[zone].place.0 + dice.between(-0.6, 0.6),
            plan.zones[zone].place.1 + dice.between(-0.6, 0.6),
        );
        let middle = json::prepared(|buffer| {
            json::raw(
                buffer,
                &format!("\",\"name\":\"{} {kind} {number}\",", plan.zones[zone].name),
            );
            json::raw(
                buffer,
                &format!(
                    "\"zone_id\":\"{}\",\"type\":\"{kind}\",\"location\":",
                    plan.zones[zone].id
                ),
            );
            json::location(buffer, config.degrees(place));
            json::raw(
                buffer,
                &format!(",\"total_spaces\":{},\"occupied_spaces\":", spaces as i64),
            );
        });
        let head = format!("{{\"parking_id\":\"{id}\",\"timestamp\":\"").into_bytes();
        self.list.push(CarPark {
            id,
            head,
            middle,
            zone,
            spaces: spaces as i64,
            taken,
            share,
            residential,
            rate,
        });
    }

    /// Goes on by a minute; `arrivals` are the vehicles that ended their trip in each zone in it.
    pub(super) fn next_minute(&mut self, local: &LocalTime, arrivals: &[f64]) {
        for park in &mut self.list {
            let coming = self.dice.rounded(arrivals[park.zone] * park.share);
            let leaving = self.dice.rounded(park.taken as f64 * park.hazard(local.hour));
            park.taken = (park.taken - leaving + coming).clamp(0, park.spaces);
        }
    }

    pub(super) fn report(&self, faults: &mut Faults, dice: &mut Dice, outlet: &mut Outlet<'_>) {
        for (number, park) in self.list.iter().enumerate() {
            let mut readings = [park.taken as f64];
            if let Some(fault) = faults.of(Topic::Parking, number)
                && !fault.disturb(&mut readings, outlet.time, dice)
            {
                continue;
            }
            park.report(readings[0] as i64, outlet);
        }
    }
}

impl CarPark {
    /// The share of parked cars that leave in a minute: one in 240 on average, more at the end of work (or, where people
    /// live, at the start of it), fewer otherwise.
    fn hazard(&self, hour: f64) -> f64 {
        let much = if self.residential { 6.0..9.5 } else { 15.5..20.0 };
        let little = if self.residential { 16.0..24.0 } else { 6.0..11.5 };
        let factor = if much.contains(&hour) {
            2.6
        } else if little.contains(&hour) {
            0.25
        } else {
            0.9
        };
        factor / 240.0
    }

    fn report(&self, taken: i64, outlet: &mut Outlet<'_>) {
        outlet.send(Topic::Parking, &self.id, &self.head, |buffer| {
            buffer.extend_from_slice(&self.middle);
            json::whole(buffer, taken);
            json::raw(buffer, ",\"available_spaces\":");
            json::whole(buffer, self.spaces - taken);
            json::raw(buffer, ",\"occupancy_rate\":");
            json::fixed(buffer, taken as f64 / self.spaces as f64 * 100.0, 1);
            json::raw(buffer, ",\"hourly_rate\":");
            json::fixed(buffer, self.rate, 2);
            json::raw(buffer, ",\"status\":\"");
            json::raw(buffer, if taken == self.spaces { "full" } else { "available" });
            json::raw(buffer, "\"}");
        });
    }
}
