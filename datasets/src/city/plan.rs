//! Draws a city: a centre with an inner ring of boulevards, radial arterials, an orbital ring, a motorway that passes by.

use std::f64::consts::PI;

use super::config::CitySize;
use super::network::{Network, Node};
use super::random::{Dice, Part};
use super::road::RoadKind;
use super::routing::{PEAKS, Routing};

/// A named district.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Such as `Z03`.
    pub id: String,
    /// A name for people.
    pub name: String,
    /// East and north of the centre, km.
    pub place: (f64, f64),
}

/// A named road, one direction.
#[derive(Debug, Clone)]
pub struct Road {
    /// Such as `ART-03-IN`.
    pub id: String,
    /// A name for people.
    pub name: String,
}

/// A line that buses can follow: the links from one end of the city to the other.
pub type Route = Vec<usize>;

/// The plan of a city.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Roads as cells.
    pub network: Network,
    /// The trips on them.
    pub routing: Routing,
    /// Districts; 0 is the centre.
    pub zones: Vec<Zone>,
    /// Road names.
    pub roads: Vec<Road>,
    /// Bus routes, there and back by turns.
    pub routes: Vec<(Route, Route)>,
    /// The node of planned events.
    pub venue: usize,
    /// The node where each zone's trips begin and end.
    pub zone_nodes: Vec<Vec<usize>>,
}

const NAMES: [&str; 16] = [
    "Harbour",
    "Mill",
    "Orchard",
    "Station",
    "University",
    "Castle",
    "Meadow",
    "Quarry",
    "Abbey",
    "Market",
    "Foundry",
    "Garden",
    "Lake",
    "Chapel",
    "Tannery",
    "Stadium",
];

struct Draft {
    network: Network,
    roads: Vec<Road>,
    zones: Vec<Zone>,
    dice: Dice,
}

impl Plan {
    /// The city of this seed and size.
    #[must_use]
    pub fn draw(seed: u64, size: CitySize) -> Self {
        let radials = size.radials();
        let mut draft = Draft::new(seed, radials);
        let inner = draft.circle(
            radials,
            0.9,
            |dice| (dice.between(10.0, 20.0), dice.between(50.0, 80.0)),
            true,
        );
        let ring = draft.circle(
            radials,
            2.9,
            |dice| (dice.between(25.0, 45.0), dice.between(20.0, 40.0)),
            false,
        );
        let suburbs = draft.circle(
            radials,
            4.8,
            |dice| (dice.between(35.0, 60.0), dice.between(10.0, 25.0)),
            false,
        );
        let edges = draft.circle(
            radials,
            7.0,
            |dice| (dice.between(20.0, 35.0), dice.between(8.0, 14.0)),
            false,
        );
        for &edge in &edges {
            draft.network.nodes[edge].external = true;
        }
        draft.loop_road(&inner, RoadKind::Boulevard, 1, ("BLV", "Inner boulevard"));
        draft.loop_road(&ring, RoadKind::Ring, 2, ("RNG", "Ring"));
        let routes = draft.arterials(&[edges, suburbs.clone(), ring, inner.clone()]);
        draft.motorway(&suburbs);
        let venue = suburbs[radials / 3];
        let network = draft.network;
        let (network, routing) = fit(network, venue, &mut draft.dice);
        let zone_nodes = (0..draft.zones.len())
            .map(|zone| {
                (0..network.nodes.len())
                    .filter(|&node| network.nodes[node].zone == zone)
                    .collect()
            })
            .collect();
        Self {
            network,
            routing,
            zones: draft.zones,
            roads: draft.roads,
            routes,
            venue,
            zone_nodes,
        }
    }
}

impl Draft {
    fn new(seed: u64, radials: usize) -> Self {
        let mut zones = vec![Zone {
            id: "Z00".into(),
            name: "Centre".into(),
            place: (0.0, 0.0),
        }];
        for sector in 0..radials {
            let angle = 2.0 * PI * sector as f64 / radials as f64;
            let again = if sector < NAMES.len() {
                String::new()
            } else {
                format!(" {}", sector / NAMES.len() + 1)
            };
            zones.push(Zone {
                id: format!("Z{:02}", sector + 1),
                name: format!("{}{again}", NAMES[sector % NAMES.len()]),
                place: (3.8 * angle.cos(), 3.8 * angle.sin()),
            });
        }
        Self {
            network: Network::default(),
            roads: Vec::new(),
            zones,
            dice: Dice::new(seed, Part::Plan),
        }
    }

    /// Nodes around the centre, one a sector, with residents and jobs drawn by `people`.
    fn circle(
        &mut self,
        radials: usize,
        radius: f64,
        people: impl Fn(&mut Dice) -> (f64, f64),
        central: bool,
    ) -> Vec<usize> {
        (0..radials)
            .map(|sector| {
                let angle = 2.0 * PI * (sector as f64 + self.dice.between(-0.12, 0.12)) / radials as f64;
                let radius = radius * self.dice.between(0.94, 1.06);
                let place = (radius * angle.cos(), radius * angle.sin());
                let (residents, jobs) = people(&mut self.dice);
                let zone = if central { 0 } else { sector + 1 };
                self.network.add_node(Node {
                    place,
                    zone,
                    residents,
                    jobs,
                    ..Node::default()
                })
            })
            .collect()
    }

    fn road(&mut self, id: String, name: String) -> usize {
        self.roads.push(Road { id, name });
        self.roads.len() - 1
    }

    fn link(&mut self, from: usize, to: usize, kind: RoadKind, lanes: u32, road: usize) -> usize {
        let (one, two) = (self.network.nodes[from].place, self.network.nodes[to].place);
        let straight = ((one.0 - two.0).powi(2) + (one.1 - two.1).powi(2)).sqrt();
        self.network.add_link(from, to, kind, lanes, straight * 1.08, road)
    }

    fn loop_road(&mut self, nodes: &[usize], kind: RoadKind, lanes: u32, (id, name): (&str, &str)) {
        let anticlockwise = self.road(format!("{id}-A"), format!("{name} anticlockwise"));
        let clockwise = self.road(format!("{id}-C"), format!("{name} clockwise"));
        for (index, &node) in nodes.iter().enumerate() {
            let next = nodes[(index + 1) % nodes.len()];
            self.link(node, next, kind, lanes, anticlockwise);
            self.link(next, node, kind, lanes, clockwise);
        }
    }

    /// The radial streets, from the outermost circle to the innermost, and the bus routes across the city on them.
    fn arterials(&mut self, circles: &[Vec<usize>]) -> Vec<(Route, Route)> {
        let radials = circles[0].len();
        let mut inward = vec![Route::new(); radials];
        let mut outward = vec![Route::new(); radials];
        for sector in 0..radials {
            let name = self.zones[sector + 1].name.clone();
            let going_in = self.road(format!("ART-{:02}-IN", sector + 1), format!("{name} Avenue inbound"));
            let going_out = self.road(format!("ART-{:02}-OUT", sector + 1), format!("{name} Avenue outbound"));
            for pair in circles.windows(2) {
                let (outer, inner) = (pair[0][sector], pair[1][sector]);
                let there = self.link(outer, inner, RoadKind::Arterial, 2, going_in);
                inward[sector].push(there);
                let back = self.link(inner, outer, RoadKind::Arterial, 2, going_out);
                outward[sector].insert(0, back);
            }
        }
        let inner = &circles[circles.len() - 1];
        (0..radials / 2)
            .map(|sector| {
                let opposite = sector + radials / 2;
                let join =
                    |from: usize, to: usize| [&inward[from][..], &self.around(inner, from, to), &outward[to]].concat();
                (join(sector, opposite), join(opposite, sector))
            })
            .collect()
    }

    /// The links along the innermost circle from one sector to another, anticlockwise.
    fn around(&self, inner: &[usize], from: usize, to: usize) -> Route {
        let mut route = Route::new();
        let mut sector = from;
        while sector != to {
            let next = (sector + 1) % inner.len();
            let there = |link: &&usize| self.network.links[**link].to == inner[next];
            route.extend(self.network.nodes[inner[sector]].outgoing.iter().find(there));
            sector = next;
        }
        route
    }

    /// A motorway from west to east, south of the suburbs, with an interchange to each southern one.
    fn motorway(&mut self, suburbs: &[usize]) {
        let north = -6.4;
        let mut crossed: Vec<usize> = suburbs
            .iter()
            .copied()
            .filter(|&node| self.network.nodes[node].place.1 < -1.5)
            .collect();
        crossed.sort_by(|one, two| {
            self.network.nodes[*one]
                .place
                .0
                .total_cmp(&self.network.nodes[*two].place.0)
        });
        let east = self.road("MWY-E".into(), "Motorway eastbound".into());
        let west = self.road("MWY-W".into(), "Motorway westbound".into());
        let mut chain = vec![self.gate((-13.0, north), crossed[0])];
        for (number, &suburb) in crossed.iter().enumerate() {
            let spread = -6.0 + 12.0 * (number as f64 + 0.5) / crossed.len() as f64;
            let place = (0.4 * self.network.nodes[suburb].place.0 + 0.6 * spread, north);
            let zone = self.network.nodes[suburb].zone;
            let interchange = self.network.add_node(Node {
                place,
                zone,
                ..Node::default()
            });
            let name = format!("Interchange {}", number + 1);
            let off = self.road(format!("RMP-{:02}-OFF", number + 1), format!("{name} exit"));
            let on = self.road(format!("RMP-{:02}-ON", number + 1), format!("{name} entry"));
            self.link(interchange, suburb, RoadKind::Ramp, 1, off);
            self.link(suburb, interchange, RoadKind::Ramp, 1, on);
            chain.push(interchange);
        }
        chain.push(self.gate((13.0, north), crossed[crossed.len() - 1]));
        for pair in chain.windows(2) {
            self.link(pair[0], pair[1], RoadKind::Motorway, 2, east);
            self.link(pair[1], pair[0], RoadKind::Motorway, 2, west);
        }
    }

    /// An end of the motorway: much comes from there and goes there.
    fn gate(&mut self, place: (f64, f64), near: usize) -> usize {
        let zone = self.network.nodes[near].zone;
        let node = Node {
            place,
            zone,
            residents: 150.0,
            jobs: 60.0,
            external: true,
            ..Node::default()
        };
        self.network.add_node(node)
    }
}

/// Scales the trips until the busiest tenth of the arterials needs two lanes, and gives every road the lanes that it needs
/// at the peaks, so that none has much more to carry than it can and some have a little more. The paths depend on the
/// load, so this goes round a few times.
fn fit(mut network: Network, venue: usize, dice: &mut Dice) -> (Network, Routing) {
    let mut scale = 2.0;
    let mut routing = Routing::assign(&network, venue, scale, dice);
    for _ in 0..4 {
        let mut sorted: Vec<f64> = loads(&network, &routing)
            .into_iter()
            .zip(&network.links)
            .filter(|(_, link)| matches!(link.kind, RoadKind::Arterial))
            .map(|(load, link)| load * f64::from(link.lanes) / 2.0)
            .collect();
        sorted.sort_by(f64::total_cmp);
        scale *= 1.0 / sorted[sorted.len() * 9 / 10].max(1e-9);
        routing = Routing::assign(&network, venue, scale, dice);
        for (link, load) in loads(&network, &routing).into_iter().enumerate() {
            let (kind, lanes) = (network.links[link].kind, f64::from(network.links[link].lanes));
            let least = if kind == RoadKind::Motorway { 2.0 } else { 1.0 };
            let needed = (lanes * load / kind.most_load()).ceil().clamp(least, 5.0);
            network.set_lanes(link, needed as u32);
        }
    }
    (network, routing)
}

/// The larger of the peaks' flows of each link as a share of its capacity.
fn loads(network: &Network, routing: &Routing) -> Vec<f64> {
    let peak = |link: usize| {
        PEAKS
            .iter()
            .map(|mix| routing.volume(network, link, mix))
            .fold(0.0, f64::max)
    };
    (0..network.links.len())
        .map(|link| peak(link) / network.links[link].capacity())
        .collect()
}
