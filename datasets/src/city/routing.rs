//! Who enters where and turns where: trips between places, assigned to paths once, mixed by the hour.
//!
//! Trips of each purpose follow a gravity model (production times attraction times exp(-distance / 5 km)) and are assigned
//! in parts to the quickest paths, with costs that rise with load (the function of the US Bureau of Public Roads, 1 +
//! 0.15 (volume / capacity)^4) and that differ a little from part to part. What remains of the paths are the flows of each
//! turn. At any hour a turn's share is that of its flow in the mix of purposes.

use super::network::{Network, Node};
use super::random::Dice;

/// Why people drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// From home to work.
    ToWork,
    /// From work to home.
    ToHome,
    /// Shopping, visits, deliveries.
    Errands,
    /// Through the city.
    Through,
    /// To the venue of planned events.
    ToVenue,
    /// Home from the venue.
    FromVenue,
}

impl Purpose {
    /// All purposes; the order of every list by purpose.
    pub const ALL: [Self; 6] = [
        Self::ToWork,
        Self::ToHome,
        Self::Errands,
        Self::Through,
        Self::ToVenue,
        Self::FromVenue,
    ];
}

/// How strong each purpose is now, 1 being a usual weekday's peak.
pub type Mix = [f64; 6];

/// The morning's and the evening's usual peak; roads are dimensioned for them.
pub const PEAKS: [Mix; 2] = [[1.3, 0.1, 0.25, 0.95, 0.0, 0.0], [0.1, 0.95, 0.6, 1.0, 0.0, 0.0]];

const PARTS: usize = 8;

/// The turns of all nodes by purpose, and their shares in the present mix.
#[derive(Debug, Clone)]
pub struct Routing {
    starts: Vec<usize>,
    turns: Vec<[f64; 6]>,
    sources: Vec<[f64; 6]>,
    columns: Vec<usize>,
    shares: Vec<f64>,
    /// Vehicles a second that want to enter at each node.
    pub entering: Vec<f64>,
}

impl Routing {
    /// Assigns the trips of every purpose to the network's roads; those of the city's own people `scale` times.
    #[must_use]
    pub fn assign(network: &Network, venue: usize, scale: f64, dice: &mut Dice) -> Self {
        let mut routing = Self::without_trips(network);
        let mut volumes = vec![[0.0; 6]; network.links.len()];
        for _ in 0..PARTS {
            let costs: Vec<f64> = network
                .links
                .iter()
                .zip(&volumes)
                .map(|(link, volume)| {
                    let loaded = PEAKS.iter().map(|mix| blend(volume, mix)).fold(0.0, f64::max) / link.capacity();
                    let free = link.length / link.kind.diagram().free_speed;
                    free * (1.0 + 0.15 * loaded.powi(4).min(1e3)) * dice.between(0.85, 1.15)
                })
                .collect();
            for origin in 0..network.nodes.len() {
                let tree = quickest(network, origin, &costs);
                for destination in 0..network.nodes.len() {
                    let mut trips = trips(&network.nodes, venue, origin, destination);
                    for (purpose, flow) in Purpose::ALL.iter().zip(&mut trips) {
                        *flow *= if *purpose == Purpose::Through { 1.0 } else { scale } / PARTS as f64;
                    }
                    if origin != destination && trips.iter().any(|trips| *trips > 1e-9) {
                        routing.load(network, &tree, (origin, destination), trips, &mut volumes);
                    }
                }
            }
        }
        routing
    }

    fn without_trips(network: &Network) -> Self {
        let mut starts = Vec::with_capacity(network.nodes.len());
        let mut columns = Vec::with_capacity(network.nodes.len());
        let mut size = 0;
        for node in &network.nodes {
            starts.push(size);
            columns.push(node.outgoing.len() + 1);
            size += (node.incoming.len() + 1) * (node.outgoing.len() + 1);
        }
        let count = network.nodes.len();
        Self {
            starts,
            turns: vec![[0.0; 6]; size],
            sources: vec![[0.0; 6]; count],
            columns,
            shares: vec![0.0; size],
            entering: vec![0.0; count],
        }
    }

    /// Adds the trips of one pair of places along the path of `tree`.
    fn load(
        &mut self,
        network: &Network,
        tree: &[Option<usize>],
        (origin, destination): (usize, usize),
        trips: [f64; 6],
        volumes: &mut [[f64; 6]],
    ) {
        let mut node = destination;
        let mut column = network.nodes[node].outgoing.len();
        while let Some(link) = tree[node] {
            let row = position(&network.nodes[node].incoming, link);
            self.add_turn(node, row, column, trips);
            add(&mut volumes[link], trips);
            node = network.links[link].from;
            column = position(&network.nodes[node].outgoing, link);
        }
        if node == origin {
            self.add_turn(node, network.nodes[node].incoming.len(), column, trips);
            add(&mut self.sources[node], trips);
        }
    }

    fn add_turn(&mut self, node: usize, row: usize, column: usize, trips: [f64; 6]) {
        add(
            &mut self.turns[self.starts[node] + row * self.columns[node] + column],
            trips,
        );
    }

    /// The flow of a link in the given mix, vehicles an hour: what its end node takes from it.
    #[must_use]
    pub fn volume(&self, network: &Network, link: usize, mix: &Mix) -> f64 {
        let node = network.links[link].to;
        let row = position(&network.nodes[node].incoming, link);
        let start = self.starts[node] + row * self.columns[node];
        self.turns[start..start + self.columns[node]]
            .iter()
            .map(|turn| blend(turn, mix))
            .sum()
    }

    /// Vehicles an hour that end their trip at a node in the given mix.
    #[must_use]
    pub fn arriving(&self, node: usize, mix: &Mix) -> f64 {
        let columns = self.columns[node];
        let end = self.starts.get(node + 1).copied().unwrap_or(self.turns.len());
        self.turns[self.starts[node]..end]
            .chunks_exact(columns)
            .map(|row| blend(&row[columns - 1], mix))
            .sum()
    }

    /// Vehicles an hour that a purpose makes at full strength.
    #[must_use]
    pub fn production(&self, purpose: Purpose) -> f64 {
        self.sources.iter().map(|flows| flows[purpose as usize]).sum()
    }

    /// Sets the shares and the entering flows for a mix; `local` multiplies each node's own production.
    pub fn set_mix(&mut self, mix: &Mix, local: &[f64]) {
        for (node, start) in self.starts.iter().enumerate() {
            let columns = self.columns[node];
            let end = self.starts.get(node + 1).copied().unwrap_or(self.turns.len());
            for first in (*start..end).step_by(columns) {
                let flows = &self.turns[first..first + columns];
                let total: f64 = flows.iter().map(|flow| blend(flow, mix)).sum();
                let shares = &mut self.shares[first..first + columns];
                if total > 0.0 {
                    for (share, flow) in shares.iter_mut().zip(flows) {
                        *share = blend(flow, mix) / total;
                    }
                } else {
                    // Nobody is expected here now: who still comes has arrived.
                    shares.fill(0.0);
                    shares[columns - 1] = 1.0;
                }
            }
            self.entering[node] = blend(&self.sources[node], mix) * local[node] / 3600.0;
        }
    }

    /// The turning shares of a node: a row for each incoming road and one for the source, a column for each outgoing
    /// road and one for the destination here.
    #[must_use]
    pub fn shares(&self, node: usize) -> &[f64] {
        let end = self.starts.get(node + 1).copied().unwrap_or(self.shares.len());
        &self.shares[self.starts[node]..end]
    }
}

/// Trips an hour at full strength from one node to another, by purpose.
fn trips(nodes: &[Node], venue: usize, origin: usize, destination: usize) -> [f64; 6] {
    let (from, to) = (&nodes[origin], &nodes[destination]);
    let distance = ((from.place.0 - to.place.0).powi(2) + (from.place.1 - to.place.1).powi(2)).sqrt();
    let near = (-distance / 5.0).exp();
    let through = match (from.external && to.external, distance) {
        (true, 25.0..) => 2000.0,
        (true, 8.0..) => 60.0,
        _ => 0.0,
    };
    let gate = |node: &Node| node.residents + 0.3 * node.jobs;
    [
        from.residents * to.jobs * near,
        from.jobs * to.residents * near,
        0.6 * from.residents * to.jobs * near + 0.4 * from.jobs * to.residents * near,
        through,
        if destination == venue { gate(from) } else { 0.0 },
        if origin == venue { gate(to) } else { 0.0 },
    ]
}

/// The last link of the quickest path from `origin` to each node.
pub fn quickest(network: &Network, origin: usize, costs: &[f64]) -> Vec<Option<usize>> {
    let count = network.nodes.len();
    let mut cost = vec![f64::INFINITY; count];
    let mut tree = vec![None; count];
    let mut open: Vec<usize> = (0..count).collect();
    cost[origin] = 0.0;
    while !open.is_empty() {
        let nearest = (0..open.len())
            .min_by(|one, two| cost[open[*one]].total_cmp(&cost[open[*two]]))
            .unwrap_or(0);
        let node = open.swap_remove(nearest);
        for &link in &network.nodes[node].outgoing {
            let (next, reached) = (network.links[link].to, cost[node] + costs[link]);
            if reached < cost[next] {
                cost[next] = reached;
                tree[next] = Some(link);
            }
        }
    }
    tree
}

fn position(list: &[usize], wanted: usize) -> usize {
    list.iter().position(|one| *one == wanted).unwrap_or(list.len())
}

fn blend(flows: &[f64; 6], mix: &Mix) -> f64 {
    flows.iter().zip(mix).map(|(flow, strength)| flow * strength).sum()
}

fn add(total: &mut [f64; 6], more: [f64; 6]) {
    for (sum, value) in total.iter_mut().zip(more) {
        *sum += value;
    }
}
