//! `GET /v1/analytics/hot-spots`: where congestion or incidents cluster.

use std::cmp::Reverse;
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
use crate::http::params::{Given, Limit};
use crate::http::problem::Problems;
use crate::http::reply::{Asked, Listing};
use crate::http::table::{Columns, Kind, table};
use crate::state::AppState;

/// The most hot spots a page.
const LARGEST_PAGE: usize = 10_000;

/// Of what.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HotSpotQuery {
    /// congestion (where absent): sensors at half of their free flow or less; incidents: those that are going on.
    #[param(value_type = Option<HotSpotKindName>)]
    of: Given<HotSpotKind>,
    /// Hot spots a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
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
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    shapes: Vec<Value>,
}

/// A hot spot.
#[derive(Debug, Serialize, ToSchema)]
pub struct HotSpotRow {
    /// Its name, the same as long as it is there.
    #[schema(example = "hot-spot-7")]
    id: String,
    /// When it was first seen.
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
    let scope = request.scope();
    let after: Option<(u64, String)> = query.cursor.0.as_deref().map(|cursor| scope.read(cursor)).transpose()?;
    let mut found = hot_spots(&state, kind).await?;
    found.spots.sort_by_key(place);
    if let Some((weight, id)) = after {
        let last = (Reverse(weight), id);
        found.spots.retain(|spot| place(spot) > last);
    }
    let limit = query.limit.rows(form);
    let more = found.spots.len() > limit;
    found.spots.truncate(limit);
    let next = found.spots.last().filter(|_| more).map(place);
    let shape = |spot: &HotSpot| serde_json::to_value(&spot.geometry).map_err(crate::Error::from);
    let page = HotSpotPage {
        of: kind.name(),
        at: found.at.map(|at| at.to_string()),
        inputs: found.inputs,
        left_out: found.left_out,
        radius_km: found.radius_km,
        least_weight: found.least_weight,
        absent: found.absent,
        next_cursor: next
            .map(|(Reverse(weight), id)| scope.write(&(weight, id)))
            .transpose()?,
        shapes: found.spots.iter().map(shape).collect::<Result<_>>()?,
        hot_spots: found.spots.into_iter().map(row).collect(),
    };
    request.answer(form, &page)
}

/// The heaviest first, by id where two weigh the same. Weights are never negative, so their bits are in their order.
fn place(spot: &HotSpot) -> (Reverse<u64>, String) {
    (Reverse(spot.weight.to_bits()), spot.id.clone())
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
        self.next_cursor.as_deref()
    }

    fn left_out(&self) -> usize {
        self.left_out
    }

    /// The time of a look at incidents is no news.
    fn made_from(&self) -> Option<Vec<u8>> {
        let spots: Vec<String> = self.hot_spots.iter().map(|row| format!("{row:?}")).collect();
        let next = &self.next_cursor;
        Some(format!("{} {} {} {spots:?} {next:?}", self.of, self.inputs, self.left_out).into_bytes())
    }
}
