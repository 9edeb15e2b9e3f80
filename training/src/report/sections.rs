//! The parts of the page that are words and tables.

use std::fmt::Write;

use super::chart::escape;
use crate::backtest::{Backtest, SEASONAL_NAIVE};
use crate::document::Score;
use crate::evaluate::Scores;
use crate::samples;
use crate::table::number;
use crate::tally::Mean;

pub(super) fn title(backtest: &Backtest) -> String {
    let path = &backtest.document.data.path;
    format!("Backtest of {}", path.rsplit(['/', '\\']).next().unwrap_or(path))
}

/// Title, data and protocol.
pub(super) fn head(backtest: &Backtest) -> String {
    let (data, protocol) = (&backtest.document.data, &backtest.document.protocol);
    let split = protocol
        .split
        .clone()
        .unwrap_or_else(|| format!("{} folds", protocol.folds.len()));
    let rows = protocol.folds.last().map_or(0, |fold| fold.train_rows);
    let best = best(backtest);
    let facts = [
        (
            "best model",
            best.clone().unwrap_or_else(|| "none".into()),
            "least MAE over all steps".to_owned(),
        ),
        (
            "its MAE",
            number(best.and_then(|name| through(backtest, &name)), 3),
            format!("steps 1 to {}", protocol.horizon),
        ),
        (
            "windows scored",
            protocol.test_windows.to_string(),
            format!("from row {}", protocol.test_start),
        ),
        (
            "series",
            data.series.to_string(),
            format!("{:.1} % missing", 100.0 * data.missing_share),
        ),
        (
            "rows",
            data.steps.to_string(),
            format!("every {} min", data.step_seconds / 60.0),
        ),
        ("split", split, format!("{rows} training rows")),
        (
            "context, horizon",
            format!("{}, {}", protocol.context, protocol.horizon),
            "rows".to_owned(),
        ),
        ("clock", data.timezone.clone(), format!("seed {}", protocol.seed)),
    ];
    let mut html = format!(
        "<header><h1>{}</h1><p>Every model forecast the same windows; none had seen them.</p></header><dl class=\"facts\">",
        escape(&title(backtest))
    );
    for (name, value, note) in facts {
        let _ = write!(
            html,
            "<div><dt>{name}</dt><dd>{}<small>{}</small></dd></div>",
            escape(&value),
            escape(&note)
        );
    }
    html.push_str("</dl>");
    for note in &backtest.document.notes {
        let _ = write!(html, "<p><strong>{}</strong></p>", escape(note));
    }
    html
}

pub(super) fn best(backtest: &Backtest) -> Option<String> {
    let scores: Vec<Scores> = backtest.scores.iter().map(|(_, scores)| scores.clone()).collect();
    samples::best(&scores).map(|place| backtest.scores[place].0.clone())
}

fn through(backtest: &Backtest, model: &str) -> Option<f64> {
    let mut sum = Mean::default();
    let (_, scores) = backtest.scores.iter().find(|(name, _)| name == model)?;
    scores.steps.iter().for_each(|tally| sum.merge(tally.absolute));
    sum.value()
}

/// The table of all scores, the best of each step marked.
pub(super) fn scores(backtest: &Backtest) -> String {
    let rows = &backtest.document.scores;
    let mut html = String::from(
        "<section><h2>Scores</h2><p>The best of each step is green. MAE and RMSE in the unit of the data, MAPE in percent; MASE in units \
         of each series\u{2019} own seasonal-naive error; skill is the share of seasonal-naive\u{2019}s MAE that a model saves.</p>\
         <div class=\"scroll\"><table><thead><tr><th>model</th><th>step</th><th>minutes</th><th>MAE</th><th>MAE 1..step</th><th>RMSE</th>\
         <th>MAPE %</th><th>MASE</th><th>wQL</th><th>in 80 %</th><th>width 80</th><th>skill</th><th>refused</th></tr></thead>",
    );
    for (model, _) in &backtest.scores {
        html.push_str("<tbody>");
        for (place, row) in rows.iter().filter(|row| row.model == *model).enumerate() {
            html.push_str(&score_row(row, rows, place == 0));
        }
        html.push_str("</tbody>");
    }
    html.push_str("</table></div></section>");
    html
}

fn score_row(row: &Score, rows: &[Score], first: bool) -> String {
    let least = |value: fn(&Score) -> Option<f64>| {
        let others = rows.iter().filter(|other| other.step == row.step).filter_map(value);
        others.fold(f64::INFINITY, f64::min)
    };
    let cell = |value: fn(&Score) -> Option<f64>, digits: usize| {
        let best = value(row).is_some_and(|own| own <= least(value));
        format!(
            "<td{}>{}</td>",
            if best { " class=\"best\"" } else { "" },
            number(value(row), digits)
        )
    };
    let skill = row.metrics.skill;
    let worse = if skill.is_some_and(|skill| skill < 0.0) {
        " class=\"worse\""
    } else {
        ""
    };
    format!(
        "<tr{}><td>{}</td><td>{}</td><td>{}</td>{}{}{}{}{}{}<td>{}</td><td>{}</td><td{worse}>{}</td><td>{}</td></tr>",
        if first { " class=\"first\"" } else { "" },
        if first { escape(&row.model) } else { String::new() },
        row.step,
        row.minutes,
        cell(|score| score.metrics.mae, 3),
        cell(|score| score.mae_through, 3),
        cell(|score| score.metrics.rmse, 3),
        cell(|score| score.metrics.mape, 2),
        cell(|score| score.metrics.mase, 3),
        cell(|score| score.metrics.wql, 4),
        number(row.coverage_80.map(|share| 100.0 * share), 1),
        number(row.width_80, 2),
        number(skill, 3),
        row.refused
    )
}

/// The table of zones and the city, where they were measured.
pub(super) fn areas(backtest: &Backtest) -> String {
    let rows = &backtest.document.areas;
    if rows.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<section><h2>Zones and the city</h2><p>Means over the sensors of each zone and of the city, with intervals that are calibrated \
         by the errors of these means.</p><div class=\"scroll\"><table><thead><tr><th>model</th><th>level</th><th>step</th>\
         <th>minutes</th><th>MAE</th><th>in 80 %</th><th>forecasts</th></tr></thead><tbody>",
    );
    for row in rows {
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&row.model),
            row.level.name(),
            row.step,
            row.minutes,
            number(row.mae, 3),
            number(row.coverage_80.map(|share| 100.0 * share), 1),
            row.forecasts
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

/// What it cost, and what was refused.
pub(super) fn cost(backtest: &Backtest) -> String {
    let mut html = String::from(
        "<section><h2>Cost</h2><p>Seconds on the machine that ran this.</p><div class=\"scroll\"><table><thead><tr><th>model</th>\
         <th>fit and calibrate</th><th>forecast</th><th>values forecast</th><th>values refused</th></tr></thead><tbody>",
    );
    for (timing, (_, scores)) in backtest.document.timing.iter().zip(&backtest.scores) {
        let refused: u64 = scores.steps.iter().map(|tally| tally.refused).sum();
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{:.2} s</td><td>{:.2} s</td><td>{}</td><td>{refused}</td></tr>",
            escape(&timing.model),
            timing.fit_seconds,
            timing.predict_seconds,
            timing.forecasts
        );
    }
    html.push_str("</tbody></table></div></section>");
    html
}

/// How the figures were made.
pub(super) fn foot(backtest: &Backtest) -> String {
    let (data, protocol) = (&backtest.document.data, &backtest.document.protocol);
    format!(
        "<footer><p>Missing targets are skipped. A refused forecast is counted and not scored, so where models refuse, compare them by \
         the JSON\u{2019}s <code>mae_common</code>. Skill is measured against {SEASONAL_NAIVE} on the same windows; MASE is scaled by the \
         in-sample {SEASONAL_NAIVE} error of each series on the training part (season {} rows). Bands are split-conformal: they hold on \
         average over series and hours.</p><p>{} \u{b7} SHA-256 {}</p></footer>",
        protocol.mase_season_steps,
        escape(&data.path),
        escape(&data.sha256)
    )
}
