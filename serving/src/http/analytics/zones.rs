//! `GET /v1/analytics/zones`: the indices of zones.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::time::{DAY, Duration, Timestamp};
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{congestion, ready};
use crate::analytics::{
    Bounds, Range, ZoneIndex, ZonePlace, ZoneSelection, Zones, zones_ahead, zones_between, zones_now,
};
use crate::http::Problem;
use crate::http::accept::Format;
use crate::http::geo::{FeatureCollection, feature, point};
use crate::http::names::FormatName;
use crate::http::params::{Given, Limit, List};
use crate::http::problem::Problems;
use crate::http::reply::{Asked, Listing};
use crate::http::table::{Columns, Kind, table};
use crate::state::AppState;
use crate::{Error, Result};

/// The most rows a page.
const LARGEST_PAGE: usize = 10_000;
/// The longest time of one question.
const LONGEST: Duration = Duration(32 * DAY);

/// Which zones, and when.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ZoneQuery {
    /// Only these zones; all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only zones whose centre lies within west,south,east,north, degrees.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// Only by these formulas, NAME@VERSION; by all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    formulas: List<String>,
    /// So many minutes ahead, as the newest forecasts have it: a multiple of the window; what was measured where absent or 0.
    #[param(value_type = Option<u32>, maximum = 7200)]
    horizon_minutes: Given<u32>,
    /// The windows that begin at or after this instant, by time and zone; the newest one of each zone where absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Given<Timestamp>,
    /// Only windows that begin before this instant, at most 32 days later; needs `since`.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Given<Timestamp>,
    /// Rows a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// A page of indices.
#[derive(Serialize, ToSchema)]
pub struct ZonePage {
    /// The indices.
    zones: Vec<ZoneRow>,
    /// The start of the newest window, with `since` of the newest on this page, or of the one that is forecast; null where there is none.
    #[schema(format = DateTime)]
    window_start: Option<String>,
    /// Why there is nothing.
    absent: Option<String>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// The indices of a zone in a window by a formula.
#[derive(Debug, Serialize, ToSchema)]
pub struct ZoneRow {
    /// The zone.
    #[schema(example = "Z01")]
    zone_id: String,
    /// The start of the window.
    #[schema(format = DateTime)]
    window_start: String,
    /// How far ahead, minutes; 0 is what was measured.
    #[schema(minimum = 0)]
    horizon_minutes: u32,
    /// 0 (free) to 1 (standing): the mean over the zone's sensors of 1 - speed / free flow.
    congestion: Option<f64>,
    /// 10 times the congestion.
    jam_factor: Option<f64>,
    /// How freely people move, 0 to 100; null ahead, as occupancy is not forecast here.
    mobility_index: Option<f64>,
    /// Which formula made it.
    #[schema(example = "arterial@1")]
    formula: String,
    /// Sensors that it was made from.
    inputs: i64,
    /// Grows with each change of the row; null ahead.
    revision: Option<i64>,
    /// The mean latitude of the sensors, stations and car parks that are known there.
    lat: Option<f64>,
    /// Their mean longitude.
    lon: Option<f64>,
}

const COLUMNS: &Columns<'static> = &[
    ("zone_id", Kind::Text),
    ("window_start", Kind::Instant),
    ("horizon_minutes", Kind::Whole),
    ("congestion", Kind::Number),
    ("jam_factor", Kind::Number),
    ("mobility_index", Kind::Number),
    ("formula", Kind::Text),
    ("inputs", Kind::Whole),
    ("revision", Kind::Whole),
    ("lat", Kind::Number),
    ("lon", Kind::Number),
];

/// Where a page begins: behind this window, zone and formula.
type Place = (i64, String, String);

/// Congestion, jam factor and mobility index of zones: now, in a time, or in the forecast.
#[utoipa::path(
    get,
    path = "/v1/analytics/zones",
    tag = "analytics",
    params(ZoneQuery),
    responses(
        (status = 200, description = "Indices of zones", content(
            (ZonePage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<ZoneQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<ZonePage>(query.format.0)?;
    ready(&state)?;
    let scope = request.scope();
    let after: Option<Place> = query.cursor.0.as_deref().map(|cursor| scope.read(cursor)).transpose()?;
    let after = after.map(|(window, zone_id, formula)| ZonePlace {
        window: Timestamp(window),
        zone_id,
        formula,
    });
    let found = find(&state, &query, after.as_ref(), query.limit.rows(form)).await?;
    let last = found.zones.last().filter(|_| found.more).map(ZoneIndex::place);
    let next: Option<Place> = last.map(|last| (last.window.0, last.zone_id, last.formula));
    let page = ZonePage {
        zones: found.zones.into_iter().map(row).collect(),
        window_start: found.window.map(|window| window.to_string()),
        absent: found.absent,
        next_cursor: next.map(|next| scope.write(&next)).transpose()?,
    };
    request.answer(form, &page)
}

async fn find(state: &Arc<AppState>, query: &ZoneQuery, after: Option<&ZonePlace>, limit: usize) -> Result<Zones> {
    let selection = ZoneSelection {
        zones: query.zones.0.iter().cloned().collect(),
        bounds: query.bbox.0,
        formulas: query.formulas.0.iter().cloned().collect(),
    };
    let horizon = query.horizon_minutes.0.filter(|minutes| *minutes > 0);
    let Some(since) = query.since.0 else {
        if query.until.0.is_some() {
            return Err(Error::missing("since", "a time before `until`, RFC 3339"));
        }
        let zones = match horizon {
            None => zones_now(state, &selection).await?,
            Some(minutes) => zones_ahead(state, &congestion(state, Some(minutes)).await?, &selection),
        };
        return Ok(zones.page(after, limit));
    };
    if let Some(minutes) = horizon {
        let accepted = "0 or nothing together with `since`: the table `forecasts` has past forecasts";
        return Err(Error::invalid("horizon_minutes", minutes, accepted));
    }
    let mut range = Range::new(since, query.until.0, state.clock.now())?;
    let longest = Timestamp(since.0.saturating_add(LONGEST.0));
    if query.until.0.is_some_and(|until| until > longest) {
        return Err(Error::invalid(
            "until",
            range.until,
            format!("at most 32 days after `since`, {longest}"),
        ));
    }
    range.until = range.until.min(longest);
    zones_between(state, &selection, range, after, limit).await
}

fn row(index: ZoneIndex) -> ZoneRow {
    ZoneRow {
        zone_id: index.zone_id,
        window_start: index.window.to_string(),
        horizon_minutes: index.horizon_minutes,
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

impl Listing for ZonePage {
    fn table(&self) -> Result<RecordBatch> {
        table(&self.zones, COLUMNS)
    }

    fn features(&self) -> Result<Vec<Value>> {
        let id = |row: &ZoneRow| format!("{}+{}+{}", row.zone_id, row.formula, row.window_start);
        let rows = self.zones.iter();
        rows.map(|row| feature(&id(row), &point(row.lat, row.lon), row))
            .collect()
    }

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }
}
