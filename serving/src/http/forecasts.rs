//! `GET /v1/forecasts`: the newest forecasts, keys page by page, or those that were served at an instant.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_datasets::time::Timestamp;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::Problem;
use super::accept::Format;
use super::choice::Choice;
use super::cursor::Scope;
use super::forecast_rows::{QuantileValue, RefusalRow, by_quantile, members, pairs, refused};
use super::geo::{FeatureCollection, feature, point};
use super::names::{FormatName, LadderStepName};
use super::params::{Given, Limit, List};
use super::problem::{ProblemDetails, Problems};
use super::reply::{Asked, Listing};
use super::table::Kind;
use crate::analytics::Bounds;
use crate::answer::{Answer, DEFAULT_STEPS, DEFAULT_TARGET, DEFAULT_TOPIC, Forecast, Question, answer, keys_as_of};
use crate::live::Place;
use crate::state::AppState;
use crate::traces::{Trace, tell_window};
use crate::{Error, Result};

/// The most keys a page.
const LARGEST_PAGE: usize = 10_000;
/// The most numbers a page: keys x horizons x quantiles.
const NUMBERS_A_PAGE: usize = 500_000;

/// Which forecasts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ForecastQuery {
    /// The stream; traffic-sensors where absent.
    #[param(value_type = Option<String>)]
    topic: Given<String>,
    /// The field that is forecast; `speed_kmh` where absent.
    #[param(value_type = Option<String>)]
    target: Given<String>,
    /// Only these keys; all where absent. Those that are not known are refused, unless `zones` or `bbox` choose among them.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    keys: List<String>,
    /// Only keys that were last seen in these zones, now also where `as_of` asks for the past.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// Only keys that lie within west,south,east,north, degrees, now also where `as_of` asks for the past.
    #[param(value_type = Vec<f64>, style = Form, explode = false, min_items = 4, max_items = 4)]
    bbox: Given<Bounds>,
    /// Minutes from the start of the last window used (origin) to the start of the one that is forecast: multiples of the window;
    /// 3, 6 and 12 windows where absent.
    #[param(value_type = Vec<i32>, style = Form, explode = false)]
    horizons_minutes: List<i32>,
    /// Fractions strictly between 0 and 1; 0.1,0.5,0.9 where absent.
    #[param(value_type = Vec<f64>, style = Form, explode = false)]
    quantiles: List<f64>,
    /// @champion (where absent), @ALIAS, NAME or NAME@VERSION.
    #[param(value_type = Option<String>)]
    model: Given<String>,
    /// The forecast as it was served at this instant, which has passed; without `keys` that of every key of then.
    #[param(value_type = Option<String>, format = DateTime)]
    as_of: Given<Timestamp>,
    /// Keys a page, in alphabetical order; keys x horizons x quantiles may be 500,000 numbers a page. Where absent, CSV and Arrow, which
    /// have no room for `next_cursor`, have as many as there may be.
    #[param(value_type = u32, minimum = 1, maximum = 10000, default = json!(100))]
    limit: Limit<LARGEST_PAGE>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Given<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// A page of forecasts.
#[derive(Serialize, ToSchema)]
pub struct ForecastPage {
    /// The forecasts, key by key.
    forecasts: Vec<ForecastRow>,
    /// What could not be forecast well, and why. CSV and Arrow have no room for them: the header `Arterial-Left-Out` counts them.
    refusals: Vec<RefusalRow>,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
    #[serde(skip)]
    #[schema(ignore)]
    quantiles: Vec<f64>,
    #[serde(skip)]
    #[schema(ignore)]
    places: Vec<Place>,
    #[serde(skip)]
    #[schema(ignore)]
    made_from: Vec<u8>,
    #[serde(skip)]
    #[schema(ignore)]
    trace: Trace,
}

/// A forecast of one window of one key.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForecastRow {
    /// The stream.
    #[schema(example = "traffic-sensors")]
    topic: String,
    /// The key.
    #[schema(example = "TS-0001")]
    key: String,
    /// The field that is forecast.
    #[schema(example = "speed_kmh")]
    target: String,
    /// The start of the last window used.
    #[schema(format = DateTime)]
    origin: String,
    /// The start of the window that is forecast.
    #[schema(format = DateTime)]
    target_time: String,
    /// From origin to target time, minutes.
    #[schema(example = 15)]
    horizon_minutes: i32,
    /// The forecast: a value for each quantile, ascending.
    quantiles: Vec<QuantileValue>,
    /// The model that gave it.
    #[schema(example = "gbdt")]
    model: String,
    /// Its version.
    #[schema(example = "1")]
    model_version: String,
    /// Who that is.
    #[schema(value_type = LadderStepName)]
    step_of_ladder: &'static str,
    /// How old the newest window of the key was, seconds.
    data_age_seconds: f64,
    /// SHA-256 of the data that the model read.
    data_digest: String,
    /// When it was computed.
    #[schema(format = DateTime)]
    issued_at: String,
}

/// Forecasts of the targets that are served, with intervals.
///
/// Each says who gave it and how old its data were. What cannot be forecast well is refused with a code, never made up.
#[utoipa::path(
    get,
    path = "/v1/forecasts",
    tag = "forecasts",
    params(ForecastQuery),
    responses(
        (status = 200, description = "Forecasts and refusals", content(
            (ForecastPage = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        (status = 404, description = "There is no such model", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 409, description = "Past forecasts are not kept by this service", body = ProblemDetails, content_type = "application/problem+json"),
        (status = 429, description = "As many wait for what has to be computed as may", body = ProblemDetails, content_type = "application/problem+json"),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<ForecastQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<ForecastPage>(query.format.0)?;
    let page = page(&state, query, &request.scope(), form).await?;
    let mut response = request.answer(form, &page)?;
    tell_window(&page.trace, response.headers_mut());
    Ok(response)
}

impl ForecastQuery {
    fn choice(&self) -> Choice<'_> {
        Choice {
            keys: &self.keys.0,
            zones: &self.zones.0,
            bounds: self.bbox.0,
        }
    }

    fn question(&self) -> Question {
        Question {
            topic: self.topic.or(DEFAULT_TOPIC),
            target: self.target.or(DEFAULT_TARGET),
            zones: self.zones.0.clone(),
            horizons_minutes: self.horizons_minutes.0.clone(),
            quantiles: self.quantiles.0.clone(),
            as_of: self.as_of.0,
            model: self.model.or(""),
            ..Question::default()
        }
    }
}

async fn page(state: &Arc<AppState>, query: ForecastQuery, scope: &Scope, form: Format) -> Result<ForecastPage> {
    let mut question = query.question();
    let checked = question.check(state)?;
    if let Some(reason) = state.readiness.stopped_by() {
        return Err(Error::NotReady(reason));
    }
    let stream = checked.stream;
    let after: Option<String> = query.cursor.0.as_deref().map(|cursor| scope.read(cursor)).transpose()?;
    let horizons = checked.steps.as_ref().map_or(DEFAULT_STEPS.len(), Vec::len);
    let each = horizons * checked.levels.len();
    let limit = query.limit.rows_within(form, most_keys(each));
    let choice = query.choice();
    let past = if choice.is_by_name() {
        None
    } else {
        keys_as_of(state, &question).await?
    };
    let mut keys = choice.of(stream, past, after.as_deref().unwrap_or_default(), limit);
    let more = keys.len() > limit;
    keys.truncate(limit);
    check_size(limit, keys.len(), each)?;
    let next = keys.last().filter(|_| more).map(|last| scope.write(last)).transpose()?;
    // Where no key is known at all, or none in these zones, the answer says so.
    let is_chosen = after.is_some() || query.bbox.0.is_some() || !query.keys.0.is_empty();
    let answered = if keys.is_empty() && is_chosen {
        Answer {
            quantiles: checked.levels.clone(),
            ..Answer::default()
        }
    } else {
        if !keys.is_empty() {
            question.zones.clear();
        }
        question.keys = keys;
        answer(state, &question).await?
    };
    let row = |forecast: &Forecast| row(&question, &answered.quantiles, forecast);
    let place = |forecast: &Forecast| stream.place(&forecast.key).unwrap_or_default();
    Ok(ForecastPage {
        forecasts: answered.forecasts.iter().map(row).collect(),
        refusals: answered.refusals.iter().map(refused).collect(),
        next_cursor: next,
        places: answered.forecasts.iter().map(place).collect(),
        made_from: made_from(&answered, scope, query.cursor.0.as_deref()),
        quantiles: answered.quantiles,
        trace: answered.trace,
    })
}

/// The most keys with `each` numbers that an answer may have.
fn most_keys(each: usize) -> usize {
    NUMBERS_A_PAGE / each.max(1)
}

/// Checks that a page of `keys` keys with `each` numbers is no larger than an answer may be.
fn check_size(limit: usize, keys: usize, each: usize) -> Result<()> {
    let most = most_keys(each);
    if keys <= most {
        return Ok(());
    }
    let accepted = format!("at most {most}: {each} numbers a key, {NUMBERS_A_PAGE} a page");
    Err(Error::invalid("limit", limit, accepted))
}

/// A forecast with the column names of the table.
fn row(question: &Question, quantiles: &[f64], forecast: &Forecast) -> ForecastRow {
    ForecastRow {
        topic: question.topic.clone(),
        key: forecast.key.to_string(),
        target: question.target.clone(),
        origin: forecast.origin.to_string(),
        target_time: forecast.target_time.to_string(),
        horizon_minutes: forecast.horizon_minutes,
        quantiles: pairs(quantiles, &forecast.values),
        model: forecast.source.model.clone(),
        model_version: forecast.source.version.clone(),
        step_of_ladder: forecast.rung.name(),
        data_age_seconds: forecast.age.seconds(),
        data_digest: forecast.source.digest.clone(),
        issued_at: forecast.issued_at.to_string(),
    }
}

/// All of an answer but the ages, which grow while nothing changes.
fn made_from(answered: &Answer, scope: &Scope, cursor: Option<&str>) -> Vec<u8> {
    let mut bytes = format!("{scope:?} {cursor:?} {:?}\n", answered.quantiles).into_bytes();
    for forecast in &answered.forecasts {
        bytes.extend_from_slice(forecast.key.as_bytes());
        bytes.extend_from_slice(forecast.source.digest.as_bytes());
        for number in [forecast.origin.0, forecast.target_time.0, forecast.issued_at.0] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for value in &forecast.values {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    for refusal in &answered.refusals {
        bytes.extend_from_slice(format!("{} {} {}\n", refusal.key, refusal.code, refusal.horizon_minutes).as_bytes());
    }
    bytes
}

impl Listing for ForecastPage {
    fn table(&self) -> Result<RecordBatch> {
        let of = [("topic", Kind::Text), ("key", Kind::Text), ("target", Kind::Text)];
        let more = [
            ("step_of_ladder", Kind::Text),
            ("data_age_seconds", Kind::Number),
            ("data_digest", Kind::Text),
        ];
        by_quantile(&self.forecasts, |row| &row.quantiles, (&of, &self.quantiles, &more))
    }

    fn features(&self) -> Result<Vec<Value>> {
        let rows = self.forecasts.iter().zip(&self.places);
        let id = |row: &ForecastRow| format!("{}+{}", row.key, row.horizon_minutes);
        rows.map(|(row, place)| feature(&id(row), &point(place.lat, place.lon), row))
            .collect()
    }

    fn next_cursor(&self) -> Option<&str> {
        self.next_cursor.as_deref()
    }

    fn members(&self) -> Map<String, Value> {
        members(self.next_cursor(), &self.refusals)
    }

    fn made_from(&self) -> Option<Vec<u8>> {
        Some(self.made_from.clone())
    }

    fn left_out(&self) -> usize {
        self.refusals.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::params::read;

    #[test]
    fn lists_are_read_with_commas_between() {
        let query: ForecastQuery =
            read("topic=parking&target=occupied_spaces&keys=a,b&horizons_minutes=15,30&limit=5").unwrap();
        let question = query.question();
        assert_eq!(
            (
                query.keys.0.len(),
                question.horizons_minutes,
                query.limit.rows(Format::Json)
            ),
            (2, vec![15, 30], 5)
        );
    }

    #[test]
    fn topic_and_target_are_those_of_the_command_line_where_nobody_says() {
        let question = read::<ForecastQuery>("keys=TS-0001").unwrap().question();
        assert_eq!(
            (question.topic.as_str(), question.target.as_str()),
            ("traffic-sensors", "speed_kmh")
        );
    }

    #[test]
    fn a_page_of_too_many_numbers_is_refused_by_its_limit() {
        check_size(10_000, 10_000, 50).unwrap();
        check_size(10_000, 3, 1_440 * 99).unwrap();
        let error = check_size(10_000, 9_000, 60).unwrap_err().to_string();
        assert!(
            error.starts_with("`limit` is `10000`, accepted: at most 8333"),
            "{error}"
        );
    }

    #[test]
    fn a_misspelt_parameter_is_refused_with_the_known_ones() {
        let refused = |query: &str| read::<ForecastQuery>(query).unwrap_err().to_string();
        let error = refused("topik=parking");
        assert!(error.contains("topik") && error.contains("horizons_minutes"), "{error}");
        assert!(refused("limit=0").contains("1 to 10000") && refused("quantiles=high").contains("fractions"));
        assert!(refused("as_of=yesterday").starts_with("`as_of` is `yesterday`"));
    }
}
