//! Sensors and feeds that are wrong.

use arterial_datasets::time::{Duration, HOUR, MINUTE};

use super::town::{Town, name, rule, said, slow};
use crate::alerts::{Cause, Kind, Reason, State};

const LONG: Duration = Duration(HOUR);

#[test]
fn a_stuck_sensor_is_named_as_such() {
    let mut town = Town::line(30);
    town.feed(0, |sensor| (sensor == 7).then(|| rule(Reason::Stuck(LONG), 1.4)));
    let alert = town.only();
    assert_eq!((alert.kind, alert.cause), (Kind::SensorFault, Cause::FaultySensor));
    assert_eq!(alert.keys, [name(7)]);
    assert!(alert.text.contains("same value for 60 minutes"), "{}", alert.text);
}

#[test]
fn a_sensor_that_scatters_is_named_as_such() {
    let mut town = Town::line(30);
    town.feed(0, |sensor| (sensor == 7).then(|| rule(Reason::Erratic(4.0), 1.4)));
    let alert = town.only();
    assert_eq!(alert.kind, Kind::SensorFault);
    assert!(
        alert.text.contains("scatters 4 times as much as usual"),
        "{}",
        alert.text
    );
}

#[test]
fn a_standing_jam_is_no_stuck_sensor() {
    let mut town = Town::line(30);
    for step in 0..3 {
        town.feed(step, |sensor| match sensor {
            7 => Some(rule(Reason::Stuck(LONG), 1.4)),
            5..10 => Some(slow(2.0)),
            _ => None,
        });
    }
    assert_eq!(
        town.alerts()
            .iter()
            .filter(|alert| alert.kind == Kind::SensorFault)
            .count(),
        0
    );
}

#[test]
fn a_sensor_that_drifts_among_normal_neighbours_is_a_sensor_fault() {
    let mut town = Town::line(30);
    for step in 0..3 {
        town.feed(step, |sensor| (sensor == 7).then(|| said(Reason::Drift(LONG), 1.4)));
    }
    let alert = town.only();
    assert_eq!((alert.kind, alert.cause), (Kind::SensorFault, Cause::FaultySensor));
    assert_eq!(alert.evidence[0].value, Some(4.0));
    assert!(alert.text.contains("4 neighbours are normal"), "{}", alert.text);
}

#[test]
fn a_sensor_that_goes_back_and_forth_is_a_sensor_fault() {
    let mut town = Town::line(30);
    for step in 0..8 {
        town.feed(step, |sensor| (sensor == 7 && step % 2 == 0).then(|| slow(2.0)));
    }
    assert_eq!(town.only().kind, Kind::SensorFault);
}

#[test]
fn a_sensor_alone_is_congestion_first_and_after_45_minutes_a_sensor_fault() {
    let mut town = Town::line(30);
    let mut kinds = Vec::new();
    for step in 0..11 {
        kinds.extend(town.feed(step, |sensor| (sensor == 7).then(|| slow(1.5))));
    }
    let kinds: Vec<Kind> = kinds.iter().map(|alert| alert.kind).collect();
    assert_eq!(kinds.first(), Some(&Kind::Congestion));
    assert_eq!(kinds.last(), Some(&Kind::SensorFault));
    assert_eq!(town.alerts().len(), 1);
}

#[test]
fn a_jump_with_strange_neighbours_is_no_sensor_fault() {
    let mut town = Town::line(30);
    for step in 0..2 {
        town.feed(step, |sensor| match sensor {
            7 => Some(rule(Reason::Jump, 1.4)),
            5..10 => Some(slow(2.0)),
            _ => None,
        });
    }
    assert_eq!(town.only().kind, Kind::IncidentSuspected);
}

#[test]
fn a_feed_that_is_down_is_one_alert_of_data_quality() {
    let mut town = Town::line(100);
    let silent = || rule(Reason::Silent(Duration(10 * MINUTE)), 2.0);
    let dead = |sensor: usize| sensor.is_multiple_of(33).then(silent);
    town.feed(0, dead);
    assert_eq!(town.alerts().len(), 4, "single silent sensors");
    for step in 1..5 {
        town.feed(step, |sensor| (sensor < 80).then(silent));
    }
    let live: Vec<_> = town
        .alerts()
        .into_iter()
        .filter(crate::alerts::Alert::is_live)
        .collect();
    // Sensor 99 was dead before, and talks again.
    let outage = live.iter().find(|alert| alert.kind == Kind::DataQuality).unwrap();
    assert!(outage.citywide && outage.cause == Cause::FeedOutage && outage.keys.len() == 80);
    assert!(live.len() <= 2, "{live:#?}");
    town.calm(5..10);
    let open = town.alerts().into_iter().filter(crate::alerts::Alert::is_live).count();
    assert_eq!(open, 0);
}

#[test]
fn a_gateway_that_is_down_is_one_alert_for_its_zone() {
    let mut town = Town::line(100);
    town.feed(0, |sensor| {
        (20..29).contains(&sensor).then(|| rule(Reason::Silent(LONG), 2.0))
    });
    let alert = town.only();
    assert_eq!((alert.kind, alert.zone_id.as_deref()), (Kind::DataQuality, Some("Z2")));
    assert!(!alert.citywide && alert.text.contains("in zone Z2"), "{}", alert.text);
    assert!(!alert.text.contains("Seen:"), "nothing was seen: {}", alert.text);
}

#[test]
fn a_sensor_that_stays_silent_after_an_outage_has_an_alert_of_its_own() {
    let mut town = Town::line(100);
    let silent = || rule(Reason::Silent(LONG), 2.0);
    for step in 0..3 {
        town.feed(step, |sensor| (sensor < 80).then(silent));
    }
    for step in 3..8 {
        town.feed(step, |sensor| (sensor == 11).then(silent));
    }
    let live: Vec<_> = town
        .alerts()
        .into_iter()
        .filter(crate::alerts::Alert::is_live)
        .collect();
    assert_eq!((live.len(), live[0].kind), (1, Kind::SensorFault));
    assert_eq!(live[0].keys, [name(11)]);
}

#[test]
fn a_broken_sensor_does_not_hide_a_jam_around_it() {
    let mut town = Town::line(60);
    for step in 0..12 {
        town.feed(step, |sensor| match sensor {
            30 => Some(rule(Reason::Impossible, 3.0)),
            27..34 if step >= 6 => Some(slow(2.0)),
            _ => None,
        });
    }
    let mut kinds: Vec<Kind> = town.alerts().into_iter().map(|alert| alert.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [Kind::IncidentSuspected, Kind::SensorFault]);
    assert!(town.alerts().iter().all(|alert| alert.state == State::Open));
}
