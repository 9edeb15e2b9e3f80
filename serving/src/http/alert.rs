//! `GET /v1/alerts/{alert_id}`: one alert, as it has become.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arterial_models::alerts::Language;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::IntoParams;

use super::Problem;
use super::accept::Format;
use super::alert_row::{AlertRow, COLUMNS};
use super::alerts::in_language;
use super::geo::FeatureCollection;
use super::names::{FormatName, LanguageName};
use super::params::Given;
use super::problem::{ProblemDetails, Problems};
use super::reply::{Asked, Listing};
use super::table::table;
use crate::alerts::feature;
use crate::state::AppState;
use crate::{Error, Result};

/// How the alert is told.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OneAlertQuery {
    /// The language of the text; English where absent.
    #[param(value_type = Option<LanguageName>)]
    language: Given<Language>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// The alert, and where it is.
#[derive(Serialize)]
struct OneAlert {
    #[serde(flatten)]
    alert: AlertRow,
    #[serde(skip)]
    feature: Value,
}

/// One alert: what is wrong, where, since when, how bad, and the likely cause.
///
/// It is the newest revision; all of them stand in the table `alerts`. What is over for longer than the service keeps it stands there alone.
#[utoipa::path(
    get,
    path = "/v1/alerts/{alert_id}",
    tag = "alerts",
    params(
        ("alert_id" = String, Path, description = "Its id, as `/v1/alerts` has it, or its beginning where no other begins so"),
        OneAlertQuery,
    ),
    responses(
        (status = 200, description = "The alert", content(
            (AlertRow = "application/json"),
            (FeatureCollection = "application/geo+json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        (status = 404, description = "No alert of that id is at hand", body = ProblemDetails, content_type = "application/problem+json"),
        Problems,
    )
)]
pub async fn show(
    State(state): State<Arc<AppState>>,
    alert_id: Result<Path<String>, PathRejection>,
    asked: Asked<OneAlertQuery>,
) -> Result<Response, Problem> {
    let unreadable = |_| Error::invalid("alert_id", "no text", "an id of /v1/alerts");
    let Path(alert_id) = alert_id.map_err(unreadable)?;
    let Asked { query, request } = asked;
    let form = request.form::<OneAlert>(query.format.0)?;
    state.alerts.ready(&state)?;
    let found = state.alerts.store.find(&alert_id)?;
    let told = in_language(&state, &found, query.language.0.unwrap_or(Language::English));
    let alert = OneAlert {
        alert: AlertRow::of(&told)?,
        feature: feature(&state, &told),
    };
    request.answer(form, &alert)
}

impl Listing for OneAlert {
    fn table(&self) -> Result<RecordBatch> {
        table(std::slice::from_ref(&self.alert), COLUMNS)
    }

    fn features(&self) -> Result<Vec<Value>> {
        Ok(vec![self.feature.clone()])
    }

    fn next_cursor(&self) -> Option<&str> {
        None
    }
}
