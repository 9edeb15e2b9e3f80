//! Small cities for tests: a road with sensors, a grid of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::{Duration, MINUTE, Timestamp};

use crate::alerts::{
    Alert, AlertBook, AlertSettings, Expected, Past, Place, Places, Reason, Record, Signal, Surroundings,
};
use crate::detector::AnomalyScore;

/// Tuesday, 12 May 2026, 06:00 UTC: 8 o'clock in Copenhagen.
const START: i64 = 1_778_565_600_000_000;
pub const STEP: Duration = Duration(5 * MINUTE);

/// The start of window `step`.
pub fn at(step: i64) -> Timestamp {
    Timestamp(START + step * STEP.0)
}

pub fn settings() -> AlertSettings {
    AlertSettings {
        timezone: "Europe/Copenhagen".into(),
        ..AlertSettings::default()
    }
}

/// Sensors in a town, a book, and what is known around.
pub struct Town {
    pub keys: Vec<String>,
    pub around: Surroundings,
    pub book: AlertBook,
    pub topic: &'static str,
}

impl Town {
    /// Sensors every 400 m along one road, ten a zone, traffic flowing from each to the next.
    pub fn line(count: usize) -> Self {
        let place = |step: usize| Place {
            lat: Some(56.0),
            lon: Some(10.0 + 0.006_435 * step as f64),
            zone_id: Some(format!("Z{}", step / 10)),
            road_id: Some("R1".into()),
            road_name: Some("Ring Road".into()),
            name: None,
            length_km: Some(0.4),
            free_flow_kmh: Some(70.0),
            flow_per_hour: Some(1200.0),
        };
        let places = (0..count).map(|step| (name(step), place(step))).collect();
        let flows: Vec<_> = (1..count).map(|step| (name(step - 1), name(step))).collect();
        Self::new(places, &flows)
    }

    /// `side` x `side` sensors, 2 km apart, each on a road of its own, in zones of 5 x 5.
    pub fn grid(side: usize) -> Self {
        let place = |step: usize| Place {
            lat: Some(56.0 + 0.018 * (step / side) as f64),
            lon: Some(10.0 + 0.0322 * (step % side) as f64),
            zone_id: Some(format!("Z{}-{}", step / side / 5, step % side / 5)),
            ..Place::default()
        };
        Self::new((0..side * side).map(|step| (name(step), place(step))).collect(), &[])
    }

    /// The same sensors of which nothing but the zone is known.
    pub fn without_positions(self) -> Self {
        let place = |key: &String| Place {
            zone_id: self.around.places.get(key).and_then(|place| place.zone_id.clone()),
            ..Place::default()
        };
        let places = self.keys.iter().map(|key| (key.clone(), place(key))).collect();
        Self::new(places, &[])
    }

    fn new(places: BTreeMap<String, Place>, flows: &[(String, String)]) -> Self {
        Self {
            keys: places.keys().cloned().collect(),
            around: Surroundings {
                places: Arc::new(Places::new(places, flows)),
                ..Surroundings::default()
            },
            book: AlertBook::new(settings()).unwrap(),
            topic: "traffic-sensors",
        }
    }

    /// The signals of window `step`: `say` gives what is strange of a sensor, all others are normal.
    pub fn signals(&self, step: i64, say: impl Fn(usize) -> Option<Strange>) -> Vec<Signal> {
        let sensors = self.keys.iter().enumerate();
        sensors
            .map(|(index, key)| self.signal(step, key, say(index).unwrap_or(NORMAL)))
            .collect()
    }

    fn signal(&self, step: i64, key: &str, strange: Strange) -> Signal {
        Signal {
            topic: self.topic.into(),
            target: strange.target.into(),
            key: key.into(),
            zone: self
                .around
                .places
                .get(key)
                .and_then(|place| place.zone_id.as_deref())
                .map(Arc::from),
            window: at(step),
            step: STEP,
            detector: strange.detector,
            score: AnomalyScore::try_from(strange.score).unwrap(),
            reason: strange.reason,
            seen: strange.seen,
            expected: Some(Expected {
                low: 42.0,
                middle: 50.0,
                high: 58.0,
            }),
        }
    }

    /// Feeds window `step`.
    pub fn feed(&mut self, step: i64, say: impl Fn(usize) -> Option<Strange>) -> Vec<Alert> {
        let signals = self.signals(step, say);
        self.book.window(self.topic, at(step), &signals, &self.around)
    }

    /// Feeds windows in which nothing is strange.
    pub fn calm(&mut self, steps: std::ops::Range<i64>) -> Vec<Alert> {
        steps.flat_map(|step| self.feed(step, |_| None)).collect()
    }

    /// Its sensors with their zones.
    pub fn keys(&self) -> Vec<(Arc<str>, Option<Arc<str>>)> {
        let zone = |key: &String| self.around.places.get(key)?.zone_id.as_deref().map(Arc::from);
        self.keys.iter().map(|key| (key.as_str().into(), zone(key))).collect()
    }

    /// What is kept of the past.
    pub fn record<'a>(&'a self, keys: &'a [(Arc<str>, Option<Arc<str>>)], windows: &'a [Past<'a>]) -> Record<'a> {
        Record {
            topic: self.topic.into(),
            step: STEP,
            keys,
            windows,
            surroundings: &self.around,
        }
    }

    /// The alerts as they were last told.
    pub fn alerts(&self) -> Vec<Alert> {
        self.book.alerts().cloned().collect()
    }

    /// The one alert that there is.
    pub fn only(&self) -> Alert {
        let alerts = self.alerts();
        assert_eq!(alerts.len(), 1, "{alerts:#?}");
        alerts.into_iter().next().unwrap()
    }
}

pub fn name(step: usize) -> String {
    format!("s{step:03}")
}

/// What is said of a sensor.
#[derive(Debug, Clone, Copy)]
pub struct Strange {
    pub target: &'static str,
    pub detector: &'static str,
    pub score: f64,
    pub reason: Reason,
    pub seen: Option<f64>,
}

const NORMAL: Strange = Strange {
    target: "speed_kmh",
    detector: "residual",
    score: 0.2,
    reason: Reason::Lower,
    seen: Some(50.0),
};

/// Slower than expected.
pub fn slow(score: f64) -> Strange {
    Strange {
        score,
        seen: Some(12.0),
        ..NORMAL
    }
}

/// What a rule says.
pub fn rule(reason: Reason, score: f64) -> Strange {
    Strange {
        detector: "rules",
        score,
        reason,
        ..NORMAL
    }
}

/// What a detector says.
pub fn said(reason: Reason, score: f64) -> Strange {
    Strange {
        score,
        reason,
        ..NORMAL
    }
}
