//! What happens on the roads: accidents, breakdowns, roadworks, planned events and more, and what each does to cells.

use super::calendar::{DayKind, LocalTime};
use super::event::{Outlet, Topic};
use super::json;
use super::network::{Network, Traffic};
use super::plan::Plan;
use super::random::{Dice, Part};
use super::road::RoadKind;
use super::weather::{Condition, Weather};
use crate::time::{MINUTE, SECOND, Timestamp};

/// How long a planned event draws visitors before it begins, and how long they leave after it.
const ARRIVAL: i64 = 90 * MINUTE;
const DEPARTURE: i64 = 60 * MINUTE;
/// How often an active incident is told again.
const UPDATE: i64 = 5 * MINUTE;

/// What it is, as the events name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncidentKind {
    /// Vehicles collided.
    Accident,
    /// A vehicle stands.
    Breakdown,
    /// A lane is closed for works.
    Roadwork,
    /// Many people come to the venue and leave it again.
    Event,
    /// Boulevards are closed.
    Demonstration,
    /// Water on the road.
    Flooding,
    /// Signals are dark.
    PowerOutage,
}

impl IncidentKind {
    /// As the events name it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accident => "accident",
            Self::Breakdown => "breakdown",
            Self::Roadwork => "roadwork",
            Self::Event => "event",
            Self::Demonstration => "demonstration",
            Self::Flooding => "flooding",
            Self::PowerOutage => "power_outage",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Accident => "Collision",
            Self::Breakdown => "Broken-down vehicle",
            Self::Roadwork => "Roadworks",
            Self::Event => "Event at the venue",
            Self::Demonstration => "Demonstration",
            Self::Flooding => "Water on the road",
            Self::PowerOutage => "Signals without power",
        }
    }
}

/// One incident, from its start on the road to its end.
#[derive(Debug, Clone)]
pub struct Incident {
    /// Such as `INC-000001`.
    pub id: String,
    /// What it is.
    pub kind: IncidentKind,
    /// Where it is.
    pub cell: usize,
    /// Cells whose capacity it lowers, and the share that is left.
    pub cells: Vec<(usize, f64)>,
    /// Lanes closed at its place.
    pub lanes_closed: u32,
    /// Vehicles that a planned event draws.
    pub visitors: f64,
    /// When it begins on the road.
    pub start: Timestamp,
    /// When the road is free again.
    pub end: Timestamp,
    /// When it is first told.
    pub reported_at: Timestamp,
    next_report: Timestamp,
    estimate: f64,
}

impl Incident {
    /// low, medium, high or critical, from what is left of the capacity and how long it lasts.
    #[must_use]
    pub fn severity(&self) -> &'static str {
        let minutes = (self.end.0 - self.start.0) as f64 / MINUTE as f64;
        let lost = 1.0 - self.capacity_share();
        match lost * minutes.sqrt() {
            _ if self.visitors > 0.0 => "medium",
            weight if weight > 6.5 => "critical",
            weight if weight > 4.5 => "high",
            weight if weight > 2.2 => "medium",
            _ => "low",
        }
    }

    /// What is left of the capacity at its place, 0..1.
    #[must_use]
    pub fn capacity_share(&self) -> f64 {
        self.cells.iter().map(|(_, share)| *share).fold(1.0, f64::min)
    }

    /// How strongly visitors come and go now, vehicles an hour.
    #[must_use]
    pub fn visits(&self, now: Timestamp) -> (f64, f64) {
        let since = now.0 - self.start.0;
        let left = self.end.0 - now.0;
        let coming = if (0..ARRIVAL).contains(&since) {
            // Most come in the last third: a triangle with its peak an hour after the first.
            let hours = since as f64 / ARRIVAL as f64;
            let shape = if hours < 0.67 {
                hours / 0.67
            } else {
                (1.0 - hours) / 0.33
            };
            self.visitors * shape * 2.0 / 1.5
        } else {
            0.0
        };
        let going = if (0..DEPARTURE).contains(&left) {
            self.visitors * 2.0 * left as f64 / DEPARTURE as f64
        } else {
            0.0
        };
        (coming, going)
    }

    fn report(&self, plan: &Plan, degrees: (f64, f64), status: &str, outlet: &mut Outlet<'_>) {
        let link = &plan.network.links[plan.network.link_of[self.cell]];
        let (road, zone) = (&plan.roads[link.road], &plan.zones[link.zone]);
        let head = format!("{{\"incident_id\":\"{}\",\"timestamp\":\"", self.id);
        outlet.send(Topic::Incidents, &zone.id, head.as_bytes(), |buffer| {
            json::raw(
                buffer,
                &format!(
                    "\",\"type\":\"{}\",\"severity\":\"{}\",",
                    self.kind.name(),
                    self.severity()
                ),
            );
            json::raw(
                buffer,
                &format!(
                    "\"location\":{{\"road_id\":\"{}\",\"road_name\":\"{}\",",
                    road.id, road.name
                ),
            );
            json::raw(buffer, &format!("\"zone_id\":\"{}\",\"lat\":", zone.id));
            json::fixed(buffer, degrees.0, 6);
            json::raw(buffer, ",\"lon\":");
            json::fixed(buffer, degrees.1, 6);
            json::raw(
                buffer,
                &format!("}},\"description\":\"{} on {}\",", self.kind.words(), road.name),
            );
            json::raw(buffer, "\"estimated_duration_min\":");
            json::fixed(buffer, self.estimate, 0);
            json::raw(buffer, ",\"affected_lanes\":");
            json::whole(buffer, i64::from(self.lanes_closed));
            json::raw(buffer, &format!(",\"status\":\"{status}\"}}"));
        });
    }
}

/// What is happening and what is planned.
#[derive(Debug, Clone)]
pub(super) struct Incidents {
    dice: Dice,
    per_day: f64,
    planned_per_day: f64,
    planned_on: Option<jiff::civil::Date>,
    planned: Vec<Incident>,
    count: usize,
    pub(super) active: Vec<Incident>,
}

impl Incidents {
    pub(super) fn new(seed: u64, per_day: f64, planned_per_week: f64) -> Self {
        Self {
            dice: Dice::new(seed, Part::Incidents),
            per_day,
            planned_per_day: planned_per_week / 7.0,
            planned_on: None,
            planned: Vec::new(),
            count: 0,
            active: Vec::new(),
        }
    }

    /// Goes on by a minute; gives the incidents that begin.
    pub(super) fn next_minute(
        &mut self,
        now: Timestamp,
        local: &LocalTime,
        (plan, traffic): (&Plan, &Traffic),
        (weather, activity): (&Weather, f64),
    ) -> Vec<Incident> {
        if self.planned_on != Some(local.date) {
            self.planned_on = Some(local.date);
            self.plan_day(now, local, plan);
        }
        let chance = self.per_day / 1440.0 * activity * weather.risk();
        if self.dice.happens(chance) {
            self.strike(now, weather, plan, traffic);
        }
        let (begun, later) = std::mem::take(&mut self.planned)
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.start <= now);
        self.planned = later;
        self.active.extend(begun.iter().cloned());
        begun
    }

    /// Adds an incident that is known beforehand.
    pub(super) fn schedule(&mut self, incident: Incident) {
        self.planned.push(incident);
    }

    /// Tells what is due, and takes the incidents that ended.
    pub(super) fn report(
        &mut self,
        plan: &Plan,
        degrees: impl Fn((f64, f64)) -> (f64, f64),
        outlet: &mut Outlet<'_>,
    ) -> Vec<Incident> {
        let now = outlet.time;
        for incident in &mut self.active {
            let ended = incident.end <= now;
            if ended || incident.next_report <= now {
                let place = degrees(plan.network.place(incident.cell));
                incident.report(plan, place, if ended { "resolved" } else { "active" }, outlet);
                incident.next_report = Timestamp(now.0 + UPDATE);
            }
        }
        let (ended, active) = std::mem::take(&mut self.active)
            .into_iter()
            .partition(|one| one.end <= now);
        self.active = active;
        ended
    }

    /// Draws the roadworks and events of a day.
    fn plan_day(&mut self, now: Timestamp, local: &LocalTime, plan: &Plan) {
        for _ in 0..self.dice.rounded(self.planned_per_day) {
            let (kind, hour, minutes) = match (local.kind, self.dice.below(10)) {
                (DayKind::Workday, 0..7) => (
                    IncidentKind::Roadwork,
                    self.dice.between(9.0, 11.0),
                    self.dice.between(180.0, 330.0),
                ),
                (DayKind::Workday, _) => (IncidentKind::Event, 18.5, 300.0),
                (_, 0..5) => (IncidentKind::Event, 13.5, 300.0),
                (_, 5..8) => (IncidentKind::Demonstration, 14.0, self.dice.between(120.0, 240.0)),
                (_, _) => (
                    IncidentKind::Roadwork,
                    self.dice.between(7.0, 9.0),
                    self.dice.between(240.0, 480.0),
                ),
            };
            let ahead = hour - local.hour;
            if ahead > 0.0 {
                let start = Timestamp(now.0 + (ahead * 60.0) as i64 * MINUTE);
                let cell = self.place_of(kind, &plan.network, plan.venue);
                let incident = self.incident(kind, cell, start, minutes, plan);
                self.schedule(incident);
            }
        }
    }

    fn place_of(&mut self, kind: IncidentKind, network: &Network, venue: usize) -> usize {
        let wanted = |link: &&super::network::Link| match kind {
            IncidentKind::Event => link.to == venue && link.kind == RoadKind::Arterial,
            IncidentKind::Demonstration => link.kind == RoadKind::Boulevard,
            _ => matches!(link.kind, RoadKind::Arterial | RoadKind::Ring | RoadKind::Motorway),
        };
        let links: Vec<_> = network.links.iter().filter(wanted).collect();
        let link = links[self.dice.below(links.len())];
        if kind == IncidentKind::Event {
            link.end - 1
        } else {
            link.first + self.dice.below(link.end - link.first)
        }
    }

    /// An unplanned incident, most likely where most vehicles are.
    fn strike(&mut self, now: Timestamp, weather: &Weather, plan: &Plan, traffic: &Traffic) {
        let kind = match self.dice.below(100) {
            0..25 if weather.condition == Condition::Rain && weather.strength > 0.5 => IncidentKind::Flooding,
            0..55 => IncidentKind::Accident,
            55..95 => IncidentKind::Breakdown,
            _ => IncidentKind::PowerOutage,
        };
        let cell = self.dice.weighted(traffic.vehicles.iter().copied());
        let minutes = match kind {
            IncidentKind::Accident => 15.0 + self.dice.waiting(35.0),
            IncidentKind::Breakdown => 10.0 + self.dice.waiting(18.0),
            IncidentKind::Flooding => 40.0 + self.dice.waiting(90.0),
            _ => 20.0 + self.dice.waiting(50.0),
        };
        let incident = self.incident(kind, cell, now, minutes.min(300.0), plan);
        let link = |cell: usize| plan.network.link_of[cell];
        if self.active.iter().all(|other| link(other.cell) != link(cell)) {
            self.schedule(incident);
        }
    }

    /// An incident at a cell, with what it does to the cells around.
    pub(super) fn incident(
        &mut self,
        kind: IncidentKind,
        cell: usize,
        start: Timestamp,
        minutes: f64,
        plan: &Plan,
    ) -> Incident {
        let link = &plan.network.links[plan.network.link_of[cell]];
        let lanes_closed = match kind {
            IncidentKind::Accident => 1 + self.dice.below(link.lanes as usize) as u32,
            IncidentKind::Breakdown => u32::from(self.dice.happens(0.5)),
            IncidentKind::Event | IncidentKind::PowerOutage => 0,
            IncidentKind::Demonstration | IncidentKind::Flooding => link.lanes,
            IncidentKind::Roadwork => 1,
        };
        let share = remaining(link.lanes, lanes_closed);
        let cells = match kind {
            IncidentKind::Event => Vec::new(),
            IncidentKind::PowerOutage => {
                let incoming = &plan.network.nodes[link.to].incoming;
                incoming
                    .iter()
                    .map(|&link| (plan.network.links[link].end - 1, 0.55))
                    .collect()
            }
            IncidentKind::Demonstration => (link.first..link.end).map(|cell| (cell, share)).collect(),
            IncidentKind::Roadwork => (cell..link.end.min(cell + 3)).map(|cell| (cell, share)).collect(),
            IncidentKind::Flooding => (cell..link.end.min(cell + 2)).map(|cell| (cell, share + 0.2)).collect(),
            IncidentKind::Accident | IncidentKind::Breakdown => vec![(cell, share)],
        };
        self.count += 1;
        let delay = if matches!(
            kind,
            IncidentKind::Event | IncidentKind::Roadwork | IncidentKind::Demonstration
        ) {
            0
        } else {
            self.dice.between(60.0, 300.0) as i64 * SECOND
        };
        let reported_at = Timestamp(start.0 + delay);
        Incident {
            id: format!("INC-{:06}", self.count),
            kind,
            cell,
            cells,
            lanes_closed,
            visitors: if kind == IncidentKind::Event {
                self.dice.between(900.0, 2200.0)
            } else {
                0.0
            },
            start,
            end: Timestamp(start.0 + minutes.max(8.0) as i64 * MINUTE),
            reported_at,
            next_report: reported_at,
            estimate: (minutes * self.dice.between(0.7, 1.4)).round().max(5.0),
        }
    }
}

/// The share of capacity that is left: the open lanes, each a fifth less because drivers slow down and look; where all are
/// closed vehicles pass in turn on the other side, or creep past.
fn remaining(lanes: u32, closed: u32) -> f64 {
    match (lanes, closed) {
        (_, 0) => 0.9,
        (1, _) => 0.4,
        (_, _) if closed >= lanes => 0.25,
        (_, _) => f64::from(lanes - closed) / f64::from(lanes) * 0.8,
    }
}
