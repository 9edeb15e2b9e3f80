//! The same panel with its series in another order.

use std::collections::{HashMap, HashSet};

use ndarray::{Array3, Axis};

use super::{Attributes, Graph, Panel};

impl Panel {
    /// This panel with its series in the order of `names`; nothing where these are not exactly its series.
    #[must_use]
    pub fn arranged(&self, names: &[String]) -> Option<Self> {
        let order = self.order(names)?;
        let sorted_values = |values: &Array3<f64>| {
            Array3::from_shape_fn(values.dim(), |(row, series, channel)| {
                values[(row, order[series], channel)]
            })
        };
        Some(Self {
            start: self.start,
            step: self.step,
            timezone: self.timezone.clone(),
            series: names.to_vec(),
            channels: self.channels.clone(),
            values: sorted_values(&self.values),
            ahead: sorted_values(&self.ahead),
            graph: self.graph.as_ref().map(|graph| rewired(graph, &order)),
            holidays: self.holidays.clone(),
            attributes: sorted(&self.attributes, &order),
            zones: match self.zones.as_slice() {
                [] => Vec::new(),
                zones => order.iter().map(|place| zones[*place].clone()).collect(),
            },
        })
    }

    /// Where each of `names` stands among the series; nothing where these are not exactly the series.
    #[must_use]
    pub fn order(&self, names: &[String]) -> Option<Vec<usize>> {
        let known: HashMap<&str, usize> = self.series.iter().map(String::as_str).zip(0..).collect();
        let order: Option<Vec<usize>> = names.iter().map(|name| known.get(name.as_str()).copied()).collect();
        let order = order.filter(|order| order.len() == self.series.len())?;
        let distinct = order.iter().collect::<HashSet<_>>().len();
        (distinct == order.len()).then_some(order)
    }
}

/// The graph where series `order[n]` is the one at place n.
fn rewired(graph: &Graph, order: &[usize]) -> Graph {
    let mut places = vec![0; order.len()];
    for (place, before) in (0..).zip(order) {
        places[*before] = place;
    }
    let edge = |&(from, to, weight): &(u32, u32, f32)| (places[from as usize], places[to as usize], weight);
    Graph {
        edges: graph.edges.iter().map(edge).collect(),
    }
}

/// The attributes where series `order[n]` is the one at place n.
fn sorted(attributes: &Attributes, order: &[usize]) -> Attributes {
    if attributes.names.is_empty() {
        return attributes.clone();
    }
    Attributes {
        names: attributes.names.clone(),
        values: attributes.values.select(Axis(0), order),
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::panel::{Channel, ChannelRole};
    use crate::time::{Duration, MINUTE, Timestamp};

    fn names(names: [&str; 3]) -> Vec<String> {
        names.map(str::to_owned).to_vec()
    }

    fn panel() -> Panel {
        let target = Channel {
            name: "y".into(),
            role: ChannelRole::Target,
        };
        let values = Array3::from_shape_fn((2, 3, 1), |(row, series, _)| (10 * row + series) as f64);
        let step = Duration(5 * MINUTE);
        let panel = Panel::new(Timestamp(0), step, "UTC", names(["a", "b", "c"]), vec![target], values).unwrap();
        panel
            .with_graph(Graph {
                edges: vec![(0, 1, 0.5)],
            })
            .with_attributes(Attributes {
                names: vec!["lanes".into()],
                values: array![[1.0], [2.0], [3.0]],
            })
            .with_zones(vec![Some("north".into()), None, Some("south".into())])
    }

    #[test]
    fn everything_that_a_series_has_goes_along_with_it() {
        let arranged = panel().arranged(&names(["c", "a", "b"])).unwrap();
        assert_eq!(arranged.series(), ["c", "a", "b"]);
        assert_eq!(arranged.target().row(1).to_vec(), [12.0, 10.0, 11.0]);
        assert_eq!(arranged.graph().unwrap().edges, [(1, 2, 0.5)]);
        assert_eq!(arranged.attributes().values.column(0).to_vec(), [3.0, 1.0, 2.0]);
        assert_eq!((arranged.zone(0), arranged.zone(1)), (Some("south"), Some("north")));
        assert_eq!(arranged.zone(2), None);
    }

    #[test]
    fn other_series_give_no_panel() {
        for other in [
            names(["a", "b", "d"]),
            names(["a", "b", "b"]),
            names(["a", "b", "c"])[..2].to_vec(),
        ] {
            assert!(panel().arranged(&other).is_none(), "{other:?}");
        }
    }
}
