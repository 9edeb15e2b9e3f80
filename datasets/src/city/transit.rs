//! Buses on lines across the city: they drive with the traffic, stop, and run late where it stands.

use super::calendar::LocalTime;
use super::config::CityConfig;
use super::demand::liveliness;
use super::event::{Outlet, Topic};
use super::json;
use super::network::{Conditions, Network, STEP_SECONDS, Traffic};
use super::plan::Plan;
use super::random::{Dice, Part};
use crate::time::{MINUTE, SECOND, Timestamp};

const HEADWAY_SECONDS: f64 = 720.0;
const LAYOVER_SECONDS: f64 = 420.0;
const STOP_SECONDS: f64 = 28.0;
const STOP_DISTANCE: f64 = 0.55;
const FASTEST: f64 = 45.0;
const CAPACITY: f64 = 100.0;
/// A bus later than this is `delayed`, minutes.
const DELAYED: f64 = 3.0;

/// One direction of a line.
#[derive(Debug, Clone)]
struct Track {
    cells: Vec<usize>,
    lengths: Vec<f64>,
    /// The timetable's seconds from the terminus to the start of each cell, and to the end of the last.
    planned: Vec<f64>,
    /// The number of the stop at the end of a cell.
    stops: Vec<Option<i64>>,
    name: String,
}

#[derive(Debug, Clone)]
struct Line {
    id: String,
    tracks: [Track; 2],
}

/// The first run of a bus on a day of service.
#[derive(Debug, Clone, Copy)]
struct FirstRun {
    direction: usize,
    /// Microseconds from the start of service to the departure.
    wait: i64,
}

#[derive(Debug, Clone)]
struct Bus {
    head: Vec<u8>,
    middle: Vec<u8>,
    line: usize,
    direction: usize,
    /// The cell along the track; none while it rests at the terminus.
    cell: Option<usize>,
    along: f64,
    dwell: f64,
    first: FirstRun,
    /// When the timetable says that it leaves the terminus; none while it is in the depot.
    departure: Option<Timestamp>,
    /// When it can leave the terminus, whatever the timetable says.
    ready: Timestamp,
    passengers: f64,
    speed: f64,
    delay: f64,
}

#[derive(Debug, Clone)]
pub(super) struct Transit {
    dice: Dice,
    lines: Vec<Line>,
    buses: Vec<Bus>,
    in_service: bool,
}

impl Track {
    fn new(plan: &Plan, route: &[usize]) -> Self {
        let network = &plan.network;
        let cells: Vec<usize> = route
            .iter()
            .flat_map(|&link| network.links[link].first..network.links[link].end)
            .collect();
        let link = |cell: usize| &network.links[network.link_of[cell]];
        let lengths: Vec<f64> = cells.iter().map(|&cell| link(cell).cell_length()).collect();
        let (mut planned, mut stops) = (vec![0.0], Vec::new());
        let (mut seconds, mut since, mut number) = (0.0, 0.0, 1);
        for (&cell, length) in cells.iter().zip(&lengths) {
            let speed = (0.66 * link(cell).kind.diagram().free_speed).min(FASTEST);
            seconds += length / speed * 3600.0;
            since += length;
            if since >= STOP_DISTANCE {
                since = 0.0;
                seconds += STOP_SECONDS;
                stops.push(Some(number));
                number += 1;
            } else {
                stops.push(None);
            }
            planned.push(seconds);
        }
        let name = route
            .last()
            .map_or("", |&last| &plan.zones[network.links[last].zone].name)
            .to_string();
        Self {
            cells,
            lengths,
            planned,
            stops,
            name,
        }
    }

    fn duration(&self) -> f64 {
        self.planned.last().copied().unwrap_or(0.0)
    }

    /// The last stop behind the cell, and the next one.
    fn stops_around(&self, cell: usize) -> (i64, i64) {
        let behind = self.stops[..cell.min(self.stops.len())]
            .iter()
            .rev()
            .flatten()
            .next()
            .copied()
            .unwrap_or(0);
        (behind, behind + 1)
    }
}

impl Transit {
    pub(super) fn new(plan: &Plan, config: &CityConfig) -> Self {
        let mut dice = Dice::new(config.seed, Part::Transit);
        let mut lines = Vec::new();
        let mut buses = Vec::new();
        for (number, (there, back)) in plan.routes.iter().enumerate() {
            let tracks = [Track::new(plan, there), Track::new(plan, back)];
            let id = format!("L{:02}", number + 1);
            let round = tracks[0].duration() + tracks[1].duration() + 2.0 * LAYOVER_SECONDS;
            let fleet = (round / HEADWAY_SECONDS).ceil() as usize;
            for index in 0..fleet {
                let wait = index as f64 * HEADWAY_SECONDS / 2.0 * dice.between(0.98, 1.02);
                let first = FirstRun {
                    direction: index % 2,
                    wait: wait as i64 * SECOND,
                };
                buses.push(Bus::new(buses.len() + 1, number, &id, first));
            }
            lines.push(Line { id, tracks });
        }
        Self {
            dice,
            lines,
            buses,
            in_service: false,
        }
    }

    /// Buses run from five in the morning to midnight.
    pub(super) fn next_minute(&mut self, local: &LocalTime) {
        self.in_service = local.hour >= 5.0;
    }

    pub(super) fn step(&mut self, now: Timestamp, local: &LocalTime, city: (&Network, &Traffic, &Conditions)) {
        let demand = liveliness(local);
        for bus in &mut self.buses {
            bus.step(
                now,
                &self.lines[bus.line],
                city,
                (demand, self.in_service),
                &mut self.dice,
            );
        }
    }

    pub(super) fn report(&self, config: &CityConfig, network: &Network, outlet: &mut Outlet<'_>) {
        for bus in &self.buses {
            if self.in_service || bus.cell.is_some() {
                let line = &self.lines[bus.line];
                bus.report(line, config, network, outlet);
            }
        }
    }
}

impl Bus {
    fn new(number: usize, line: usize, id: &str, first: FirstRun) -> Self {
        Self {
            head: format!("{{\"vehicle_id\":\"BUS-{number:03}\",\"timestamp\":\"").into_bytes(),
            middle: format!(
                "\",\"line_id\":\"{id}\",\"line_number\":\"{}\",\"current_stop\":",
                line + 1
            )
            .into_bytes(),
            line,
            direction: first.direction,
            cell: None,
            along: 0.0,
            dwell: 0.0,
            first,
            departure: None,
            ready: Timestamp(i64::MIN),
            passengers: 0.0,
            speed: 0.0,
            delay: 0.0,
        }
    }

    fn step(
        &mut self,
        now: Timestamp,
        line: &Line,
        (network, traffic, conditions): (&Network, &Traffic, &Conditions),
        (demand, in_service): (f64, bool),
        dice: &mut Dice,
    ) {
        let track = &line.tracks[self.direction];
        self.speed = 0.0;
        let Some(cell) = self.cell else {
            self.depart(now, in_service);
            return;
        };
        self.set_delay(now, track, cell);
        if self.dwell > 0.0 {
            self.dwell -= STEP_SECONDS;
            return;
        }
        let traffic_speed = traffic.speed(network, conditions, track.cells[cell]);
        self.speed = (0.8 * traffic_speed * (1.0 + 0.06 * dice.bell())).clamp(0.0, FASTEST);
        self.along += self.speed * STEP_SECONDS / 3600.0;
        if self.along < track.lengths[cell] {
            return;
        }
        self.along -= track.lengths[cell];
        if track.stops[cell].is_some() {
            self.serve_stop(demand, dice);
        }
        self.cell = Some(cell + 1);
        if cell + 1 == track.cells.len() {
            self.arrive(now, line);
        }
    }

    /// Leaves the terminus when the timetable says so and the bus is ready. Each day of service begins in the depot, with a
    /// timetable of its own: nobody is late for a departure of the night.
    fn depart(&mut self, now: Timestamp, in_service: bool) {
        self.delay = 0.0;
        if !in_service {
            self.departure = None;
            return;
        }
        let departure = *self.departure.get_or_insert_with(|| {
            self.direction = self.first.direction;
            self.ready = now;
            Timestamp(now.0 + self.first.wait)
        });
        if now >= departure && now >= self.ready {
            self.cell = Some(0);
            self.along = 0.0;
        }
        self.delay = minutes(now, departure).max(0.0);
    }

    fn arrive(&mut self, now: Timestamp, line: &Line) {
        let planned = line.tracks[self.direction].duration() + LAYOVER_SECONDS;
        let mut next = self.departure.unwrap_or(now).0 + planned as i64 * SECOND;
        // A bus that is later than the one behind it should be takes that one's place in the timetable.
        let headway = HEADWAY_SECONDS as i64 * SECOND;
        next += ((now.0 - next) / headway).max(0) * headway;
        self.departure = Some(Timestamp(next));
        self.ready = Timestamp(now.0 + 60 * SECOND);
        self.direction = 1 - self.direction;
        self.cell = None;
        self.passengers = 0.0;
    }

    fn set_delay(&mut self, now: Timestamp, track: &Track, cell: usize) {
        let share = self.along / track.lengths[cell];
        let planned = track.planned[cell] + share * (track.planned[cell + 1] - track.planned[cell]);
        self.delay = minutes(now, self.departure.unwrap_or(now)) - planned / 60.0;
    }

    /// Passengers leave and enter, more of them where the bus is late; an early bus waits for its time.
    fn serve_stop(&mut self, demand: f64, dice: &mut Dice) {
        let leaving = (self.passengers * dice.between(0.1, 0.3)).round();
        let late = 1.0 + (self.delay / (HEADWAY_SECONDS / 60.0)).clamp(0.0, 2.0);
        let chance = dice.between(0.5, 1.5);
        let waiting = dice.rounded((0.2 + 11.0 * demand) * late * chance) as f64;
        let boarding = waiting.min(CAPACITY - (self.passengers - leaving));
        self.passengers += boarding - leaving;
        let early = (-self.delay * 60.0 - 20.0).clamp(0.0, 90.0);
        self.dwell = 8.0 + 1.6 * boarding.max(0.0) + early;
    }

    fn report(&self, line: &Line, config: &CityConfig, network: &Network, outlet: &mut Outlet<'_>) {
        let track = &line.tracks[self.direction];
        let cell = self.cell.unwrap_or(0).min(track.cells.len() - 1);
        let (behind, next) = track.stops_around(cell);
        let place = config.degrees(network.place(track.cells[cell]));
        let passengers = self.passengers.round() as i64;
        outlet.send(Topic::PublicTransport, &line.id, &self.head, |buffer| {
            buffer.extend_from_slice(&self.middle);
            json::whole(buffer, behind);
            json::raw(buffer, ",\"next_stop\":");
            json::whole(buffer, next);
            json::raw(buffer, ",\"direction\":\"");
            json::raw(buffer, &track.name);
            json::raw(buffer, "\",\"location\":");
            json::location(buffer, place);
            json::raw(buffer, ",\"speed_kmh\":");
            json::fixed(buffer, self.speed, 1);
            json::raw(buffer, ",\"passenger_count\":");
            json::whole(buffer, passengers);
            json::raw(buffer, ",\"capacity\":");
            json::whole(buffer, CAPACITY as i64);
            json::raw(buffer, ",\"occupancy_rate\":");
            json::fixed(buffer, passengers as f64 / CAPACITY * 100.0, 1);
            json::raw(buffer, ",\"delay_minutes\":");
            json::fixed(buffer, self.delay.clamp(-60.0, 600.0), 1);
            json::raw(buffer, ",\"status\":\"");
            json::raw(buffer, if self.delay > DELAYED { "delayed" } else { "on_time" });
            json::raw(buffer, "\"}");
        });
    }
}

/// The minutes from `since` to `now`.
fn minutes(now: Timestamp, since: Timestamp) -> f64 {
    (now.0 - since.0) as f64 / MINUTE as f64
}
