//! The air above each zone: a box that traffic fills, wind empties and the sun makes deep.
//!
//! For each pollutant `dC/dt = E / H - (u / W + k) (C - B)`: emission E per area from the vehicle-kilometres of the zone
//! (more at low speed), mixing height H, wind u across the width W, decay k, background B (the box model of J. Seinfeld
//! and S. Pandis, Atmospheric Chemistry and Physics, 2nd edition 2006, chapter 25).

use super::config::CityConfig;
use super::event::{Outlet, Topic};
use super::fault::Faults;
use super::json;
use super::network::{STEP_HOURS, Traffic};
use super::plan::Plan;
use super::random::{Dice, Part};
use super::weather::Weather;

/// Width of a zone, m, and its area, m2.
const WIDTH: f64 = 3000.0;
const AREA: f64 = 6.0e6;

/// A pollutant: emission at 50 km/h in ug per vehicle-km (mg for co) on the modelled roads, which stand for all streets of
/// the zone; background in ug/m3 (mg/m3), decay per second.
const POLLUTANTS: [(&str, f64, f64, f64); 5] = [
    ("pm25", 150_000.0, 7.0, 3e-6),
    ("pm10", 300_000.0, 12.0, 8e-6),
    ("no2", 1_500_000.0, 6.0, 2e-5),
    ("co", 6_000.0, 0.15, 1e-6),
    ("so2", 20_000.0, 1.5, 1e-5),
];

/// The index of the US Environmental Protection Agency: concentrations (24 h means of pm25 and pm10, 1 h of no2 in ug/m3
/// at 25 degC) at index 0, 50, 100, 150, 200, 300; here of momentary values.
const INDEX: [f64; 6] = [0.0, 50.0, 100.0, 150.0, 200.0, 300.0];
const BREAKS: [(usize, [f64; 6]); 3] = [
    (0, [0.0, 9.0, 35.4, 55.4, 125.4, 225.4]),
    (1, [0.0, 54.0, 154.0, 254.0, 354.0, 424.0]),
    (2, [0.0, 100.0, 188.0, 677.0, 1220.0, 2348.0]),
];

#[derive(Debug, Clone)]
struct Box {
    id: String,
    head: Vec<u8>,
    middle: Vec<u8>,
    levels: [f64; 5],
    ozone: f64,
    /// The share of the city's mean emission that reaches the station; stations stand near roads or not.
    near: f64,
    wander: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Air {
    dice: Dice,
    list: Vec<Box>,
    emission: Vec<f64>,
}

impl Air {
    pub(super) fn new(plan: &Plan, config: &CityConfig) -> Self {
        let mut dice = Dice::new(config.seed, Part::Air);
        let list = plan
            .zones
            .iter()
            .enumerate()
            .map(|(number, zone)| {
                let id = format!("AQ-{:02}", number + 1);
                let place = (
                    zone.place.0 + dice.between(-0.4, 0.4),
                    zone.place.1 + dice.between(-0.4, 0.4),
                );
                let middle = json::prepared(|buffer| {
                    json::raw(
                        buffer,
                        &format!(
                            "\",\"zone_id\":\"{}\",\"zone_name\":\"{}\",\"location\":",
                            zone.id, zone.name
                        ),
                    );
                    json::location(buffer, config.degrees(place));
                    json::raw(buffer, ",\"pollutants\":{");
                });
                let head = format!("{{\"station_id\":\"{id}\",\"timestamp\":\"").into_bytes();
                let levels = POLLUTANTS.map(|(_, _, background, _)| background);
                Box {
                    id,
                    head,
                    middle,
                    levels,
                    ozone: 50.0,
                    near: dice.between(0.7, 1.4),
                    wander: 0.0,
                }
            })
            .collect();
        Self {
            dice,
            list,
            emission: vec![0.0; plan.zones.len()],
        }
    }

    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    pub(super) fn key(&self, number: usize) -> &str {
        &self.list[number].id
    }

    /// Goes on by a minute: the vehicles of the last step stand for it.
    pub(super) fn next_minute(&mut self, plan: &Plan, traffic: &Traffic, weather: &Weather) {
        self.emission.fill(0.0);
        for link in &plan.network.links {
            let length = link.cell_length();
            for cell in link.first..link.end {
                let (vehicles, passed) = (traffic.vehicles[cell], traffic.passed[cell]);
                // Vehicle-km in a minute, and a third more emission an hour of idling than at 50 km/h.
                let driven = passed * length / STEP_HOURS / 60.0;
                let idle = (vehicles - passed / STEP_HOURS * length / 40.0).max(0.0) * 13.0 / 60.0;
                self.emission[link.zone] += driven + idle;
            }
        }
        let day = weather.sun.max(0.0);
        let height = 180.0 + 1100.0 * day + 25.0 * weather.wind;
        let wash = 2e-5 * weather.precipitation();
        for (zone, one) in self.list.iter_mut().enumerate() {
            one.wander = 0.98 * one.wander + 0.02 * self.dice.bell();
            let exchange = (weather.wind / 3.6).max(0.4) / WIDTH;
            for (level, (_, factor, background, decay)) in one.levels.iter_mut().zip(POLLUTANTS) {
                let background = background * (1.0 + one.wander * 3.0).max(0.3);
                let source = self.emission[zone] * one.near * factor / AREA / height;
                let loss = (60.0 * (exchange + decay + wash)).min(1.0);
                *level = (*level + source - loss * (*level - background)).max(0.05);
            }
            // Ozone comes with the sun and is eaten by fresh exhaust.
            let aim = (35.0 + 75.0 * day - 0.5 * one.levels[2]).max(3.0);
            one.ozone += (aim - one.ozone) / 60.0;
        }
    }

    pub(super) fn report(&self, faults: &mut Faults, dice: &mut Dice, outlet: &mut Outlet<'_>) {
        for (number, one) in self.list.iter().enumerate() {
            let mut readings = one
                .levels
                .map(|level| (level * (1.0 + 0.02 * dice.bell())).clamp(0.0, 9000.0));
            if let Some(fault) = faults.of(Topic::AirQuality, number)
                && !fault.disturb(&mut readings, outlet.time, dice)
            {
                continue;
            }
            one.report(&readings, outlet);
        }
    }
}

impl Box {
    fn report(&self, readings: &[f64; 5], outlet: &mut Outlet<'_>) {
        let index = index(readings);
        outlet.send(Topic::AirQuality, &self.id, &self.head, |buffer| {
            buffer.extend_from_slice(&self.middle);
            for ((name, ..), level) in POLLUTANTS.iter().zip(readings) {
                json::raw(buffer, "\"");
                json::raw(buffer, name);
                json::raw(buffer, "\":");
                json::fixed(buffer, *level, 2);
                buffer.push(b',');
            }
            json::raw(buffer, "\"o3\":");
            json::fixed(buffer, self.ozone, 2);
            json::raw(buffer, "},\"aqi\":");
            json::fixed(buffer, index, 0);
            json::raw(buffer, ",\"air_quality\":\"");
            json::raw(buffer, quality(index));
            json::raw(buffer, "\"}");
        });
    }
}

/// The largest of the sub-indices.
fn index(readings: &[f64; 5]) -> f64 {
    let sub = |(place, breaks): &(usize, [f64; 6])| {
        let level = readings[*place];
        let upper = breaks[1..]
            .iter()
            .position(|point| level <= *point)
            .map_or(5, |below| below + 1);
        let share = (level - breaks[upper - 1]) / (breaks[upper] - breaks[upper - 1]);
        (INDEX[upper - 1] + share * (INDEX[upper] - INDEX[upper - 1])).min(500.0)
    };
    BREAKS.iter().map(sub).fold(0.0, f64::max).round()
}

fn quality(index: f64) -> &'static str {
    match index {
        index if index <= 50.0 => "good",
        index if index <= 100.0 => "moderate",
        index if index <= 150.0 => "poor",
        index if index <= 200.0 => "unhealthy",
        _ => "very unhealthy",
    }
}
