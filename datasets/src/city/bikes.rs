//! Rental bikes: none is made or lost; people take them where they are and need a free dock where they go.

use super::calendar::{DayKind, LocalTime};
use super::config::CityConfig;
use super::demand::liveliness;
use super::event::{Outlet, Topic};
use super::json;
use super::plan::Plan;
use super::random::{Dice, Part};
use super::weather::Weather;
use crate::time::{MINUTE, Timestamp};

/// Trips a minute from a station at the liveliest hour in fine weather.
const BUSIEST: f64 = 0.22;

#[derive(Debug, Clone)]
struct Station {
    id: String,
    head: Vec<u8>,
    middle: Vec<u8>,
    place: (f64, f64),
    docks: i64,
    bikes: i64,
    central: bool,
    closed_until: Timestamp,
    updated: String,
}

#[derive(Debug, Clone)]
pub(super) struct Bikes {
    dice: Dice,
    list: Vec<Station>,
    riding: Vec<(Timestamp, usize)>,
}

impl Bikes {
    pub(super) fn new(plan: &Plan, config: &CityConfig) -> Self {
        let mut dice = Dice::new(config.seed, Part::Bikes);
        let mut list: Vec<Station> = Vec::new();
        for (zone, district) in plan.zones.iter().enumerate() {
            for _ in 0..if zone == 0 { 6 } else { 3 } {
                let docks = 15 + dice.below(20) as i64;
                let place = (
                    district.place.0 + dice.between(-0.9, 0.9),
                    district.place.1 + dice.between(-0.9, 0.9),
                );
                let id = format!("B-{:03}", list.len() + 1);
                let middle = json::prepared(|buffer| {
                    json::raw(
                        buffer,
                        &format!("\",\"name\":\"{} {}\",", district.name, list.len() + 1),
                    );
                    json::raw(buffer, &format!("\"zone_id\":\"{}\",\"location\":", district.id));
                    json::location(buffer, config.degrees(place));
                    json::raw(buffer, &format!(",\"capacity\":{docks},\"available_bikes\":"));
                });
                let head = format!("{{\"station_id\":\"{id}\",\"timestamp\":\"").into_bytes();
                let (closed_until, updated) = (Timestamp(i64::MIN), config.start.to_string());
                let central = zone == 0;
                list.push(Station {
                    id,
                    head,
                    middle,
                    place,
                    docks,
                    bikes: docks / 2,
                    central,
                    closed_until,
                    updated,
                });
            }
        }
        Self {
            dice,
            list,
            riding: Vec::new(),
        }
    }

    /// Goes on by a minute.
    pub(super) fn next_minute(&mut self, now: Timestamp, local: &LocalTime, weather: &Weather) {
        self.arrive(now);
        let warmth = ((weather.temperature + 2.0) / 20.0).clamp(0.1, 1.0);
        let dry = if weather.precipitation() > 0.0 { 0.35 } else { 1.0 };
        let rate = BUSIEST * liveliness(local) * warmth * dry;
        for from in 0..self.list.len() {
            if self.list[from].bikes > 0 && self.list[from].open(now) && self.dice.happens(rate) {
                self.ride(now, from, local);
            }
        }
        if (2.0..4.0).contains(&local.hour) {
            self.balance(now);
        }
        if self.dice.happens(0.5 / 1440.0) {
            let station = self.dice.below(self.list.len());
            let minutes = 30.0 + self.dice.waiting(120.0);
            self.list[station].closed_until = Timestamp(now.0 + minutes as i64 * MINUTE);
        }
    }

    fn arrive(&mut self, now: Timestamp) {
        let (due, riding) = std::mem::take(&mut self.riding)
            .into_iter()
            .partition::<Vec<_>, _>(|(when, _)| *when <= now);
        self.riding = riding;
        for (_, station) in due {
            if self.list[station].bikes < self.list[station].docks && self.list[station].open(now) {
                self.list[station].change(1, now);
            } else {
                // Full: on to another station, three minutes away.
                let next = self.dice.below(self.list.len());
                self.riding.push((Timestamp(now.0 + 3 * MINUTE), next));
            }
        }
    }

    /// A ride: towards the centre in the morning, out of it in the evening, rather near than far.
    fn ride(&mut self, now: Timestamp, from: usize, local: &LocalTime) {
        let work = local.kind == DayKind::Workday;
        let towards = match local.hour {
            hour if work && hour < 10.0 => 3.0,
            hour if work && hour > 15.0 => 0.4,
            _ => 1.0,
        };
        let start = self.list[from].place;
        let distance = |place: (f64, f64)| ((place.0 - start.0).powi(2) + (place.1 - start.1).powi(2)).sqrt();
        let weights = self
            .list
            .iter()
            .map(|station| (-distance(station.place) / 2.5).exp() * if station.central { towards } else { 1.0 });
        let to = self.dice.weighted(weights);
        let minutes = 3.0 + distance(self.list[to].place) * self.dice.between(4.0, 6.0);
        self.list[from].change(-1, now);
        self.riding.push((Timestamp(now.0 + minutes as i64 * MINUTE), to));
    }

    /// By night a van brings a bike from the fullest to the emptiest station.
    fn balance(&mut self, now: Timestamp) {
        let fill = |station: &Station| station.bikes as f64 / station.docks as f64;
        let order = |one: &usize, two: &usize| fill(&self.list[*one]).total_cmp(&fill(&self.list[*two]));
        let fullest = (0..self.list.len()).max_by(order).unwrap_or(0);
        let emptiest = (0..self.list.len()).min_by(order).unwrap_or(0);
        if fill(&self.list[fullest]) - fill(&self.list[emptiest]) > 0.2 {
            self.list[fullest].change(-1, now);
            self.list[emptiest].change(1, now);
        }
    }

    pub(super) fn report(&self, outlet: &mut Outlet<'_>) {
        for station in &self.list {
            let status = if station.open(outlet.time) {
                "active"
            } else {
                "maintenance"
            };
            outlet.send(Topic::BikeShare, &station.id, &station.head, |buffer| {
                buffer.extend_from_slice(&station.middle);
                json::whole(buffer, station.bikes);
                json::raw(buffer, ",\"available_docks\":");
                json::whole(buffer, station.docks - station.bikes);
                json::raw(buffer, ",\"status\":\"");
                json::raw(buffer, status);
                json::raw(buffer, "\",\"last_update\":\"");
                json::raw(buffer, &station.updated);
                json::raw(buffer, "\"}");
            });
        }
    }
}

impl Station {
    fn open(&self, now: Timestamp) -> bool {
        self.closed_until <= now
    }

    fn change(&mut self, bikes: i64, now: Timestamp) {
        self.bikes += bikes;
        self.updated = now.to_string();
    }
}
