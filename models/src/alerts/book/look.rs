//! What all detectors together say of one key in one window.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::{Duration, Timestamp};

use crate::alerts::places::COUNTS_AN_HOUR;
use crate::alerts::sensitivity::{Claim, Sensitivity};
use crate::alerts::signal::{Expected, Reason, Signal};
use crate::alerts::symptom::{Nature, Symptom, is_speed};

/// The detector whose word is taken at once.
const RULES: &str = "rules";

/// All that was said of one key in one window: the strongest voice of each nature.
#[derive(Debug, Clone)]
pub(super) struct Look {
    pub(super) zone: Option<Arc<str>>,
    pub(super) step: Duration,
    voices: BTreeMap<Nature, Voice>,
    pub(super) speed: Option<Speed>,
    /// How far the mean speed is above that of the window before, in km/h.
    pub(super) moved: Option<f64>,
    pub(super) vehicles_per_hour: Option<f64>,
}

/// A mean speed and what was expected of it, in km/h.
#[derive(Debug, Clone, Copy)]
pub(super) struct Speed {
    pub(super) seen: f64,
    pub(super) expected: Expected,
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

    /// Compares with the mean speed of the window before. Readings scatter where traffic breaks down among them, too: then a rule has
    /// seen that, and no broken sensor.
    pub(super) fn follow(&mut self, before: Option<f64>) {
        self.moved = self.speed.zip(before).map(|(speed, before)| speed.seen - before);
        if let Some(breakdown) = self.breakdown() {
            self.voices.insert(Nature::Event, breakdown);
        }
    }

    /// Traffic that is slower than expected, after its mean fell by more than readings scatter.
    fn breakdown(&self) -> Option<Voice> {
        let scatters = |voice: &&Voice| voice.symptom == Symptom::Erratic && is_speed(&voice.target);
        let scatter = self.voice(Nature::Fault).filter(scatters)?;
        let (speed, fell, spread) = (self.speed?, -self.moved?, scatter.seen?);
        let is_slow = speed.seen < speed.expected.low;
        (scatter.score >= 1.0 && fell > spread && is_slow).then(|| Voice {
            symptom: Symptom::Lower,
            symptom_value: None,
            score: scatter.score.max(self.score(Nature::Event)),
            seen: Some(speed.seen),
            expected: Some(speed.expected),
            ..scatter.clone()
        })
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
        let of_speed = |expected: &Expected| expected.middle.is_finite() && is_speed(&signal.target);
        if let Some(expected) = signal.expected.filter(of_speed) {
            self.speed = Some(Speed { seen, expected });
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
            moved: None,
            vehicles_per_hour: None,
        });
        look.measure(signal);
        let (symptom, symptom_value) = Symptom::of(signal.reason);
        let nature = symptom.nature();
        let seen = signal.seen.filter(|seen| seen.is_finite());
        let middle = signal
            .expected
            .map(|expected| f64::midpoint(expected.low, expected.high));
        let is_rule = signal.detector == RULES;
        let claim = Claim {
            nature,
            side: symptom.side(seen.zip(middle)),
            is_rule,
        };
        let line = sensitivity.line(&signal.topic, &signal.key, claim, window);
        look.hear(
            nature,
            Voice {
                target: signal.target.clone(),
                symptom,
                symptom_value,
                score: f64::from(signal.score) / line,
                seen,
                expected: signal.expected,
                is_rule,
            },
        );
    }
    looks
}
