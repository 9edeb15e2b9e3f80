//! Events whose sensors fall silent.

use std::ops::Range;

use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE};

use super::town::{STEP, Strange, Town, at, name, rule, said, slow};
use crate::alerts::{Alert, Kind, Reason, State, Symptom};

const SENSORS: Range<usize> = 5..8;

fn silent() -> Strange {
    rule(Reason::Silent(Duration(15 * MINUTE)), 1.5)
}

/// A jam at three sensors in the first two windows.
fn jam() -> Town {
    let mut town = Town::line(30);
    feed(&mut town, 0..2, SENSORS, slow(1.5));
    town
}

/// Windows in which this is said of `sensors`, and the others are normal.
fn feed(town: &mut Town, steps: Range<i64>, sensors: Range<usize>, said: Strange) {
    for step in steps {
        town.feed(step, |sensor| sensors.contains(&sensor).then_some(said));
    }
}

/// The only alert of an event; silent sensors have alerts of their own.
fn event(town: &Town) -> Alert {
    let mut alerts = town.alerts();
    alerts.retain(|alert| alert.kind == Kind::Congestion);
    assert_eq!(alerts.len(), 1, "{alerts:#?}");
    alerts.remove(0)
}

#[test]
fn a_jam_whose_sensors_fall_silent_goes_on_until_it_is_closed_for_want_of_data() {
    let mut town = jam();
    feed(&mut town, 2..6, SENSORS, silent());
    assert_eq!(event(&town).state, State::Open);
    feed(&mut town, 6..25, SENSORS, silent());
    assert_eq!(event(&town).state, State::Open);
    feed(&mut town, 25..28, SENSORS, silent());
    let alert = event(&town);
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(26))));
    assert!(alert.text.contains("no data since 08:05"), "{}", alert.text);
}

#[test]
fn a_jam_whose_sensors_come_back_with_free_traffic_is_over() {
    let mut town = jam();
    feed(&mut town, 2..6, SENSORS, silent());
    town.calm(6..8);
    let alert = event(&town);
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(7))));
    assert!(alert.text.contains("Back to normal since 08:35"), "{}", alert.text);
}

#[test]
fn a_jam_whose_sensors_come_back_slow_is_the_same_jam() {
    let mut town = jam();
    feed(&mut town, 2..20, SENSORS, silent());
    feed(&mut town, 20..22, SENSORS, slow(1.5));
    let alert = event(&town);
    assert_eq!((alert.state, alert.last_strange), (State::Open, at(21)));
}

#[test]
fn a_jam_is_over_when_those_of_its_sensors_say_so_that_still_speak() {
    let mut town = jam();
    feed(&mut town, 2..6, 5..7, silent());
    let alert = event(&town);
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(5))));
    assert!(alert.text.contains("Back to normal"), "{}", alert.text);
}

#[test]
fn rows_without_the_number_do_not_say_that_a_jam_is_over() {
    let mut town = jam();
    let without_speed = Strange {
        seen: None,
        ..rule(Reason::Silent(Duration(0)), 0.0)
    };
    feed(&mut town, 2..10, SENSORS, without_speed);
    assert_eq!(event(&town).state, State::Open);
}

#[test]
fn without_a_rule_of_silence_sensors_that_are_gone_leave_a_jam_open_too() {
    let mut town = jam();
    let gone: Vec<String> = SENSORS.map(name).collect();
    for step in 2..28 {
        let mut signals = town.signals(step, |_| None);
        signals.retain(|signal| !gone.iter().any(|key| **key == *signal.key));
        town.book.window(town.topic, at(step), &signals, &town.around);
        assert_eq!(event(&town).is_live(), step < 25, "window {step}");
    }
    assert!(event(&town).text.contains("no data since"), "{}", event(&town).text);
}

#[test]
fn an_event_of_the_whole_city_does_not_end_with_an_outage_of_its_feed() {
    let half = |town: &mut Town, steps: Range<i64>, said: Strange| {
        for step in steps {
            town.feed(step, |sensor| sensor.is_multiple_of(2).then_some(said));
        }
    };
    let mut lost = Town::grid(12);
    half(&mut lost, 0..2, slow(1.6));
    half(&mut lost, 2..25, silent());
    let alert = event(&lost);
    assert!(alert.citywide && alert.state == State::Open, "{alert:#?}");
    half(&mut lost, 25..27, silent());
    let alert = event(&lost);
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(26))));
    assert!(alert.text.contains("no data since"), "{}", alert.text);

    let mut back = Town::grid(12);
    half(&mut back, 0..2, slow(1.6));
    half(&mut back, 2..6, silent());
    back.calm(6..8);
    let alert = event(&back);
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(7))));
    assert!(alert.text.contains("Back to normal"), "{}", alert.text);
}

#[test]
fn silence_began_when_the_last_window_with_data_ended_however_often_it_is_told() {
    let mut town = Town::line(30);
    let mut told = Vec::new();
    for step in 0..13 {
        let lasting = Duration((step + 3) * STEP.0);
        let silent = rule(Reason::Silent(lasting), lasting.0 as f64 / (15 * MINUTE) as f64);
        told.extend(town.feed(step, |sensor| (sensor == 7).then_some(silent)));
    }
    assert!(told.len() > 1, "{told:#?}");
    for alert in told {
        assert_eq!(alert.since, at(-2));
        let silent = Duration(alert.updated_at.0 - alert.since.0);
        assert_eq!(alert.symptom_value, Some(silent.seconds()), "{}", alert.text);
        assert!(alert.text.contains("Since 07:50"), "{}", alert.text);
    }
}

#[test]
fn an_outage_began_when_half_of_its_sensors_were_silent() {
    let mut town = Town::line(100);
    town.feed(0, |sensor| match sensor {
        20 => Some(rule(Reason::Silent(Duration(DAY)), 9.0)),
        21..29 => Some(silent()),
        _ => None,
    });
    let outage = town.only();
    assert_eq!((outage.kind, outage.since), (Kind::DataQuality, at(-2)));
}

#[test]
fn a_sensor_that_disagreed_with_its_neighbours_and_falls_silent_later_has_an_alert_of_its_silence() {
    let mut town = Town::line(30);
    feed(&mut town, 0..3, 7..8, said(Reason::Drift(Duration(HOUR)), 1.4));
    town.calm(3..8);
    feed(&mut town, 8..10, 7..8, silent());
    let mut alerts = town.alerts();
    alerts.sort_by_key(|alert| alert.since);
    let seen: Vec<_> = alerts.iter().map(|alert| (alert.symptom, alert.state)).collect();
    assert_eq!(
        seen,
        [(Symptom::Drift, State::Resolved), (Symptom::Silent, State::Open)]
    );
}
