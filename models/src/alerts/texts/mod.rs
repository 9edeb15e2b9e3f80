//! Alerts in plain sentences: what, where, since when, seen against expected, the likely cause, how long, what to do.
//!
//! The sentences stand in Fluent files, one a language; here is decided which of them are said.

mod measures;
mod moments;
mod numbers;
mod why;
mod words;

use fluent_bundle::FluentValue;
use jiff::tz::TimeZone;

use self::measures::measure;
use self::moments::Moments;
use self::numbers::{as_written, number};
use self::words::Words;
use super::alert::{Alert, Kind, State};
use super::cause::Cause;
use super::settings::Language;
use super::symptom::{Nature, Symptom};

/// The alert as an operator would tell it, with times by the clock of `zone`.
#[must_use]
pub fn tell(alert: &Alert, language: Language, zone: &TimeZone) -> String {
    Teller::new(alert, language, zone).sentences().join(" ")
}

/// What speaks for the cause of the alert and for others, the weightiest first, a line each, with times by the clock of `zone`:
/// `accident INC-000012, 350 m away, since 08:12`.
#[must_use]
pub fn tell_evidence(alert: &Alert, language: Language, zone: &TimeZone) -> Vec<String> {
    let teller = Teller::new(alert, language, zone);
    alert.evidence.iter().map(|piece| teller.evidence(piece)).collect()
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

/// The label `id` with `count` in it, in the form that the language has for so many; nothing where there is no message `id`.
#[must_use]
pub fn counted_label(id: &str, count: f64, language: Language) -> Option<String> {
    Words::of(language).try_say(id, &counting(count, language)).ok()
}

/// What a message is given that has a form for each number: the number to choose by, and how it is written.
fn counting(count: f64, language: Language) -> [(&'static str, FluentValue<'static>); 2] {
    [
        ("count", as_written(count).into()),
        ("number", number(count, language).into()),
    ]
}

/// The message that counts lines of public transport, which are no places.
const LINES: &str = "lines";

struct Teller<'a> {
    alert: &'a Alert,
    language: Language,
    words: &'static Words,
    moments: Moments<'a>,
}

impl<'a> Teller<'a> {
    fn new(alert: &'a Alert, language: Language, zone: &'a TimeZone) -> Self {
        Self {
            alert,
            language,
            words: Words::of(language),
            moments: Moments::new(language, zone, alert.updated_at),
        }
    }
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
                if alert.learning {
                    sentences.push(self.words.say("learning", &[]));
                }
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
            _ if self.things() == LINES => ("headline-line", ("key", alert.place.key.as_str().into())),
            _ => ("headline-key", ("key", self.key().into())),
        };
        let mut values = vec![("what", what.into()), ("count", count.into()), place];
        if id != "headline-zone" {
            values.push(("zone", of_zone.into()));
        }
        self.words.say(id, &values)
    }

    /// The key that stands for it, as people find it: by its own name, or by its road.
    fn key(&self) -> String {
        let place = &self.alert.place;
        let key = ("key", place.key.as_str().into());
        match (&place.name, &place.road_name) {
            (Some(name), _) => self.words.say("key-named", &[("name", name.as_str().into()), key]),
            (None, Some(road)) => self.words.say("key-on-road", &[key, ("road", road.as_str().into())]),
            (None, None) => place.key.clone(),
        }
    }

    fn count(&self) -> String {
        let count = self.alert.keys.len();
        if count < 2 {
            return String::new();
        }
        let things = self.counted(self.things(), count as f64);
        self.words.say("count", &[("things", things.into())])
    }

    /// The message that counts what the stream's keys are.
    fn things(&self) -> &'static str {
        match self.alert.topic.as_str() {
            "public-transport" => LINES,
            "taxi-vtc" => "zones",
            "parking" => "car-parks",
            "bike-share" | "weather" | "air-quality" => "stations",
            _ => "sensors",
        }
    }

    fn counted(&self, id: &str, count: f64) -> String {
        self.words.say(id, &counting(count, self.language))
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
            Some((quantity, _)) => self.words.say(quantity, &[]),
            None => self.alert.target.clone(),
        }
    }

    fn with_unit(&self, value: f64) -> String {
        let unit = measure(&self.alert.target).map_or("unit-none", |(_, unit)| unit);
        self.words.say(unit, &[("value", self.number(value))])
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

    fn over(&self) -> String {
        let alert = self.alert;
        let closed = alert.closed_at.unwrap_or(alert.updated_at);
        // What ends calm was so for a window at least, and ends with the window; of what is lost nothing was heard for longer than it was calm.
        let calm = alert.last_window.0 - alert.last_strange.0;
        let heard_until_the_end = calm >= closed.0 - alert.last_window.0;
        let id = if heard_until_the_end { "resolved" } else { "lost" };
        let moment = if heard_until_the_end { closed } else { alert.last_window };
        self.words.say(id, &[("moment", self.moments.moment(moment).into())])
    }

    fn merged(&self) -> Option<String> {
        let into = self.alert.merged_into.as_deref()?;
        Some(self.words.say("merged", &[("alert", into.into())]))
    }
}

/// The message that says what is going on.
fn what(alert: &Alert) -> &'static str {
    let speed = alert.is_of_speed();
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
        (kind, _) => match (kind, alert.is_below()) {
            (Kind::Congestion, true) if speed => "what-congestion-lower-speed",
            (Kind::Congestion, false) if speed => "what-congestion-higher-speed",
            (Kind::Congestion, true) => "what-congestion-lower",
            (Kind::Congestion, false) => "what-congestion-higher",
            (Kind::Air, true) => "what-air-lower",
            (Kind::Air, false) => "what-air-higher",
            (_, is_below) => what_of_demand(&alert.target, is_below),
        },
    }
}

/// The message that says of what there is less or more than expected where people come and go.
fn what_of_demand(target: &str, is_below: bool) -> &'static str {
    match (target, is_below) {
        ("delay_minutes", true) => "what-delay-lower",
        ("delay_minutes", false) => "what-delay-higher",
        ("passenger_count", true) => "what-passengers-lower",
        ("passenger_count", false) => "what-passengers-higher",
        ("occupied_spaces", true) => "what-occupied-spaces-lower",
        ("occupied_spaces", false) => "what-occupied-spaces-higher",
        ("available_spaces", true) => "what-free-spaces-lower",
        ("available_spaces", false) => "what-free-spaces-higher",
        ("available_bikes", true) => "what-bikes-lower",
        ("available_bikes", false) => "what-bikes-higher",
        ("available_docks", true) => "what-docks-lower",
        ("available_docks", false) => "what-docks-higher",
        ("occupancy_rate" | "occupancy_percent", true) => "what-occupancy-lower",
        ("occupancy_rate" | "occupancy_percent", false) => "what-occupancy-higher",
        (_, true) => "what-demand-lower",
        (_, false) => "what-demand-higher",
    }
}

/// The message that says what to do.
fn advice(alert: &Alert) -> &'static str {
    match (alert.kind, alert.cause) {
        (Kind::SensorFault, _) if alert.symptom == Symptom::Silent => "do-silent",
        (Kind::SensorFault, _) => "do-sensor",
        (Kind::DataQuality, _) => "do-feed",
        (Kind::Air, _) => "do-air",
        (Kind::IncidentSuspected, _) => "do-verify",
        (_, Cause::Unknown | Cause::Weather | Cause::Recurrent) if alert.is_faster() => "do-none",
        (_, Cause::Event | Cause::Demonstration) => "do-crowd",
        (Kind::Demand, _) => advice_on_demand(alert),
        (_, Cause::Accident | Cause::Breakdown) => "do-help",
        (_, Cause::Roadwork) => "do-works",
        (_, Cause::Weather | Cause::Flooding) => "do-weather",
        (_, Cause::PowerOutage) => "do-power",
        (_, Cause::Recurrent) => "do-usual",
        (_, Cause::Unknown | Cause::FaultySensor | Cause::FeedOutage) => "do-look",
    }
}

/// The message that says what to do where people come and go: only what is fuller than expected asks for more room.
fn advice_on_demand(alert: &Alert) -> &'static str {
    let is_full = matches!(alert.symptom, Symptom::OverCapacity | Symptom::Overcrowded);
    let is_below = alert.is_below();
    // The more people come, the fewer spaces are free.
    let is_fuller = is_full || (alert.target == "available_spaces") == is_below;
    match alert.target.as_str() {
        "delay_minutes" if !is_below => "do-delay",
        "available_bikes" | "available_docks" => "do-bikes",
        _ if is_fuller => "do-demand",
        _ => "do-quiet",
    }
}

#[cfg(test)]
mod tests;
