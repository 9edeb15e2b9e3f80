//! The shipped mappings, on the public files where they are at hand; and the rules of mapping on small files.

use std::sync::Arc;

use arterial_datasets::mapping::{Mapping, Replay, ReplayRecord};
use arterial_datasets::stream::{StreamCatalog, StreamDefinition};
use arterial_datasets::time::Timestamp;
use arterial_testing::data;
use serde_json::{Value, json};

fn stream(name: &str) -> Arc<StreamDefinition> {
    StreamCatalog::built_in().unwrap().get(name).unwrap().clone()
}

fn event(record: &ReplayRecord) -> Value {
    serde_json::from_slice(&record.payload).unwrap()
}

/// How many records there are, the first and the last; all in order of time and inside the declared ranges.
fn replayed(name: &str, below: &str) -> Option<(usize, ReplayRecord, ReplayRecord)> {
    let folder = data(below)?;
    let mapping = Mapping::find(name).unwrap();
    let stream = stream(&mapping.stream);
    let replay = Replay::open(&folder, &stream, Some(&mapping)).unwrap();
    let (mut count, mut first, mut last): (_, _, Option<ReplayRecord>) = (0, None, None);
    for record in replay {
        let record = record.unwrap();
        assert!(last.as_ref().is_none_or(|last| last.time <= record.time));
        // Every record is checked in small sets, one of a hundred in large ones.
        if count < 10_000 || count % 100 == 0 {
            check(&stream, &record);
        }
        count += 1;
        first.get_or_insert_with(|| record.clone());
        last = Some(record);
    }
    Some((count, first?, last?))
}

fn check(stream: &StreamDefinition, record: &ReplayRecord) {
    let event = event(record);
    assert_eq!(
        event[&stream.timestamp].as_str().unwrap().parse::<Timestamp>().unwrap(),
        record.time
    );
    assert!(!record.key.is_empty());
    for field in &stream.fields {
        let value = event.pointer(&format!("/{}", field.path.replace('.', "/")));
        assert!(value.is_some() || !field.required, "`{}` in {event}", field.path);
        if let (Some(value), Some((low, high))) = (value, field.range) {
            let number = value.as_f64().unwrap();
            assert!(low <= number && number <= high, "`{}` in {event}", field.path);
        }
    }
}

fn times(first: &ReplayRecord, last: &ReplayRecord) -> (String, String) {
    (first.time.to_string(), last.time.to_string())
}

#[test]
fn los_loop_becomes_speeds_in_kilometres_an_hour() {
    let Some((count, first, last)) = replayed("los-loop", "traffic/losloop") else {
        return;
    };
    assert_eq!(count, 2016 * 207);
    assert_eq!(
        times(&first, &last),
        ("2012-03-01T08:00:00Z".into(), "2012-03-08T07:55:00Z".into())
    );
    assert_eq!(
        event(&first),
        json!({"timestamp": "2012-03-01T08:00:00Z", "sensor_id": "773869", "location": {"lat": 34.15497, "lon": -118.31829},
               "speed_kmh": 103.602, "data_quality": "good"})
    );
}

#[test]
fn aarhus_traffic_joins_speed_count_and_place() {
    let Some((count, first, last)) = replayed("aarhus-traffic", "traffic/aarhus") else {
        return;
    };
    assert_eq!(
        times(&first, &last),
        ("2014-08-01T07:50:00Z".into(), "2014-09-30T23:55:00Z".into())
    );
    // 9.5 % of 17,568 times 449 are missing.
    assert!((0.90..0.91).contains(&(count as f64 / (17_568.0 * 449.0))), "{count}");
    let event = event(&last);
    assert!(event["speed_kmh"].is_number() && event["vehicle_flow"].is_i64() && event["road_name"].is_string());
    assert!((55.0..57.0).contains(&event["location"]["lat"].as_f64().unwrap()));
}

#[test]
fn aarhus_parking_is_never_more_than_full() {
    let Some((count, first, last)) = replayed("aarhus-parking", "parking/aarhus") else {
        return;
    };
    assert_eq!(count, 55_264);
    assert_eq!(
        times(&first, &last),
        ("2014-05-22T07:09:04.145Z".into(), "2014-11-04T13:13:47.581Z".into())
    );
    let first = event(&first);
    assert_eq!(
        (&first["parking_id"], &first["available_spaces"]),
        (&json!("NORREPORT"), &json!(65))
    );
    assert_eq!(first["status"], "available");
}

#[test]
fn aarhus_weather_stands_on_the_local_clock() {
    let Some((count, first, _)) = replayed("aarhus-weather", "weather") else {
        return;
    };
    assert!((4355..=4357).contains(&count), "{count}");
    assert_eq!(first.time.to_string(), "2014-07-31T22:00:00Z");
    assert_eq!(event(&first)["temperature_celsius"], json!(18));
}

#[test]
fn german_parking_holds_a_value_for_a_day() {
    let Some((count, first, _)) = replayed("german-parking", "parking/germany") else {
        return;
    };
    assert_eq!(first.time.to_string(), "2023-01-01T00:01:00Z");
    // At most 253 lots at 35,040 quarters.
    assert!((3_000_000..253 * 35_040).contains(&count), "{count}");
    let event = event(&first);
    assert_eq!(
        (&event["parking_id"], &event["available_spaces"]),
        (&json!("baden-baden-parken-Badergarage"), &json!(240))
    );
}

#[test]
fn beijing_air_has_twelve_stations_and_carbon_monoxide_in_milligrams() {
    let Some((count, first, last)) = replayed("beijing-air", "air") else {
        return;
    };
    assert!((410_000..=420_768).contains(&count), "{count}");
    assert_eq!(
        times(&first, &last),
        ("2013-02-28T16:00:00Z".into(), "2017-02-28T15:00:00Z".into())
    );
    let first = event(&first);
    assert_eq!(
        (&first["station_id"], &first["pollutants"]["pm25"]),
        (&json!("Aotizhongxin"), &json!(4))
    );
    assert!(first["pollutants"]["co"].as_f64().unwrap() < 20.0);
}

#[test]
fn washington_bikes_and_weather_come_from_the_same_hours() {
    let Some((count, first, last)) = replayed("washington-bikes", "bike") else {
        return;
    };
    assert_eq!(count, 17_379);
    assert_eq!(
        times(&first, &last),
        ("2011-01-01T05:00:00Z".into(), "2013-01-01T04:00:00Z".into())
    );
    assert_eq!(event(&first)["rentals"], json!(16));
    let (count, first, _) = replayed("washington-weather", "bike").unwrap();
    assert_eq!((count, event(&first)["condition"].clone()), (17_379, json!("clear")));
}

/// A replay of a small file without mapping.
fn small(name: &str, text: &str, stream_name: &str) -> arterial_datasets::Result<Vec<ReplayRecord>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    Replay::open(&path, &stream(stream_name), None)?.collect()
}

#[test]
fn columns_with_the_streams_names_need_no_mapping() {
    let text = "timestamp,sensor_id,speed_kmh,location.lat,other\n2026-01-01T00:05:00Z,b,50.5,48.5,x\n2026-01-01T00:00:00Z,a,,48.5,x\n";
    let records = small("some.csv", text, "traffic-sensors").unwrap();
    assert_eq!(records.len(), 1, "a row without a value is no event");
    assert_eq!(
        event(&records[0]),
        json!({"timestamp": "2026-01-01T00:05:00Z", "sensor_id": "b", "location": {"lat": 48.5}, "speed_kmh": 50.5})
    );
}

#[test]
fn json_lines_pass_as_they_are() {
    let text = "{\"sensor_id\":\"a\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"speed_kmh\":1}\nno json\n";
    let records = small("some.jsonl", text, "traffic-sensors").unwrap();
    assert_eq!(records[0].key, "a");
    assert_eq!(
        records[1].payload, b"no json",
        "bad records go to quarantine, not to nowhere"
    );
}

#[test]
fn a_missing_column_is_named_with_those_that_exist() {
    let error = small("some.csv", "timestamp,sensor,speed_kmh\n", "traffic-sensors")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`sensor_id`") && error.contains("timestamp, sensor, speed_kmh"),
        "{error}"
    );
    let error = small("some.csv", "time,sensor_id,speed_kmh\n", "traffic-sensors")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`timestamp`") && error.contains("time, sensor_id"),
        "{error}"
    );
}

#[test]
fn a_bad_cell_is_named_by_row_and_column() {
    let text = "timestamp,sensor_id,speed_kmh\n2026-01-01T00:00:00Z,a,fast\n";
    let error = small("some.csv", text, "traffic-sensors").unwrap_err().to_string();
    assert!(
        error.contains("row 1, column `speed_kmh`") && error.contains("`fast`"),
        "{error}"
    );
    let text = "timestamp,sensor_id,speed_kmh\nyesterday,a,1\n";
    let error = small("some.csv", text, "traffic-sensors").unwrap_err().to_string();
    assert!(
        error.contains("row 1, column `timestamp`") && error.contains("ISO 8601"),
        "{error}"
    );
}

#[test]
fn a_mapping_for_another_stream_or_field_is_refused() {
    let los_loop = Mapping::find("los-loop").unwrap();
    let error = los_loop.check(&stream("parking")).unwrap_err().to_string();
    assert!(error.contains("traffic-sensors"), "{error}");
    let mut wrong = los_loop;
    wrong.fields[0].field = "speed".into();
    let error = wrong.check(&stream("traffic-sensors")).unwrap_err().to_string();
    assert!(error.contains("`speed`") && error.contains("speed_kmh"), "{error}");
}

#[test]
fn a_file_that_is_absent_broken_or_cut_off_is_bad_input_and_named() {
    use std::io::Write;
    let folder = tempfile::tempdir().unwrap();
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for row in 0..10_000 {
        writeln!(packer, "{row},{}", row * 7919 % 10_007).unwrap();
    }
    let whole = packer.finish().unwrap();
    for (name, bytes) in [
        ("cut.csv.gz", &whole[..whole.len() / 2]),
        ("cut.jsonl.gz", &whole[..whole.len() / 2]),
        ("broken.parquet", b"PAR1 and nothing else".as_slice()),
    ] {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    std::fs::create_dir(folder.path().join("folder.csv")).unwrap();
    for name in [
        "cut.csv.gz",
        "cut.jsonl.gz",
        "broken.parquet",
        "folder.csv",
        "absent.csv",
    ] {
        let path = folder.path().join(name);
        let read = Replay::open(&path, &stream("parking"), None).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let error = read.err().unwrap();
        assert!(
            error.is_bad_input() && error.to_string().contains(name),
            "{name}: {error}"
        );
    }
}
