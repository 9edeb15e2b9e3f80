//! The decoder as a whole: every code, every promise of the module's first page.

use arrow::array::{Array, AsArray};
use arterial_datasets::schema;
use arterial_datasets::stream::{StreamCatalog, parse};
use proptest::prelude::*;

use super::*;
use crate::event::{NO_CATEGORY, NO_ZONE};

const SECRET: IdentityKey = IdentityKey([7; 16]);

const METER: &str = r#"
name = "meter"
description = "Everything that a definition can ask for"
key = { path = "id" }
identity = ["key", "timestamp", "count"]
timezone = "Europe/Copenhagen"
zone = "place.zone"
quality = "quality"
earliest = "2020-01-01T00:00:00Z"
[[fields]]
path = "id"
type = "text"
role = "place"
[[fields]]
path = "level"
type = "float"
role = "value"
range = [0, 200]
[[fields]]
path = "count"
type = "int"
role = "value"
range = [-5, 268435456]
required = true
[[fields]]
path = "gain"
type = "float"
role = "value"
range = [0, 1]
on_bad = "null"
[[fields]]
path = "quality"
type = "text"
role = "category"
values = ["good", "degraded"]
[[fields]]
path = "place.zone"
type = "text"
role = "place"
[[fields]]
path = "place.street"
name = "street"
type = "text"
role = "place"
aggregates = ["last"]
[[fields]]
path = "place.lat"
name = "lat"
type = "float"
role = "place"
aggregates = ["last"]
[[fields]]
path = "active"
type = "bool"
role = "attribute"
[[fields]]
path = "checked"
type = "timestamp"
role = "attribute"
[[fields]]
path = "owner"
type = "text"
role = "personal"
"#;

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn meter() -> Decoder {
    Decoder::new(Arc::new(parse("meter.toml", METER).unwrap()), SECRET, true).unwrap()
}

fn taken(decoder: &mut Decoder) -> (EventBatch, Vec<Rejected>) {
    let (mut events, mut rejected) = (EventBatch::default(), Vec::new());
    decoder.take(&mut events, &mut rejected).unwrap();
    (events, rejected)
}

fn decode(payload: &[u8]) -> Result<EventBatch, Rejected> {
    let mut decoder = meter();
    decoder.push(
        RecordRef {
            partition: 2,
            offset: 9,
            payload: Some(payload),
            trace: None,
        },
        now(),
    );
    let (events, mut rejected) = taken(&mut decoder);
    assert_eq!(events.len() + rejected.len(), 1);
    rejected.pop().map_or(Ok(events), Err)
}

/// A good record with `change` put over its fields.
fn with(change: &str) -> Vec<u8> {
    let good = r#""id":"m1","timestamp":"2026-06-01T11:59:00Z","count":4,"#;
    format!("{{{good}{change}}}").into_bytes()
}

#[test]
fn descriptions_are_numbers_of_texts_and_bits_of_numbers() {
    let mut decoder = meter();
    let long = format!(r#""street":"{}""#, "s".repeat(LONGEST_KEY + 1));
    let places = [
        r#""street":"Quay","lat":56.5"#,
        r#""street":"Quay","lat":-0.0"#,
        r#""street":"Mole""#,
        r#""street":"""#,
        long.as_str(),
    ];
    for (offset, place) in places.iter().enumerate() {
        decoder.push(
            RecordRef {
                partition: 0,
                offset: offset as i64,
                payload: Some(&with(&format!(r#""place":{{{place}}}"#))),
                trace: None,
            },
            now(),
        );
    }
    let (events, rejected) = taken(&mut decoder);
    assert_eq!(rejected, []);
    let names = |number: &u64| (*number != NO_DESCRIPTION).then(|| decoder.interner().name(*number as u32));
    let streets: Vec<Option<&str>> = events.descriptions[0].iter().map(names).collect();
    assert_eq!(streets, [Some("Quay"), Some("Quay"), Some("Mole"), None, None]);
    let none = NO_DESCRIPTION;
    assert_eq!(events.descriptions[1], [56.5f64.to_bits(), 0, none, none, none]);
}

fn refusal(change: &str) -> (&'static str, String) {
    let rejected = decode(&with(change)).unwrap_err();
    (rejected.reason.code(), rejected.detail)
}

#[test]
fn a_full_record_fills_every_column() {
    let record =
        br#"{"id":"m1","timestamp":"2026-06-01T13:59:00","level":61.5,"count":42.0,"gain":0.5,"quality":"degraded",
        "place":{"zone":"north"},"active":true,"checked":"2026-06-01T08:00:00Z","owner":"Ada","unknown":[{}]}"#;
    let mut decoder = meter();
    decoder.push(
        RecordRef {
            partition: 2,
            offset: 9,
            payload: Some(record),
            trace: None,
        },
        now(),
    );
    let (events, rejected) = taken(&mut decoder);
    assert_eq!(rejected, []);
    assert_eq!((events.partitions[0], events.offsets[0], events.good[0]), (2, 9, 0));
    assert_eq!(events.times, [now().0 - 60_000_000]);
    assert_eq!(decoder.interner().name(events.keys[0]), "m1");
    assert_eq!(decoder.interner().name(events.zones[0]), "north");
    assert_eq!(events.values, [vec![61.5], vec![42.0], vec![0.5]]);
    assert_eq!(events.categories, [vec![1]]);
    let archive = events.archive.unwrap();
    assert_eq!(archive.schema(), schema::events(decoder.stream()));
    assert_eq!(archive["owner"].as_string::<i32>().value(0), SECRET.pseudonym("Ada"));
    assert_eq!(archive["place_zone"].as_string::<i32>().value(0), "north");
    assert!(archive["active"].as_boolean().value(0));
    assert_eq!(
        archive["day"].as_primitive::<arrow::datatypes::Date32Type>().value(0),
        20_605
    );
}

#[test]
fn what_is_absent_is_marked_as_absent() {
    let events = decode(&with(r#""level":null"#)).unwrap();
    assert!(events.values[0][0].is_nan() && events.values[2][0].is_nan());
    assert_eq!(
        (events.categories[0][0], events.zones[0], events.good[0]),
        (NO_CATEGORY, NO_ZONE, 1)
    );
    let archive = events.archive.unwrap();
    for name in ["level", "gain", "quality", "place_zone", "active", "checked", "owner"] {
        assert_eq!(archive[name].null_count(), 1, "{name}");
    }
}

#[test]
fn every_bad_record_gets_its_code_and_the_field_the_value_and_what_is_accepted() {
    let cases: &[(&str, &str, &[&str])] = &[
        (r#""id":null"#, "MISSING_FIELD", &["`id`"]),
        (r#""id":"""#, "MISSING_FIELD", &["`id`", "empty"]),
        (r#""count":null"#, "MISSING_FIELD", &["`count`", "null"]),
        (r#""timestamp":null"#, "MISSING_FIELD", &["`timestamp`", "null"]),
        (r#""id":17"#, "WRONG_TYPE", &["`id`", "`17`", "a text"]),
        (
            r#""level":"61.5""#,
            "WRONG_TYPE",
            &["`level`", "`\"61.5\"`", "a number from 0 to 200"],
        ),
        (r#""level":true"#, "WRONG_TYPE", &["`true`"]),
        (r#""level":[61]"#, "WRONG_TYPE", &["`[61]`"]),
        (r#""level":{"x":1}"#, "WRONG_TYPE", &["`{\"x\":1}`"]),
        (
            r#""count":42.5"#,
            "WRONG_TYPE",
            &["`count`", "`42.5`", "a whole number"],
        ),
        (r#""active":"yes""#, "WRONG_TYPE", &["`active`", "true or false"]),
        (r#""active":1"#, "WRONG_TYPE", &["`active`"]),
        (
            r#""checked":"soon""#,
            "WRONG_TYPE",
            &["`checked`", "`\"soon\"`", "RFC 3339"],
        ),
        (r#""place":"north""#, "WRONG_TYPE", &["`place.zone`", "no object"]),
        (
            r#""timestamp":1780315140"#,
            "WRONG_TYPE",
            &["`timestamp`", "`1780315140`", "RFC 3339"],
        ),
        (r#""level":200.5"#, "OUT_OF_RANGE", &["`level`", "`200.5`", "0 to 200"]),
        (r#""level":-0.1"#, "OUT_OF_RANGE", &["`-0.1`"]),
        (r#""level":1e400"#, "OUT_OF_RANGE", &["`1e400`"]),
        (
            r#""count":99999999999999999999"#,
            "OUT_OF_RANGE",
            &["`99999999999999999999`"],
        ),
        (r#""count":1e300"#, "OUT_OF_RANGE", &["`1e300`"]),
        (
            r#""quality":"great""#,
            "OUT_OF_RANGE",
            &["`quality`", "`\"great\"`", "good, degraded"],
        ),
        (
            r#""timestamp":"yesterday""#,
            "BAD_TIMESTAMP",
            &["`timestamp`", "`yesterday`", "RFC 3339"],
        ),
        (
            r#""timestamp":"2019-12-31T23:59:59Z""#,
            "BAD_TIMESTAMP",
            &["2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z"],
        ),
        (
            r#""timestamp":"2026-03-29T02:30:00""#,
            "BAD_TIMESTAMP",
            &["Europe/Copenhagen", "skip"],
        ),
        (
            r#""timestamp":"2025-10-26T02:30:00""#,
            "BAD_TIMESTAMP",
            &["Europe/Copenhagen", "twice", "offset"],
        ),
        (
            r#""timestamp":"2026-06-01T12:01:01Z""#,
            "FROM_THE_FUTURE",
            &["2026-06-01T12:01:01Z", "1m", "2026-06-01T12:00:00Z"],
        ),
        (r#""level":NaN"#, "NOT_JSON", &["byte 64", "`N`", "a value"]),
        (r#""level":Infinity"#, "NOT_JSON", &["`I`"]),
        (r#""level":1}{"#, "NOT_JSON", &["the end of the record"]),
        (r#""level":1,"#, "NOT_JSON", &["a name in quotes"]),
        (r#""level":"\ud83d""#, "NOT_JSON", &["escape"]),
    ];
    for (change, code, words) in cases {
        let (found, detail) = refusal(change);
        assert_eq!(found, *code, "{change}: {detail}");
        for word in *words {
            assert!(detail.contains(word), "{change}: {detail} lacks {word}");
        }
    }
}

#[test]
fn records_that_hold_no_object_get_their_code() {
    let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(32), "]".repeat(32));
    let cases: &[(&[u8], &str)] = &[
        (b"", "EMPTY"),
        (b" \n\t ", "EMPTY"),
        (b"\xEF\xBB\xBF", "EMPTY"),
        (b"\xFF\xFE{}", "NOT_UTF8"),
        (b"{\"id\":\"\xC3\x28\"}", "NOT_UTF8"),
        (b"{\"id\":\"\xED\xA0\x80\"}", "NOT_UTF8"),
        (b"speed=3", "NOT_JSON"),
        (b"{", "NOT_JSON"),
        (b"\0", "NOT_JSON"),
        (b"[]", "WRONG_TYPE"),
        (b"null", "WRONG_TYPE"),
        (b"3.5", "WRONG_TYPE"),
        (b"{}", "MISSING_FIELD"),
        (deep.as_bytes(), "TOO_DEEP"),
    ];
    for (payload, code) in cases {
        let rejected = decode(payload).unwrap_err();
        assert_eq!(rejected.reason.code(), *code, "{}", rejected.detail);
        assert_eq!(rejected.payload_bytes, payload.len() as i64);
    }
    let mut decoder = meter();
    decoder.push(
        RecordRef {
            partition: 0,
            offset: 1,
            payload: None,
            trace: None,
        },
        now(),
    );
    let (_, rejected) = taken(&mut decoder);
    assert_eq!((rejected[0].reason, rejected[0].payload_bytes), (Reason::Empty, 0));
}

#[test]
fn a_record_above_the_limit_is_refused_and_cut() {
    let stream = StreamCatalog::built_in().unwrap().get("parking").unwrap().clone();
    let limits = DecodeLimits {
        record_bytes: 1000,
        kept_bytes: 10,
        ..DecodeLimits::default()
    };
    let mut decoder = Decoder::with_limits(stream, SECRET, false, limits).unwrap();
    decoder.push(
        RecordRef {
            partition: 0,
            offset: 0,
            payload: Some(&[b'x'; 1001]),
            trace: None,
        },
        now(),
    );
    let (_, rejected) = taken(&mut decoder);
    assert_eq!(
        (rejected[0].reason, rejected[0].payload.len(), rejected[0].payload_bytes),
        (Reason::TooLarge, 10, 1001)
    );
    let error = DecodeLimits { depth: 0, ..limits }.check().unwrap_err().to_string();
    assert!(error.contains("`depth`") && error.contains("1 to 512"), "{error}");
}

#[test]
fn a_bad_field_may_become_null_instead() {
    for bad in [r#""gain":7"#, r#""gain":"high""#, r#""gain":[]"#] {
        assert!(decode(&with(bad)).unwrap().values[2][0].is_nan(), "{bad}");
    }
}

#[test]
fn a_mark_in_front_and_white_space_around_do_no_harm() {
    let mut record = b"\xEF\xBB\xBF \r\n".to_vec();
    record.extend(with(r#""level" : -0.0"#));
    record.extend(b"\n");
    let events = decode(&record).unwrap();
    assert_eq!(events.values[0][0].to_bits(), 0.0_f64.to_bits());
}

#[test]
fn the_last_of_repeated_names_counts() {
    let events = decode(&with(r#""level":300,"level":"no","level":7"#)).unwrap();
    assert_eq!(events.values[0], [7.0]);
}

#[test]
fn a_key_has_a_limit_and_escapes_are_read() {
    let long = "k".repeat(LONGEST_KEY + 1);
    assert_eq!(refusal(&format!(r#""id":"{long}""#)).0, "OUT_OF_RANGE");
    assert_eq!(refusal(&format!(r#""place":{{"zone":"{long}"}}"#)).0, "OUT_OF_RANGE");
    let mut decoder = meter();
    let record = with(r#""id":"\u00e5\ud83d\ude80\n","place":{"zone":"\""},"quality":"goo\u0064""#);
    decoder.push(
        RecordRef {
            partition: 0,
            offset: 0,
            payload: Some(&record),
            trace: None,
        },
        now(),
    );
    let (events, _) = taken(&mut decoder);
    assert_eq!(decoder.interner().name(events.keys[0]), "å🚀\n");
    assert_eq!(decoder.interner().name(events.zones[0]), "\"");
    assert_eq!(events.categories[0], [0]);
}

#[test]
fn one_event_written_in_two_ways_is_one_identity() {
    let identity = |change: &str| decode(&with(change)).unwrap().identities[0];
    let one = identity(r#""level":1"#);
    assert_eq!(
        one,
        identity(r#""timestamp":"2026-06-01T13:59:00.000+02:00","level":2"#)
    );
    assert_eq!(
        one,
        identity(r#""timestamp":"2026-06-01 13:59:00","count":4.0,"\u0069d":"m\u0031""#)
    );
    assert_ne!(one, identity(r#""count":5"#));
    assert_ne!(one, identity(r#""id":"m2""#));
    assert_ne!(one, identity(r#""timestamp":"2026-06-01T11:59:00.000001Z""#));
}

#[test]
fn an_event_without_its_identity_is_refused() {
    let text = METER.replace("\"count\"]", "\"level\"]");
    let mut decoder = Decoder::new(Arc::new(parse("meter.toml", &text).unwrap()), SECRET, false).unwrap();
    decoder.push(
        RecordRef {
            partition: 0,
            offset: 0,
            payload: Some(&with(r#""gain":1"#)),
            trace: None,
        },
        now(),
    );
    let (_, rejected) = taken(&mut decoder);
    assert_eq!(rejected[0].reason, Reason::MissingField);
    assert!(rejected[0].detail.contains("`level`") && rejected[0].event_time.is_some());
}

#[test]
fn a_stream_may_have_a_key_for_events_without() {
    let stream = StreamCatalog::built_in().unwrap().get("weather").unwrap().clone();
    let mut decoder = Decoder::new(stream, SECRET, true).unwrap();
    for station in [
        "",
        r#","station_id":null"#,
        r#","station_id":"""#,
        r#","station_id":"s1""#,
    ] {
        let record = format!(r#"{{"timestamp":"2026-06-01T11:59:00Z","temperature_celsius":21{station}}}"#);
        decoder.push(
            RecordRef {
                partition: 0,
                offset: 0,
                payload: Some(record.as_bytes()),
                trace: None,
            },
            now(),
        );
    }
    let (events, rejected) = taken(&mut decoder);
    assert_eq!(rejected, []);
    let names: Vec<_> = events.keys.iter().map(|&key| decoder.interner().name(key)).collect();
    assert_eq!(names, ["site", "site", "site", "s1"]);
    assert_eq!(events.identities[0], events.identities[1]);
    assert_eq!(events.archive.unwrap()["key"].as_string::<i32>().value(0), "site");
}

#[test]
fn what_tells_of_a_person_reaches_no_table() {
    let secret_owner = r#""owner":"Ada Lovelace""#;
    for bad in [
        r#""level":999"#,
        r#""timestamp":"soon""#,
        r#""owner":{"name":"Ada Lovelace"}"#,
    ] {
        let rejected = decode(&with(&format!("{secret_owner},{bad}"))).unwrap_err();
        let payload = String::from_utf8(rejected.payload).unwrap();
        assert!(
            !payload.contains("Ada") && !rejected.detail.contains("Ada"),
            "{payload} {}",
            rejected.detail
        );
    }
    let rejected = decode(&with(&format!(r#"{secret_owner},"level":999"#))).unwrap_err();
    let expected = String::from_utf8(with(&format!(
        r#""owner":"{}","level":999"#,
        SECRET.pseudonym("Ada Lovelace")
    )))
    .unwrap();
    assert_eq!(String::from_utf8(rejected.payload).unwrap(), expected);
    for broken in [r#""owner":"Ada","owner":"Bob","level":999"#, r#""owner":"Ada""owner""#] {
        assert!(decode(&with(broken)).unwrap_err().payload.is_empty(), "{broken}");
    }
}

#[test]
fn payloads_of_old_events_are_kept_for_the_windows() {
    let mut decoder = meter();
    for time in ["2026-06-01T11:59:00Z", "2026-05-31T11:58:59Z", "2026-05-31T11:59:01Z"] {
        let record = with(&format!(r#""timestamp":"{time}""#));
        decoder.push(
            RecordRef {
                partition: 0,
                offset: 0,
                payload: Some(&record),
                trace: None,
            },
            now(),
        );
    }
    let (events, _) = taken(&mut decoder);
    assert_eq!(events.old_payloads.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [1]);
    decoder.keep_payloads_before(now());
    decoder.push(
        RecordRef {
            partition: 0,
            offset: 0,
            payload: Some(&with(r#""level":1"#)),
            trace: None,
        },
        now(),
    );
    assert_eq!(taken(&mut decoder).0.old_payloads[0].1, with(r#""level":1"#));
}

#[test]
fn buffers_are_used_again_and_hold_nothing_old() {
    let mut decoder = meter();
    let (mut events, mut rejected) = (EventBatch::default(), Vec::new());
    for round in 0..3 {
        for record in [with(r#""level":1"#), b"x".to_vec()] {
            decoder.push(
                RecordRef {
                    partition: 0,
                    offset: round,
                    payload: Some(&record),
                    trace: None,
                },
                now(),
            );
        }
        decoder.take(&mut events, &mut rejected).unwrap();
        assert_eq!(
            (events.offsets.clone(), rejected.len(), events.values.len()),
            (vec![round], 1, 3)
        );
        assert_eq!(events.archive.as_ref().unwrap().num_rows(), 1);
    }
    assert!(decoder.is_empty());
}

#[test]
fn a_key_that_tells_of_a_person_is_refused_at_the_start() {
    let mut stream = parse("meter.toml", METER).unwrap();
    stream.key.path = "owner".into();
    let error = Decoder::new(Arc::new(stream), SECRET, false).unwrap_err().to_string();
    assert!(error.contains("`key`") && error.contains("personal"), "{error}");
}

#[test]
fn the_eight_topics_are_decoded_as_they_are_promised() {
    let records = [
        (
            "traffic-sensors",
            r#"{"sensor_id":"s1","timestamp":"2026-06-01T11:59:00Z","road_id":"r","road_name":"R","zone_id":"z","location":{"lat":56.1,"lon":10.2},"speed_kmh":48.5,"vehicle_flow":31,"occupancy_percent":12.5,"congestion_level":"low","data_quality":"good"}"#,
        ),
        (
            "public-transport",
            r#"{"vehicle_id":"v1","timestamp":"2026-06-01T11:59:00Z","line_id":"l1","line_number":"4A","current_stop":3,"next_stop":4,"direction":"north","location":{"lat":56.1,"lon":10.2},"speed_kmh":22.0,"passenger_count":30,"capacity":80,"occupancy_rate":37.5,"delay_minutes":1.5,"status":"on_time"}"#,
        ),
        (
            "taxi-vtc",
            r#"{"taxi_id":"t1","timestamp":"2026-06-01T11:59:00Z","type":"taxi","status":"occupied","location":{"lat":56.1,"lon":10.2},"current_zone":"z","speed_kmh":30.0,"fare_info":{"trip_id":"p1","start_zone":"z","estimated_fare":11.0,"estimated_duration_min":9},"battery_level":null}"#,
        ),
        (
            "parking",
            r#"{"parking_id":"p1","timestamp":"2026-06-01T11:59:00Z","name":"P","zone_id":"z","type":"garage","location":{"lat":56.1,"lon":10.2},"total_spaces":100,"occupied_spaces":40,"available_spaces":60,"occupancy_rate":40.0,"hourly_rate":2.5,"status":"available"}"#,
        ),
        (
            "bike-share",
            r#"{"station_id":"b1","timestamp":"2026-06-01T11:59:00Z","name":"B","zone_id":"z","location":{"lat":56.1,"lon":10.2},"capacity":20,"available_bikes":7,"available_docks":13,"status":"active","last_update":"2026-06-01T11:58:00Z"}"#,
        ),
        (
            "incidents",
            r#"{"incident_id":"i1","timestamp":"2026-06-01T11:59:00Z","type":"accident","severity":"high","location":{"road_id":"r","road_name":"R","zone_id":"z","lat":56.1,"lon":10.2},"description":"d","estimated_duration_min":45,"affected_lanes":1,"status":"active"}"#,
        ),
        (
            "weather",
            r#"{"timestamp":"2026-06-01T11:59:00Z","condition":"rain","temperature_celsius":12.5,"humidity_percent":80,"wind_speed_kmh":20.5,"precipitation_mm":1.2,"visibility_km":8,"uv_index":2}"#,
        ),
        (
            "air-quality",
            r#"{"station_id":"a1","timestamp":"2026-06-01T11:59:00Z","zone_id":"z","zone_name":"Z","location":{"lat":56.1,"lon":10.2},"pollutants":{"pm25":8.1,"pm10":14.0,"no2":20.5,"o3":60.0,"co":0.3,"so2":2.1},"aqi":35,"air_quality":"good"}"#,
        ),
    ];
    let catalog = StreamCatalog::built_in().unwrap();
    for (topic, record) in records {
        let mut decoder = Decoder::new(catalog.get(topic).unwrap().clone(), SECRET, true).unwrap();
        decoder.push(
            RecordRef {
                partition: 0,
                offset: 0,
                payload: Some(record.as_bytes()),
                trace: None,
            },
            now(),
        );
        let (events, rejected) = taken(&mut decoder);
        assert_eq!(rejected, [], "{topic}");
        let archive = events.archive.unwrap();
        let empty: Vec<_> = archive
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .filter(|name| archive[name.as_str()].null_count() > 0)
            .collect();
        assert!(
            empty
                .iter()
                .all(|name| ["battery_level", "rentals", "station_id"].contains(&name.as_str())),
            "{topic}: {empty:?}"
        );
    }
}

proptest! {
    #[test]
    fn every_input_is_one_event_or_one_refusal(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&payload);
    }

    #[test]
    fn every_broken_record_is_one_event_or_one_refusal(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let mut record = with(r#""level":61.5,"gain":0.5,"quality":"good","place":{"zone":"\u00e5"},"active":true,"owner":"Ada""#);
        for (place, byte, what) in changes {
            let at = place.index(record.len());
            match what {
                0 => record[at] = byte,
                1 => record.insert(at, byte),
                _ => { record.remove(at); }
            }
        }
        let _ = decode(&record);
    }
}
