//! Views: a shadow beside the champion, on the same windows and keys.

use super::views::{Watched, each_target, issued_again};
use crate::sinks::{FORECASTS, SHADOW_FORECASTS};
use crate::state::AppState;

/// Each forecast of a shadow beside the champion's, and what happened.
pub(super) const ERRORS: &str = "shadow_errors";
/// The errors of both, by horizon.
pub(super) const SCORES: &str = "shadow_scores";

/// The columns of the view where no target has windows in the lake yet.
const NOTHING: &str = "SELECT topic, key, CAST(NULL AS VARCHAR) AS zone_id, target, origin, target_time, horizon_minutes, \
     model AS shadow_model, model_version AS shadow_version, model, model_version, CAST(NULL AS DOUBLE) AS actual, \
     CAST(NULL AS BOOLEAN) AS is_final, CAST(NULL AS DOUBLE) AS shadow_error, CAST(NULL AS DOUBLE) AS error, \
     CAST(NULL AS BOOLEAN) AS shadow_in_interval, CAST(NULL AS BOOLEAN) AS in_interval, issued_at FROM shadow_forecasts WHERE false";

/// One part for each target whose windows are there. Only what the champion itself gave is compared, no step of the ladder
/// behind it and no canary. Of what either issued several times only the newest counts, as in `forecast_errors`.
pub(super) fn errors(state: &AppState, tables: &[String]) -> String {
    each_target(state, tables, NOTHING, |target| {
        let Watched {
            windows,
            column,
            topic,
            field,
        } = target;
        let newest = issued_again(FORECASTS, topic, field);
        let newest_shadow = issued_again(SHADOW_FORECASTS, topic, field);
        format!(
            "SELECT s.topic, s.key, w.zone_id, s.target, s.origin, s.target_time, s.horizon_minutes, \
             s.model AS shadow_model, s.model_version AS shadow_version, f.model, f.model_version, \
             w.\"{column}\" AS actual, w.is_final, \
             s.p50 - w.\"{column}\" AS shadow_error, f.p50 - w.\"{column}\" AS error, \
             w.\"{column}\" >= s.p10 AND w.\"{column}\" <= s.p90 AS shadow_in_interval, \
             w.\"{column}\" >= f.p10 AND w.\"{column}\" <= f.p90 AS in_interval, s.issued_at \
             FROM {newest_shadow} ns RIGHT ANTI JOIN ({newest} nf RIGHT ANTI JOIN ({windows} w \
             JOIN (shadow_forecasts s JOIN forecasts f ON f.topic = s.topic AND f.target = s.target AND f.key = s.key \
             AND f.target_time = s.target_time AND f.origin = s.origin AND f.horizon_minutes = s.horizon_minutes) \
             ON w.key = s.key AND w.window_start = s.target_time) \
             ON nf.key = f.key AND nf.target_time = f.target_time AND nf.origin = f.origin AND nf.issued_at > f.issued_at) \
             ON ns.key = s.key AND ns.target_time = s.target_time AND ns.origin = s.origin AND ns.issued_at > s.issued_at \
             WHERE s.topic = {topic} AND s.target = {field} AND f.step_of_ladder = 'model' AND w.\"{column}\" IS NOT NULL"
        )
    })
}

/// By shadow, champion and horizon, over every pair of forecasts whose window has come.
pub(super) fn scores(errors: &str) -> String {
    format!(
        "SELECT topic, target, shadow_model, shadow_version, model, model_version, horizon_minutes, count(*) AS forecasts, \
         avg(abs(shadow_error)) AS shadow_mae, avg(abs(error)) AS mae, \
         avg(CASE WHEN shadow_in_interval THEN 1.0 ELSE 0.0 END) AS shadow_coverage, \
         avg(CASE WHEN in_interval THEN 1.0 ELSE 0.0 END) AS coverage, \
         min(target_time) AS first_window, max(target_time) AS last_window \
         FROM ({errors}) GROUP BY topic, target, shadow_model, shadow_version, model, model_version, horizon_minutes"
    )
}
