//! `GET /page/data/history`: what one key measured, what had been forecast of it, and what is forecast of it now.

use std::collections::BTreeMap;
use std::sync::Arc;

use arterial_datasets::time::{HOUR, MINUTE, Timestamp};
use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};

use super::earlier::earlier;
use super::{Page, now, target};
use crate::answer::{Forecast, Question, Refusal, answer};
use crate::http::Problem;
use crate::score::steps_ahead;
use crate::state::AppState;
use crate::{Error, Result};

const PARAMETERS: &str = "key, hours";
/// Hours of history, where the request does not say.
const HOURS: i64 = 6;
/// The most hours of history.
const MOST_HOURS: i64 = 168;
/// So far ahead the earlier forecasts looked.
const AHEAD: i64 = HOUR;

/// The history of one key.
pub async fn show(State(page): State<Arc<Page>>, RawQuery(query): RawQuery) -> Result<Json<Value>, Problem> {
    let (key, hours) = read(&query.unwrap_or_default())?;
    Ok(Json(history(&page, &key, hours).await?))
}

fn read(query: &str) -> Result<(String, i64)> {
    let (mut key, mut hours) = (String::new(), HOURS);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "key" => key = value.into_owned(),
            "hours" => {
                let accepted = format!("1 to {MOST_HOURS}");
                let read = value.parse().ok().filter(|hours| (1..=MOST_HOURS).contains(hours));
                hours = read.ok_or_else(|| Error::invalid("hours", &value, accepted))?;
            }
            other => return Err(Error::invalid("query", other, PARAMETERS)),
        }
    }
    if key.is_empty() {
        return Err(Error::missing("key", "a key of the map"));
    }
    Ok((key, hours))
}

async fn history(page: &Page, key: &str, hours: i64) -> Result<Value> {
    let state = &page.app;
    let now = page.now.get(state).await?;
    let Some(position) = now.keys.iter().position(|known| **known == *key) else {
        return Err(Error::Unknown {
            what: "key",
            name: key.into(),
            known: "those of the map".into(),
        });
    };
    let measured = measured(state, position, hours);
    let span = match (measured.first(), measured.last()) {
        (Some(first), Some(last)) => (first.0, Timestamp(last.0.0 + now.step.0)),
        _ => (Timestamp(0), Timestamp(0)),
    };
    let (forecast, refused) = forecast(state, key, now.horizons(), now.step.0).await?;
    let minutes = (steps_ahead(now.step) as i64 * now.step.0 / MINUTE).min(AHEAD.max(now.step.0) / MINUTE);
    let earlier = earlier(state, key, span, minutes as i32).await?;
    let point =
        |(window, value): &(Timestamp, Option<f64>)| json!({"window_start": window.to_string(), "value": value});
    Ok(json!({
        "key": key,
        "unit": now::unit(state),
        "window_seconds": now.step.seconds(),
        "free_flow": now.free_flow.get(position).copied().flatten(),
        "measured": measured.iter().map(point).collect::<Vec<_>>(),
        "forecast": forecast,
        "refused": refused,
        "earlier_minutes": minutes,
        "earlier": earlier.map(|found| found.iter().map(|(window, one)| one.to_json(*window)).collect::<Vec<_>>()),
    }))
}

/// The last windows of the key at that position; none for a window without value.
fn measured(state: &AppState, position: usize, hours: i64) -> Vec<(Timestamp, Option<f64>)> {
    let Ok(stream) = state.live.stream(&target().topic) else {
        return Vec::new();
    };
    stream.with(|live| {
        let Some(ring) = live.ring(&target().field) else {
            return Vec::new();
        };
        let Some(oldest) = ring.oldest() else { return Vec::new() };
        let count = (hours * HOUR / ring.step().0).max(1) as usize;
        let rows = ring.len().saturating_sub(count)..ring.len();
        let window = |row: usize| Timestamp(oldest.0 + row as i64 * ring.step().0);
        let value = |row: usize| Some(ring.value(row, position)).filter(|value| value.is_finite());
        rows.map(|row| (window(row), value(row))).collect()
    })
}

/// What is forecast now, and why not where nothing is.
async fn forecast(state: &Arc<AppState>, key: &str, horizons: usize, step: i64) -> Result<(Value, Value)> {
    if horizons == 0 {
        return Ok((Value::Null, json!("NO_DATA")));
    }
    let question = Question {
        topic: target().topic,
        target: target().field,
        keys: vec![key.into()],
        horizons_minutes: (1..=horizons as i64)
            .map(|ahead| (ahead * step / MINUTE) as i32)
            .collect(),
        ..Question::default()
    };
    let answered = answer(state, &question).await?;
    let refused = answered.refusals.first().map(|Refusal { code, .. }| code.name());
    let Some(first) = answered.forecasts.first() else {
        return Ok((Value::Null, json!(refused)));
    };
    let body = json!({
        "origin": first.origin.to_string(),
        "issued_at": first.issued_at.to_string(),
        "model": format!("{}@{}", first.source.model, first.source.version),
        "step_of_ladder": first.rung.name(),
        "points": answered.forecasts.iter().map(|one| point(&answered.quantiles, one)).collect::<Vec<_>>(),
    });
    Ok((body, json!(refused)))
}

fn point(quantiles: &[f64], forecast: &Forecast) -> Value {
    let values: BTreeMap<String, f64> = quantiles
        .iter()
        .zip(&forecast.values)
        .map(|(quantile, value)| (format!("p{:.0}", quantile * 100.0), *value))
        .collect();
    let mut point = json!(values);
    point["window_start"] = json!(forecast.target_time.to_string());
    point
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_question_is_refused_with_what_is_accepted() {
        for (query, said) in [
            ("key=a&hours=0", "1 to 168"),
            ("key=a&hours=x", "1 to 168"),
            ("hours=1", "`key`"),
            ("kay=a", "key, hours"),
        ] {
            let error = read(query).unwrap_err().to_string();
            assert!(error.contains(said), "{query}: {error}");
        }
        assert_eq!(read("key=TS%2D1").unwrap(), ("TS-1".into(), 6));
    }
}
