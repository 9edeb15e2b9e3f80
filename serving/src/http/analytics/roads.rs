//! `GET /v1/analytics/roads`: roads by congestion, worst first.

use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{congestion, ready};
use crate::Result;
use crate::analytics::{Bounds, Road, Selection, rank};
use crate::http::Problem;
use crate::http::accept::Format;
use crate::http::geo::{FeatureCollection, feature, points};
use crate::http::names::FormatName;
use crate::http::params::{Given, Limit, List};
use crate::http::problem::Problems;
use crate::http::reply::{Asked, Listing};
use crate::http::table::{Columns, Kind, table};
use crate::state::AppState;

/// The most roads a page.
const LARGEST_PAGE: usize = 10_000;

/// Which roads, and when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RoadQuery {
    /// Only these roads, by id; all where absent. Ranks stay those among all roads.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    roads: List<String>,
    /// Only roads with a sensor in one of these zones.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only roads with a sensor within west,south,east,north, degrees.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// So many minutes ahead, as the newest forecasts have it: a multiple of the window; what was measured where absent or 0.
    #[param(value_type = Option<u32>, maximum = 7200)]
    horizon_minutes: Given<u32>,
    /// Roads a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// A page of the ranking.
#[derive(Serialize, ToSchema)]
pub struct RoadPage {
    /// The roads, the most congested first.
    roads: Vec<RoadRow>,
    /// The start of the newest window, or of the one that is forecast; null where there is none.
    #[schema(format = DateTime)]
    window_start: Option<String>,
    /// How far ahead, minutes; 0 is now.
    #[schema(minimum = 0)]
    horizon_minutes: u32,
    /// Sensors that were left out: silent for too long, or refused a forecast.
    #[schema(minimum = 0)]
    left_out: usize,
    /// Why there is nothing.
    absent: Option<String>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    places: Vec<Vec<(f64, f64)>>,
}

/// A road.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoadRow {
    /// Its place among all roads, from 1.
    #[schema(minimum = 1)]
    rank: usize,
    /// Its id.
    #[schema(example = "R0001")]
    road_id: String,
    /// Its name.
    road_name: Option<String>,
    /// The zones that its sensors lie in.
    zones: Vec<String>,
    /// 0 (free) to 1 (standing): the mean over its sensors of 1 - speed / free flow; null where no sensor has both.
    congestion: Option<f64>,
    /// 10 times the congestion.
    jam_factor: Option<f64>,
    /// Mean speed over its sensors, km/h; ahead of the median forecasts.
    speed_kmh: Option<f64>,
    /// Mean free-flow speed of its sensors, km/h.
    free_flow_kmh: Option<f64>,
    /// Sensors that gave the congestion.
    #[schema(minimum = 0)]
    inputs: usize,
    /// The start of the window.
    #[schema(format = DateTime)]
    window_start: String,
}

const COLUMNS: &Columns<'static> = &[
    ("rank", Kind::Whole),
    ("road_id", Kind::Text),
    ("road_name", Kind::Text),
    ("zones", Kind::Text),
    ("congestion", Kind::Number),
    ("jam_factor", Kind::Number),
    ("speed_kmh", Kind::Number),
    ("free_flow_kmh", Kind::Number),
    ("inputs", Kind::Whole),
    ("window_start", Kind::Instant),
];

/// Roads by congestion, worst first: now, or in the forecast.
#[utoipa::path(
    get,
    path = "/v1/analytics/roads",
    tag = "analytics",
    params(RoadQuery),
    responses(
        (status = 200, description = "Roads", content(
            (RoadPage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<RoadQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<RoadPage>(query.format.0)?;
    ready(&state)?;
    let selection = Selection {
        keys: query.roads.0.into_iter().collect(),
        zones: query.zones.0.into_iter().collect(),
        bounds: query.bbox.0,
    };
    selection.check("roads")?;
    let scope = request.scope();
    let after: Option<usize> = query.cursor.0.as_deref().map(|cursor| scope.read(cursor)).transpose()?;
    let mut found = rank(&congestion(&state, query.horizon_minutes.0).await?, &selection);
    found.roads.retain(|road| road.rank > after.unwrap_or(0));
    let limit = query.limit.rows(form);
    let more = found.roads.len() > limit;
    found.roads.truncate(limit);
    let next = found.roads.last().filter(|_| more).map(|road| scope.write(&road.rank));
    let page = RoadPage {
        window_start: found.window.map(|window| window.to_string()),
        horizon_minutes: found.horizon_minutes,
        left_out: found.left_out,
        absent: found.absent,
        next_cursor: next.transpose()?,
        places: found.roads.iter().map(|road| road.places.clone()).collect(),
        roads: found.roads.into_iter().map(row).collect(),
    };
    request.answer(form, &page)
}

fn row(road: Road) -> RoadRow {
    RoadRow {
        rank: road.rank,
        road_id: road.road_id,
        road_name: road.road_name,
        zones: road.zones,
        congestion: road.congestion,
        jam_factor: road.jam_factor,
        speed_kmh: road.speed_kmh,
        free_flow_kmh: road.free_flow_kmh,
        inputs: road.inputs,
        window_start: road.window.to_string(),
    }
}

impl Listing for RoadPage {
    fn table(&self) -> Result<RecordBatch> {
        table(&self.roads, COLUMNS)
    }

    /// A road is where its sensors are.
    fn features(&self) -> Result<Vec<Value>> {
        let rows = self.roads.iter().zip(&self.places);
        rows.map(|(row, places)| feature(&row.road_id, &points(places), row))
            .collect()
    }

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn left_out(&self) -> usize {
        self.left_out
    }
}
