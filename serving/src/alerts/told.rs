//! What is said of an alert beside what it holds: words in a language, units, and what was seen window by window.

use std::collections::BTreeMap;
use std::sync::Mutex;

use arterial_datasets::stream::Aggregate;
use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Alert, Language, Place, Places, Symptom, geojson, tell, tell_evidence};
use arterial_models::registry::Target;
use ndarray::Array2;
use serde_json::{Value, json};

use super::revision::AlertRevision;
use crate::score::Outlook;
use crate::state::AppState;
use crate::sync::lock;
use crate::{Error, Result};

/// Windows of an alert's history.
const HISTORY: usize = 36;
/// Windows of which it is remembered what was expected, by number: alerts that are over are looked at, too. Nothing is decided by it: an
/// alert holds itself what it was judged by, and of a window that is forgotten no more is said than what was seen.
const REMEMBERED: usize = 144;

/// What is said of an alert beside what it holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// The whole alert in plain sentences.
    pub text: String,
    /// What speaks for its cause and for others, a line each.
    pub evidence: Vec<String>,
    /// What its cause is, such as an incident's id; empty where there is nothing.
    pub reference: String,
    /// The unit of what was seen; empty where it has none.
    pub unit: String,
    /// What was seen where it is strangest, the oldest window first.
    pub history: Vec<Seen>,
}

/// A window of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The start of the window.
    pub window: Timestamp,
    /// The value.
    pub value: Option<f64>,
    /// The central 80 % of what it was held against: of what was expected of it an hour before, or of what is usual.
    pub expected: Option<(f64, f64)>,
}

/// The language called `name`, English where it is empty.
///
/// # Errors
/// A name that is none; `field` is what it stands in.
pub fn language(field: &str, name: &str) -> Result<Language> {
    let known = || {
        Language::ALL
            .iter()
            .map(|one| one.name())
            .collect::<Vec<_>>()
            .join(", ")
    };
    match name {
        "" => Ok(Language::English),
        name => name.parse().map_err(|_| Error::invalid(field, name, known())),
    }
}

/// `alert` in plain sentences.
pub fn text(state: &AppState, alert: &Alert, language: Language) -> String {
    tell(alert, language, &state.alerts.zone)
}

/// What is said of `alert` in `language`.
pub fn told(state: &AppState, alert: &Alert, language: Language) -> Told {
    let of_cause = alert.evidence.iter().find(|evidence| evidence.cause == alert.cause);
    Told {
        text: tell(alert, language, &state.alerts.zone),
        evidence: tell_evidence(alert, language, &state.alerts.zone),
        reference: of_cause.map(|evidence| evidence.subject.clone()).unwrap_or_default(),
        unit: unit(state, alert),
        history: history(state, alert),
    }
}

/// The revision as a GeoJSON feature (RFC 7946) at the places of its keys; its properties are the columns of the table `alerts`.
pub fn feature(state: &AppState, revision: &AlertRevision) -> Value {
    let alert = &revision.alert;
    let place = |key: &String| {
        let known = state.live.stream(&alert.topic).ok()?.place(key)?;
        let (lat, lon) = (known.lat, known.lon);
        Some((
            key.clone(),
            Place {
                lat,
                lon,
                ..Place::default()
            },
        ))
    };
    let places = Places::new(alert.keys.iter().filter_map(place).collect(), &[]);
    let mut feature = geojson(alert, &places);
    feature["properties"] = Value::Object(revision.to_json());
    if feature["geometry"].is_null()
        && let (Some(lat), Some(lon)) = (alert.place.lat, alert.place.lon)
    {
        feature["geometry"] = json!({"type": "Point", "coordinates": [lon, lat]});
    }
    feature
}

fn unit(state: &AppState, alert: &Alert) -> String {
    // Of data that are degraded it is seen how many, whatever they measure.
    if alert.symptom == Symptom::DegradedQuality {
        return "%".into();
    }
    let Ok(stream) = state.catalog.get(&alert.topic) else {
        return String::new();
    };
    let field = stream.value_fields().find(|field| field.column() == alert.target);
    field.and_then(|field| field.unit.clone()).unwrap_or_default()
}

/// The number that was strange. A rule that leaves out what is usual looks at an aggregate of its own and holds it against that.
fn number(alert: &Alert) -> Target {
    let aggregate = match alert.symptom {
        Symptom::OverCapacity | Symptom::SevereCongestion => Some(Aggregate::Mean),
        Symptom::Overcrowded => Some(Aggregate::Max),
        _ => None,
    };
    let field = match aggregate.filter(|_| alert.expected_low.is_some()) {
        Some(aggregate) => format!("{}_{}", alert.target, aggregate.suffix()),
        None => alert.target.clone(),
    };
    Target {
        topic: alert.topic.clone(),
        field,
    }
}

/// What the alert itself says was expected of its strangest window.
fn expected_at_peak(alert: &Alert, window: Timestamp) -> Option<(f64, f64)> {
    let expected = alert.expected_low.zip(alert.expected_high);
    expected.filter(|_| window == alert.peak_at)
}

fn history(state: &AppState, alert: &Alert) -> Vec<Seen> {
    let target = number(alert);
    let Ok(stream) = state.live.stream(&target.topic) else {
        return Vec::new();
    };
    let step = stream.definition().window;
    stream.with(|live| {
        let (Some(ring), Some(key)) = (live.ring(&target.field), live.position(&alert.place.key)) else {
            return Vec::new();
        };
        let (Some(oldest), Some(newest)) = (ring.oldest(), ring.newest()) else {
            return Vec::new();
        };
        let last = alert.closed_at.map_or(newest, |closed| closed.min(newest));
        let windows = (0..HISTORY as i64).rev().map(|back| Timestamp(last.0 - back * step.0));
        let seen = windows.filter(|window| *window >= oldest).map(|window| {
            let row = ((window.0 - oldest.0) / step.0) as usize;
            Seen {
                window,
                value: Some(ring.value(row, key)).filter(|value| value.is_finite()),
                expected: expected_at_peak(alert, window).or_else(|| state.alerts.expected.of(&target, window, key)),
            }
        });
        seen.collect()
    })
}

/// What was expected of the last windows, by number: the central 80 %, key by key as in live state.
#[derive(Debug, Default)]
pub struct Expected(Mutex<BTreeMap<Target, Recent>>);

type Recent = BTreeMap<Timestamp, Array2<f32>>;

impl Expected {
    /// Remembers an outlook whose window has come. The first word on a window stays, as it was judged by that: where all is made anew from
    /// the lake, old windows are held against what is usual instead.
    pub fn note(&self, target: &Target, outlook: &Outlook) {
        let place = |wanted: f64| outlook.quantiles.iter().position(|one| (one - wanted).abs() < 1e-9);
        let (Some(low), Some(high)) = (place(0.1), place(0.9)) else {
            return;
        };
        let keys = outlook.values.nrows();
        let bounds = Array2::from_shape_fn((keys, 2), |(key, side)| outlook.values[[key, [low, high][side]]] as f32);
        let mut known = lock(&self.0);
        let recent = known.entry(target.clone()).or_default();
        recent.entry(outlook.window).or_insert(bounds);
        while recent.len() > REMEMBERED {
            recent.pop_first();
        }
    }

    /// Remembers what was usual of a `column` of the stream, which rules hold it against. Of what stands still it is known how much it
    /// usually changes, which is no band that its values lie in.
    pub fn note_usual(&self, topic: &str, column: &str, usual: &Outlook) {
        if column.ends_with(Aggregate::Std.suffix()) {
            return;
        }
        let target = Target {
            topic: topic.to_owned(),
            field: column.to_owned(),
        };
        self.note(&target, usual);
    }

    fn of(&self, target: &Target, window: Timestamp, key: usize) -> Option<(f64, f64)> {
        let known = lock(&self.0);
        let bounds = known.get(target)?.get(&window)?;
        let bound = |side: usize| {
            bounds
                .get([key, side])
                .map(|value| f64::from(*value))
                .filter(|value| value.is_finite())
        };
        bound(0).zip(bound(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::revision_example;

    fn speed() -> Target {
        Target {
            topic: "traffic-sensors".into(),
            field: "speed_kmh".into(),
        }
    }

    /// What is expected of one key in that window.
    fn outlook(window: i64, low: f64, high: f64) -> Outlook {
        Outlook {
            window: Timestamp(window),
            quantiles: vec![0.1, 0.5, 0.9],
            values: ndarray::arr2(&[[low, f64::midpoint(low, high), high]]),
        }
    }

    #[test]
    fn what_a_window_was_judged_by_stays_when_it_is_looked_at_again() {
        let expected = Expected::default();
        expected.note(&speed(), &outlook(7, 40.0, 60.0));
        for again in 0..REMEMBERED as i64 {
            expected.note(&speed(), &outlook(7 + again, 20.0, 80.0));
        }
        assert_eq!(expected.of(&speed(), Timestamp(7), 0), Some((40.0, 60.0)));
        assert_eq!(expected.of(&speed(), Timestamp(8), 0), Some((20.0, 80.0)));
    }

    #[test]
    fn the_oldest_windows_are_forgotten_in_whatever_order_they_came() {
        let expected = Expected::default();
        for window in (0..=REMEMBERED as i64).rev() {
            expected.note(&speed(), &outlook(window, 40.0, 60.0));
        }
        assert_eq!(expected.of(&speed(), Timestamp(0), 0), None);
        assert!(expected.of(&speed(), Timestamp(1), 0).is_some());
        assert!(expected.of(&speed(), Timestamp(REMEMBERED as i64), 0).is_some());
    }

    fn full(usual: Option<f64>) -> Alert {
        Alert {
            topic: "parking".into(),
            target: "occupancy_rate".into(),
            symptom: Symptom::OverCapacity,
            expected_low: usual,
            expected_high: usual.map(|low| low + 10.0),
            peak_at: Timestamp(7),
            ..revision_example().alert
        }
    }

    #[test]
    fn what_a_rule_found_is_shown_beside_what_is_usual_where_that_is_what_it_asked_for() {
        let expected = Expected::default();
        expected.note_usual("parking", "occupancy_rate_mean", &outlook(8, 50.0, 70.0));
        expected.note_usual("parking", "occupancy_rate_std", &outlook(8, 0.0, 1.0));
        let usual = number(&full(Some(50.0)));
        assert_eq!(usual.field, "occupancy_rate_mean");
        assert_eq!(expected.of(&usual, Timestamp(8), 0), Some((50.0, 70.0)));
        assert_eq!(number(&full(None)).field, "occupancy_rate");
        let scatter = Target {
            field: "occupancy_rate_std".into(),
            ..usual
        };
        assert_eq!(expected.of(&scatter, Timestamp(8), 0), None);
    }

    #[test]
    fn the_strangest_window_is_shown_beside_what_the_alert_says_was_expected_of_it() {
        let alert = full(Some(50.0));
        assert_eq!(expected_at_peak(&alert, Timestamp(7)), Some((50.0, 60.0)));
        assert_eq!(expected_at_peak(&alert, Timestamp(8)), None);
        assert_eq!(expected_at_peak(&full(None), Timestamp(7)), None);
    }

    #[test]
    fn nothing_is_said_of_a_key_of_which_nothing_was_expected() {
        let expected = Expected::default();
        expected.note(&speed(), &outlook(7, f64::NAN, f64::NAN));
        assert_eq!(expected.of(&speed(), Timestamp(7), 0), None);
        assert_eq!(expected.of(&speed(), Timestamp(7), 1), None, "it came later");
    }
}
