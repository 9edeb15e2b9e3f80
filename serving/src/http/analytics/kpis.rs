//! `GET /v1/analytics`: figures of the city.

use std::sync::Arc;

use arrow::array::RecordBatch;
use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::ready;
use crate::Result;
use crate::analytics::{Kpi, Selection, kpis};
use crate::http::Problem;
use crate::http::accept::Format;
use crate::http::names::FormatName;
use crate::http::params::{Given, List};
use crate::http::problem::Problems;
use crate::http::reply::{Asked, Listing};
use crate::http::table::{Columns, Kind, table};
use crate::state::AppState;

/// Which figures.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct KpiQuery {
    /// Only from what lies in these zones; from the whole city where absent.
    #[param(value_type = Vec<String>, style = Form, explode = false)]
    zones: List<String>,
    /// The form of the answer, where `Accept` does not say it.
    #[param(value_type = Option<FormatName>)]
    format: Given<Format>,
}

/// The figures of the city.
#[derive(Serialize, ToSchema)]
pub struct KpiPage {
    /// The figures.
    kpis: Vec<KpiRow>,
}

/// A figure.
#[derive(Debug, Serialize, ToSchema)]
pub struct KpiRow {
    /// Its name.
    #[schema(example = "traffic_congestion")]
    name: &'static str,
    /// What it is; null where there is no input, and `absent` says why.
    value: Option<f64>,
    /// Its unit; empty where it has none.
    #[schema(example = "0..1")]
    unit: &'static str,
    /// How many sensors, windows or incidents it was made from.
    #[schema(minimum = 0)]
    inputs: usize,
    /// How it was made.
    definition: &'static str,
    /// The stream or table that it was made from.
    #[schema(example = "traffic-sensors")]
    source: &'static str,
    /// The start of the newest window that went in, or the time of the look; null where there is none.
    #[schema(format = DateTime)]
    at: Option<String>,
    /// Why there is no value.
    absent: Option<String>,
}

const COLUMNS: &Columns<'static> = &[
    ("name", Kind::Text),
    ("value", Kind::Number),
    ("unit", Kind::Text),
    ("inputs", Kind::Whole),
    ("definition", Kind::Text),
    ("source", Kind::Text),
    ("at", Kind::Instant),
    ("absent", Kind::Text),
];

impl KpiRow {
    fn of(kpi: Kpi) -> Self {
        Self {
            name: kpi.name,
            value: kpi.value,
            unit: kpi.unit,
            inputs: kpi.inputs,
            definition: kpi.definition,
            source: kpi.source,
            at: kpi.at.map(|at| at.to_string()),
            absent: kpi.absent,
        }
    }
}

/// Figures of the city now: speed, congestion, delays, occupancy, what is free, what is going on.
///
/// Each from windows that are not stale, with its definition and with how many inputs it was made from.
#[utoipa::path(
    get,
    path = "/v1/analytics",
    tag = "analytics",
    params(KpiQuery),
    responses(
        (status = 200, description = "Figures", content(
            (KpiPage = "application/json"),
            (String = "text/csv"),
            (String = "application/vnd.apache.arrow.stream"),
        )),
        Problems,
    )
)]
pub async fn list(State(state): State<Arc<AppState>>, asked: Asked<KpiQuery>) -> Result<Response, Problem> {
    let Asked { query, request } = asked;
    let form = request.form::<KpiPage>(query.format.0)?;
    ready(&state)?;
    let selection = Selection {
        zones: query.zones.0.into_iter().collect(),
        ..Selection::default()
    };
    selection.check("keys")?;
    let found = kpis(&state, &selection.zones).await?;
    let page = KpiPage {
        kpis: found.into_iter().map(KpiRow::of).collect(),
    };
    request.answer(form, &page)
}

impl Listing for KpiPage {
    const FORMS: &'static [Format] = &Format::PLACELESS;

    fn table(&self) -> Result<RecordBatch> {
        table(&self.kpis, COLUMNS)
    }

    fn features(&self) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }

    fn next_cursor(&self) -> Option<&str> {
        None
    }

    /// The time of a look is no news.
    fn made_from(&self) -> Option<Vec<u8>> {
        let says = |kpi: &KpiRow| format!("{} {:?} {} {:?}\n", kpi.name, kpi.value, kpi.inputs, kpi.absent);
        Some(self.kpis.iter().map(says).collect::<String>().into_bytes())
    }
}
