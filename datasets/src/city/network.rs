//! The road network as cells, and the cell transmission step that moves vehicles through it.
//!
//! Each cell i holds n vehicles. In a step it can send `S = min(v n / L, Q)` and receive `R = min(Q, w (N - n / L))`, all
//! times the step; between two cells of a link `min(S, R)` pass (Daganzo 1994). Junctions are in [`super::junction`].

use super::junction;
use super::road::{FundamentalDiagram, RoadKind};
use super::routing::Routing;

/// The length of a step in seconds; every reported interval is a multiple.
pub const STEP_SECONDS: f64 = 5.0;
/// The length of a step in hours.
pub const STEP_HOURS: f64 = STEP_SECONDS / 3600.0;

/// A crossing, an interchange or an end of the modelled roads.
#[derive(Debug, Clone, Default)]
pub struct Node {
    /// East and north of the centre, km.
    pub place: (f64, f64),
    /// The zone it lies in.
    pub zone: usize,
    /// The links that end here.
    pub incoming: Vec<usize>,
    /// The links that begin here.
    pub outgoing: Vec<usize>,
    /// People who live around it, in trips an hour at the morning peak.
    pub residents: f64,
    /// Work places around it.
    pub jobs: f64,
    /// Whether traffic from outside enters and leaves here.
    pub external: bool,
}

/// One direction of a road between two nodes.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where it begins.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// What it is.
    pub kind: RoadKind,
    /// Lanes in this direction.
    pub lanes: u32,
    /// km.
    pub length: f64,
    /// The road it belongs to.
    pub road: usize,
    /// The zone that it mostly lies in.
    pub zone: usize,
    /// Its first cell.
    pub first: usize,
    /// One behind its last cell.
    pub end: usize,
}

impl Link {
    /// The length of one of its cells, km.
    #[must_use]
    pub fn cell_length(&self) -> f64 {
        self.length / (self.end - self.first) as f64
    }

    /// Vehicles per hour, all lanes.
    #[must_use]
    pub fn capacity(&self) -> f64 {
        self.kind.diagram().capacity * f64::from(self.lanes)
    }
}

/// The part of the network that does not change: who joins whom, and each cell's limits per step.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// Crossings and ends.
    pub nodes: Vec<Node>,
    /// Directed roads between them.
    pub links: Vec<Link>,
    /// The link of each cell.
    pub link_of: Vec<usize>,
    /// The share of a cell's vehicles that leave it in a step at free speed.
    pub release: Vec<f64>,
    /// Vehicles that can pass in a step.
    pub most: Vec<f64>,
    /// The share of a cell's free room that fills in a step.
    pub wave: Vec<f64>,
    /// Vehicles that fit.
    pub room: Vec<f64>,
    /// Whether the flow into the next cell is decided by a junction.
    last: Vec<usize>,
}

/// What weather and incidents do to the cells now.
#[derive(Debug, Clone)]
pub struct Conditions {
    /// Vehicles that can pass each cell in a step.
    pub most: Vec<f64>,
    /// Free speed as a share of that of a dry day.
    pub speed: f64,
}

/// The part that changes: vehicles in cells, vehicles waiting to enter, and totals.
#[derive(Debug, Clone)]
pub struct Traffic {
    /// Vehicles in each cell.
    pub vehicles: Vec<f64>,
    /// Vehicles that left each cell in the last step.
    pub passed: Vec<f64>,
    /// Vehicles that wait at each node to enter.
    pub waiting: Vec<f64>,
    /// Vehicles that ever wanted to enter.
    pub departed: f64,
    /// Vehicles that ever arrived, by node.
    pub arrived: Vec<f64>,
    sending: Vec<f64>,
    receiving: Vec<f64>,
    entering: Vec<f64>,
}

impl Network {
    /// Adds a node and gives its number.
    pub fn add_node(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Adds a link with its cells and gives its number.
    pub fn add_link(&mut self, from: usize, to: usize, kind: RoadKind, lanes: u32, length: f64, road: usize) -> usize {
        let cells = ((length / kind.cell_length()).floor() as usize).max(1);
        let first = self.link_of.len();
        let number = self.links.len();
        let end = first + cells;
        let zone = self.nodes[to].zone;
        self.links.push(Link {
            from,
            to,
            kind,
            lanes,
            length,
            road,
            zone,
            first,
            end,
        });
        self.nodes[from].outgoing.push(number);
        self.nodes[to].incoming.push(number);
        for _ in 0..cells {
            self.link_of.push(number);
            for column in [&mut self.release, &mut self.most, &mut self.wave, &mut self.room] {
                column.push(0.0);
            }
        }
        self.last.push(end - 1);
        self.set_lanes(number, lanes);
        number
    }

    /// Gives a link another number of lanes.
    pub fn set_lanes(&mut self, number: usize, lanes: u32) {
        self.links[number].lanes = lanes;
        let link = &self.links[number];
        let FundamentalDiagram {
            free_speed,
            capacity,
            jam_density,
        } = link.kind.diagram();
        let (length, lanes) = (link.cell_length(), f64::from(lanes));
        for cell in link.first..link.end {
            self.release[cell] = free_speed * STEP_HOURS / length;
            self.most[cell] = capacity * lanes * STEP_HOURS;
            self.wave[cell] = link.kind.diagram().wave_speed() * STEP_HOURS / length;
            self.room[cell] = jam_density * lanes * length;
        }
    }

    /// How many cells there are.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.link_of.len()
    }

    /// The middle of a cell, east and north of the centre in km; the right-hand carriageway lies 20 m beside the axis.
    #[must_use]
    pub fn place(&self, cell: usize) -> (f64, f64) {
        let link = &self.links[self.link_of[cell]];
        let (from, to) = (self.nodes[link.from].place, self.nodes[link.to].place);
        let along = ((cell - link.first) as f64 + 0.5) / (link.end - link.first) as f64;
        let (east, north) = (to.0 - from.0, to.1 - from.1);
        let size = (east * east + north * north).sqrt().max(1e-6);
        (
            from.0 + along * east + 0.02 * north / size,
            from.1 + along * north - 0.02 * east / size,
        )
    }

    /// The conditions of a dry day without incident.
    #[must_use]
    pub fn undisturbed(&self) -> Conditions {
        Conditions {
            most: self.most.clone(),
            speed: 1.0,
        }
    }
}

impl Traffic {
    /// Empty roads.
    #[must_use]
    pub fn empty(network: &Network) -> Self {
        let cells = network.cells();
        Self {
            vehicles: vec![0.0; cells],
            passed: vec![0.0; cells],
            waiting: vec![0.0; network.nodes.len()],
            departed: 0.0,
            arrived: vec![0.0; network.nodes.len()],
            sending: vec![0.0; cells],
            receiving: vec![0.0; cells],
            entering: vec![0.0; network.links.len()],
        }
    }

    /// Vehicles on the roads and waiting to enter.
    #[must_use]
    pub fn inside(&self) -> f64 {
        self.vehicles.iter().sum::<f64>() + self.waiting.iter().sum::<f64>()
    }

    /// The mean speed in a cell over the last step, km/h: flow over density.
    #[must_use]
    pub fn speed(&self, network: &Network, conditions: &Conditions, cell: usize) -> f64 {
        let link = &network.links[network.link_of[cell]];
        let before = self.vehicles_before(network, cell);
        let free = link.kind.diagram().free_speed * conditions.speed;
        if before < 1e-3 {
            return free;
        }
        (self.passed[cell] / before * link.cell_length() / STEP_HOURS).min(free)
    }

    /// Vehicles that were in the cell at the start of the last step.
    #[must_use]
    pub fn vehicles_before(&self, network: &Network, cell: usize) -> f64 {
        let number = network.link_of[cell];
        let came = if network.links[number].first == cell {
            self.entering[number]
        } else {
            self.passed[cell - 1]
        };
        self.vehicles[cell] - came + self.passed[cell]
    }

    /// The mean speed in each of so many zones, km/h, weighted by vehicles; 40 where none drives.
    #[must_use]
    pub fn zone_speeds(&self, network: &Network, zones: usize) -> Vec<f64> {
        let (mut driven, mut present) = (vec![0.0; zones], vec![0.0; zones]);
        for link in &network.links {
            let length = link.cell_length();
            for cell in link.first..link.end {
                driven[link.zone] += self.passed[cell] * length / STEP_HOURS;
                present[link.zone] += self.vehicles[cell];
            }
        }
        driven
            .iter()
            .zip(&present)
            .map(|(km, vehicles)| {
                if *vehicles < 0.1 {
                    40.0
                } else {
                    (km / vehicles).min(110.0)
                }
            })
            .collect()
    }

    /// Moves every vehicle by one step; `routing` says who enters and who turns where.
    pub fn step(&mut self, network: &Network, conditions: &Conditions, routing: &Routing) {
        self.limits(network, conditions);
        let inner = self.sending.iter().zip(&self.receiving[1..]);
        for (passed, (send, receive)) in self.passed.iter_mut().zip(inner) {
            *passed = send.min(*receive);
        }
        self.cross_junctions(network, routing);
        let mut before = 0.0;
        for (vehicles, &passed) in self.vehicles.iter_mut().zip(&self.passed) {
            *vehicles += before - passed;
            before = passed;
        }
        // The first cell of a link does not receive from the cell before it in memory, but from its junction.
        for (link, &entering) in network.links.iter().zip(&self.entering) {
            let wrongly = if link.first == 0 {
                0.0
            } else {
                self.passed[link.first - 1]
            };
            self.vehicles[link.first] += entering - wrongly;
        }
    }

    fn limits(&mut self, network: &Network, conditions: &Conditions) {
        let cells = self.vehicles.len();
        let (vehicles, most) = (&self.vehicles[..cells], &conditions.most[..cells]);
        let (release, wave, room) = (
            &network.release[..cells],
            &network.wave[..cells],
            &network.room[..cells],
        );
        let (sending, receiving) = (&mut self.sending[..cells], &mut self.receiving[..cells]);
        for cell in 0..cells {
            sending[cell] = (vehicles[cell] * release[cell] * conditions.speed).min(most[cell]);
            receiving[cell] = (wave[cell] * (room[cell] - vehicles[cell])).min(most[cell]).max(0.0);
        }
    }

    fn cross_junctions(&mut self, network: &Network, routing: &Routing) {
        for (number, node) in network.nodes.iter().enumerate() {
            let arrivals = routing.entering[number] * STEP_SECONDS;
            self.waiting[number] += arrivals;
            self.departed += arrivals;
            let mut crossing = junction::Crossing::default();
            for &link in &node.incoming {
                let cell = network.last[link];
                let claim = network.most[cell] * network.links[link].kind.priority();
                crossing.add_incoming(self.sending[cell], claim);
            }
            crossing.add_incoming(self.waiting[number], junction::SOURCE_CLAIM);
            for &link in &node.outgoing {
                crossing.add_outgoing(self.receiving[network.links[link].first]);
            }
            crossing.add_outgoing(f64::INFINITY);
            crossing.solve(routing.shares(number));
            for (slot, &link) in node.incoming.iter().enumerate() {
                self.passed[network.last[link]] = crossing.left[slot];
            }
            for (slot, &link) in node.outgoing.iter().enumerate() {
                self.entering[link] = crossing.entered[slot];
            }
            self.waiting[number] -= crossing.left[node.incoming.len()];
            self.arrived[number] += crossing.entered[node.outgoing.len()];
        }
    }
}
