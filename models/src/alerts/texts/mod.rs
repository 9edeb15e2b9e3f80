//! Alerts in plain sentences: what, where, since when, seen against expected, the likely cause, how long, what to do.
//!
//! The sentences stand in Fluent files, one a language; here is decided which of them are said.

mod moments;
mod numbers;
mod words;

use fluent_bundle::FluentValue;
use jiff::tz::TimeZone;

use self::moments::Moments;
use self::numbers::number;
use self::words::Words;
use super::alert::{Alert, Kind, State};
use super::cause::{Cause, Evidence};
use super::settings::Language;
use super::symptom::{Nature, Symptom};

/// The alert as an operator would tell it, with times by the clock of `zone`.
#[must_use]
pub fn tell(alert: &Alert, language: Language, zone: &TimeZone) -> String {
    let teller = Teller {
        alert,
        language,
        words: Words::of(language),
        moments: Moments::new(language, zone, alert.updated_at),
    };
    teller.sentences().join(" ")
}

/// A word or label that stands beside those sentences, such as the head of a column; nothing where there is no message `id`.
#[must_use]
pub fn label(id: &str, values: &[(&str, &str)], language: Language) -> Option<String> {
    let values: Vec<(&str, FluentValue<'_>)> = values
        .iter()
        .map(|(name, value)| (*name, FluentValue::from(*value)))
        .collect();
    Words::of(language).try_say(id, &values).ok()
}

struct Teller<'a> {
    alert: &'a Alert,
    language: Language,
    words: &'static Words,
    moments: Moments<'a>,
}

impl Teller<'_> {
    fn sentences(&self) -> Vec<String> {
        let alert = self.alert;
        let mut sentences = vec![self.headline(), self.moments.since(alert.since)];
        sentences.extend(self.seen());
        sentences.push(self.cause());
        sentences.extend(self.impact());
        match alert.state {
            State::Resolved => sentences.push(self.over()),
            State::Merged => sentences.extend(self.merged()),
            State::Open | State::Acknowledged | State::Reopened => {
                if alert.state == State::Reopened {
                    sentences.push(self.words.say("reopened", &[]));
                }
                sentences.extend(alert.estimated_end.map(|end| self.moments.end(end)));
                sentences.push(self.certainty());
                sentences.push(self.words.say(advice(alert), &[]));
            }
        }
        sentences
    }

    fn number(&self, value: f64) -> FluentValue<'static> {
        number(value, self.language).into()
    }

    fn headline(&self) -> String {
        let alert = self.alert;
        let what = self.what();
        let count = self.count();
        let zone = alert.zone_id.as_deref();
        let of_zone = zone
            .map(|zone| self.words.say("of-zone", &[("zone", zone.into())]))
            .unwrap_or_default();
        let (id, place) = match (&alert.place.road_name, zone) {
            _ if alert.citywide => ("headline-city", ("city", "".into())),
            (_, Some(zone)) if alert.kind == Kind::DataQuality => ("headline-zone", ("zone", zone.into())),
            (Some(road), _) if alert.kind != Kind::SensorFault => ("headline-road", ("road", road.as_str().into())),
            _ => ("headline-key", ("key", alert.place.key.as_str().into())),
        };
        let mut values = vec![("what", what.into()), ("count", count.into()), place];
        if id != "headline-zone" {
            values.push(("zone", of_zone.into()));
        }
        self.words.say(id, &values)
    }

    fn count(&self) -> String {
        let count = self.alert.keys.len();
        if count < 2 {
            return String::new();
        }
        let things = match self.alert.topic.as_str() {
            "public-transport" => "lines",
            "taxi-vtc" => "zones",
            "parking" => "car-parks",
            "bike-share" | "weather" | "air-quality" => "stations",
            _ => "sensors",
        };
        let things = self.counted(things, count as f64);
        self.words.say("count", &[("things", things.into())])
    }

    fn counted(&self, id: &str, count: f64) -> String {
        self.words
            .say(id, &[("count", count.into()), ("number", self.number(count))])
    }

    fn what(&self) -> String {
        let alert = self.alert;
        let value = alert.symptom_value.unwrap_or(0.0);
        let values = [
            ("limit", self.number(value)),
            ("lasting", self.lasting(value).into()),
            ("quantity", self.quantity().into()),
        ];
        self.words.say(what(alert), &values)
    }

    fn lasting(&self, seconds: f64) -> String {
        let minutes = (seconds / 60.0).round();
        if minutes < 120.0 {
            self.counted("minutes", minutes)
        } else {
            self.counted("hours", (minutes / 60.0).round())
        }
    }

    fn quantity(&self) -> String {
        match measure(&self.alert.target) {
            Some(name) => self.words.say(&format!("quantity-{name}"), &[]),
            None => self.alert.target.clone(),
        }
    }

    fn with_unit(&self, value: f64) -> String {
        let unit = format!("unit-{}", measure(&self.alert.target).unwrap_or("none"));
        self.words.say(&unit, &[("value", self.number(value))])
    }

    fn seen(&self) -> Option<String> {
        let alert = self.alert;
        if alert.symptom.nature() == Nature::Missing {
            return None;
        }
        let value = alert.seen?;
        if alert.symptom == Symptom::Erratic {
            return Some(self.scatter(value));
        }
        let seen = ("seen", self.with_unit(value).into());
        let quantity = ("quantity", self.quantity().into());
        let (Some(low), Some(high)) = (alert.expected_low, alert.expected_high) else {
            return Some(self.words.say("seen", &[quantity, seen]));
        };
        let (low, high) = (self.number(low), self.with_unit(high).into());
        Some(
            self.words
                .say("seen-expected", &[quantity, seen, ("low", low), ("high", high)]),
        )
    }

    /// How far readings scatter, which is no value of the quantity; how far they usually do follows from how many times as far it is.
    fn scatter(&self, deviation: f64) -> String {
        let seen = ("seen", self.with_unit(deviation).into());
        let times = self.alert.symptom_value.filter(|times| *times > 0.0);
        match times {
            Some(times) => {
                let usual = ("usual", self.number(deviation / times));
                self.words.say("seen-scatter-usual", &[seen, usual])
            }
            None => self.words.say("seen-scatter", &[seen]),
        }
    }

    fn impact(&self) -> Option<String> {
        let hours = self.alert.impact?.round();
        (hours >= 1.0).then(|| {
            self.words
                .say("impact", &[("hours", hours.into()), ("number", self.number(hours))])
        })
    }

    fn certainty(&self) -> String {
        let percent = (100.0 * self.alert.certainty).round();
        self.words.say("certainty", &[("percent", self.number(percent))])
    }

    fn cause(&self) -> String {
        let alert = self.alert;
        let Some(evidence) = alert.evidence.iter().find(|piece| piece.cause == alert.cause) else {
            return self.words.say("cause-unknown", &[]);
        };
        match alert.cause {
            Cause::Unknown => self.words.say("cause-unknown", &[]),
            Cause::Weather => {
                let value = evidence.value.unwrap_or(0.0);
                let id = format!("cause-{}", evidence.subject);
                self.words.say(&id, &[("value", self.number(value))])
            }
            Cause::FaultySensor => match evidence.value {
                Some(neighbours) => self.counted("cause-faulty-compared", neighbours),
                None => self.words.say("cause-faulty", &[]),
            },
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

    fn over(&self) -> String {
        let alert = self.alert;
        let closed = alert.closed_at.unwrap_or(alert.updated_at);
        let heard_until_the_end = alert.last_strange < alert.last_window;
        let id = if heard_until_the_end { "resolved" } else { "lost" };
        let moment = if heard_until_the_end { closed } else { alert.last_window };
        self.words.say(id, &[("moment", self.moments.moment(moment).into())])
    }

    fn merged(&self) -> Option<String> {
        let into = self.alert.merged_into.as_deref()?;
        Some(self.words.say("merged", &[("alert", into.into())]))
    }
}

/// The quantity of a field, where people have a name for it.
fn measure(target: &str) -> Option<&'static str> {
    match target {
        "speed_kmh" => Some("speed"),
        "vehicle_flow" => Some("flow"),
        "occupancy_percent" | "occupancy_rate" => Some("occupancy"),
        "delay_minutes" => Some("delay"),
        _ => None,
    }
}

/// The message that says what is going on.
fn what(alert: &Alert) -> &'static str {
    let speed = measure(&alert.target) == Some("speed");
    match (alert.kind, alert.symptom) {
        (Kind::DataQuality, _) => "what-outage",
        (Kind::IncidentSuspected, _) => "what-incident",
        (Kind::SensorFault, Symptom::Stuck) => "what-fault-stuck",
        (Kind::SensorFault, Symptom::Silent) => "what-fault-silent",
        (Kind::SensorFault, Symptom::Erratic) => "what-fault-erratic",
        (Kind::SensorFault, Symptom::Impossible) => "what-fault-impossible",
        (Kind::SensorFault, Symptom::DegradedQuality) => "what-fault-degraded",
        (Kind::SensorFault, Symptom::Drift) => "what-fault-drift",
        (Kind::SensorFault, Symptom::Jump) => "what-fault-jump",
        (Kind::SensorFault, _) => "what-fault-alone",
        (_, Symptom::SevereCongestion) => "what-severe",
        (Kind::Congestion, Symptom::OverCapacity) => "what-full-road",
        (_, Symptom::OverCapacity) => "what-full",
        (_, Symptom::Overcrowded) => "what-overcrowded",
        (Kind::Congestion, Symptom::Jump) => "what-jump",
        (kind, symptom) => {
            let is_lower = match symptom {
                Symptom::Higher => false,
                Symptom::Lower => true,
                _ => is_below(alert),
            };
            match (kind, is_lower) {
                (Kind::Congestion, true) if speed => "what-congestion-lower-speed",
                (Kind::Congestion, false) if speed => "what-congestion-higher-speed",
                (Kind::Congestion, true) => "what-congestion-lower",
                (Kind::Congestion, false) => "what-congestion-higher",
                (Kind::Air, true) => "what-air-lower",
                (Kind::Air, false) => "what-air-higher",
                (_, true) => "what-demand-lower",
                (_, false) => "what-demand-higher",
            }
        }
    }
}

/// Whether what was seen is below the middle of what was expected.
fn is_below(alert: &Alert) -> bool {
    match (alert.seen, alert.expected_low, alert.expected_high) {
        (Some(seen), Some(low), Some(high)) => seen < f64::midpoint(low, high),
        _ => true,
    }
}

/// The message that says what to do.
fn advice(alert: &Alert) -> &'static str {
    match (alert.kind, alert.cause) {
        (Kind::SensorFault, _) => "do-sensor",
        (Kind::DataQuality, _) => "do-feed",
        (Kind::Air, _) => "do-air",
        (Kind::IncidentSuspected, _) => "do-verify",
        (_, Cause::Event | Cause::Demonstration) => "do-crowd",
        (Kind::Demand, _) => "do-demand",
        (_, Cause::Accident | Cause::Breakdown) => "do-help",
        (_, Cause::Roadwork) => "do-works",
        (_, Cause::Weather | Cause::Flooding) => "do-weather",
        (_, Cause::PowerOutage) => "do-power",
        (_, Cause::Recurrent) => "do-usual",
        (_, Cause::Unknown | Cause::FaultySensor | Cause::FeedOutage) => "do-look",
    }
}

#[cfg(test)]
mod tests;
