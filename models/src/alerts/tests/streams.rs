//! Several streams in one book.

use std::ops::Range;
use std::sync::Arc;

use super::town::{Town, at, name, slow};
use crate::alerts::{Alert, Place, Places, State};

const TRAFFIC: &str = "traffic-sensors";
const PARKING: &str = "parking";

/// Windows of traffic that stands at four sensors.
fn jam(town: &mut Town, steps: Range<i64>) -> Vec<Alert> {
    town.topic = TRAFFIC;
    let slow = |sensor: usize| (5..9).contains(&sensor).then(|| slow(1.5));
    steps.flat_map(|step| town.feed(step, slow)).collect()
}

/// Usual windows of the car parks.
fn park(town: &mut Town, steps: Range<i64>) -> Vec<Alert> {
    town.topic = PARKING;
    town.calm(steps)
}

#[test]
fn the_alerts_of_a_stream_that_is_hours_behind_wait_for_it() {
    let mut town = Town::line(30);
    jam(&mut town, 0..4);
    let open = town.only();
    // After an outage the car parks have caught up, and traffic has not.
    assert_eq!(park(&mut town, 0..40), []);
    assert_eq!(town.only(), open);
    let told = jam(&mut town, 4..40);
    assert!(told.is_sorted_by_key(|alert| alert.updated_at), "{told:#?}");
    let still = town.only();
    assert_eq!(
        (still.state, &still.alert_id, still.last_strange),
        (State::Open, &open.alert_id, at(39))
    );
    town.calm(40..45);
    let over = town.only();
    assert_eq!((over.state, over.closed_at), (State::Resolved, Some(at(43))));
}

#[test]
fn the_alerts_of_a_stream_that_is_gone_are_closed_by_the_windows_of_another() {
    let mut town = Town::line(30);
    jam(&mut town, 0..4);
    town.around.gone = vec![TRAFFIC.into()];
    park(&mut town, 0..27);
    assert!(town.only().is_live());
    park(&mut town, 27..30);
    let alert = town.only();
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(28))));
    assert!(alert.text.contains("no data since"), "{}", alert.text);
}

#[test]
fn a_key_that_two_streams_have_is_where_the_stream_says_that_is_looked_at() {
    let mut town = Town::line(30);
    let strange = |sensor: usize| (sensor == 5).then(|| slow(3.5));
    let mut signals = town.signals(0, strange);
    town.topic = PARKING;
    signals.extend(town.signals(0, strange));
    let elsewhere = Place {
        lat: Some(40.0),
        lon: Some(-3.0),
        ..Place::default()
    };
    let roads = Arc::clone(&town.around.places);
    let parks = Arc::new(Places::new([(name(5), elsewhere)].into(), &[]));
    for (topic, places) in [(TRAFFIC, roads), (PARKING, parks)] {
        town.around.places = places;
        town.book.window(topic, at(0), &signals, &town.around);
    }
    let mut alerts = town.alerts();
    alerts.sort_by(|one, other| one.topic.cmp(&other.topic));
    let told = |alert: &Alert| (alert.topic.clone(), alert.place.lat);
    let told: Vec<_> = alerts.iter().map(told).collect();
    assert_eq!(
        told,
        [(PARKING.to_owned(), Some(40.0)), (TRAFFIC.to_owned(), Some(56.0))]
    );
}
