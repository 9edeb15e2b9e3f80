//! One alert an event.

use super::town::{Strange, Town, at, name, rule, said, settings, slow};
use crate::alerts::{
    Alert, AlertBook, AlertSettings, Cause, Incident, Kind, Reason, Severity, State, Verdict, Weather, geojson,
};

/// A queue that grows upstream from sensor 60 by five sensors a window, up to forty, then stands until window 14.
fn queue(step: i64, sensor: usize) -> bool {
    let length = (5 * (step + 1)).min(40) as usize;
    step < 14 && sensor <= 60 && sensor + length > 60
}

#[test]
fn forty_sensors_and_one_crash_are_one_alert_that_grows_peaks_and_closes() {
    let mut town = Town::line(100);
    let mut revisions = Vec::new();
    for step in 0..20 {
        let peak = if step == 6 { 4.0 } else { 2.5 };
        revisions.extend(town.feed(step, |sensor| queue(step, sensor).then(|| slow(peak))));
    }
    let alert = town.only();
    assert_eq!(alert.keys.len(), 40);
    assert_eq!((alert.since, alert.opened_at, alert.peak_at), (at(0), at(1), at(6)));
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(17))));
    assert_eq!(alert.zone_id.as_deref(), Some("Z3"));
    assert!(revisions.iter().all(|revision| revision.alert_id == alert.alert_id));
    let grown: Vec<usize> = revisions.iter().map(|revision| revision.keys.len()).collect();
    assert!(grown.is_sorted() && grown[0] == 5, "{grown:?}");
    let numbers: Vec<u32> = revisions.iter().map(|revision| revision.revision).collect();
    assert_eq!(numbers, (0..revisions.len() as u32).collect::<Vec<_>>());
}

#[test]
fn two_crashes_far_apart_are_two_alerts() {
    let mut town = Town::line(100);
    for step in 0..4 {
        town.feed(step, |sensor| matches!(sensor, 10..15 | 80..85).then(|| slow(2.0)));
    }
    let alerts = town.alerts();
    assert_eq!(alerts.len(), 2);
    assert!(alerts.iter().all(|alert| alert.keys.len() == 5));
    let map = geojson(&alerts[0], &town.around.places);
    assert_eq!(map["geometry"]["type"], "MultiPoint");
    assert_eq!(map["geometry"]["coordinates"].as_array().map(Vec::len), Some(5));
    assert_eq!(map["properties"]["road_name"], "Ring Road");
}

#[test]
fn two_alerts_that_grow_together_are_merged_and_say_so() {
    let mut town = Town::line(100);
    let between = |step: i64, sensor: usize| match step {
        0 => matches!(sensor, 20..24),
        1 => matches!(sensor, 20..24 | 36..40),
        _ => matches!(sensor, 20..40),
    };
    for step in 0..4 {
        town.feed(step, |sensor| between(step, sensor).then(|| slow(2.0)));
    }
    let alerts = town.alerts();
    let merged = alerts.iter().find(|alert| alert.state == State::Merged).unwrap();
    let live: Vec<_> = alerts.iter().filter(|alert| alert.is_live()).collect();
    assert_eq!((alerts.len(), live.len()), (2, 1));
    assert_eq!(merged.merged_into.as_ref(), Some(&live[0].alert_id));
    assert_eq!((live[0].since, live[0].keys.len()), (at(0), 20));
    assert!(merged.text.contains(&live[0].alert_id), "{}", merged.text);
}

fn storm() -> Weather {
    Weather {
        precipitation_mm: Some(14.0),
        ..Weather::default()
    }
}

#[test]
fn a_storm_over_five_hundred_sensors_is_one_alert_for_the_weather() {
    let mut town = Town::grid(23);
    town.around.weather = Some(storm());
    for step in 0..12 {
        town.feed(step, |sensor| (sensor * 7 % 10 < 6).then(|| slow(1.5)));
    }
    let alert = town.only();
    assert!(alert.citywide && alert.zone_id.is_none());
    assert_eq!((alert.kind, alert.cause), (Kind::Congestion, Cause::Weather));
    assert!(alert.keys.len() > 300, "{}", alert.keys.len());
}

#[test]
fn a_storm_that_comes_little_by_little_and_goes_leaves_one_alert_for_the_weather() {
    let mut town = Town::grid(23);
    town.around.weather = Some(storm());
    let share = [1, 3, 8, 20, 40, 60, 60, 60, 40, 20, 8, 3, 1, 0, 0, 0, 0];
    let mut opened = std::collections::BTreeSet::new();
    for (step, share) in share.into_iter().enumerate() {
        let told = town.feed(step as i64, |sensor| (sensor * 37 % 100 < share).then(|| slow(1.5)));
        opened.extend(told.into_iter().map(|alert| alert.alert_id));
    }
    let stayed: Vec<_> = town
        .alerts()
        .into_iter()
        .filter(|alert| alert.state != State::Merged)
        .collect();
    assert_eq!(stayed.len(), 1, "{stayed:#?}");
    assert!(stayed[0].citywide && stayed[0].cause == Cause::Weather && stayed[0].state == State::Resolved);
    assert!(
        opened.len() <= 25,
        "{} alerts were told before the storm was known",
        opened.len()
    );
}

#[test]
fn a_crash_in_a_storm_keeps_its_own_alert() {
    let mut town = Town::grid(23);
    town.around.weather = Some(storm());
    let crash = town.around.places.get(&name(250)).unwrap().clone();
    town.around.incidents = vec![Incident {
        incident_id: "INC-1".into(),
        cause: Cause::Accident,
        severity: None,
        zone_id: None,
        road_id: None,
        lat: crash.lat,
        lon: crash.lon,
        reported_at: at(0),
        estimated_duration: None,
        active: true,
    }];
    for step in 0..6 {
        town.feed(step, |sensor| match sensor {
            250 => Some(slow(4.5)),
            _ => (sensor * 7 % 10 < 6).then(|| slow(1.5)),
        });
    }
    let alerts = town.alerts();
    assert_eq!(alerts.len(), 2, "{alerts:#?}");
    let crash = alerts.iter().find(|alert| !alert.citywide).unwrap();
    assert_eq!(
        (crash.cause, crash.keys.as_slice()),
        (Cause::Accident, [name(250)].as_slice())
    );
}

#[test]
fn without_positions_the_zone_holds_an_event_together() {
    let mut town = Town::line(100).without_positions();
    for step in 0..3 {
        town.feed(step, |sensor| matches!(sensor, 12..18 | 80..85).then(|| slow(2.0)));
    }
    let alerts = town.alerts();
    let mut zones: Vec<_> = alerts.iter().map(|alert| alert.zone_id.clone().unwrap()).collect();
    zones.sort();
    assert_eq!(zones, ["Z1", "Z8"]);
}

#[test]
fn congestion_joins_what_lies_upstream_and_hardly_what_lies_downstream() {
    let mut town = Town::line(100);
    // Without positions only the flow of traffic tells what is near.
    town.around.places = std::sync::Arc::new(crate::alerts::Places::new(
        std::collections::BTreeMap::new(),
        &(1..100).map(|step| (name(step - 1), name(step))).collect::<Vec<_>>(),
    ));
    let zoneless = |town: &Town, step, say: &dyn Fn(usize) -> bool| {
        let mut signals = town.signals(step, |sensor| say(sensor).then(|| slow(3.5)));
        for signal in &mut signals {
            signal.zone = None;
        }
        signals
    };
    for (step, strange) in [(0, vec![50]), (1, vec![50, 47]), (2, vec![50, 47, 53])] {
        let signals = zoneless(&town, step, &|sensor| strange.contains(&sensor));
        town.book.window(town.topic, at(step), &signals, &town.around);
    }
    let mut keys: Vec<_> = town.alerts().into_iter().map(|alert| alert.keys).collect();
    keys.sort();
    assert_eq!(keys, [vec![name(47), name(50)], vec![name(53)]]);
}

#[test]
fn one_strange_window_of_one_sensor_is_noise() {
    let mut town = Town::line(30);
    town.feed(0, |sensor| (sensor == 5).then(|| slow(1.8)));
    town.calm(1..4);
    assert!(town.alerts().is_empty());
}

#[test]
fn two_strange_windows_in_a_row_an_extreme_score_a_rule_or_three_neighbours_are_none() {
    let opened = |windows: i64, say: fn(usize) -> Option<super::town::Strange>| {
        let mut town = Town::line(30);
        for step in 0..windows {
            town.feed(step, say);
        }
        town.alerts().len()
    };
    assert_eq!(opened(2, |sensor| (sensor == 5).then(|| slow(1.2))), 1);
    assert_eq!(opened(1, |sensor| (sensor == 5).then(|| slow(3.0))), 1);
    assert_eq!(opened(1, |sensor| (5..8).contains(&sensor).then(|| slow(1.1))), 1);
    let severe = |sensor| (sensor == 5).then(|| rule(Reason::SevereCongestion(5.0), 1.1));
    assert_eq!(opened(1, severe), 1);
}

#[test]
fn a_sudden_breakdown_that_nothing_explains_is_a_suspected_incident() {
    let mut town = Town::line(30);
    for step in 0..3 {
        town.feed(step, |sensor| (5..9).contains(&sensor).then(|| slow(2.6)));
    }
    assert_eq!(town.only().kind, Kind::IncidentSuspected);
}

#[test]
fn traffic_that_thickens_is_congestion() {
    let mut town = Town::line(30);
    for step in 0..3 {
        town.feed(step, |sensor| (5..9).contains(&sensor).then(|| slow(1.4)));
    }
    assert_eq!(town.only().kind, Kind::Congestion);
}

#[test]
fn the_kind_follows_the_stream() {
    for (topic, kind) in [
        ("air-quality", Kind::Air),
        ("parking", Kind::Demand),
        ("taxi-vtc", Kind::Demand),
    ] {
        let mut town = Town::line(5);
        town.topic = topic;
        for step in 0..2 {
            town.feed(step, |sensor| (sensor == 2).then(|| said(Reason::Higher, 1.5)));
        }
        assert_eq!(town.only().kind, kind);
    }
}

#[test]
fn severity_rises_with_the_vehicle_hours_lost_and_never_swings() {
    let mut town = Town::line(100);
    let mut seen = Vec::new();
    for step in 0..36 {
        let count = if step < 24 { 12 } else { 1 };
        seen.extend(town.feed(step, |sensor| (50..50 + count).contains(&sensor).then(|| slow(1.6))));
    }
    let alert = town.only();
    // 1200 vehicles an hour, 0.4 km, 12 instead of 50 km/h: 30.4 vehicle-hours an hour and sensor.
    let lost = 1200.0 * 0.4 * (1.0 / 12.0 - 1.0 / 50.0) * (24.0 * 12.0 + 12.0) / 12.0;
    let told = alert.impact.unwrap();
    assert!((told - lost).abs() < 0.2 * lost, "{told} instead of {lost}");
    let steps: Vec<Severity> = seen.iter().map(|alert| alert.severity).collect();
    assert!(
        steps.is_sorted() && steps.last() == Some(&Severity::Critical),
        "{steps:?}"
    );
}

#[test]
fn traffic_that_flows_better_than_expected_is_of_low_severity_and_asks_for_nothing_on_the_road() {
    let mut town = Town::grid(12);
    let faster = Strange {
        seen: Some(80.0),
        ..said(Reason::Higher, 2.5)
    };
    for step in 0..3 {
        town.feed(step, |sensor| (sensor % 2 == 0).then_some(faster));
    }
    let alert = town.only();
    assert!(alert.citywide);
    assert_eq!((alert.kind, alert.severity), (Kind::Congestion, Severity::Low));
    let text = &alert.text;
    assert!(text.contains("What to do: nothing on the road"), "{text}");
}

#[test]
fn certainty_grows_with_score_sensors_and_time() {
    let certainty = |sensors: usize, windows: i64, score: f64| {
        let mut town = Town::line(30);
        for step in 0..windows {
            town.feed(step, |sensor| (5..5 + sensors).contains(&sensor).then(|| slow(score)));
        }
        town.only().certainty
    };
    let base = certainty(3, 2, 1.2);
    assert!(base > 0.0 && base < 0.9, "{base}");
    assert!(certainty(8, 2, 1.2) > base);
    assert!(certainty(3, 2, 2.4) > base);
    // The next revision comes with the next change: after half an hour at the latest.
    assert!(certainty(3, 8, 1.2) > base);
}

#[test]
fn a_verdict_of_duplicate_makes_neighbours_of_what_lies_further_apart() {
    let mut town = Town::grid(6);
    town.book = AlertBook::new(AlertSettings {
        neighbour_metres: 1_700.0,
        ..settings()
    })
    .unwrap();
    let pair = |sensor: usize| matches!(sensor, 7 | 8).then(|| slow(2.0));
    town.feed(0, pair);
    town.feed(1, pair);
    let ids: Vec<String> = town.alerts().into_iter().map(|alert| alert.alert_id).collect();
    assert_eq!(ids.len(), 2, "2 km are too far");
    town.book.judge(&ids[0], Verdict::Duplicate, "ann", at(2)).unwrap();
    town.calm(2..20);
    town.feed(20, pair);
    town.feed(21, pair);
    let live: Vec<_> = town.alerts().into_iter().filter(Alert::is_live).collect();
    assert_eq!((live.len(), live[0].keys.len()), (1, 2));
}

#[test]
fn settings_out_of_range_are_refused_with_what_is_accepted() {
    let mut wrong = settings();
    wrong.calm_below = 1.5;
    let error = AlertBook::new(wrong).unwrap_err().to_string();
    assert!(
        error.contains("alerts.calm_below") && error.contains("at most 1"),
        "{error}"
    );
}
