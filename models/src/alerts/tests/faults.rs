//! Sensors and feeds that are wrong.

use arterial_datasets::time::{Duration, HOUR, MINUTE};

use super::town::{Strange, Town, at, name, rule, said, slow};
use crate::alerts::{Alert, Cause, Kind, Reason, State, Symptom};

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
    let town = jam_around(2.0);
    assert_eq!(faults(&town), []);
}

#[test]
fn a_sensor_that_holds_the_speed_of_free_traffic_in_a_jam_is_stuck_and_the_jam_is_told_of_too() {
    let town = jam_around(50.0);
    let mut kinds: Vec<Kind> = town.alerts().into_iter().map(|alert| alert.kind).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, [Kind::IncidentSuspected, Kind::SensorFault]);
    assert_eq!(faults(&town)[0].keys, [name(7)]);
}

/// A jam around a sensor that says the same speed for long.
fn jam_around(speed: f64) -> Town {
    let mut town = Town::line(30);
    let same = Strange {
        seen: Some(speed),
        ..rule(Reason::Stuck(LONG), 1.4)
    };
    for step in 0..3 {
        town.feed(step, |sensor| match sensor {
            7 => Some(same),
            5..10 => Some(slow(2.0)),
            _ => None,
        });
    }
    town
}

#[test]
fn a_car_park_that_is_stuck_beside_full_ones_is_told_of() {
    let mut town = Town::line(30);
    town.topic = "parking";
    let of = |strange: Strange| Strange {
        target: "occupied_spaces",
        ..strange
    };
    town.feed(0, |park| match park {
        7 => Some(of(rule(Reason::Stuck(LONG), 1.4))),
        6 | 8 => Some(of(rule(Reason::OverCapacity(95.0), 1.4))),
        _ => None,
    });
    let faults = faults(&town);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(faults[0].keys, [name(7)]);
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

/// Readings that go from standstill to free traffic within one window.
fn scattering() -> Strange {
    Strange {
        seen: Some(61.0),
        ..rule(Reason::Erratic(30.5), 1.4)
    }
}

/// A jam at three sensors for half an hour.
fn jam(town: &mut Town) {
    for step in 0..6 {
        town.feed(step, |sensor| (40..43).contains(&sensor).then(|| slow(2.0)));
    }
}

fn faults(town: &Town) -> Vec<Alert> {
    let mut alerts = town.alerts();
    alerts.retain(|alert| alert.kind == Kind::SensorFault);
    alerts
}

#[test]
fn a_queue_that_dissolves_sensor_by_sensor_is_no_broken_sensor() {
    let mut town = Town::line(60);
    jam(&mut town);
    // From the head to the sensor behind the queue, where traffic was slow and not yet strange.
    for (step, dissolving) in (6..10).zip([42, 41, 40, 39]) {
        town.feed(step, |sensor| (sensor == dissolving).then(scattering));
    }
    town.calm(10..14);
    let alert = town.only();
    assert_ne!(alert.kind, Kind::SensorFault);
    assert_eq!(alert.state, State::Resolved);
    assert_eq!(
        alert.keys,
        [40, 41, 42].map(name),
        "it was over when the last one dissolved"
    );
}

#[test]
fn a_sensor_that_scatters_beside_an_open_jam_joins_it_and_does_not_keep_it_open() {
    let mut town = Town::line(60);
    jam(&mut town);
    for step in 6..12 {
        town.feed(step, |sensor| (sensor == 39).then(scattering));
    }
    let alert = town.only();
    assert_eq!(alert.keys, [39, 40, 41, 42].map(name));
    assert_eq!(alert.state, State::Resolved);
}

#[test]
fn a_sensor_that_scatters_far_from_a_jam_is_told_of() {
    let mut town = Town::line(60);
    jam(&mut town);
    town.feed(6, |sensor| (sensor == 5).then(scattering));
    let faults = faults(&town);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    assert_eq!(faults[0].keys, [name(5)]);
}

#[test]
fn a_sensor_that_scatters_an_hour_after_the_jam_is_told_of() {
    let mut town = Town::line(60);
    jam(&mut town);
    town.calm(6..24);
    town.feed(24, |sensor| (sensor == 41).then(scattering));
    assert_eq!(faults(&town).len(), 1);
}

#[test]
fn a_sensor_that_was_found_broken_before_the_jam_stays_broken_in_it() {
    let mut town = Town::line(60);
    town.feed(0, |sensor| (sensor == 41).then(scattering));
    for step in 1..4 {
        town.feed(step, |sensor| match sensor {
            41 => Some(scattering()),
            38..41 => Some(slow(2.0)),
            _ => None,
        });
    }
    town.feed(4, |sensor| (sensor == 41).then(scattering));
    let faults = faults(&town);
    assert_eq!(faults.len(), 1);
    assert!(faults[0].is_live());
}

/// The alerts of a sensor in a window in which its readings scatter by 61 km/h, by its mean speed before and in it; 42 to 58 km/h are
/// expected.
fn scattering_between(before: f64, now: f64) -> Vec<Alert> {
    let mut town = Town::line(30);
    let mean = |seen: f64| Strange {
        seen: Some(seen),
        ..said(Reason::Lower, 0.2)
    };
    town.feed(0, |sensor| (sensor == 7).then(|| mean(before)));
    let mut signals = town.signals(1, |sensor| (sensor == 7).then(|| mean(now)));
    let of_rules = town.signals(1, |sensor| (sensor == 7).then(scattering));
    signals.extend(of_rules.into_iter().filter(|signal| *signal.key == *name(7)));
    town.book.window(town.topic, at(1), &signals, &town.around)
}

#[test]
fn a_mean_that_moves_further_than_readings_scatter_is_traffic() {
    assert_eq!(scattering_between(5.0, 90.0), []);
    assert_eq!(scattering_between(80.0, 90.0)[0].kind, Kind::SensorFault);
}

#[test]
fn an_accident_that_scatters_readings_among_moving_traffic_is_told_of_as_slow_traffic() {
    let told = scattering_between(90.0, 8.0);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((told[0].kind, told[0].symptom), (Kind::Congestion, Symptom::Lower));
    assert_eq!((told[0].seen, told[0].expected_low), (Some(8.0), Some(42.0)));
    assert_eq!(told[0].keys, [name(7)]);
}

#[test]
fn traffic_that_slows_down_to_what_is_expected_raises_no_alert_however_it_scatters() {
    assert_eq!(scattering_between(130.0, 50.0), []);
}
