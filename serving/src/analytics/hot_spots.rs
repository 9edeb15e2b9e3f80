//! Where congestion and incidents cluster, under names that last as long as the hot spot does, over restarts and on all that share a lake, and
//! are not given again.

mod kept;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_models::spatial::{self, Geometry, Point, Position};

pub use self::kept::Kept;
use super::congestion;
use crate::state::AppState;
use crate::{Error, Result};

/// From this congestion on a sensor counts towards a hot spot: half of its free-flow speed.
const CONGESTED: f64 = 0.5;

/// What clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HotSpotKind {
    /// Sensors that go at half of their free-flow speed or less, weighed by the share of speed lost.
    Congestion,
    /// Incidents that are going on, each with weight 1.
    Incidents,
}

impl HotSpotKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Congestion, Self::Incidents];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Congestion => "congestion",
            Self::Incidents => "incidents",
        }
    }

    /// The radius in km, and the least weight within it: two neighbours at least.
    fn density(self) -> (f64, f64) {
        match self {
            Self::Congestion => (0.75, 2.0 * CONGESTED),
            Self::Incidents => (1.5, 2.0),
        }
    }
}

impl FromStr for HotSpotKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| Error::invalid("of", text, Self::ALL.map(Self::name).join(", ")))
    }
}

impl fmt::Display for HotSpotKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// One hot spot.
#[derive(Debug, Clone, PartialEq)]
pub struct HotSpot {
    /// Its name, the same as long as it is there: `hot-spot-7`.
    pub id: String,
    /// When it was first seen, as far as anybody has looked.
    pub since: Timestamp,
    /// The mean latitude of its points, by weight.
    pub lat: f64,
    /// The mean longitude of its points, by weight.
    pub lon: f64,
    /// Sensors or incidents that it is made of.
    pub points: usize,
    /// What they weigh together.
    pub weight: f64,
    /// Their convex hull.
    pub geometry: Geometry,
}

/// The hot spots of one kind.
#[derive(Debug, Clone)]
pub struct HotSpots {
    /// The heaviest first.
    pub spots: Vec<HotSpot>,
    /// The start of the newest window of traffic, or the time of the look at incidents.
    pub at: Option<Timestamp>,
    /// Sensors or incidents that were looked at.
    pub inputs: usize,
    /// Those of them without a place or a value.
    pub left_out: usize,
    /// Neighbours are within so many kilometres of each other.
    pub radius_km: f64,
    /// Around the core of a hot spot points weigh at least so much.
    pub least_weight: f64,
    /// Why there can be none, where nothing was there to look at.
    pub absent: Option<String>,
}

/// What is looked at.
#[derive(Default)]
struct Scene {
    points: Vec<Point>,
    at: Option<Timestamp>,
    inputs: usize,
    left_out: usize,
    absent: Option<String>,
}

/// The hot spots of now. DBSCAN with great-circle distances ([`spatial::Dbscan`]).
///
/// # Errors
/// A lake that cannot be read.
pub async fn hot_spots(state: &Arc<AppState>, kind: HotSpotKind) -> Result<HotSpots> {
    let scene = match kind {
        HotSpotKind::Congestion => congested(state).await?,
        HotSpotKind::Incidents => incidents(state),
    };
    let (radius_km, least_weight) = kind.density();
    let mut found = HotSpots {
        spots: Vec::new(),
        at: scene.at,
        inputs: scene.inputs,
        left_out: scene.left_out,
        radius_km,
        least_weight,
        absent: scene.absent,
    };
    let (Some(at), Some(kept)) = (scene.at, state.analytics.hot_spots.get(&kind)) else {
        return Ok(found);
    };
    let mut kept = kept.lock().await;
    let times = (at, state.clock.now());
    let spots = kept.look(state.lake.as_ref(), kind, times, &scene.points).await?;
    found.spots = told(&spots);
    Ok(found)
}

fn told(spots: &spatial::HotSpots) -> Vec<HotSpot> {
    let shapes = spots.to_geojson().features;
    let spots = spots.current().iter().zip(shapes);
    spots
        .map(|(spot, shape)| HotSpot {
            id: spot.id.clone(),
            since: spot.since,
            lat: spot.centre.lat(),
            lon: spot.centre.lon(),
            points: spot.points,
            weight: spot.weight,
            geometry: shape.geometry,
        })
        .collect()
}

async fn congested(state: &Arc<AppState>) -> Result<Scene> {
    let city = congestion::now(state).await?;
    let mut scene = Scene {
        at: city.window,
        left_out: city.left_out,
        absent: city.absent,
        ..Scene::default()
    };
    for sensor in &city.sensors {
        let (Some(weight), Some(position)) = (sensor.congestion, position(sensor.place.lat, sensor.place.lon)) else {
            scene.left_out += 1;
            continue;
        };
        scene.inputs += 1;
        if weight >= CONGESTED {
            scene.points.push(Point { position, weight });
        }
    }
    Ok(scene)
}

/// The place on the globe; none where it is not known, or nowhere on it.
fn position(lat: Option<f64>, lon: Option<f64>) -> Option<Position> {
    let (lat, lon) = lat.zip(lon)?;
    Position::new(lat, lon).ok()
}

fn incidents(state: &AppState) -> Scene {
    let now = state.clock.now();
    let mut scene = Scene {
        at: Some(now),
        ..Scene::default()
    };
    for incident in state.live.incidents().active(now) {
        let Some(position) = position(incident.lat, incident.lon) else {
            scene.left_out += 1;
            continue;
        };
        scene.inputs += 1;
        scene.points.push(Point { position, weight: 1.0 });
    }
    scene
}
