//! GeoJSON (RFC 7946): longitude first.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::Result;

/// A place, or null where it is not known.
pub fn point(lat: Option<f64>, lon: Option<f64>) -> Value {
    match lat.zip(lon) {
        Some((lat, lon)) => json!({"type": "Point", "coordinates": [lon, lat]}),
        None => Value::Null,
    }
}

/// Several places, one, or null where none is known.
pub fn points(places: &[(f64, f64)]) -> Value {
    match places {
        [] => Value::Null,
        [(lat, lon)] => point(Some(*lat), Some(*lon)),
        several => {
            let several: Vec<[f64; 2]> = several.iter().map(|(lat, lon)| [*lon, *lat]).collect();
            json!({"type": "MultiPoint", "coordinates": several})
        }
    }
}

/// What is known of a shape.
///
/// # Errors
/// Properties that have no JSON form.
pub fn feature(id: &str, geometry: &Value, properties: &impl Serialize) -> Result<Value> {
    let properties = serde_json::to_value(properties)?;
    Ok(json!({"type": "Feature", "id": id, "geometry": geometry, "properties": properties}))
}

/// Features for a map (RFC 7946); `properties` are what the JSON form has.
#[derive(Serialize, ToSchema)]
pub struct FeatureCollection {
    /// `FeatureCollection`.
    #[serde(rename = "type")]
    #[schema(example = "FeatureCollection")]
    kind: String,
    /// The features, in the order of the JSON form.
    features: Vec<Feature>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// A shape, and what is known of it.
#[derive(Serialize, ToSchema)]
pub struct Feature {
    /// Feature.
    #[serde(rename = "type")]
    #[schema(example = "Feature")]
    kind: String,
    /// What it is called.
    id: String,
    /// Where it is; null where that is not known.
    geometry: Option<Geometry>,
    /// What is known of it.
    #[schema(value_type = Object)]
    properties: Value,
}

/// A shape in WGS 84, longitude first.
#[derive(Serialize, ToSchema)]
pub struct Geometry {
    /// `Point`, `MultiPoint`, `LineString` or `Polygon`.
    #[serde(rename = "type")]
    #[schema(example = "Point")]
    kind: String,
    /// Longitude and latitude, or lists of them.
    #[schema(value_type = Vec<Value>, example = json!([10.2039, 56.1629]))]
    coordinates: Value,
}
