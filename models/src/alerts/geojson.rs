//! Alerts on a map.

use serde_json::{Value, json};

use super::alert::Alert;
use super::places::Places;

/// The alert as a GeoJSON feature (RFC 7946): the positions of its keys, or `null` where none is known, and what a map shows of it.
#[must_use]
pub fn geojson(alert: &Alert, places: &Places) -> Value {
    let positions = alert.keys.iter().filter_map(|key| places.position(key));
    let points: Vec<[f64; 2]> = positions.map(|(lat, lon)| [lon, lat]).collect();
    let geometry = match points.as_slice() {
        [] => Value::Null,
        [point] => json!({"type": "Point", "coordinates": point}),
        points => json!({"type": "MultiPoint", "coordinates": points}),
    };
    json!({
        "type": "Feature",
        "id": alert.alert_id,
        "geometry": geometry,
        "properties": {
            "kind": alert.kind,
            "severity": alert.severity,
            "state": alert.state,
            "zone_id": alert.zone_id,
            "road_id": alert.place.road_id,
            "road_name": alert.place.road_name,
            "key": alert.place.key,
            "cause": alert.cause,
            "text": alert.text,
        },
    })
}
