//! What the synthetic city reports fits the streams' definitions, and is physically consistent.

use std::collections::{BTreeMap, BTreeSet};

use arterial_datasets::city::{City, CityConfig, Label, Topic};
use arterial_datasets::stream::{FieldType, Role, StreamCatalog, StreamDefinition};
use arterial_datasets::time::{DAY, Duration, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::Value;

fn config(seed: u64) -> CityConfig {
    CityConfig {
        seed,
        report_interval: Duration(5 * MINUTE),
        incidents_per_day: 40.0,
        faults_per_day: 20.0,
        ..CityConfig::default()
    }
}

/// Topic, key, time and the parsed payload.
type Event = (Topic, String, Timestamp, Value);

/// Every event of a time.
fn events(config: CityConfig, length: i64) -> (Vec<Event>, Vec<Label>) {
    let mut city = City::new(config).unwrap();
    let end = Timestamp(city.now().0 + length);
    let mut events = Vec::new();
    city.advance(end, &mut |event| {
        let value = serde_json::from_slice(event.payload).unwrap();
        events.push((event.topic, event.key.to_string(), event.time, value));
    })
    .unwrap();
    (events, city.finish())
}

fn member<'a>(event: &'a Value, path: &str) -> Option<&'a Value> {
    event
        .pointer(&format!("/{}", path.replace('.', "/")))
        .filter(|value| !value.is_null())
}

fn number(event: &Value, path: &str) -> f64 {
    member(event, path)
        .and_then(Value::as_f64)
        .unwrap_or_else(|| panic!("no number `{path}` in {event}"))
}

/// What a decoder by definition would refuse.
fn check(stream: &StreamDefinition, key: &str, time: Timestamp, event: &Value) {
    let said: Timestamp = event[&stream.timestamp].as_str().unwrap().parse().unwrap();
    assert_eq!(said, time);
    assert_eq!(member(event, &stream.key.path).and_then(Value::as_str), Some(key));
    for field in &stream.fields {
        let Some(value) = member(event, &field.path) else {
            assert!(!field.required, "`{}` is missing in {event}", field.path);
            continue;
        };
        match field.kind {
            FieldType::Float => assert!(value.is_number(), "{} in {event}", field.path),
            FieldType::Int => assert!(value.is_i64(), "{} in {event}", field.path),
            FieldType::Text => assert!(value.is_string(), "{} in {event}", field.path),
            FieldType::Bool => assert!(value.is_boolean(), "{} in {event}", field.path),
            FieldType::Timestamp => assert!(value.as_str().unwrap().parse::<Timestamp>().is_ok()),
        }
        if let Some((low, high)) = field.range {
            let number = value.as_f64().unwrap();
            assert!(low <= number && number <= high, "{} = {number} in {event}", field.path);
        }
        if field.role == Role::Category {
            assert!(
                field.values.iter().any(|one| value == one.as_str()),
                "{} in {event}",
                field.path
            );
        }
    }
}

#[test]
fn every_event_fits_its_definition_and_every_field_is_told() {
    let catalog = StreamCatalog::built_in().unwrap();
    let (events, _) = events(config(1), 2 * DAY);
    let mut told: BTreeSet<(Topic, String)> = BTreeSet::new();
    let mut last = Timestamp(0);
    for (topic, key, time, event) in &events {
        let stream = catalog.get(topic.name()).unwrap();
        check(stream, key, *time, event);
        assert!(*time >= last, "events come in order of time");
        last = *time;
        let paths = stream.fields.iter().map(|field| &field.path);
        told.extend(
            paths
                .filter(|path| member(event, path).is_some())
                .map(|path| (*topic, path.clone())),
        );
    }
    for topic in Topic::ALL {
        for field in &catalog.get(topic.name()).unwrap().fields {
            // `rentals` is for systems that tell rentals instead of bikes.
            assert!(
                field.path == "rentals" || told.contains(&(topic, field.path.clone())),
                "{topic:?} {}",
                field.path
            );
        }
    }
}

#[test]
fn fields_that_belong_together_agree() {
    let (events, _) = events(config(2), DAY);
    for (topic, _, _, event) in &events {
        match topic {
            Topic::Parking => {
                let parts = number(event, "occupied_spaces") + number(event, "available_spaces");
                assert!((parts - number(event, "total_spaces")).abs() < 0.5, "{event}");
                let rate = number(event, "occupied_spaces") / number(event, "total_spaces") * 100.0;
                assert!((rate - number(event, "occupancy_rate")).abs() < 0.051);
                assert_eq!(event["status"] == "full", number(event, "available_spaces") == 0.0);
            }
            Topic::BikeShare => {
                let parts = number(event, "available_bikes") + number(event, "available_docks");
                assert!((parts - number(event, "capacity")).abs() < 0.5, "{event}");
            }
            Topic::PublicTransport => {
                let rate = number(event, "passenger_count") / number(event, "capacity") * 100.0;
                assert!((rate - number(event, "occupancy_rate")).abs() < 0.051 && rate <= 100.0);
                assert_eq!(
                    event["status"] == "delayed",
                    number(event, "delay_minutes") > 3.0 - 0.05 && event["status"] == "delayed"
                );
            }
            Topic::TaxiVtc => assert_eq!(event["status"] == "occupied", event["fare_info"].is_object()),
            _ => {}
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let digest = |seed: u64| {
        let mut city = City::new(CityConfig {
            report_interval: Duration(MINUTE),
            ..config(seed)
        })
        .unwrap();
        let mut bytes = Vec::new();
        city.advance(Timestamp(city.now().0 + 3 * HOUR), &mut |event| {
            bytes.extend_from_slice(event.payload);
        })
        .unwrap();
        let labels: Vec<String> = city.finish().iter().map(|label| label.to_json().unwrap()).collect();
        (bytes, labels)
    };
    assert_eq!(digest(7), digest(7));
    assert_ne!(digest(7).0, digest(8).0);
}

#[test]
fn every_reporter_reports_every_five_seconds() {
    let quiet = CityConfig {
        faults_per_day: 0.0,
        incidents_per_day: 0.0,
        planned_per_week: 0.0,
        ..CityConfig::default()
    };
    let start = Timestamp(quiet.start.0 + 10 * HOUR);
    let (events, _) = events(CityConfig { start, ..quiet }, MINUTE);
    let mut counts: BTreeMap<(Topic, String), usize> = BTreeMap::new();
    for (topic, _, time, event) in events {
        assert_eq!(time.0 % (5 * SECOND), 0);
        let identity = ["sensor_id", "vehicle_id", "taxi_id", "parking_id", "station_id"];
        let who = identity
            .iter()
            .find_map(|name| event[name].as_str())
            .unwrap()
            .to_string();
        *counts.entry((topic, who)).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 12), "{counts:?}");
    assert!(counts.len() > 200);
}

#[test]
fn labels_speak_of_reporters_that_exist() {
    let (events, labels) = events(config(3), 2 * DAY);
    let keys: BTreeSet<(&str, &str)> = events
        .iter()
        .map(|(topic, key, ..)| (topic.name(), key.as_str()))
        .collect();
    let told: BTreeSet<&str> = events
        .iter()
        .filter_map(|(.., event)| event["incident_id"].as_str())
        .collect();
    let (mut incidents, mut faults, mut affected) = (0, 0, 0);
    assert!(matches!(&labels[0], Label::City(city) if city.synthetic));
    for label in &labels {
        match label {
            Label::City(_) => {}
            Label::Incident(incident) => {
                incidents += 1;
                affected += incident.affected.len();
                assert!(incident.start < incident.end && incident.reported_at >= incident.start);
                assert!(told.contains(incident.incident_id.as_str()) || !incident.observed_to_end);
                assert!(
                    incident
                        .affected
                        .iter()
                        .all(|one| keys.contains(&("traffic-sensors", one.sensor_id.as_str())))
                );
            }
            Label::Fault(fault) => {
                faults += 1;
                assert!(fault.start < fault.end && keys.contains(&(fault.topic, fault.key.as_str())));
            }
        }
    }
    assert!(
        incidents > 20 && faults > 10 && affected > 20,
        "{incidents} {faults} {affected}"
    );
}

#[test]
fn buses_run_late_and_the_air_is_worse_when_the_roads_are_full() {
    let quiet = CityConfig {
        weather: false,
        incidents_per_day: 0.0,
        faults_per_day: 0.0,
        ..config(1)
    };
    let (events, _) = events(quiet, DAY);
    let mean = |topic: Topic, path: &str, hours: std::ops::Range<i64>| {
        let at = |time: &Timestamp| hours.contains(&(time.0 / HOUR % 24));
        let values: Vec<f64> = events
            .iter()
            .filter(|(one, _, time, _)| *one == topic && at(time))
            .map(|(.., event)| number(event, path))
            .collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    assert!(
        mean(Topic::PublicTransport, "delay_minutes", 16..18)
            > mean(Topic::PublicTransport, "delay_minutes", 10..12) + 0.5
    );
    assert!(mean(Topic::AirQuality, "pollutants.no2", 7..9) > 1.5 * mean(Topic::AirQuality, "pollutants.no2", 2..4));
    assert!(
        mean(Topic::PublicTransport, "passenger_count", 16..18)
            > mean(Topic::PublicTransport, "passenger_count", 21..22)
    );
}

#[test]
fn delays_grow_with_the_traffic_and_no_day_begins_with_the_night_before() {
    let quiet = CityConfig {
        weather: false,
        incidents_per_day: 0.0,
        planned_per_week: 0.0,
        faults_per_day: 0.0,
        ..config(2)
    };
    let (events, _) = events(quiet, 3 * DAY);
    // By day and UTC hour; service is from five to midnight, one hour ahead of UTC.
    let mut delays: BTreeMap<(i64, i64), Vec<f64>> = BTreeMap::new();
    for (_, _, time, event) in events.iter().filter(|(topic, ..)| *topic == Topic::PublicTransport) {
        let place = (time.day(), time.0 / HOUR % 24);
        delays.entry(place).or_default().push(number(event, "delay_minutes"));
    }
    for ((day, hour), values) in &delays {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let most = values.iter().copied().fold(0.0, f64::max);
        let said = format!("day {day}, hour {hour}: {mean:.1} minutes, at most {most:.1}");
        assert!(most < 40.0, "{said}");
        match hour {
            4 | 5 | 10..15 | 19.. => assert!(mean.abs() < 1.0 && most < 3.0, "{said}"),
            7 | 8 => assert!(mean > 1.5, "{said}"),
            _ => {}
        }
    }
}

#[test]
fn a_wrong_configuration_names_what_is_accepted() {
    let refuse = |config: CityConfig| City::new(config).unwrap_err().to_string();
    let interval = refuse(CityConfig {
        report_interval: Duration(7 * SECOND),
        ..CityConfig::default()
    });
    assert!(
        interval.contains("`interval`") && interval.contains("7s") && interval.contains("60s"),
        "{interval}"
    );
    let zone = refuse(CityConfig {
        timezone: "Mars/Olympus".into(),
        ..CityConfig::default()
    });
    assert!(zone.contains("Mars/Olympus") && zone.contains("IANA"), "{zone}");
    assert!(
        refuse(CityConfig {
            incidents_per_day: -1.0,
            ..CityConfig::default()
        })
        .contains("incidents_per_day")
    );
}
