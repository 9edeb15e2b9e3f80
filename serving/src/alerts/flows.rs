//! Which way traffic flows between the keys of each stream.

use std::collections::BTreeSet;

use arterial_datasets::panel::Flow;

use super::AlertsConfig;
use crate::Result;
use crate::live::{Live, LiveStream};

/// The flows that are configured, and the streams that they may be meant for.
#[derive(Debug, Default)]
pub struct Flows {
    flows: Vec<Flow>,
    watched: BTreeSet<String>,
}

/// The flows of one stream.
#[derive(Debug, Default, PartialEq)]
pub struct OfStream {
    /// From which of its keys traffic flows on to which other.
    pub pairs: Vec<(String, String)>,
    /// How many name no stream and both keys of more than one, so that nobody knows whose they are: they are left out.
    pub unclear: usize,
}

impl Flows {
    /// The flows of a configuration.
    pub fn new(config: &AlertsConfig) -> Self {
        Self {
            flows: config.flows.clone(),
            watched: config.watch.iter().map(|target| target.topic.clone()).collect(),
        }
    }

    /// Those of `topic`: the flows that name it, and of those that name none the ones whose keys no other watched stream has.
    ///
    /// # Errors
    /// A stream that there is none of.
    pub fn of(&self, live: &Live, topic: &str) -> Result<OfStream> {
        let own = live.stream(topic)?;
        let others = self.watched.iter().filter(|other| *other != topic);
        let others: Vec<&LiveStream> = others.filter_map(|other| live.stream(other).ok()).collect();
        let mut found = OfStream::default();
        for flow in &self.flows {
            let is_here = if let Some(named) = &flow.topic {
                named == topic
            } else {
                let is_elsewhere = others.iter().any(|other| has(other, flow));
                found.unclear += usize::from(is_elsewhere && has(own, flow));
                !is_elsewhere
            };
            if is_here {
                found.pairs.push((flow.from.clone(), flow.to.clone()));
            }
        }
        Ok(found)
    }
}

/// Whether both ends are keys of the stream.
fn has(stream: &LiveStream, flow: &Flow) -> bool {
    stream.knows(&flow.from) && stream.knows(&flow.to)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray};
    use arterial_datasets::stream::StreamCatalog;
    use arterial_datasets::time::{DAY, Duration};

    use super::*;
    use crate::live::Maker;

    const TRAFFIC: &str = "traffic-sensors";
    const BIKES: &str = "bike-share";

    /// A window of each of these keys.
    fn seen(keys: &[&str]) -> RecordBatch {
        let start = TimestampMicrosecondArray::from(vec![0; keys.len()]).with_timezone("UTC");
        RecordBatch::try_from_iter([
            ("key", Arc::new(StringArray::from(keys.to_vec())) as ArrayRef),
            ("window_start", Arc::new(start) as ArrayRef),
            ("revision", Arc::new(Int32Array::from(vec![0; keys.len()])) as ArrayRef),
        ])
        .unwrap()
    }

    /// Traffic has the keys 1, 2 and 3, bikes 1, 2 and 9.
    fn live() -> Live {
        let live = Live::new(&StreamCatalog::built_in().unwrap(), Duration(DAY), usize::MAX);
        for (topic, keys) in [(TRAFFIC, ["1", "2", "3"]), (BIKES, ["1", "2", "9"])] {
            live.stream(topic).unwrap().take(&seen(&keys), Maker::Past).unwrap();
        }
        live
    }

    fn flows(watch: &[&str], flows: &[(Option<&str>, &str, &str)]) -> Flows {
        let flow = |(topic, from, to): &(Option<&str>, &str, &str)| Flow {
            topic: topic.map(str::to_owned),
            from: (*from).to_owned(),
            to: (*to).to_owned(),
        };
        Flows {
            flows: flows.iter().map(flow).collect(),
            watched: watch.iter().map(|&topic| topic.to_owned()).collect(),
        }
    }

    fn of_stream(pairs: &[(&str, &str)], unclear: usize) -> OfStream {
        let pair = |(from, to): &(&str, &str)| ((*from).to_owned(), (*to).to_owned());
        OfStream {
            pairs: pairs.iter().map(pair).collect(),
            unclear,
        }
    }

    #[test]
    fn a_flow_that_names_its_stream_is_of_no_other() {
        let flows = flows(&[TRAFFIC, BIKES], &[(Some(TRAFFIC), "1", "2")]);
        assert_eq!(flows.of(&live(), TRAFFIC).unwrap(), of_stream(&[("1", "2")], 0));
        assert_eq!(flows.of(&live(), BIKES).unwrap(), of_stream(&[], 0));
    }

    #[test]
    fn a_flow_without_a_stream_is_of_the_only_one_that_has_both_keys() {
        let flows = flows(
            &[TRAFFIC, BIKES],
            &[(None, "2", "3"), (None, "1", "9"), (None, "1", "2")],
        );
        assert_eq!(flows.of(&live(), TRAFFIC).unwrap(), of_stream(&[("2", "3")], 1));
        assert_eq!(flows.of(&live(), BIKES).unwrap(), of_stream(&[("1", "9")], 1));
    }

    #[test]
    fn a_stream_that_nobody_watches_makes_no_flow_unclear() {
        let flows = flows(&[TRAFFIC], &[(None, "1", "2")]);
        assert_eq!(flows.of(&live(), TRAFFIC).unwrap(), of_stream(&[("1", "2")], 0));
    }
}
