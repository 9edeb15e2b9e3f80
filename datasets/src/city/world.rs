//! The city itself: one step after the other, and who reports what when.

use super::air::Air;
use super::bikes::Bikes;
use super::calendar::{Calendar, LocalTime};
use super::config::CityConfig;
use super::demand::{Demand, liveliness};
use super::event::{Outlet, SimulatedEvent, Topic};
use super::fault::{Fault, Faults};
use super::incident::{Incident, IncidentKind, Incidents};
use super::label::{CityLabel, FaultLabel, IncidentLabel, Label};
use super::network::{Conditions, STEP_SECONDS, Traffic};
use super::parking::Parking;
use super::plan::Plan;
use super::random::{Dice, Part};
use super::routing::{Mix, Purpose};
use super::sensors::{Sensor, Sensors};
use super::taxis::Taxis;
use super::transit::Transit;
use super::twin::Twin;
use super::weather::Weather;
use crate::time::{Duration, HOUR, MINUTE, SECOND, Timestamp};
use crate::{Error, Result};

const STEP: i64 = STEP_SECONDS as i64 * SECOND;
/// How long the traffic runs before the first event, so that the roads are not empty.
const WARM_UP: i64 = 2 * HOUR;
/// The mean of [`liveliness`] over a workday.
const USUAL_LIVELINESS: f64 = 0.42;

/// A synthetic city. Its clock stands at the configured start and moves with [`City::advance`].
#[derive(Debug, Clone)]
pub struct City {
    config: CityConfig,
    calendar: Calendar,
    plan: Plan,
    now: Timestamp,
    local: LocalTime,
    demand: Demand,
    weather: Weather,
    traffic: Traffic,
    conditions: Conditions,
    mix: Mix,
    incidents: Incidents,
    twins: Vec<Twin>,
    faults: Faults,
    sensors: Sensors,
    transit: Transit,
    taxis: Taxis,
    parking: Parking,
    bikes: Bikes,
    air: Air,
    readings: Dice,
    zone_speeds: Vec<f64>,
    arrived: Vec<f64>,
    labels: Vec<Label>,
    buffer: Vec<u8>,
}

impl City {
    /// Draws the city and lets two hours of traffic pass silently before the start.
    ///
    /// # Errors
    /// A configuration that does not check.
    pub fn new(config: CityConfig) -> Result<Self> {
        config.check()?;
        let calendar = Calendar::new(&config.timezone, config.holidays)?;
        let now = Timestamp(config.start.0 - WARM_UP).window_start(Duration(MINUTE));
        let local = calendar.at(now)?;
        let plan = Plan::draw(config.seed, config.size);
        let sensors = Sensors::new(&plan, &config);
        let parking = Parking::new(&plan, &plan.routing, &config, &local);
        let air = Air::new(&plan, &config);
        let reporters = vec![
            (Topic::TrafficSensors, sensors.list.len()),
            (Topic::Parking, parking.count()),
            (Topic::AirQuality, air.count()),
        ];
        let weather = Weather::new(config.seed, config.centre.0, config.weather);
        let mut city = Self {
            calendar,
            now,
            local,
            demand: Demand::new(config.seed, plan.network.nodes.len()),
            traffic: Traffic::empty(&plan.network),
            conditions: plan.network.undisturbed(),
            mix: [0.0; 6],
            incidents: Incidents::new(config.seed, config.incidents_per_day, config.planned_per_week),
            twins: Vec::new(),
            faults: Faults::new(config.seed, config.faults_per_day, reporters),
            transit: Transit::new(&plan, &config),
            taxis: Taxis::new(&plan, &config),
            bikes: Bikes::new(&plan, &config),
            readings: Dice::new(config.seed, Part::Readings),
            zone_speeds: vec![40.0; plan.zones.len()],
            arrived: vec![0.0; plan.network.nodes.len()],
            labels: Vec::new(),
            buffer: Vec::with_capacity(1024),
            config,
            plan,
            weather,
            sensors,
            parking,
            air,
        };
        let start = city.config.start;
        let (incidents, faults) = (city.incidents.clone(), city.faults.clone());
        while city.now < start {
            city.step(&mut |_| {})?;
        }
        // What was drawn for the silent hours does not count: the story begins now.
        (city.incidents, city.faults) = (incidents, faults);
        city.twins.clear();
        city.labels = vec![Label::City(CityLabel::of(
            &city.config,
            city.sensors.list.len(),
            city.plan.zones.len(),
        ))];
        Ok(city)
    }

    /// The simulated time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What it was made from.
    #[must_use]
    pub fn config(&self) -> &CityConfig {
        &self.config
    }

    /// The drawn plan: roads, zones, routes.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Vehicles on the roads.
    #[must_use]
    pub fn traffic(&self) -> &Traffic {
        &self.traffic
    }

    /// What weather and incidents do to the roads now.
    #[must_use]
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The traffic sensors.
    #[must_use]
    pub fn sensors(&self) -> &[Sensor] {
        &self.sensors.list
    }

    /// Moves the clock to `until` (in whole steps of 5 s) and gives each event to `each`, in order of time.
    ///
    /// # Errors
    /// A time outside of [`INSTANTS`](crate::time::INSTANTS).
    pub fn advance(&mut self, until: Timestamp, each: &mut dyn FnMut(SimulatedEvent<'_>)) -> Result<()> {
        while self.now.0 + STEP <= until.0 {
            self.step(each)?;
        }
        Ok(())
    }

    /// The labels that became certain since the last call: an incident's when its effect is over.
    pub fn take_labels(&mut self) -> Vec<Label> {
        std::mem::take(&mut self.labels)
    }

    /// Ends the simulation: gives the remaining labels, those of incidents and faults that still last included.
    #[must_use]
    pub fn finish(mut self) -> Vec<Label> {
        for twin in std::mem::take(&mut self.twins) {
            self.label_incident(twin);
        }
        for mut fault in std::mem::take(&mut self.faults.open) {
            fault.end = self.now;
            self.label_fault(&fault);
        }
        self.labels
    }

    /// Plans an incident beforehand: `kind` at the given cell of the road network, from `start` for `minutes`. Gives its id, as events
    /// and labels name it.
    ///
    /// # Errors
    /// A start in the past, a cell that does not exist, a duration that is not positive.
    pub fn schedule(&mut self, kind: IncidentKind, cell: usize, start: Timestamp, minutes: f64) -> Result<String> {
        if start < self.now {
            return Err(Error::invalid("start", start, format!("{} or later", self.now)));
        }
        if cell >= self.plan.network.cells() {
            return Err(Error::invalid(
                "cell",
                cell,
                format!("0 to {}", self.plan.network.cells() - 1),
            ));
        }
        if !(minutes > 0.0 && minutes <= 100_000.0) {
            return Err(Error::invalid("minutes", minutes, "above 0, at most 100000"));
        }
        let incident = self.incidents.incident(kind, cell, start, minutes, &self.plan);
        let id = incident.id.clone();
        self.incidents.schedule(incident);
        Ok(id)
    }

    fn step(&mut self, each: &mut dyn FnMut(SimulatedEvent<'_>)) -> Result<()> {
        if self.now.0 % MINUTE == 0 {
            self.next_minute()?;
        }
        self.now = Timestamp(self.now.0 + STEP);
        let network = &self.plan.network;
        self.traffic.step(network, &self.conditions, &self.plan.routing);
        for twin in &mut self.twins {
            twin.step(network, &self.plan.routing);
        }
        self.sensors.observe(&self.traffic, network);
        self.transit
            .step(self.now, &self.local, (network, &self.traffic, &self.conditions));
        self.taxis.step(&self.local, &self.plan.zones, &self.zone_speeds);
        if self.now.0 % MINUTE == 0 {
            self.end_minute();
        }
        let due = self.now.0 % self.config.report_interval.0 == 0;
        if self.now > self.config.start && (due || self.now.0 % MINUTE == 0) {
            self.report(due, each);
        }
        self.sensors.remember();
        Ok(())
    }

    /// What changes by the minute: hour, demand, weather, incidents, and the conditions that follow.
    fn next_minute(&mut self) -> Result<()> {
        self.local = self.calendar.at(self.now)?;
        self.demand.next_minute(&self.local);
        self.weather.stormy = self.config.storms_from.is_some_and(|from| self.now >= from);
        self.weather.next_minute(&self.local);
        self.transit.next_minute(&self.local);
        let activity = liveliness(&self.local) / USUAL_LIVELINESS;
        let begun = self.incidents.next_minute(
            self.now,
            &self.local,
            (&self.plan, &self.traffic),
            (&self.weather, activity),
        );
        for incident in begun {
            self.twins
                .push(Twin::new(incident, &self.traffic, &self.conditions, &self.plan.routing));
        }
        self.mix = self.mix_without(None);
        self.plan.routing.set_mix(&self.mix, &self.demand.local);
        self.conditions = self.conditions_without(None);
        for number in 0..self.twins.len() {
            let id = self.twins[number].incident.id.clone();
            let (conditions, mix) = (self.conditions_without(Some(&id)), self.mix_without(Some(&id)));
            self.twins[number].next_minute(conditions, &mix, &self.demand.local);
        }
        Ok(())
    }

    /// Capacities and free speed now, as they would be without one of the incidents.
    fn conditions_without(&self, left_out: Option<&str>) -> Conditions {
        let capacity = self.weather.capacity();
        let mut most: Vec<f64> = self.plan.network.most.iter().map(|most| most * capacity).collect();
        for incident in self
            .incidents
            .active
            .iter()
            .filter(|one| Some(one.id.as_str()) != left_out)
        {
            for &(cell, share) in &incident.cells {
                most[cell] = most[cell].min(self.plan.network.most[cell] * capacity * share);
            }
        }
        Conditions {
            most,
            speed: self.weather.free_speed(),
        }
    }

    /// The strength of each purpose now, as it would be without one of the incidents.
    fn mix_without(&self, left_out: Option<&str>) -> Mix {
        let stay = 1.0 - 0.5 * (1.0 - self.weather.capacity());
        let mut mix = self.demand.mix(&self.local, stay);
        let full = [Purpose::ToVenue, Purpose::FromVenue].map(|purpose| self.plan.routing.production(purpose).max(1.0));
        for incident in self
            .incidents
            .active
            .iter()
            .filter(|one| Some(one.id.as_str()) != left_out)
        {
            let (coming, going) = incident.visits(self.now);
            mix[4] += coming / full[0];
            mix[5] += going / full[1];
        }
        mix
    }

    fn end_minute(&mut self) {
        let zones = self.plan.zones.len();
        let mut arrivals = vec![0.0; zones];
        for (node, total) in self.traffic.arrived.iter().enumerate() {
            arrivals[self.plan.network.nodes[node].zone] += total - self.arrived[node];
            self.arrived[node] = *total;
        }
        self.zone_speeds = self.traffic.zone_speeds(&self.plan.network, zones);
        self.parking.next_minute(&self.local, &arrivals);
        self.bikes.next_minute(self.now, &self.local, &self.weather);
        self.air.next_minute(&self.plan, &self.traffic, &self.weather);
        for fault in self.faults.next_minute(self.now) {
            self.label_fault(&fault);
        }
        for mut twin in std::mem::take(&mut self.twins) {
            let city = (&self.plan.network, &self.traffic, &self.conditions);
            if twin.compare(self.now, city, &self.sensors.list) {
                self.label_incident(twin);
            } else {
                self.twins.push(twin);
            }
        }
    }

    fn report(&mut self, due: bool, each: &mut dyn FnMut(SimulatedEvent<'_>)) {
        let stamp = self.now.to_string();
        let (config, plan) = (&self.config, &self.plan);
        let mut outlet = Outlet {
            each,
            buffer: &mut self.buffer,
            time: self.now,
            stamp: &stamp,
        };
        if self.now.0 % MINUTE == 0 {
            self.incidents.report(plan, |place| config.degrees(place), &mut outlet);
        }
        if !due {
            return;
        }
        let dice = &mut self.readings;
        self.sensors
            .report(&self.conditions, &mut self.faults, dice, &mut outlet);
        self.transit.report(config, &plan.network, &mut outlet);
        self.taxis.report(&self.local, config, &plan.zones, &mut outlet);
        self.parking.report(&mut self.faults, dice, &mut outlet);
        self.bikes.report(&mut outlet);
        self.air.report(&mut self.faults, dice, &mut outlet);
        outlet.send(
            Topic::Weather,
            "WS-01",
            b"{\"station_id\":\"WS-01\",\"timestamp\":\"",
            |buffer| {
                self.weather.write(buffer, dice);
            },
        );
    }

    fn label_incident(&mut self, twin: Twin) {
        let (incident, observed_to_end, affected) = twin.finish();
        let Incident { cell, .. } = incident;
        let link = &self.plan.network.links[self.plan.network.link_of[cell]];
        let (lat, lon) = self.config.degrees(self.plan.network.place(cell));
        self.labels.push(Label::Incident(IncidentLabel {
            kind: incident.kind.name(),
            severity: incident.severity(),
            start: incident.start,
            end: incident.end,
            reported_at: incident.reported_at,
            observed_to_end,
            road_id: self.plan.roads[link.road].id.clone(),
            zone_id: self.plan.zones[link.zone].id.clone(),
            lat: (lat * 1e6).round() / 1e6,
            lon: (lon * 1e6).round() / 1e6,
            lanes: link.lanes,
            lanes_closed: incident.lanes_closed,
            capacity_share: incident.capacity_share(),
            extra_vehicles: incident.visitors.round(),
            incident_id: incident.id,
            affected,
        }));
    }

    fn label_fault(&mut self, fault: &Fault) {
        let key = match fault.topic {
            Topic::Parking => self.parking.key(fault.reporter).to_string(),
            Topic::AirQuality => self.air.key(fault.reporter).to_string(),
            _ => self.sensors.list[fault.reporter].id.clone(),
        };
        let (kind, topic) = (fault.kind.name(), fault.topic.name());
        self.labels.push(Label::Fault(FaultLabel {
            kind,
            topic,
            key,
            start: fault.start,
            end: fault.end,
        }));
    }
}
