//! The city of the demonstration, and its past as a log.

use std::collections::VecDeque;

use arterial_datasets::city::{City, CityConfig, CitySize};
use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE, Timestamp};
use arterial_features::pipeline::PipelineOptions;
use arterial_serving::answer::{DEFAULT_TARGET, DEFAULT_TOPIC};
use tokio::sync::oneshot;

use crate::service::Foundation;

/// What the demonstration forecasts: what nobody has to name who asks for it.
pub const TOPIC: &str = DEFAULT_TOPIC;
/// The number that it forecasts.
pub const FIELD: &str = DEFAULT_TARGET;
/// The stream whose raw events are kept.
const INCIDENTS: &str = "incidents";
/// How often each reporter of the demonstration reports; weeks at every 5 seconds would take too long to play.
const REPORTS: Duration = Duration(MINUTE);
/// The length of a window of every built-in stream.
const WINDOW: Duration = Duration(5 * MINUTE);

/// A small city of that seed.
pub fn config(seed: u64) -> CityConfig {
    CityConfig {
        seed,
        size: CitySize::Small,
        report_interval: REPORTS,
        ..CityConfig::default()
    }
}

/// The streams, told how often this city reports, so that completeness is judged rightly.
pub fn streams(mut catalog: StreamCatalog) -> anyhow::Result<StreamCatalog> {
    let names: Vec<String> = catalog.names().map(str::to_owned).collect();
    for name in names {
        let mut stream = catalog.get(&name)?.as_ref().clone();
        stream.interval = stream.interval.map(|_| REPORTS);
        // Weeks of raw events of a city that does not exist are worth nobody's disk, but alerts look for their cause among incidents.
        stream.archive = name == INCIDENTS;
        catalog.insert(stream);
    }
    Ok(catalog)
}

/// History is read in large bites, as it is all there; what is reported is known within a minute of the city's clock.
pub fn options(foundation: &Foundation) -> PipelineOptions {
    PipelineOptions {
        poll_records: 200_000,
        archive_interval: std::time::Duration::from_secs(1),
        ..foundation.pipeline_options()
    }
}

/// Where the past ends and the live part begins.
pub fn end_of_history(start: Timestamp, days: u16) -> Timestamp {
    // At nine in the morning, when something happens on the roads.
    Timestamp(start.0 + i64::from(days) * DAY + 9 * HOUR).window_start(WINDOW)
}

/// The last window that the history closes: the one after waits for late events.
pub fn last_closed(live_from: Timestamp) -> Timestamp {
    Timestamp(live_from.0 - 2 * WINDOW.0)
}

/// The events of the past, made as they are read; the city is handed over when they end.
pub struct History {
    city: Option<City>,
    until: Timestamp,
    waiting: VecDeque<(String, Vec<u8>)>,
    heir: Option<oneshot::Sender<City>>,
}

impl History {
    /// The events of `city` until `until`.
    pub fn new(city: City, until: Timestamp, heir: oneshot::Sender<City>) -> Self {
        Self {
            city: Some(city),
            until,
            waiting: VecDeque::new(),
            heir: Some(heir),
        }
    }

    /// Plays at most an hour; false when the past is over.
    fn play(&mut self) -> bool {
        let Some(city) = &mut self.city else { return false };
        let waiting = &mut self.waiting;
        let next = Timestamp((city.now().0 + HOUR).min(self.until.0));
        let moved = city.now() < next
            && city
                .advance(next, &mut |event| {
                    waiting.push_back((event.topic.name().into(), event.payload.to_vec()));
                })
                .is_ok();
        if !moved && let (Some(city), Some(heir)) = (self.city.take(), self.heir.take()) {
            // Whoever waited may have gone meanwhile.
            drop(heir.send(city));
        }
        moved
    }

    /// Whether nobody waits for the city any more, as the demonstration was interrupted.
    fn is_abandoned(&self) -> bool {
        self.heir.as_ref().is_some_and(oneshot::Sender::is_closed)
    }
}

impl Iterator for History {
    type Item = (String, Vec<u8>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_abandoned() {
            return None;
        }
        while self.waiting.is_empty() && self.play() {}
        self.waiting.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_ends_as_soon_as_nobody_waits_for_its_city() {
        let city = City::new(config(1)).unwrap();
        let until = Timestamp(city.now().0 + DAY);
        let (heir, waits) = oneshot::channel();
        let mut history = History::new(city, until, heir);
        assert!(history.next().is_some());
        drop(waits);
        assert!(history.next().is_none());
    }
}
