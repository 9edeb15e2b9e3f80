//! Why, and for how long.

use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE, Timestamp};

use super::town::{Town, at, name, rule, slow};
use crate::alerts::{Alert, Cause, Incident, Kind, Reason, Weather};

fn incident(town: &Town, id: &str, cause: Cause, sensor: usize, minutes: i64) -> Incident {
    let place = town.around.places.get(&name(sensor)).unwrap();
    Incident {
        incident_id: id.into(),
        cause,
        severity: None,
        zone_id: place.zone_id.clone(),
        road_id: None,
        lat: place.lat,
        lon: place.lon,
        reported_at: Timestamp(at(0).0 + minutes * MINUTE),
        estimated_duration: Some(Duration(45 * MINUTE)),
        active: true,
    }
}

fn jam(town: &mut Town) -> Alert {
    for step in 0..3 {
        town.feed(step, |sensor| (20..25).contains(&sensor).then(|| slow(2.5)));
    }
    town.only()
}

#[test]
fn the_nearest_incident_of_about_that_time_is_the_cause() {
    let mut town = Town::line(100);
    town.around.incidents = vec![
        incident(&town, "FAR", Cause::Accident, 80, 2),
        incident(&town, "NEAR", Cause::Accident, 25, 4),
        incident(&town, "OLD", Cause::Breakdown, 24, -600),
    ];
    let alert = jam(&mut town);
    assert_eq!((alert.kind, alert.cause), (Kind::Congestion, Cause::Accident));
    let first = &alert.evidence[0];
    assert_eq!(first.subject, "NEAR");
    assert!((first.distance_m.unwrap() - 400.0).abs() < 5.0, "{first:?}");
    assert!(alert.evidence.iter().all(|piece| piece.subject != "FAR"));
    assert_eq!(alert.estimated_end, Some(Timestamp(at(0).0 + 49 * MINUTE)));
    assert!(
        alert.text.contains("accident NEAR, 400 m away, known since 08:04"),
        "{}",
        alert.text
    );
}

#[test]
fn a_report_that_comes_later_turns_the_suspicion_into_a_known_cause() {
    let mut town = Town::line(100);
    assert_eq!(jam(&mut town).kind, Kind::IncidentSuspected);
    town.around.incidents = vec![incident(&town, "INC", Cause::Accident, 22, 12)];
    town.feed(3, |sensor| (20..25).contains(&sensor).then(|| slow(2.5)));
    let alert = town.only();
    assert_eq!((alert.kind, alert.cause), (Kind::Congestion, Cause::Accident));
}

#[test]
fn without_positions_the_road_and_then_the_zone_speak_for_an_incident() {
    let mut town = Town::line(100).without_positions();
    town.around.incidents = vec![Incident {
        lat: None,
        lon: None,
        ..incident(&Town::line(100), "INC", Cause::Accident, 22, 1)
    }];
    let alert = jam(&mut town);
    assert_eq!((alert.cause, alert.evidence[0].distance_m), (Cause::Accident, None));
}

#[test]
fn roadworks_that_were_reported_days_ago_are_still_the_cause_and_a_crash_of_then_is_not() {
    let three_days_ago = -3 * DAY / MINUTE;
    let cause = |reported| {
        let mut town = Town::line(100);
        town.around.incidents = vec![incident(&town, "INC", reported, 23, three_days_ago)];
        jam(&mut town).cause
    };
    assert_eq!(cause(Cause::Roadwork), Cause::Roadwork);
    assert_eq!(cause(Cause::Accident), Cause::Unknown);
}

#[test]
fn rain_is_a_cause_only_where_nothing_nearer_is_known() {
    let mut town = Town::line(100);
    town.around.weather = Some(Weather {
        precipitation_mm: Some(6.0),
        ..Weather::default()
    });
    assert_eq!(jam(&mut town).cause, Cause::Weather);
    let mut crash = Town::line(100);
    crash.around.weather = town.around.weather.clone();
    crash.around.incidents = vec![incident(&crash, "INC", Cause::Accident, 22, 1)];
    assert_eq!(jam(&mut crash).cause, Cause::Accident);
}

#[test]
fn a_jam_that_comes_every_day_is_recurrent() {
    let mut town = Town::line(30);
    for day in 0..4 {
        let first = day * DAY / (5 * MINUTE);
        for step in first..first + 3 {
            town.feed(step, |sensor| (5..9).contains(&sensor).then(|| slow(1.5)));
        }
        town.calm(first + 3..first + 8);
    }
    let causes: Vec<Cause> = by_time(&town).iter().map(|alert| alert.cause).collect();
    assert_eq!(
        causes,
        [Cause::Unknown, Cause::Unknown, Cause::Unknown, Cause::Recurrent]
    );
}

fn by_time(town: &Town) -> Vec<Alert> {
    let mut alerts = town.alerts();
    alerts.sort_by_key(|alert| alert.since);
    alerts
}

#[test]
fn a_rule_that_speaks_of_the_usual_jam_says_that_it_is_usual() {
    let mut town = Town::line(30);
    let signals = town.signals(0, |sensor| {
        (sensor == 5).then(|| rule(Reason::SevereCongestion(5.0), 1.2))
    });
    let usual: Vec<_> = signals
        .into_iter()
        .map(|mut signal| {
            if &*signal.key == "s005" {
                signal.seen = Some(4.0);
                signal.expected = Some(crate::alerts::Expected {
                    low: 3.0,
                    middle: 6.0,
                    high: 12.0,
                });
            }
            signal
        })
        .collect();
    town.book.window(town.topic, at(0), &usual, &town.around);
    assert_eq!(town.only().cause, Cause::Recurrent);
}

#[test]
fn how_long_it_lasts_is_said_after_five_alerts_of_the_kind_and_not_before() {
    let mut town = Town::line(30);
    // Alerts of 1 to 7 hours at places of their own and at odd times, so that nothing is recurrent.
    let mut ends = Vec::new();
    let mut step = 0;
    for length in 1..=7 {
        let sensors = 3 * length..3 * length + 3;
        for _ in 0..12 * length as i64 {
            let told = town.feed(step, |sensor| sensors.contains(&sensor).then(|| slow(1.2)));
            ends.extend(told.into_iter().map(|alert| (length, alert.since, alert.estimated_end)));
            step += 1;
        }
        town.calm(step..step + 50);
        step += 50;
    }
    assert!(ends.iter().filter(|end| end.0 <= 5).all(|end| end.2.is_none()));
    let (_, since, end) = *ends.iter().find(|end| end.0 == 6).unwrap();
    // Five alerts lasted 1 to 5 hours, less the last window.
    assert_eq!(end, Some(Timestamp(since.0 + 3 * HOUR - 5 * MINUTE)));
}
