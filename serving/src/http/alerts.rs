//! `GET /v1/alerts`: the alerts at hand as JSON or GeoJSON, the latest change first, page by page.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::Timestamp;
use arterial_models::alerts::Language;
use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Problem;
use super::query::{one, words};
use crate::alerts::{AlertFilter, AlertRevision, feature, language, told};
use crate::state::AppState;
use crate::{Error, Result};

/// Alerts a page, where the request does not say.
const PAGE: usize = 100;
/// The most alerts a page.
const LARGEST_PAGE: usize = 1_000;
const PARAMETERS: &str = "kinds, states, zones, severities, since, until, language, limit, cursor";
/// The type of GeoJSON (RFC 7946).
const GEOJSON: &str = "application/geo+json";

/// What was asked for.
struct Wanted {
    filter: AlertFilter,
    language: Language,
    limit: usize,
    before: u64,
}

/// The page that was asked for: `alerts`, `watched`, `resume_after` and, where there are more, `next_cursor`; or, for those who
/// accept `application/geo+json`, a collection of features.
pub async fn list(
    State(state): State<Arc<AppState>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let wanted = read(&query.unwrap_or_default())?;
    state.alerts.ready(&state)?;
    let (found, more, last) = state.alerts.store.page(&wanted.filter, wanted.before, wanted.limit);
    let next = found.last().filter(|_| more).map(|last| last.sequence.to_string());
    if accepts_geojson(&headers) {
        let features: Vec<Value> = found
            .iter()
            .map(|one| feature(&state, &in_language(&state, one, &wanted)))
            .collect();
        let body =
            json!({"type": "FeatureCollection", "features": features, "next_cursor": next, "resume_after": last});
        return Ok(([(header::CONTENT_TYPE, GEOJSON)], body.to_string()).into_response());
    }
    let alerts: Vec<Value> = found
        .iter()
        .map(|one| Value::Object(in_language(&state, one, &wanted).to_json()))
        .collect();
    let watched: Vec<Value> = state.alerts.watched().iter().map(watched).collect();
    let body = json!({"alerts": alerts, "watched": watched, "resume_after": last, "next_cursor": next});
    Ok(Json(body).into_response())
}

fn watched(one: &crate::alerts::Watched) -> Value {
    json!({
        "topic": one.target.topic,
        "target": one.target.field,
        "next_window": one.next.map(|window| window.to_string()),
        "windows_learned": one.learned,
        "windows_needed": one.needed,
        "learning": one.learned < one.needed,
    })
}

/// The revision with its text in the wanted language.
fn in_language(state: &AppState, revision: &AlertRevision, wanted: &Wanted) -> AlertRevision {
    let mut revision = revision.clone();
    revision.alert.text = told(state, &revision.alert, wanted.language).text;
    revision
}

fn accepts_geojson(headers: &HeaderMap) -> bool {
    let accepted = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';')
            .next()
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(GEOJSON))
    })
}

fn read(query: &str) -> Result<Wanted> {
    let mut values = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if !PARAMETERS.split(", ").any(|known| known == name) {
            return Err(Error::invalid("query", name, PARAMETERS));
        }
        values.insert(name.into_owned(), value.into_owned());
    }
    let text = |name: &str| values.get(name).map(String::as_str).unwrap_or_default();
    let list = |name: &str| words(text(name));
    let accepted = format!("1 to {LARGEST_PAGE}");
    let limit = match text("limit") {
        "" => PAGE,
        other => one("limit", other, &accepted)?,
    };
    if !(1..=LARGEST_PAGE).contains(&limit) {
        return Err(Error::invalid("limit", limit, accepted));
    }
    let before = match text("cursor") {
        "" => u64::MAX,
        cursor => one("cursor", cursor, "the `next_cursor` of the page before")?,
    };
    let times = (instant("since", text("since"))?, instant("until", text("until"))?);
    Ok(Wanted {
        filter: AlertFilter::new(
            &list("kinds"),
            &list("states"),
            &list("zones"),
            &list("severities"),
            times,
        )?,
        language: language("language", text("language"))?,
        limit,
        before,
    })
}

fn instant(field: &str, text: &str) -> Result<Option<Timestamp>> {
    let read = |text: &str| {
        text.parse()
            .map_err(|error: arterial_datasets::Error| error.about(field))
    };
    Ok(Some(text).filter(|text| !text.is_empty()).map(read).transpose()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_parameter_is_refused_with_what_is_accepted() {
        for (query, said) in [
            ("kind=air", "kinds, states"),
            ("kinds=fire", "congestion, incident_suspected"),
            ("severities=huge", "low, medium, high, critical"),
            ("limit=0", "1 to 1000"),
            ("cursor=x", "next_cursor"),
            ("language=de", "en, ru, fr"),
            ("since=yesterday", "`since`"),
            ("since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z", "`until`"),
        ] {
            let error = read(query).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(said), "{query}: {error}");
        }
        assert_eq!(read("kinds=air,demand&limit=5").unwrap().filter.kinds.len(), 2);
    }

    #[test]
    fn geojson_is_for_those_who_accept_it() {
        let accepting = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, text.parse().unwrap());
            accepts_geojson(&headers)
        };
        assert!(accepting("application/json;q=0.5, Application/Geo+JSON; q=1"));
        assert!(!accepting("application/json, */*"));
    }
}
