//! What tells one panel from another.

use sha2::{Digest, Sha256};

use super::Panel;
use super::table::hexadecimal;

/// Stands where there is nothing, as no count does.
const NOTHING: i64 = -1;

impl Panel {
    /// SHA-256 of all that forecasters see of the panel, hexadecimal: times, names, values, graph, holidays, attributes and zones. A
    /// missing value is the same whatever its bits.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut content = Content(Sha256::new());
        content.number(self.start.0);
        content.number(self.step.0);
        content.text(&self.timezone);
        content.texts(&self.series);
        content.count(self.channels.len());
        for channel in &self.channels {
            content.text(&channel.name);
            content.number(channel.role as i64);
        }
        content.values(self.values.iter());
        content.values(self.ahead.iter());
        match &self.graph {
            None => content.number(NOTHING),
            Some(graph) => {
                content.count(graph.edges.len());
                for (from, to, weight) in &graph.edges {
                    content.number(i64::from(*from));
                    content.number(i64::from(*to));
                    content.number(i64::from(weight.to_bits()));
                }
            }
        }
        let days: Vec<i64> = self.holidays.days().collect();
        content.count(days.len());
        for day in days {
            content.number(day);
        }
        content.texts(&self.attributes.names);
        content.values(self.attributes.values.iter());
        content.count(self.zones.len());
        for zone in &self.zones {
            match zone {
                None => content.number(NOTHING),
                Some(zone) => content.text(zone),
            }
        }
        hexadecimal(&content.0.finalize())
    }
}

/// What was told of a panel so far; each piece begins with its length.
struct Content(Sha256);

impl Content {
    fn number(&mut self, number: i64) {
        self.0.update(number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(count as i64);
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn texts(&mut self, texts: &[String]) {
        self.count(texts.len());
        for text in texts {
            self.text(text);
        }
    }

    fn values<'a>(&mut self, values: impl ExactSizeIterator<Item = &'a f64>) {
        self.count(values.len());
        for value in values {
            let value = if value.is_nan() { f64::NAN } else { *value };
            self.0.update(value.to_bits().to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use ndarray::{Array2, Array3};

    use super::super::{Attributes, Channel, ChannelRole, Graph, Holidays};
    use super::*;

    fn channel(name: &str, role: ChannelRole) -> Channel {
        Channel {
            name: name.into(),
            role,
        }
    }

    fn panel_of(values: Array3<f64>, zone: &str, other: ChannelRole) -> Panel {
        Panel::new(
            "2026-01-01T00:00:00Z".parse().unwrap(),
            "5m".parse().unwrap(),
            zone,
            vec!["a".into(), "b".into()],
            vec![channel("y", ChannelRole::Target), channel("rain", other)],
            values,
        )
        .unwrap()
    }

    fn values() -> Array3<f64> {
        let told = |(row, series, channel): (usize, usize, usize)| (row * 4 + series * 2 + channel) as f64;
        Array3::from_shape_fn((3, 2, 2), told)
    }

    fn panel() -> Panel {
        panel_of(values(), "UTC", ChannelRole::Observed)
    }

    fn attributes(lanes: f64) -> Attributes {
        Attributes {
            names: vec!["lanes".into()],
            values: Array2::from_elem((2, 1), lanes),
        }
    }

    #[test]
    fn whatever_a_forecaster_sees_changes_the_digest() {
        let mut rainy = values();
        rainy[(2, 1, 1)] += 1e-9;
        let graph = |weight| Graph {
            edges: vec![(0, 1, weight)],
        };
        let zones = |zone: Option<&str>| vec![zone.map(str::to_owned), None];
        let others = [
            panel(),
            panel_of(rainy, "UTC", ChannelRole::Observed),
            panel_of(values(), "Europe/Copenhagen", ChannelRole::Observed),
            panel_of(values(), "UTC", ChannelRole::KnownAhead),
            panel().rows(0..2),
            panel().rows(1..3),
            panel().with_graph(Graph::default()),
            panel().with_graph(graph(1.0)),
            panel().with_graph(graph(2.0)),
            panel().with_holidays(Holidays::from_iter([date(2026, 1, 1)])),
            panel().with_holidays(Holidays::from_iter([date(2026, 1, 2)])),
            panel().with_attributes(attributes(2.0)),
            panel().with_attributes(attributes(3.0)),
            panel().with_zones(zones(None)),
            panel().with_zones(zones(Some("north"))),
        ];
        let digests: Vec<String> = others.iter().map(Panel::digest).collect();
        for (place, digest) in digests.iter().enumerate() {
            assert!(!digests[..place].contains(digest), "panel {place}");
        }
        assert_eq!(panel().digest(), digests[0]);
        assert_eq!(digests[0].len(), 64);
    }

    #[test]
    fn a_missing_value_is_the_same_whatever_its_bits() {
        let with = |missing: f64| {
            let mut values = values();
            values[(1, 0, 0)] = missing;
            panel_of(values, "UTC", ChannelRole::Observed).digest()
        };
        assert_eq!(with(f64::NAN), with(-f64::NAN));
    }
}
