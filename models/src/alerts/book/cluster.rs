//! Which strange keys belong to one event.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arterial_datasets::time::Timestamp;

use super::round::Round;
use crate::alerts::places::HOPS;

/// Congestion runs ahead of its place for so many hops only.
const HOPS_DOWNSTREAM: usize = 1;

/// A key that is strange, and since when.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) key: Arc<str>,
    pub(super) zone: Option<String>,
    pub(super) road: Option<String>,
    pub(super) since: Timestamp,
}

/// Groups of indices of `nodes`, each connected: by distance, by hops along the flow of traffic, or, where positions are not
/// known, by road and zone.
pub(super) fn connected(nodes: &[Node], round: &Round) -> Vec<Vec<usize>> {
    let index: HashMap<&str, usize> = nodes.iter().enumerate().map(|(at, node)| (&*node.key, at)).collect();
    let mut groups = Groups::new(nodes.len());
    for (here, node) in nodes.iter().enumerate() {
        let linked = by_distance(node, nodes, &index, round).chain(by_flow(node, nodes, &index, round));
        for there in linked {
            groups.join(here, there);
        }
    }
    by_name(nodes, round, &mut groups);
    groups.all()
}

/// Neighbours by distance; along one road twice as far.
fn by_distance<'a>(
    node: &'a Node,
    nodes: &'a [Node],
    index: &'a HashMap<&str, usize>,
    round: &'a Round,
) -> impl Iterator<Item = usize> + 'a {
    let reach = round.reach(&node.key);
    let near = round.surroundings.places.near(&node.key, 2.0 * reach);
    let strange = near
        .into_iter()
        .filter_map(|(key, metres)| Some((*index.get(key)?, metres)));
    strange.filter_map(move |(there, metres)| {
        let same_road = node.road.is_some() && node.road == nodes[there].road;
        (metres <= reach || same_road).then_some(there)
    })
}

/// Neighbours along the flow. Congestion spreads upstream: what began later lies upstream, up to three hops, or just downstream.
fn by_flow<'a>(
    node: &'a Node,
    nodes: &'a [Node],
    index: &'a HashMap<&str, usize>,
    round: &'a Round,
) -> impl Iterator<Item = usize> + 'a {
    let downstream = round.surroundings.places.downstream(&node.key);
    let strange = downstream
        .into_iter()
        .filter_map(|(key, hops)| Some((*index.get(key)?, hops)));
    strange.filter_map(move |(there, hops)| {
        let spread_upstream = node.since >= nodes[there].since;
        let most = if spread_upstream { HOPS } else { HOPS_DOWNSTREAM };
        (hops <= most).then_some(there)
    })
}

/// Keys without a position belong to those on their road and, among themselves, to those in their zone.
fn by_name(nodes: &[Node], round: &Round, groups: &mut Groups) {
    let mut roads: BTreeMap<&str, usize> = BTreeMap::new();
    let mut zones: BTreeMap<&str, usize> = BTreeMap::new();
    let placed = |node: &Node| round.surroundings.places.position(&node.key).is_some();
    let mut join = |known: &mut BTreeMap<_, usize>, name, here| match known.get(name) {
        Some(&there) => groups.join(here, there),
        None => drop(known.insert(name, here)),
    };
    for (here, node) in nodes.iter().enumerate().filter(|(_, node)| !placed(node)) {
        if let Some(road) = node.road.as_deref() {
            join(&mut roads, road, here);
        }
        if let Some(zone) = node.zone.as_deref() {
            join(&mut zones, zone, here);
        }
    }
    for (here, node) in nodes.iter().enumerate().filter(|(_, node)| placed(node)) {
        if let Some(&there) = node.road.as_deref().and_then(|road| roads.get(road)) {
            groups.join(here, there);
        }
    }
}

/// Disjoint sets with path halving.
struct Groups {
    parents: Vec<usize>,
}

impl Groups {
    fn new(count: usize) -> Self {
        Self {
            parents: (0..count).collect(),
        }
    }

    fn root(&mut self, mut node: usize) -> usize {
        while self.parents[node] != node {
            self.parents[node] = self.parents[self.parents[node]];
            node = self.parents[node];
        }
        node
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        self.parents[a.max(b)] = a.min(b);
    }

    fn all(mut self) -> Vec<Vec<usize>> {
        let mut groups: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for node in 0..self.parents.len() {
            groups.entry(self.root(node)).or_default().push(node);
        }
        groups.into_values().collect()
    }
}
