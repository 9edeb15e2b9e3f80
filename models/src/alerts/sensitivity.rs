//! What judgements do to the line.
//!
//! ```text
//! line(kind, key, t) = clamp(1.25^false * 0.95^useful, 0.7, 2.5)
//! reach(kind, key, t) = min(1.25^duplicate, 2)
//! ```
//! where the exponents count the alerts of that kind, with that key, whose newest judgement before `t` is the verdict. A score is
//! divided by the line, the distance between neighbours is multiplied by the reach. Whoever withdraws a judgement undoes it.

use std::collections::HashMap;

use arterial_datasets::time::Timestamp;

use super::alert::{Alert, Kind};
use super::judgement::Verdict;
use super::symptom::Nature;

/// What `false` and `useful` do to the line, and its bounds.
const FALSE: f64 = 1.25;
const USEFUL: f64 = 0.95;
const LINE: (f64, f64) = (0.7, 2.5);
/// What `duplicate` does to the distance between neighbours, and its bound.
const DUPLICATE: f64 = 1.25;
const REACH: f64 = 2.0;

/// The lines of all kinds and keys, by the judgements of alerts.
#[derive(Debug, Default)]
pub(super) struct Sensitivity {
    judged: Vec<Judged>,
    by_key: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
struct Judged {
    topic: String,
    kind: Kind,
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
                kind: alert.kind,
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

    /// What scores of that nature are divided by.
    pub(super) fn line(&self, topic: &str, key: &str, nature: Nature, at: Timestamp) -> f64 {
        let factor = |verdict| match verdict {
            Verdict::False => FALSE,
            Verdict::Useful => USEFUL,
            Verdict::Duplicate | Verdict::Withdrawn => 1.0,
        };
        let line: f64 = self.verdicts(topic, key, nature, at).map(factor).product();
        line.clamp(LINE.0, LINE.1)
    }

    /// What the distance between neighbours is multiplied by.
    pub(super) fn reach(&self, topic: &str, key: &str, at: Timestamp) -> f64 {
        let verdicts = self.verdicts(topic, key, Nature::Event, at);
        let duplicates = verdicts.filter(|verdict| *verdict == Verdict::Duplicate).count();
        DUPLICATE.powi(duplicates as i32).min(REACH)
    }

    fn verdicts(&self, topic: &str, key: &str, nature: Nature, at: Timestamp) -> impl Iterator<Item = Verdict> {
        let known = self.by_key.get(key).into_iter().flatten();
        let judged = known.map(|&index| &self.judged[index]);
        let meant = judged.filter(move |judged| judged.topic == topic && speaks_of(judged.kind, nature));
        meant.filter_map(move |judged| judged.at(at))
    }
}

impl Judged {
    /// What was said last, up to that time.
    fn at(&self, at: Timestamp) -> Option<Verdict> {
        let said = self.verdicts.iter().rev().find(|(when, _)| *when <= at);
        said.map(|(_, verdict)| *verdict)
    }
}

/// Whether alerts of that kind come of symptoms of that nature. A sensor is found faulty by its neighbours, too.
fn speaks_of(kind: Kind, nature: Nature) -> bool {
    match kind {
        Kind::Congestion | Kind::IncidentSuspected | Kind::Demand | Kind::Air => nature == Nature::Event,
        Kind::SensorFault => true,
        Kind::DataQuality => nature == Nature::Missing,
    }
}
