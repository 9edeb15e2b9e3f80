//! `GET /v1/incidents`: what was reported to be going on, or what was in a time.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::stream::StreamDefinition;
use arterial_datasets::time::Timestamp;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use super::accept::Format;
use super::geo::{FeatureCollection, feature, point};
use super::names::FormatName;
use super::params::{Given, Limit, List};
use super::problem::Problems;
use super::reply::{Asked, Listing};
use super::table::{Columns, Kind, table};
use crate::analytics::{Bounds, Range, Selection, expected_end};
use crate::live::Incident;
use crate::state::AppState;
use crate::{Error, Result};

/// The most incidents a page.
const LARGEST_PAGE: usize = 10_000;
/// The stream that they come from.
const INCIDENTS: &str = "incidents";

/// Which incidents.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncidentQuery {
    /// Only these incidents, by identity.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    keys: List<String>,
    /// Only incidents in these zones.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only incidents on these roads, by id.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    roads: List<String>,
    /// Only incidents of these types, such as accident.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    types: List<String>,
    /// Only incidents that are so severe: low, medium, high, critical.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    severities: List<String>,
    /// Only incidents within west,south,east,north, degrees.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// Those that were not over before this instant; those that are going on where absent.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Given<Timestamp>,
    /// Only those that were reported before this instant; needs `since`.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Given<Timestamp>,
    /// Incidents a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// A page of incidents.
#[derive(Serialize, ToSchema)]
pub struct IncidentPage {
    /// The incidents, the latest report first.
    incidents: Vec<IncidentRow>,
    /// Incidents that are known at all, however long they have been over: where it is 0 nobody reports any.
    #[schema(minimum = 0)]
    known: usize,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

/// An incident, as the newest report of it tells.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentRow {
    /// Its identity.
    #[schema(example = "INC-000001")]
    incident_id: String,
    /// What it is: accident, breakdown, roadwork, event, demonstration, flooding or `power_outage`; null where not told.
    #[serde(rename = "type")]
    #[schema(example = "accident")]
    kind: Option<String>,
    /// low, medium, high or critical; null where not told.
    #[schema(example = "high")]
    severity: Option<String>,
    /// active or resolved, as it was told; null where not told.
    #[schema(example = "active")]
    status: Option<String>,
    /// Whether it is going on: not resolved, and not silent for longer than an hour and than it was said to last.
    active: bool,
    /// The road that it is on.
    road_id: Option<String>,
    /// The road's name.
    road_name: Option<String>,
    /// The zone that it is in.
    zone_id: Option<String>,
    /// Latitude, degrees.
    lat: Option<f64>,
    /// Longitude, degrees.
    lon: Option<f64>,
    /// When it was first told of.
    #[schema(format = DateTime)]
    reported_at: String,
    /// The time of the newest report.
    #[schema(format = DateTime)]
    updated_at: String,
    /// When it is expected to be over: `estimated_duration_min` after `reported_at`. Where that is null, or the incident is still told
    /// of after that, an hour after `updated_at`; of a resolved one `updated_at`. Until an hour after `updated_at` one that nobody
    /// resolved is active even behind this.
    #[schema(format = DateTime)]
    expected_end: String,
    /// How long whoever reports it says that it lasts, minutes from the first report, as the newest report has it; null where not told.
    /// It stays as it was told of an incident that is over sooner or lasts longer.
    estimated_duration_min: Option<f64>,
    /// Lanes that it takes.
    affected_lanes: Option<i64>,
    /// What people said of it.
    description: Option<String>,
}

const COLUMNS: &Columns<'static> = &[
    ("incident_id", Kind::Text),
    ("type", Kind::Text),
    ("severity", Kind::Text),
    ("status", Kind::Text),
    ("active", Kind::Flag),
    ("road_id", Kind::Text),
    ("road_name", Kind::Text),
    ("zone_id", Kind::Text),
    ("lat", Kind::Number),
    ("lon", Kind::Number),
    ("reported_at", Kind::Instant),
    ("updated_at", Kind::Instant),
    ("expected_end", Kind::Instant),
    ("estimated_duration_min", Kind::Number),
    ("affected_lanes", Kind::Whole),
    ("description", Kind::Text),
];

impl IncidentRow {
    fn of(incident: Incident, now: Timestamp) -> Self {
        let told = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            active: incident.is_active(now),
            expected_end: expected_end(&incident).to_string(),
            incident_id: incident.incident_id,
            kind: told(incident.kind),
            severity: told(incident.severity),
            status: told(incident.status),
            road_id: incident.road_id,
            road_name: incident.road_name,
            zone_id: incident.zone_id,
            lat: incident.lat,
            lon: incident.lon,
            reported_at: incident.reported_at.to_string(),
            updated_at: incident.updated_at.to_string(),
            estimated_duration_min: incident.estimated_duration_min,
            affected_lanes: incident.affected_lanes,
            description: incident.description,
        }
    }
}

/// Accidents, roadworks and other disturbances, as they are reported.
///
/// Those that are going on, the latest report first; with `since` also those of that time that are over, as far as the archive
/// holds them.
#[utoipa::path(
    get,
    path = "/v1/incidents",
    tag = "city",
    params(IncidentQuery),
    responses(
        (status = 200, description = "Incidents", content(
            (IncidentPage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<IncidentQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<IncidentPage>(query.format.0)?;
    let after: Option<(i64, String)> = query
        .cursor
        .0
        .as_deref()
        .map(|cursor| request.scope().read(cursor))
        .transpose()?;
    let limit = query.limit.rows(form);
    let mut found = find(&state, query)?;
    let place = |one: &Incident| (one.reported_at.0, one.incident_id.clone());
    found.sort_by_key(|one| std::cmp::Reverse(place(one)));
    if let Some(after) = after {
        found.retain(|one| place(one) < after);
    }
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(place);
    let now = state.clock.now();
    let page = IncidentPage {
        incidents: found.into_iter().map(|one| IncidentRow::of(one, now)).collect(),
        known: state.live.incidents().len(),
        next_cursor: next.map(|next| request.scope().write(&next)).transpose()?,
    };
    request.answer(form, &page)
}

fn find(state: &AppState, query: IncidentQuery) -> Result<Vec<Incident>> {
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let stream = state.live.stream(INCIDENTS)?.definition();
    check("types", &query.types.0, "type", stream)?;
    check("severities", &query.severities.0, "severity", stream)?;
    let now = state.clock.now();
    let found = match (query.since.0, query.until.0) {
        (Some(since), until) => {
            let range = Range::new(since, until, now)?;
            let mut found = state.live.incidents().since(range.since, now);
            found.retain(|one| one.reported_at < range.until);
            found
        }
        (None, Some(_)) => return Err(Error::missing("since", "a time before `until`, RFC 3339")),
        (None, None) => state.live.incidents().active(now),
    };
    let selection = Selection {
        keys: query.keys.0.into_iter().collect(),
        zones: query.zones.0.into_iter().collect(),
        bounds: query.bbox.0,
    };
    selection.check("keys")?;
    let holds = |words: &[String], word: &str| words.is_empty() || words.iter().any(|one| one == word);
    let taken = |one: &Incident| {
        selection.takes(&one.incident_id, one.zone_id.as_deref(), one.lat, one.lon)
            && holds(&query.roads.0, one.road_id.as_deref().unwrap_or_default())
            && holds(&query.types.0, &one.kind)
            && holds(&query.severities.0, &one.severity)
    };
    Ok(found.into_iter().filter(taken).collect())
}

/// Whether the stream declares these values of a field.
fn check(parameter: &str, words: &[String], field: &str, stream: &StreamDefinition) -> Result<()> {
    let declared = stream.category_fields().find(|one| one.column() == field);
    let Some(declared) = declared else { return Ok(()) };
    match words.iter().find(|word| !declared.values.contains(word)) {
        Some(wrong) => Err(Error::invalid(parameter, wrong, declared.values.join(", "))),
        None => Ok(()),
    }
}

impl Listing for IncidentPage {
    fn table(&self) -> Result<RecordBatch> {
        table(&self.incidents, COLUMNS)
    }

    fn features(&self) -> Result<Vec<Value>> {
        let rows = self.incidents.iter();
        rows.map(|row| feature(&row.incident_id, &point(row.lat, row.lon), row))
            .collect()
    }

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }
}
