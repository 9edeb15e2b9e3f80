//! `GET /v1/forecasts`: the newest forecasts as JSON, keys page by page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Map, Value, json};

use super::Problem;
use super::query::{many, one, words};
use crate::answer::{DEFAULT_TARGET, DEFAULT_TOPIC, Forecast, Question, answer};
use crate::state::AppState;
use crate::{Error, Result};

/// Keys a page, where the request does not say.
const PAGE: usize = 100;
/// The most keys a page.
const LARGEST_PAGE: usize = 1_000;
const PARAMETERS: &str = "topic, target, keys, zones, horizons_minutes, quantiles, model, as_of, limit, cursor";

/// The page that was asked for: `forecasts`, `refusals` and, where there are more keys, `next_cursor`.
pub async fn list(State(state): State<Arc<AppState>>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    Ok(Json(page(&state, &query.unwrap_or_default()).await?))
}

async fn page(state: &Arc<AppState>, query: &str) -> Result<Value> {
    let (mut question, limit, cursor) = read(query)?;
    let stream = state.live.stream(&question.topic)?;
    let mut next = None;
    if question.keys.is_empty() {
        let mut found = stream.keys_after(&cursor, &question.zones, limit + 1);
        if !cursor.is_empty() && !stream.knows(&cursor) {
            return Err(Error::invalid("cursor", cursor, "the `next_cursor` of the page before"));
        }
        if found.len() > limit {
            found.truncate(limit);
            next = found.last().map(|last| last.key.to_string());
        }
        if !found.is_empty() || !cursor.is_empty() {
            question.zones.clear();
        }
        question.keys = found.into_iter().map(|info| info.key.to_string()).collect();
        if question.keys.is_empty() && !cursor.is_empty() {
            return Ok(json!({"forecasts": [], "refusals": [], "next_cursor": null}));
        }
    }
    let answered = answer(state, &question).await?;
    let forecasts: Vec<Value> = answered
        .forecasts
        .iter()
        .map(|forecast| row(&question, &answered.quantiles, forecast))
        .collect();
    let refusal = |one: &crate::answer::Refusal| json!({"key": one.key, "code": one.code.name(), "message": one.message, "horizon_minutes": one.horizon_minutes});
    let refusals: Vec<Value> = answered.refusals.iter().map(refusal).collect();
    Ok(json!({"forecasts": forecasts, "refusals": refusals, "next_cursor": next}))
}

/// A forecast with the column names of the table.
pub fn row(question: &Question, quantiles: &[f64], forecast: &Forecast) -> Value {
    let pairs: Vec<Value> = quantiles
        .iter()
        .zip(&forecast.values)
        .map(|(quantile, value)| json!({"quantile": quantile, "value": value}))
        .collect();
    json!({
        "topic": question.topic,
        "key": &*forecast.key,
        "target": question.target,
        "origin": forecast.origin.to_string(),
        "target_time": forecast.target_time.to_string(),
        "horizon_minutes": forecast.horizon_minutes,
        "quantiles": pairs,
        "model": forecast.source.model,
        "model_version": forecast.source.version,
        "step_of_ladder": forecast.rung.name(),
        "data_age_seconds": forecast.age.seconds(),
        "data_digest": forecast.source.digest,
        "issued_at": forecast.issued_at.to_string(),
    })
}

fn read(query: &str) -> Result<(Question, usize, String)> {
    let mut values = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if !PARAMETERS.split(", ").any(|known| known == name) {
            return Err(Error::invalid("query", name, PARAMETERS));
        }
        values.insert(name.into_owned(), Value::String(value.into_owned()));
    }
    let text = |name: &str| values.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let text_or = |name: &str, default: &str| match text(name) {
        given if given.is_empty() => default.to_owned(),
        given => given,
    };
    let limit = match text("limit").as_str() {
        "" => PAGE,
        other => {
            let limit = one("limit", other, "1 to 1000")?;
            if !(1..=LARGEST_PAGE).contains(&limit) {
                return Err(Error::invalid("limit", limit, "1 to 1000"));
            }
            limit
        }
    };
    let question = Question {
        topic: text_or("topic", DEFAULT_TOPIC),
        target: text_or("target", DEFAULT_TARGET),
        keys: words(&text("keys")),
        zones: words(&text("zones")),
        horizons_minutes: many(
            "horizons_minutes",
            &text("horizons_minutes"),
            "whole minutes with commas between",
        )?,
        quantiles: many(
            "quantiles",
            &text("quantiles"),
            "fractions with commas between, such as 0.1,0.5,0.9",
        )?,
        as_of: Some(text("as_of"))
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse()
                    .map_err(|error: arterial_datasets::Error| error.about("as_of"))
            })
            .transpose()?,
        model: text("model"),
        ..Question::default()
    };
    Ok((question, limit, text("cursor")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_with_commas_between() {
        let (question, limit, _) =
            read("topic=parking&target=occupied_spaces&keys=a,b&horizons_minutes=15,30&limit=5").unwrap();
        assert_eq!(
            (question.keys.len(), question.horizons_minutes, limit),
            (2, vec![15, 30], 5)
        );
    }

    #[test]
    fn topic_and_target_are_those_of_the_command_line_where_nobody_says() {
        let (question, ..) = read("keys=TS-0001").unwrap();
        assert_eq!(
            (question.topic.as_str(), question.target.as_str()),
            ("traffic-sensors", "speed_kmh")
        );
    }

    #[test]
    fn a_misspelt_parameter_is_refused_with_the_known_ones() {
        let error = read("topik=parking").unwrap_err().to_string();
        assert!(error.contains("topik") && error.contains("horizons_minutes"), "{error}");
        assert!(read("limit=0").is_err() && read("quantiles=high").is_err());
        let error = read("as_of=yesterday").unwrap_err().to_string();
        assert!(error.starts_with("`as_of` is `yesterday`"), "{error}");
    }
}
