//! What all detectors together say of one key in one window.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};

use crate::alerts::sensitivity::Sensitivity;
use crate::alerts::signal::{Expected, Reason, Signal};
use crate::alerts::symptom::{Nature, Symptom};

/// The detector whose word is taken at once.
const RULES: &str = "rules";
/// How often in an hour vehicles are counted: sensors report vehicles in 5 minutes.
const COUNTS_AN_HOUR: f64 = 12.0;

/// All that was said of one key in one window: the strongest voice of each nature.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) zone: Option<Arc<str>>,
    pub(super) step: Duration,
    voices: BTreeMap<Nature, Voice>,
    /// The speed seen and the usual one, in km/h.
    pub(super) speed: Option<(f64, f64)>,
    pub(super) vehicles_per_hour: Option<f64>,
}

/// One signal, with its score measured by the line of its kind and key.
#[derive(Debug, Clone)]
pub(super) struct Voice {
    pub(super) target: Arc<str>,
    pub(super) symptom: Symptom,
    pub(super) symptom_value: Option<f64>,
    pub(super) score: f64,
    pub(super) seen: Option<f64>,
    pub(super) expected: Option<Expected>,
    pub(super) is_rule: bool,
}

impl Look {
    pub(super) fn voice(&self, nature: Nature) -> Option<&Voice> {
        self.voices.get(&nature)
    }

    /// The score of that nature; 0 where nothing was said of it.
    pub(super) fn score(&self, nature: Nature) -> f64 {
        self.voice(nature).map_or(0.0, |voice| voice.score)
    }

    pub(super) fn is_strange(&self, nature: Nature) -> bool {
        self.score(nature) >= 1.0
    }

    fn hear(&mut self, nature: Nature, voice: Voice) {
        let louder = self.score(nature) < voice.score || self.voice(nature).is_none();
        if louder {
            self.voices.insert(nature, voice);
        }
    }

    fn measure(&mut self, signal: &Signal) {
        // What was seen of readings that scatter is how far they do, not the value.
        if matches!(signal.reason, Reason::Erratic(_)) {
            return;
        }
        let Some(seen) = signal.seen.filter(|seen| seen.is_finite()) else {
            return;
        };
        if &*signal.target == "vehicle_flow" {
            self.vehicles_per_hour = Some(seen.max(0.0) * COUNTS_AN_HOUR);
        }
        let usual = signal.expected.map(|expected| expected.middle);
        if let Some(usual) = usual.filter(|usual| usual.is_finite() && signal.target.contains("speed")) {
            self.speed = Some((seen, usual));
        }
    }
}

/// The looks of one stream's keys at the window that starts at `window`.
pub(super) fn gather(window: Timestamp, signals: &[&Signal], sensitivity: &Sensitivity) -> BTreeMap<Arc<str>, Look> {
    let mut looks: BTreeMap<Arc<str>, Look> = BTreeMap::new();
    for signal in signals {
        let look = looks.entry(signal.key.clone()).or_insert_with(|| Look {
            zone: signal.zone.clone(),
            step: signal.step,
            voices: BTreeMap::new(),
            speed: None,
            vehicles_per_hour: None,
        });
        look.measure(signal);
        let (symptom, symptom_value) = Symptom::of(signal.reason);
        let nature = symptom.nature();
        let line = sensitivity.line(&signal.topic, &signal.key, nature, window);
        look.hear(
            nature,
            Voice {
                target: signal.target.clone(),
                symptom,
                symptom_value,
                score: f64::from(signal.score) / line,
                seen: signal.seen.filter(|seen| seen.is_finite()),
                expected: signal.expected,
                is_rule: signal.detector == RULES,
            },
        );
    }
    looks
}
