//! Answers about the city as messages.

use arterial_proto::v1;

use crate::analytics::{Bounds, HotSpot, Kpi, Road, ZoneIndex};
use crate::{Error, Result};

/// A box on the map.
///
/// # Errors
/// An edge that lies nowhere on the globe, a northern edge below the southern one.
pub fn bounds(named: v1::BoundingBox) -> Result<Bounds> {
    let v1::BoundingBox {
        west,
        south,
        east,
        north,
    } = named;
    for (field, value, most) in [
        ("bounds.west", west, 180.0),
        ("bounds.south", south, 90.0),
        ("bounds.east", east, 180.0),
        ("bounds.north", north, 90.0),
    ] {
        if !(-most..=most).contains(&value) {
            return Err(Error::invalid(field, value, format!("degrees from -{most} to {most}")));
        }
    }
    if north < south {
        let accepted = format!("at least `bounds.south`, {south}");
        return Err(Error::invalid("bounds.north", north, accepted));
    }
    Ok(Bounds {
        west,
        south,
        east,
        north,
    })
}

/// How far ahead; 0 is now.
///
/// # Errors
/// Less than 0.
pub fn horizon(minutes: i32) -> Result<u32> {
    let accepted = "0 for now, or minutes ahead that a model reaches";
    u32::try_from(minutes).map_err(|_| Error::invalid("horizon_minutes", minutes, accepted))
}

/// The indices of a zone.
pub fn zone(index: ZoneIndex) -> v1::ZoneIndex {
    v1::ZoneIndex {
        zone_id: index.zone_id,
        window_start: index.window.0,
        horizon_minutes: index.horizon_minutes as i32,
        congestion: index.congestion,
        jam_factor: index.jam_factor,
        mobility_index: index.mobility_index,
        formula: index.formula,
        inputs: index.inputs,
        revision: index.revision,
        lat: index.lat,
        lon: index.lon,
    }
}

/// A road.
pub fn route(road: Road) -> v1::Route {
    let place = |(lat, lon): (f64, f64)| v1::Place { lat, lon };
    v1::Route {
        rank: road.rank as u32,
        road_id: road.road_id,
        road_name: road.road_name.unwrap_or_default(),
        zones: road.zones,
        congestion: road.congestion,
        jam_factor: road.jam_factor,
        speed_kmh: road.speed_kmh,
        free_flow_kmh: road.free_flow_kmh,
        inputs: road.inputs as u32,
        window_start: road.window.0,
        places: road.places.into_iter().map(place).collect(),
    }
}

/// A hot spot.
///
/// # Errors
/// None in practice: a shape has a JSON form.
pub fn hot_spot(spot: HotSpot) -> Result<v1::HotSpot> {
    Ok(v1::HotSpot {
        id: spot.id,
        since: spot.since.0,
        lat: spot.lat,
        lon: spot.lon,
        points: spot.points as u32,
        weight: spot.weight,
        geometry_json: serde_json::to_string(&spot.geometry)?,
    })
}

/// A figure.
pub fn kpi(figure: Kpi) -> v1::Kpi {
    v1::Kpi {
        name: figure.name.into(),
        value: figure.value,
        unit: figure.unit.into(),
        inputs: figure.inputs as u64,
        definition: figure.definition.into(),
        source: figure.source.into(),
        at: figure.at.map(|at| at.0),
        absent: figure.absent.unwrap_or_default(),
    }
}
