//! `GET /v1/forecasts/areas`: the newest forecasts of zones and of the whole city.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use super::accept::Format;
use super::forecast_rows::{QuantileValue, RefusalRow, by_quantile, members, pairs, refused};
use super::geo::{FeatureCollection, feature, points};
use super::names::FormatName;
use super::params::{Given, List};
use super::problem::{ProblemDetails, Problems};
use super::reply::{Asked, Listing};
use super::table::Kind;
use crate::Result;
use crate::analytics::zone_centres;
use crate::answer::{AreaForecast, DEFAULT_TARGET, DEFAULT_TOPIC, Question, answer_areas};
use crate::state::AppState;

/// Which areas.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AreaForecastQuery {
    /// The stream; traffic-sensors where absent.
    #[param(value_type = Option<String>)]
    topic: Given<String>,
    /// The field that is forecast; `speed_kmh` where absent.
    #[param(value_type = Option<String>)]
    target: Given<String>,
    /// Only these zones; all of them and the city where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Minutes from the start of the last window used (origin) to the start of the one that is forecast: multiples of the window;
    /// 3, 6 and 12 windows where absent.
    #[param(value_type = Vec<i32>, style = Form, explode = false)]
    horizons_minutes: List<i32>,
    /// Fractions strictly between 0 and 1; 0.1,0.5,0.9 where absent.
    #[param(value_type = Vec<f64>, style = Form, explode = false)]
    quantiles: List<f64>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// Forecasts of areas.
#[derive(Serialize, ToSchema)]
pub struct AreaForecastPage {
    /// The forecasts, area by area, the city last.
    areas: Vec<AreaForecastRow>,
    /// What could not be forecast well, and why; `key` is the zone, empty where it is the city or holds for the whole request. CSV and
    /// Arrow have no room for them: the header `Arterial-Left-Out` counts them.
    refusals: Vec<RefusalRow>,
    #[serde(skip)]
    #[schema(ignore)]
    quantiles: Vec<f64>,
    /// The latitude and longitude of each row; none of the city.
    #[serde(skip)]
    #[schema(ignore)]
    places: Vec<Option<(f64, f64)>>,
}

/// A forecast of the mean over the keys of an area in one window.
#[derive(Debug, Serialize, ToSchema)]
pub struct AreaForecastRow {
    /// The stream.
    #[schema(example = "traffic-sensors")]
    topic: String,
    /// `zone`, or `city`: all keys of the stream.
    #[schema(example = "zone")]
    level: &'static str,
    /// The zone; empty where `level` is `city`.
    #[schema(example = "Z01")]
    zone_id: String,
    /// The field that is forecast.
    #[schema(example = "speed_kmh")]
    target: String,
    /// Of how many keys it is the mean: those of the area that have a forecast.
    #[schema(minimum = 1)]
    members: usize,
    /// The start of the last window used.
    #[schema(format = DateTime)]
    origin: String,
    /// The start of the window that is forecast.
    #[schema(format = DateTime)]
    target_time: String,
    /// From origin to target time, minutes.
    #[schema(example = 15)]
    horizon_minutes: i32,
    /// The forecast: a value for each quantile, ascending. The median is the mean of the keys' medians.
    quantiles: Vec<QuantileValue>,
    /// The model whose interval it is.
    #[schema(example = "gbdt")]
    model: String,
    /// Its version.
    #[schema(example = "1")]
    model_version: String,
    /// When it was computed.
    #[schema(format = DateTime)]
    issued_at: String,
}

/// Forecasts of zones and of the whole city: means over their keys, with intervals of their own.
///
/// They agree with `/v1/forecasts`: the median of an area is the mean of the medians of its keys. Its other quantiles are no means of
/// theirs: they are calibrated by how far such means were off.
#[utoipa::path(
    get,
    path = "/v1/forecasts/areas",
    tag = "forecasts",
    params(AreaForecastQuery),
    responses(
        (status = 200, description = "Forecasts and refusals", content(
            (AreaForecastPage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        (status = 429, description = "As many wait for what has to be computed as may", body = ProblemDetails, content_type = "application/problem+json"),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<AreaForecastQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<AreaForecastPage>(query.format.0)?;
    let question = query.question();
    let answer = answer_areas(&state, &question).await?;
    let centres = if form == Format::GeoJson {
        zone_centres(&state)
    } else {
        HashMap::new()
    };
    let row = |forecast: &AreaForecast| row(&question, &answer.quantiles, forecast);
    let place = |forecast: &AreaForecast| centres.get(forecast.zone.as_deref()?).copied();
    let page = AreaForecastPage {
        areas: answer.areas.iter().map(row).collect(),
        refusals: answer.refusals.iter().map(refused).collect(),
        quantiles: answer.quantiles.clone(),
        places: answer.areas.iter().map(place).collect(),
    };
    request.answer(form, &page)
}

impl AreaForecastQuery {
    fn question(&self) -> Question {
        Question {
            topic: self.topic.or(DEFAULT_TOPIC),
            target: self.target.or(DEFAULT_TARGET),
            zones: self.zones.0.clone(),
            horizons_minutes: self.horizons_minutes.0.clone(),
            quantiles: self.quantiles.0.clone(),
            ..Question::default()
        }
    }
}

fn row(question: &Question, quantiles: &[f64], forecast: &AreaForecast) -> AreaForecastRow {
    AreaForecastRow {
        topic: question.topic.clone(),
        level: forecast.level(),
        zone_id: forecast.zone.clone().unwrap_or_default(),
        target: question.target.clone(),
        members: forecast.members,
        origin: forecast.origin.to_string(),
        target_time: forecast.target_time.to_string(),
        horizon_minutes: forecast.horizon_minutes,
        quantiles: pairs(quantiles, &forecast.values),
        model: forecast.source.model.clone(),
        model_version: forecast.source.version.clone(),
        issued_at: forecast.issued_at.to_string(),
    }
}

impl Listing for AreaForecastPage {
    fn table(&self) -> Result<RecordBatch> {
        let of = [
            ("topic", Kind::Text),
            ("level", Kind::Text),
            ("zone_id", Kind::Text),
            ("target", Kind::Text),
            ("members", Kind::Whole),
        ];
        by_quantile(&self.areas, |row| &row.quantiles, (&of, &self.quantiles, &[]))
    }

    fn features(&self) -> Result<Vec<Value>> {
        let rows = self.areas.iter().zip(&self.places);
        let id = |row: &AreaForecastRow| format!("{}+{}+{}", row.level, row.zone_id, row.horizon_minutes);
        rows.map(|(row, place)| feature(&id(row), &points(place.as_slice()), row))
            .collect()
    }

    fn next_cursor(&self) -> Option<&str> {
        None
    }

    fn members(&self) -> Map<String, Value> {
        members(self.next_cursor(), &self.refusals)
    }

    fn left_out(&self) -> usize {
        self.refusals.len()
    }
}
