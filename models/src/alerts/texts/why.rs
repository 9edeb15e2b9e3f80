//! Why: the likely cause, and what speaks for it and for others.

use super::Teller;
use crate::alerts::cause::{Cause, Evidence};
use crate::alerts::symptom::Symptom;

impl Teller<'_> {
    /// The sentence that names the likely cause.
    pub(super) fn cause(&self) -> String {
        let alert = self.alert;
        let Some(evidence) = alert.evidence.iter().find(|piece| piece.cause == alert.cause) else {
            return self.words.say("cause-unknown", &[]);
        };
        match alert.cause {
            Cause::Unknown => self.words.say("cause-unknown", &[]),
            Cause::Weather => self.weather("cause", evidence),
            Cause::FaultySensor => self.faulty(evidence.value),
            Cause::FeedOutage => self.words.say("cause-outage", &[]),
            Cause::Recurrent => self.words.say("cause-recurrent", &[]),
            Cause::Accident
            | Cause::Breakdown
            | Cause::Roadwork
            | Cause::Event
            | Cause::Demonstration
            | Cause::Flooding
            | Cause::PowerOutage => self.reported(evidence),
        }
    }

    /// Of one that says nothing, what brings its data may be broken as well.
    fn faulty(&self, neighbours: Option<f64>) -> String {
        let is_silent = self.alert.symptom == Symptom::Silent;
        match neighbours {
            Some(neighbours) if is_silent => self.counted("cause-silent-compared", neighbours),
            Some(neighbours) => self.counted("cause-faulty-compared", neighbours),
            None if is_silent => self.words.say("cause-silent", &[]),
            None => self.words.say("cause-faulty", &[]),
        }
    }

    /// A piece of evidence in a line: what it is, how much of it, how far away, since when.
    pub(super) fn evidence(&self, evidence: &Evidence) -> String {
        let mut parts = vec![self.named(evidence)];
        parts.extend(self.size(evidence));
        parts.extend(evidence.distance_m.map(|metres| {
            let distance = self.distance(metres);
            self.words.say("evidence-distance", &[("distance", distance.into())])
        }));
        parts.extend(evidence.at.map(|at| {
            let moment = self.moments.moment(at);
            self.words.say("evidence-since", &[("moment", moment.into())])
        }));
        parts.join(", ")
    }

    /// What it is. A feed is not named by one of the many keys that it brings.
    fn named(&self, evidence: &Evidence) -> String {
        if evidence.cause == Cause::Weather {
            return self.weather("weather", evidence);
        }
        let word = self.words.say(&format!("why-{}", evidence.cause), &[]);
        if evidence.cause == Cause::FeedOutage || evidence.subject.is_empty() {
            return word;
        }
        format!("{word} {}", evidence.subject)
    }

    /// How many there are of what it counts.
    fn size(&self, evidence: &Evidence) -> Option<String> {
        let id = match evidence.cause {
            Cause::FaultySensor => "normal-neighbours",
            Cause::FeedOutage => self.things(),
            Cause::Recurrent => "times-before",
            _ => return None,
        };
        Some(self.counted(id, evidence.value?))
    }

    /// The weather by the message `of` its kind.
    fn weather(&self, of: &str, evidence: &Evidence) -> String {
        let value = self.number(evidence.value.unwrap_or(0.0));
        self.words
            .say(&format!("{of}-{}", evidence.subject), &[("value", value)])
    }

    fn reported(&self, evidence: &Evidence) -> String {
        let cause = self.words.say(evidence.cause.name(), &[]);
        let moment = evidence.at.map(|at| self.moments.moment(at)).unwrap_or_default();
        let mut values = vec![
            ("cause", cause.into()),
            ("subject", evidence.subject.as_str().into()),
            ("moment", moment.into()),
        ];
        let Some(metres) = evidence.distance_m else {
            return self.words.say("cause-reported", &values);
        };
        values.push(("distance", self.distance(metres).into()));
        self.words.say("cause-reported-away", &values)
    }

    /// Metres to the next ten, kilometres from one on.
    fn distance(&self, metres: f64) -> String {
        let (unit, value) = if metres < 995.0 {
            ("metres", (metres / 10.0).round() * 10.0)
        } else {
            ("kilometres", metres / 1000.0)
        };
        self.words.say(unit, &[("value", self.number(value))])
    }
}
