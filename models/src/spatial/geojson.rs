//! GeoJSON (RFC 7946): longitude first, outlines counter-clockwise and closed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::hull::Hull;
use super::position::Position;
use crate::{Error, Result};

/// Longitude and latitude, degrees.
type Coordinates = [f64; 2];

/// A list of features: what a map shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub struct FeatureCollection {
    /// The features.
    pub features: Vec<Feature>,
    /// A foreign member (section 6.1): the number of the next hot spot that is new, so that no name is given again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A shape and what is known of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub struct Feature {
    /// What it is called in every list.
    pub id: String,
    /// Where it is.
    pub geometry: Geometry,
    /// What is known of it.
    pub properties: Map<String, Value>,
}

/// A shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "coordinates")]
pub enum Geometry {
    /// A place.
    Point(Coordinates),
    /// A line between places.
    LineString(Vec<Coordinates>),
    /// An outline, and those of its holes.
    Polygon(Vec<Vec<Coordinates>>),
}

impl Geometry {
    /// The shape of a hull.
    pub(super) fn of(hull: &Hull) -> Self {
        let mut corners: Vec<Coordinates> = hull
            .corners
            .iter()
            .map(|one| [rounded(one.lon()), rounded(one.lat())])
            .collect();
        match corners[..] {
            [one] => Self::Point(one),
            [_, _] => Self::LineString(corners),
            _ => {
                corners.extend(corners.first().copied());
                Self::Polygon(vec![corners])
            }
        }
    }

    /// The hull of the shape.
    pub(super) fn hull(&self) -> Result<Hull> {
        let corners = match self {
            Self::Point(one) => std::slice::from_ref(one),
            Self::LineString(line) => line,
            Self::Polygon(rings) => rings.first().map_or(&[][..], Vec::as_slice),
        };
        let places: Vec<Position> = corners
            .iter()
            .map(|[lon, lat]| Position::new(*lat, *lon))
            .collect::<Result<_>>()?;
        if places.is_empty() {
            return Err(Error::invalid("coordinates", "[]", "at least one place"));
        }
        Ok(Hull::around(&places))
    }
}

/// Six decimals are a decimetre: more would tell of precision that is not there (RFC 7946, section 11.2).
pub(super) fn rounded(degrees: f64) -> f64 {
    (degrees * 1e6).round() / 1e6
}
