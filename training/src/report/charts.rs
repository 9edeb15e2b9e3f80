//! The parts of the page that are charts.

use std::fmt::Write;

use arterial_datasets::time::{HOUR, Timestamp};

use super::chart::{Band, Chart, Line, colour, escape};
use super::sections::best;
use crate::backtest::Backtest;
use crate::evaluate::Scores;
use crate::samples::{Sample, SamplePoint};
use crate::table::number;

/// Series that the table of the hardest shows.
const HARDEST: usize = 8;

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
    let line = |value: fn(&SamplePoint) -> f64| {
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

/// MAE of each series, hardest last.
pub(super) fn by_series(backtest: &Backtest) -> String {
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
        height: 420.0,
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
    section(
        backtest,
        "Error by series",
        "Each model\u{2019}s series, sorted by their error over all steps.",
        &chart.render(),
    )
}

/// The series that the best model finds hardest, and what the others make of them.
pub(super) fn hardest(backtest: &Backtest, names: &[String]) -> String {
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
    let mut html = String::from(
        "<section><h2>Hardest series</h2><p>MAE over all steps, worst of the best model first.</p><div class=\"scroll\"><table><thead><tr><th>series</th>",
    );
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
    html.push_str("</tbody></table></div></section>");
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
