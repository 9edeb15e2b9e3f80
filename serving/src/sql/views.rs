//! Views: what became of forecasts, and of those of shadows beside them.

use arterial_models::registry::Target;
use datafusion::common::metadata::FieldMetadata;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};

use super::shadow;
use crate::Result;
use crate::flight::{Datasets, describe};
use crate::live::target_column;
use crate::sinks::{FORECASTS, SHADOW_FORECASTS};
use crate::state::AppState;

/// Forecasts beside what happened.
const ERRORS: &str = "forecast_errors";
/// How often the intervals held what happened.
const COVERAGE: &str = "coverage";

/// Every table that is made by a query, the catalogue of columns among them.
pub(crate) const ALL: [&str; 5] = [ERRORS, COVERAGE, shadow::ERRORS, shadow::SCORES, super::catalog::NAME];

/// The column by which the rows of a view are chosen, where there is one.
pub(crate) fn time(view: &str) -> Option<&'static str> {
    [ERRORS, shadow::ERRORS].contains(&view).then_some("target_time")
}

/// The views that exist where there are these tables.
pub(super) fn names(tables: &[String]) -> impl Iterator<Item = &'static str> + use<> {
    let is_there = |name: &str| tables.iter().any(|table| table == name);
    let (served, shadow) = (is_there(FORECASTS), is_there(SHADOW_FORECASTS));
    let served = [ERRORS, COVERAGE].into_iter().filter(move |_| served);
    served.chain([shadow::ERRORS, shadow::SCORES].into_iter().filter(move |_| shadow))
}

/// The query of a view; none where there is no such view.
///
/// # Errors
/// A lake that cannot be read.
pub(super) async fn text(name: &str, state: &AppState) -> Result<Option<String>> {
    if !ALL.contains(&name) {
        return Ok(None);
    }
    let tables = Datasets::new(state).names().await?;
    if !names(&tables).any(|view| view == name) {
        return Ok(None);
    }
    Ok(match name {
        ERRORS => Some(errors(state, &tables)),
        COVERAGE => Some(coverage(&errors(state, &tables))),
        shadow::ERRORS => Some(shadow::errors(state, &tables)),
        shadow::SCORES => Some(shadow::scores(&shadow::errors(state, &tables))),
        _ => None,
    })
}

/// One part for each target whose windows are there:
///
/// ```text
/// error = p50 - actual    baseline = what was seen 7 days before    in_interval = p10 <= actual <= p90
/// ```
///
/// The windows are the smaller side of each join and stand left, where they are held in memory. All joins go by key and target time, so
/// that a condition on either narrows all that is read. Of what was issued several times only the newest counts.
fn errors(state: &AppState, tables: &[String]) -> String {
    each_target(state, tables, NOTHING, |target| {
        let Watched {
            windows,
            column,
            topic,
            field,
        } = target;
        let newest = issued_again(FORECASTS, topic, field);
        format!(
            "SELECT f.topic, f.key, w.zone_id, f.target, f.origin, f.target_time, f.horizon_minutes, f.model, f.model_version, \
             f.step_of_ladder, f.p50, f.p10, f.p90, w.\"{column}\" AS actual, w.is_final, f.p50 - w.\"{column}\" AS error, \
             b.baseline, b.baseline - w.\"{column}\" AS baseline_error, \
             w.\"{column}\" >= f.p10 AND w.\"{column}\" <= f.p90 AS in_interval, f.issued_at \
             FROM (SELECT key, window_start + INTERVAL '7 days' AS target_time, \"{column}\" AS baseline FROM {windows}) b \
             RIGHT JOIN ({newest} n \
             RIGHT ANTI JOIN ({windows} w JOIN forecasts f ON f.key = w.key AND f.target_time = w.window_start) \
             ON n.key = f.key AND n.target_time = f.target_time AND n.origin = f.origin AND n.issued_at > f.issued_at) \
             ON b.key = f.key AND b.target_time = f.target_time \
             WHERE f.topic = {topic} AND f.target = {field} AND w.\"{column}\" IS NOT NULL"
        )
    })
}

/// The newest issue of each key, target time and origin of `table` of which there are several: a restart and a move of an alias score an
/// origin again.
///
/// Which origins those are is asked first, of columns that are the same all through an issue. There are few, and where there is none, no
/// key is read at all, so that the usual case costs one look at those columns. A row with an older `issued_at` than this says is left out.
pub(super) fn issued_again(table: &str, topic: &str, field: &str) -> String {
    format!(
        "(SELECT d.key, d.target_time, d.origin, max(d.issued_at) AS issued_at \
         FROM (SELECT target_time, origin FROM {table} WHERE topic = {topic} AND target = {field} \
         GROUP BY target_time, origin HAVING min(issued_at) < max(issued_at)) c \
         JOIN {table} d ON d.target_time = c.target_time AND d.origin = c.origin \
         WHERE d.topic = {topic} AND d.target = {field} GROUP BY d.key, d.target_time, d.origin)"
    )
}

/// A target whose windows are in the lake, in the words of a query.
pub(super) struct Watched {
    /// The view of its newest windows.
    pub windows: String,
    /// The column there of what happened.
    pub column: String,
    /// Its topic, in quotes.
    pub topic: String,
    /// Its field, in quotes.
    pub field: String,
}

/// The union of a query for each target whose windows are there; `nothing`, which has the same columns, where there is none.
pub(super) fn each_target(
    state: &AppState,
    tables: &[String],
    nothing: &str,
    query: impl Fn(&Watched) -> String,
) -> String {
    let watched = |target: Target| {
        let stream = state.catalog.iter().find(|stream| stream.name == target.topic)?;
        let there = tables.contains(&stream.windows_table());
        Some(Watched {
            column: target_column(stream, &target.field).filter(|_| there)?,
            windows: stream.latest_view(),
            topic: quoted(&target.topic),
            field: quoted(&target.field),
        })
    };
    let targets = targets(state).into_iter().filter_map(watched);
    let queries: Vec<String> = targets.map(|target| query(&target)).collect();
    if queries.is_empty() {
        return nothing.to_owned();
    }
    queries.join("\nUNION ALL\n")
}

/// The columns of a view that has no rows, as no target has windows in the lake yet.
const NOTHING: &str = "SELECT topic, key, CAST(NULL AS VARCHAR) AS zone_id, target, origin, target_time, horizon_minutes, model, model_version, \
     step_of_ladder, p50, p10, p90, CAST(NULL AS DOUBLE) AS actual, CAST(NULL AS BOOLEAN) AS is_final, CAST(NULL AS DOUBLE) AS error, \
     CAST(NULL AS DOUBLE) AS baseline, CAST(NULL AS DOUBLE) AS baseline_error, CAST(NULL AS BOOLEAN) AS in_interval, issued_at \
     FROM forecasts WHERE false";

/// Those that are forecast now and those that are configured.
fn targets(state: &AppState) -> std::collections::BTreeSet<Target> {
    state
        .scores
        .targets()
        .into_iter()
        .chain(state.config.targets.iter().cloned())
        .collect()
}

/// The view's columns, with their units and descriptions.
///
/// # Errors
/// None in practice: every column is its own.
pub(super) fn described(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    let columns: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(qualifier, field)| {
            let said = describe(field).map(|field| FieldMetadata::from(&field));
            Expr::from((qualifier, field)).alias_with_metadata(field.name(), said)
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// By model, target and horizon: the share of what happened within the interval, beside what it is meant to be.
fn coverage(errors: &str) -> String {
    format!(
        "SELECT topic, target, model, model_version, step_of_ladder, horizon_minutes, count(*) AS forecasts, \
         avg(CASE WHEN in_interval THEN 1.0 ELSE 0.0 END) AS coverage, 0.8 AS nominal, avg(p90 - p10) AS mean_width, \
         avg(abs(error)) AS mae, avg(abs(baseline_error)) AS baseline_mae \
         FROM ({errors}) WHERE p10 IS NOT NULL AND p90 IS NOT NULL \
         GROUP BY topic, target, model, model_version, step_of_ladder, horizon_minutes"
    )
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
