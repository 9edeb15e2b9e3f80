//! What judgements do to the line.
//!
//! ```text
//! line(kind, key, t) = clamp(1.25^false * 0.95^useful, 0.7, 2.5)
//! reach(kind, key, t) = min(1.25^duplicate, 2)
//! ```
//! where the exponents count the alerts of that kind, with that key, whose newest judgement before `t` is the verdict. A score is
//! divided by the line, the distance between neighbours is multiplied by the reach. Whoever withdraws a judgement undoes it.
//!
//! What is said of a faulty sensor moves the line of what showed the fault, and no other. Where the alert was on one side of what was
//! expected, only the line of that side moves. The line of a rule is never below 1: the stream's definition has drawn it.

use std::collections::HashMap;

use arterial_datasets::time::Timestamp;

use super::alert::{Alert, Kind};
use super::judgement::Verdict;
use super::symptom::{Nature, Side};

/// What `false` and `useful` do to the line, and its bounds.
const FALSE: f64 = 1.25;
const USEFUL: f64 = 0.95;
const LINE: (f64, f64) = (0.7, 2.5);
/// The lowest line of rules.
const LINE_OF_RULES: f64 = 1.0;
/// What `duplicate` does to the distance between neighbours, and its bound.
const DUPLICATE: f64 = 1.25;
const REACH: f64 = 2.0;

/// The lines of all kinds and keys, by the judgements of alerts.
#[derive(Debug, Default)]
pub(super) struct Sensitivity {
    judged: Vec<Judged>,
    by_key: HashMap<String, Vec<usize>>,
}

/// What a score speaks of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    pub(super) nature: Nature,
    /// The side of what was expected, where the symptom has one.
    pub(super) side: Option<Side>,
    /// Whether a rule gave it.
    pub(super) is_rule: bool,
}

#[derive(Debug)]
struct Judged {
    topic: String,
    nature: Nature,
    side: Option<Side>,
    verdicts: Vec<(Timestamp, Verdict)>,
}

impl Sensitivity {
    pub(super) fn of<'a>(alerts: impl Iterator<Item = &'a Alert>) -> Self {
        let mut sensitivity = Self::default();
        for alert in alerts.filter(|alert| !alert.judgements.is_empty()) {
            for key in &alert.keys {
                let judged = sensitivity.by_key.entry(key.clone()).or_default();
                judged.push(sensitivity.judged.len());
            }
            sensitivity.judged.push(Judged {
                topic: alert.topic.clone(),
                nature: nature(alert),
                side: alert.side(),
                verdicts: alert.judgements.iter().map(|said| (said.at, said.verdict)).collect(),
            });
        }
        sensitivity
    }

    /// The same judgements as if they had always been said.
    pub(super) fn always(mut self) -> Self {
        for judged in &mut self.judged {
            judged.verdicts = judged
                .verdicts
                .last()
                .map(|(_, verdict)| (Timestamp(i64::MIN), *verdict))
                .into_iter()
                .collect();
        }
        self
    }

    /// What scores that claim this are divided by.
    pub(super) fn line(&self, topic: &str, key: &str, claim: Claim, at: Timestamp) -> f64 {
        let factor = |verdict| match verdict {
            Verdict::False => FALSE,
            Verdict::Useful => USEFUL,
            Verdict::Duplicate | Verdict::Withdrawn => 1.0,
        };
        let meant = self
            .judged(topic, key, claim.nature)
            .filter(|judged| judged.side.is_none_or(|side| claim.side == Some(side)));
        let line: f64 = meant.filter_map(|judged| judged.at(at)).map(factor).product();
        let lowest = if claim.is_rule { LINE_OF_RULES } else { LINE.0 };
        line.clamp(lowest, LINE.1)
    }

    /// What the distance between neighbours is multiplied by.
    pub(super) fn reach(&self, topic: &str, key: &str, at: Timestamp) -> f64 {
        let verdicts = self
            .judged(topic, key, Nature::Event)
            .filter_map(|judged| judged.at(at));
        let duplicates = verdicts.filter(|verdict| *verdict == Verdict::Duplicate).count();
        DUPLICATE.powi(duplicates as i32).min(REACH)
    }

    /// What was said of alerts of that nature with that key.
    fn judged(&self, topic: &str, key: &str, nature: Nature) -> impl Iterator<Item = &Judged> {
        let known = self.by_key.get(key).into_iter().flatten();
        let judged = known.map(|&index| &self.judged[index]);
        judged.filter(move |judged| judged.topic == topic && judged.nature == nature)
    }
}

impl Judged {
    /// What was said last, up to that time.
    fn at(&self, at: Timestamp) -> Option<Verdict> {
        let said = self.verdicts.iter().rev().find(|(when, _)| *when <= at);
        said.map(|(_, verdict)| *verdict)
    }
}

/// The nature of what an alert comes of. A sensor is found faulty by what it says itself, by its silence, or by its neighbours.
fn nature(alert: &Alert) -> Nature {
    match alert.kind {
        Kind::Congestion | Kind::IncidentSuspected | Kind::Demand | Kind::Air => Nature::Event,
        Kind::SensorFault => alert.symptom.nature(),
        Kind::DataQuality => Nature::Missing,
    }
}
