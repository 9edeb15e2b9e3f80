//! `GET /v1/analytics/hot-spots`: where congestion or incidents cluster.

use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ready;
use crate::Result;
use crate::analytics::{HotSpot, HotSpotKind, hot_spots};
use crate::http::Problem;
use crate::http::accept::Format;
use crate::http::geo::{FeatureCollection, feature};
use crate::http::names::{FormatName, HotSpotKindName};
use crate::http::params::Given;
use crate::http::problem::Problems;
use crate::http::reply::{Asked, Listing};
use crate::http::table::{Columns, Kind, table};
use crate::state::AppState;

/// Of what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HotSpotQuery {
    /// congestion (where absent): sensors at half of their free flow or less; incidents: those that are going on.
    #[param(value_type = Option<HotSpotKindName>)]
    of: Given<HotSpotKind>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// The hot spots of now.
#[derive(Serialize, ToSchema)]
pub struct HotSpotPage {
    /// The hot spots, the heaviest first.
    hot_spots: Vec<HotSpotRow>,
    /// What clusters.
    #[schema(value_type = HotSpotKindName)]
    of: &'static str,
    /// The start of the newest window, or the time of the look; null where there is none.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Sensors or incidents that were looked at.
    #[schema(minimum = 0)]
    inputs: usize,
    /// Those that could not be: without a place, silent for too long, or without free flow.
    #[schema(minimum = 0)]
    left_out: usize,
    /// Neighbours are within so many kilometres of each other.
    radius_km: f64,
    /// Around the core of a hot spot its points weigh at least so much together.
    least_weight: f64,
    /// Why there can be none.
    absent: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    shapes: Vec<Value>,
}

/// A hot spot.
#[derive(Debug, Serialize, ToSchema)]
pub struct HotSpotRow {
    /// Its name, the same as long as it is there and this process runs.
    #[schema(example = "hot-spot-7")]
    id: String,
    /// When it was first seen by this process.
    #[schema(format = DateTime)]
    since: String,
    /// The mean latitude of its points, by weight.
    lat: f64,
    /// The mean longitude of its points, by weight.
    lon: f64,
    /// Sensors or incidents that it is made of.
    #[schema(minimum = 1)]
    points: usize,
    /// What they weigh together: a sensor the share of speed that it lost, an incident 1.
    weight: f64,
}

const COLUMNS: &Columns<'static> = &[
    ("id", Kind::Text),
    ("since", Kind::Instant),
    ("lat", Kind::Number),
    ("lon", Kind::Number),
    ("points", Kind::Whole),
    ("weight", Kind::Number),
];

/// Where congestion or incidents cluster: DBSCAN with great-circle distances.
///
/// In GeoJSON a hot spot is the convex hull of its points.
#[utoipa::path(
    get,
    path = "/v1/analytics/hot-spots",
    tag = "analytics",
    params(HotSpotQuery),
    responses(
        (status = 200, description = "Hot spots", content(
            (HotSpotPage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<HotSpotQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<HotSpotPage>(query.format.0)?;
    ready(&state)?;
    let kind = query.of.0.unwrap_or(HotSpotKind::Congestion);
    let found = hot_spots(&state, kind).await?;
    let shape = |spot: &HotSpot| serde_json::to_value(&spot.geometry).map_err(crate::Error::from);
    let page = HotSpotPage {
        of: kind.name(),
        at: found.at.map(|at| at.to_string()),
        inputs: found.inputs,
        left_out: found.left_out,
        radius_km: found.radius_km,
        least_weight: found.least_weight,
        absent: found.absent,
        shapes: found.spots.iter().map(shape).collect::<Result<_>>()?,
        hot_spots: found.spots.into_iter().map(row).collect(),
    };
    request.answer(form, &page)
}

fn row(spot: HotSpot) -> HotSpotRow {
    HotSpotRow {
        id: spot.id,
        since: spot.since.to_string(),
        lat: spot.lat,
        lon: spot.lon,
        points: spot.points,
        weight: spot.weight,
    }
}

impl Listing for HotSpotPage {
    fn table(&self) -> Result<RecordBatch> {
        table(&self.hot_spots, COLUMNS)
    }

    fn features(&self) -> Result<Vec<Value>> {
        let rows = self.hot_spots.iter().zip(&self.shapes);
        rows.map(|(row, shape)| feature(&row.id, shape, row)).collect()
    }

    fn next_cursor(&self) -> Option<&str> {
        None
    }

    fn left_out(&self) -> usize {
        self.left_out
    }

    /// The time of a look at incidents is no news.
    fn made_from(&self) -> Option<Vec<u8>> {
        let spots: Vec<String> = self.hot_spots.iter().map(|row| format!("{row:?}")).collect();
        Some(format!("{} {} {} {spots:?}", self.of, self.inputs, self.left_out).into_bytes())
    }
}
