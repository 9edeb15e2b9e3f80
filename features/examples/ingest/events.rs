//! Traffic events as JSON, about 290 bytes each.

use std::fmt::Write as _;

use arterial_datasets::time::{SECOND, Timestamp};

pub const TOPIC: &str = "traffic-sensors";
/// 2026-01-05T00:00:00Z.
pub const BEGIN: Timestamp = Timestamp(1_767_571_200 * SECOND);

/// Appends what sensor `key` reports at `time`; `number` varies the readings.
pub fn render(text: &mut String, key: usize, time: Timestamp, number: usize) {
    let speed = 20.0 + ((number * 7919) % 600) as f64 / 10.0;
    let _ = write!(
        text,
        r#"{{"sensor_id":"SENSOR_{key:05}","timestamp":"{time}","road_id":"R{:04}","road_name":"Ring road {}","zone_id":"Z{:02}","location":{{"lat":56.{:05},"lon":10.{:05}}},"speed_kmh":{speed:.1},"vehicle_flow":{},"occupancy_percent":{:.1},"congestion_level":"{}","data_quality":"good"}}"#,
        key / 8,
        key / 8,
        key % 40,
        10_000 + key,
        20_000 + key,
        (number * 31) % 180,
        ((number * 17) % 900) as f64 / 10.0,
        ["low", "medium", "high"][number % 3],
    );
}

/// Event `number` where `keys` sensors report in turn, each every five seconds.
pub fn render_in_turn(text: &mut String, number: usize, keys: usize) {
    let time = Timestamp(BEGIN.0 + (number / keys) as i64 * 5 * SECOND);
    render(text, number % keys, time, number);
}
