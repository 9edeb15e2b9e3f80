//! `GET /v1/alerts`: the alerts at hand, the latest change first, page by page.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::time::Timestamp;
use arterial_models::alerts::{Kind as AlertKinds, Language, Severity, State as Stage};
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use super::accept::Format;
use super::alert_row::{AlertRow, COLUMNS};
use super::geo::FeatureCollection;
use super::names::{AlertKind, AlertSeverity, AlertState, FormatName, LanguageName};
use super::params::{Given, Limit, List};
use super::problem::Problems;
use super::reply::{Asked, Listing};
use super::table::table;
use crate::Result;
use crate::alerts::{AlertFilter, AlertRevision, PagePlace, Watched, feature, told};
use crate::analytics::Bounds;
use crate::state::AppState;

/// The most alerts a page.
const LARGEST_PAGE: usize = 1_000;

/// Which alerts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlertQuery {
    /// Only these kinds; all where absent.
    #[param(value_type = Vec<AlertKind>, style = Form, explode = false)]
    kinds: List<AlertKinds>,
    /// Only alerts in these states; all where absent.
    #[param(value_type = Vec<AlertState>, style = Form, explode = false)]
    states: List<Stage>,
    /// Only alerts in these zones; all where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only alerts that are so severe; all where absent.
    #[param(value_type = Vec<AlertSeverity>, style = Form, explode = false)]
    severities: List<Severity>,
    /// Only alerts whose main place lies within west,south,east,north, degrees.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// Only what was not over before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    since: Given<Timestamp>,
    /// Only what was opened before this instant.
    #[param(value_type = Option<String>, format = DateTime)]
    until: Given<Timestamp>,
    /// The language of the texts; English where absent.
    #[param(value_type = Option<LanguageName>)]
    language: Given<Language>,
    /// Alerts a page. Where absent, CSV and Arrow, which have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 1000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// A page of alerts.
#[derive(Serialize, ToSchema)]
pub struct AlertPage {
    /// The alerts, the latest change first; those that changed since the first page come at the end, the earliest change first.
    alerts: Vec<AlertRow>,
    /// What is watched, and how far it has been learned.
    watched: Vec<WatchedRow>,
    /// The sequence of the newest revision of all: `WatchAlerts` goes on from there.
    #[schema(minimum = 0)]
    resume_after: u64,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    features: Vec<Value>,
}

/// How far a number that is watched has been learned.
#[derive(Debug, Serialize, ToSchema)]
pub struct WatchedRow {
    /// The stream.
    #[schema(example = "traffic-sensors")]
    topic: String,
    /// The field.
    #[schema(example = "speed_kmh")]
    target: String,
    /// The start of the next window to be looked at; null before the first one.
    #[schema(format = DateTime)]
    next_window: Option<String>,
    /// Windows that were held against what was expected of them, up to what is needed.
    #[schema(minimum = 0)]
    windows_learned: usize,
    /// With fewer, its detector is still learning.
    #[schema(minimum = 0)]
    windows_needed: usize,
    /// Whether it is still learning.
    learning: bool,
}

/// Alerts for operators: what is wrong, where, since when, how bad, and the likely cause.
///
/// One alert is one event, as it has become; those that are over stay at hand for 30 days unless configured otherwise.
#[utoipa::path(
    get,
    path = "/v1/alerts",
    tag = "alerts",
    params(AlertQuery),
    responses(
        (status = 200, description = "Alerts", content(
            (AlertPage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<AlertQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<AlertPage>(query.format.0)?;
    let scope = request.scope();
    let from: Option<PagePlace> = query.cursor.0.as_deref().map(|cursor| scope.read(cursor)).transpose()?;
    let (limit, language) = (query.limit.rows(form), query.language.0.unwrap_or(Language::English));
    let filter = query.filter()?;
    state.alerts.ready(&state)?;
    let (found, next, last) = state.alerts.store.page(&filter, from, limit);
    let found: Vec<AlertRevision> = found.iter().map(|one| in_language(&state, one, language)).collect();
    let features = match form {
        Format::GeoJson => found.iter().map(|one| feature(&state, one)).collect(),
        _ => Vec::new(),
    };
    let page = AlertPage {
        alerts: found.iter().map(AlertRow::of).collect::<Result<_>>()?,
        watched: state.alerts.watched().iter().map(WatchedRow::of).collect(),
        resume_after: last,
        next_cursor: next.map(|place| scope.write(&place)).transpose()?,
        features,
    };
    request.answer(form, &page)
}

impl AlertQuery {
    fn filter(self) -> Result<AlertFilter> {
        let none: [String; 0] = [];
        let times = (self.since.0, self.until.0);
        let plain = AlertFilter::new(&none, &none, &self.zones.0, &none, times)?;
        Ok(AlertFilter {
            kinds: self.kinds.0.into_iter().collect(),
            states: self.states.0.into_iter().collect(),
            severities: self.severities.0.into_iter().collect(),
            bounds: self.bbox.0,
            ..plain
        })
    }
}

impl WatchedRow {
    fn of(one: &Watched) -> Self {
        Self {
            topic: one.target.topic.clone(),
            target: one.target.field.clone(),
            next_window: one.next.map(|window| window.to_string()),
            windows_learned: one.learned,
            windows_needed: one.needed,
            learning: one.learned < one.needed,
        }
    }
}

/// The revision with its text in the wanted language.
pub(super) fn in_language(state: &AppState, revision: &AlertRevision, language: Language) -> AlertRevision {
    let mut revision = revision.clone();
    revision.alert.text = told(state, &revision.alert, language).text;
    revision
}

impl Listing for AlertPage {
    fn table(&self) -> Result<RecordBatch> {
        table(&self.alerts, COLUMNS)
    }

    fn features(&self) -> Result<Vec<Value>> {
        Ok(self.features.clone())
    }

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn members(&self) -> Map<String, Value> {
        Map::from_iter([
            ("next_cursor".to_owned(), self.next_cursor().into()),
            ("resume_after".to_owned(), self.resume_after.into()),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::http::params::read;

    #[test]
    fn a_wrong_parameter_is_refused_with_what_is_accepted() {
        for (query, said) in [
            ("kind=air", "kinds, states"),
            ("kinds=fire", "congestion, incident_suspected"),
            ("severities=huge", "low, medium, high, critical"),
            ("limit=0", "1 to 1000"),
            ("language=de", "en, ru, fr"),
            ("since=yesterday", "`since`"),
            ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "`until`"),
        ] {
            let filter: Result<AlertFilter> = read(query).and_then(AlertQuery::filter);
            let error = filter.err().map(|error: Error| error.to_string()).unwrap_or_default();
            assert!(error.contains(said), "{query}: {error}");
        }
        let query: AlertQuery = read("kinds=air,demand&limit=5").unwrap();
        assert_eq!(
            (query.limit.rows(Format::Csv), query.filter().unwrap().kinds.len()),
            (5, 2)
        );
    }
}
