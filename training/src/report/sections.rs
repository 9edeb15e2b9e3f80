//! The parts of the page, top to bottom.

use std::fmt::Write;

use arterial_datasets::time::{HOUR, Timestamp};

use super::chart::{Band, Chart, Line, colour, escape};
use crate::backtest::{Backtest, SEASONAL_NAIVE};
use crate::document::Score;
use crate::evaluate::Scores;
use crate::samples::{self, Sample};
use crate::table::number;
use crate::tally::Mean;

/// Series that the table of the hardest shows.
const HARDEST: usize = 8;

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
    html
}

fn best(backtest: &Backtest) -> Option<String> {
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

/// What happened and what was forecast, for some series.
pub(super) fn samples(backtest: &Backtest) -> String {
    let Some(first) = backtest.samples.first() else {
        return String::new();
    };
    let place = backtest
        .scores
        .iter()
        .position(|(model, _)| *model == first.model)
        .unwrap_or(0);
    let minutes = backtest.document.data.step_seconds / 60.0 * first.step as f64;
    let mut html = format!(
        "<section><h2>Forecast beside what happened</h2><p>{} forecast {minutes} minutes ahead, with the band that should hold {} % of \
         the values, over the last test windows.</p>{}",
        escape(&first.model),
        first.level,
        legend(&[
            ("what happened", "swatch ink"),
            (&first.model, &format!("swatch {}", colour(place))),
            ("band", &format!("swatch area {}", colour(place)))
        ])
    );
    for sample in &backtest.samples {
        let _ = write!(
            html,
            "<h3>{} <small>{} series</small></h3>{}",
            escape(&sample.series),
            sample.label,
            sample_chart(sample, place, &backtest.document.data.timezone)
        );
    }
    html.push_str("</section>");
    html
}

fn sample_chart(sample: &Sample, place: usize, timezone: &str) -> String {
    let x = |time: Timestamp| time.0 as f64;
    let line = |value: fn(&samples::SamplePoint) -> f64| {
        sample
            .points
            .iter()
            .map(|point| (x(point.time), value(point)))
            .collect()
    };
    let range = (
        sample.points.first().map_or(0.0, |point| x(point.time)),
        sample.points.last().map_or(1.0, |point| x(point.time)),
    );
    Chart {
        width: 1040.0,
        height: 210.0,
        label: format!("{}: forecast beside what happened", sample.series),
        x_title: format!("local time, {timezone}"),
        x_ticks: time_ticks(range, timezone),
        x_range: range,
        bands: vec![Band {
            colour: place,
            points: sample
                .points
                .iter()
                .map(|point| (x(point.time), point.low, point.high))
                .collect(),
        }],
        lines: vec![
            Line {
                name: "what happened".into(),
                colour: 0,
                points: line(|point| point.actual),
                dots: false,
                ink: true,
            },
            Line {
                name: sample.model.clone(),
                colour: place,
                points: line(|point| point.point),
                dots: false,
                ink: false,
            },
        ],
        ..Chart::default()
    }
    .render()
}

/// Round local times within `range` (microseconds), at most about nine.
fn time_ticks(range: (f64, f64), timezone: &str) -> Vec<(f64, String)> {
    let Ok(zone) = jiff::tz::TimeZone::get(timezone) else {
        return Vec::new();
    };
    let hours = (range.1 - range.0) / HOUR as f64;
    let every = [1, 2, 3, 6, 12, 24, 48, 168]
        .into_iter()
        .find(|every| hours / f64::from(*every) <= 9.0)
        .unwrap_or(24 * 30);
    let mut ticks = Vec::new();
    let mut instant = range.0 as i64 - (range.0 as i64).rem_euclid(HOUR / 4) + HOUR / 4;
    while instant as f64 <= range.1 {
        if let Ok(time) = Timestamp(instant).to_jiff() {
            let local = zone.to_datetime(time);
            let days = i64::from(local.date().day_of_year());
            let hour = i64::from(local.hour()) + 24 * if every > 24 { days } else { 0 };
            if local.minute() == 0 && local.second() == 0 && hour % i64::from(every.max(1)) == 0 {
                let name = if every >= 24 {
                    local.strftime("%-d %b")
                } else {
                    local.strftime("%a %H:%M")
                };
                ticks.push((instant as f64, name.to_string()));
            }
        }
        instant += HOUR / 4;
    }
    ticks
}

/// MAE at each step ahead.
pub(super) fn by_step(backtest: &Backtest) -> String {
    let step = backtest.document.data.step_seconds / 60.0;
    let horizon = backtest.document.protocol.horizon;
    let lines = model_lines(backtest, horizon <= 24, |scores| {
        let errors = scores.steps.iter().enumerate();
        errors
            .map(|(place, tally)| (step * (place + 1) as f64, or_nan(tally.absolute.value())))
            .collect()
    });
    let every = (horizon / 8).max(1);
    let ticks = (1..=horizon)
        .filter(|place| place % every == 0)
        .map(|place| step * place as f64);
    let chart = Chart {
        width: 500.0,
        height: 300.0,
        label: "MAE by minutes ahead".into(),
        x_title: "minutes ahead".into(),
        y_title: "MAE".into(),
        x_ticks: ticks.map(|minutes| (minutes, minutes.to_string())).collect(),
        x_range: (if horizon > 1 { step } else { 0.0 }, step * horizon as f64),
        from_zero: true,
        lines,
        ..Chart::default()
    };
    section(
        backtest,
        "Error by horizon",
        "How fast forecasts lose their worth.",
        &chart.render(),
    )
}

/// MAE at each local hour of the target.
pub(super) fn by_hour(backtest: &Backtest) -> String {
    let lines = model_lines(backtest, false, |scores| {
        scores
            .hours
            .iter()
            .enumerate()
            .map(|(hour, mean)| (hour as f64, or_nan(mean.value())))
            .collect()
    });
    let chart = Chart {
        width: 500.0,
        height: 300.0,
        label: "MAE by local hour".into(),
        x_title: format!("local hour of the target, {}", backtest.document.data.timezone),
        y_title: "MAE".into(),
        x_ticks: (0..24)
            .step_by(3)
            .map(|hour| (f64::from(hour), format!("{hour:02}")))
            .collect(),
        x_range: (0.0, 23.0),
        from_zero: true,
        lines,
        ..Chart::default()
    };
    section(
        backtest,
        "Error by local hour",
        "Where in the day the errors arise, over all steps.",
        &chart.render(),
    )
}

/// MAE of each series, hardest last, and a table of the hardest.
pub(super) fn by_series(backtest: &Backtest, series: &[String]) -> String {
    let lines = model_lines(backtest, false, |scores| {
        let mut errors: Vec<f64> = scores.series.iter().filter_map(|mean| mean.value()).collect();
        errors.sort_by(f64::total_cmp);
        let last = errors.len().saturating_sub(1).max(1) as f64;
        errors
            .into_iter()
            .enumerate()
            .map(|(place, error)| (100.0 * place as f64 / last, error))
            .collect()
    });
    let chart = Chart {
        width: 500.0,
        height: 300.0,
        label: "MAE by series".into(),
        x_title: "share of series, easiest first, %".into(),
        y_title: "MAE".into(),
        x_ticks: (0..=4)
            .map(|quarter| (f64::from(quarter) * 25.0, (quarter * 25).to_string()))
            .collect(),
        x_range: (0.0, 100.0),
        from_zero: true,
        lines,
        ..Chart::default()
    };
    let body = chart.render() + &hardest(backtest, series);
    section(
        backtest,
        "Error by series",
        "Each model\u{2019}s series, sorted by their error over all steps.",
        &body,
    )
}

fn hardest(backtest: &Backtest, names: &[String]) -> String {
    let Some(best) = best(backtest) else {
        return String::new();
    };
    let Some((_, scores)) = backtest.scores.iter().find(|(model, _)| *model == best) else {
        return String::new();
    };
    let mut errors: Vec<(usize, f64)> = scores
        .series
        .iter()
        .enumerate()
        .filter_map(|(place, mean)| Some((place, mean.value()?)))
        .collect();
    errors.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    let mut html = String::from("<div class=\"scroll\"><table><thead><tr><th>hardest series</th>");
    for (model, _) in &backtest.scores {
        let _ = write!(html, "<th>{}</th>", escape(model));
    }
    html.push_str("</tr></thead><tbody>");
    for (place, _) in errors.into_iter().take(HARDEST) {
        let _ = write!(
            html,
            "<tr><td>{}</td>",
            escape(names.get(place).map_or("", String::as_str))
        );
        for (_, scores) in &backtest.scores {
            let _ = write!(html, "<td>{}</td>", number(scores.series[place].value(), 3));
        }
        html.push_str("</tr>");
    }
    html.push_str("</tbody></table></div>");
    html
}

/// How often the truth lay below each quantile, against how often it should.
pub(super) fn reliability(backtest: &Backtest) -> String {
    let fractions = &backtest.layout.fractions;
    let lines = model_lines(backtest, true, |scores| {
        let sum = scores.through(scores.steps.len(), &backtest.layout);
        let count = sum.magnitude.count as f64;
        let shares = fractions.iter().zip(&sum.below);
        shares
            .map(|(fraction, below)| (100.0 * fraction, 100.0 * *below as f64 / count))
            .collect()
    });
    let ticks: Vec<(f64, String)> = (0..=5)
        .map(|fifth| (f64::from(fifth) * 20.0, (fifth * 20).to_string()))
        .collect();
    let chart = Chart {
        width: 500.0,
        height: 420.0,
        label: "Reliability of the quantiles".into(),
        x_title: "quantile forecast, %".into(),
        y_title: "targets at or below it, %".into(),
        x_ticks: ticks,
        x_range: (0.0, 100.0),
        y_range: Some((0.0, 100.0)),
        diagonal: true,
        lines,
        ..Chart::default()
    };
    let text = "Calibrated quantiles lie on the dashed line. Above it on the left or below it on the right, bands are too narrow.";
    section(backtest, "Reliability", text, &chart.render())
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

fn model_lines(backtest: &Backtest, dots: bool, points: impl Fn(&Scores) -> Vec<(f64, f64)>) -> Vec<Line> {
    let line = |(colour, (name, scores)): (usize, &(String, Scores))| Line {
        name: name.clone(),
        colour,
        points: points(scores),
        dots,
        ink: false,
    };
    backtest.scores.iter().enumerate().map(line).collect()
}

fn section(backtest: &Backtest, title: &str, text: &str, body: &str) -> String {
    let classes: Vec<String> = (0..backtest.scores.len())
        .map(|place| format!("swatch {}", colour(place)))
        .collect();
    let entries: Vec<(&str, &str)> = backtest
        .scores
        .iter()
        .zip(&classes)
        .map(|((name, _), class)| (name.as_str(), class.as_str()))
        .collect();
    format!(
        "<section><h2>{title}</h2><p>{text}</p>{}{body}</section>",
        legend(&entries)
    )
}

fn legend(entries: &[(&str, &str)]) -> String {
    let mut html = String::from("<div class=\"legend\">");
    for (name, class) in entries {
        let _ = write!(html, "<span><i class=\"{class}\"></i>{}</span>", escape(name));
    }
    html.push_str("</div>");
    html
}

fn or_nan(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}
