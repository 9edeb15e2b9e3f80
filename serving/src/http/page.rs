//! The page for people: what is wrong in the city, how fresh the data are, which model is in charge, the latest forecasts.

use std::fmt::Write;

use arterial_datasets::time::{Duration, MINUTE, Timestamp};
use arterial_models::registry::Target;

use crate::alerts::told;
use crate::score::{Issue, LadderStep, tally};
use crate::state::AppState;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;color:#1b1f24}\
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{padding:.25rem .8rem;border-bottom:1px solid #d8dee4;text-align:left}\
td.n{text-align:right;font-variant-numeric:tabular-nums}.bad{color:#b3261e}.good{color:#1a7f37}\
.note{background:#fff8c5;padding:.4rem .8rem;border-radius:.3rem}";
/// Keys shown for each target.
const KEYS_SHOWN: usize = 20;
/// Alerts shown.
const ALERTS_SHOWN: usize = 20;
/// Horizons shown, in windows.
const STEPS_SHOWN: [usize; 3] = [3, 6, 12];

/// The page as it stands now.
pub fn render(state: &AppState) -> String {
    let site = escape(&state.config.site);
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"30\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Arterial: {site}</title><style>{STYLE}</style></head>\
         <body><h1>Arterial: {site}</h1>"
    );
    if state.synthetic {
        html.push_str("<p class=\"note\">These data are synthetic: they come from a simulated city.</p>");
    }
    readiness(state, &mut html);
    alerts(state, &mut html);
    streams(state, &mut html);
    for target in state.scores.targets() {
        forecasts(state, &target, &mut html);
    }
    html.push_str("<p><a href=\"/metrics\">metrics</a> <a href=\"/readyz\">readiness</a> <a href=\"/openapi.json\">HTTP interface</a></p></body></html>");
    html
}

fn readiness(state: &AppState, html: &mut String) {
    let reasons = state.readiness.reasons();
    if reasons.is_empty() {
        html.push_str("<p class=\"good\">Ready.</p>");
    }
    for text in reasons.values() {
        let _ = write!(html, "<p class=\"bad\">Not ready: {}.</p>", escape(text));
    }
}

fn alerts(state: &AppState, html: &mut String) {
    let config = &state.alerts.config;
    if config.watch.is_empty() {
        return;
    }
    html.push_str("<h2>Alerts</h2>");
    let live = state.alerts.store.live();
    if live.is_empty() {
        html.push_str("<p>Nothing is open.</p>");
    } else {
        html.push_str(
            "<table><tr><th>since (UTC)</th><th>severity</th><th>what</th><th>likely cause</th><th>state</th></tr>",
        );
    }
    for one in live.iter().take(ALERTS_SHOWN) {
        let alert = &one.alert;
        let said = told(state, alert, config.settings.language);
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            time_of_day(alert.since),
            alert.severity,
            escape(&said.text),
            escape(&cause(alert.cause.name(), &said.reference)),
            alert.state
        );
    }
    if !live.is_empty() {
        html.push_str("</table>");
    }
    if live.len() > ALERTS_SHOWN {
        let _ = write!(html, "<p>{} more.</p>", live.len() - ALERTS_SHOWN);
    }
    let watched = state.alerts.watched();
    for one in watched.iter().filter(|one| one.learned < one.needed) {
        let _ = write!(
            html,
            "<p>Still learning {}: {} of {} windows.</p>",
            escape(&one.target.to_string()),
            one.learned,
            one.needed
        );
    }
}

/// A cause in words, with what it is.
fn cause(name: &str, reference: &str) -> String {
    let name = name.replace('_', " ");
    if reference.is_empty() {
        name
    } else {
        format!("{name} ({reference})")
    }
}

fn streams(state: &AppState, html: &mut String) {
    html.push_str("<h2>Data</h2><table><tr><th>stream</th><th>keys</th><th>newest window</th><th>age</th></tr>");
    let now = state.clock.now();
    for stream in state.live.streams() {
        let definition = stream.definition();
        let (newest, age) = match stream.newest() {
            Some(newest) => {
                let age = Duration(now.0 - newest.0 - definition.window.0);
                (newest.to_string(), age.in_words())
            }
            None => ("none yet".into(), String::new()),
        };
        let name = escape(&definition.name);
        let _ = write!(
            html,
            "<tr><td>{name}</td><td class=\"n\">{}</td><td>{newest}</td><td>{age}</td></tr>",
            stream.key_count()
        );
    }
    html.push_str("</table>");
}

fn forecasts(state: &AppState, target: &Target, html: &mut String) {
    let _ = write!(html, "<h2>{}</h2>", escape(&target.to_string()));
    match state.champions.get(target) {
        None => html.push_str(
            "<p>No model was promoted yet: the profile answers, what a key did at that time of day, once it has seen two \
             days of the same kind (working days or weekend).</p>",
        ),
        Some(models) => {
            let _ = write!(html, "<p>Champion: <b>{}</b>", escape(&models.wanted.to_string()));
            if let Some(failure) = &models.failure {
                let _ = write!(html, " <span class=\"bad\">does not load: {}</span>", escape(failure));
            }
            html.push_str("</p>");
        }
    }
    let issue = state.scores.get(target).and_then(|scores| scores.newest());
    let Some(issue) = issue else {
        return html.push_str("<p>No forecast yet.</p>");
    };
    let given: Vec<String> = tally(&issue)
        .iter()
        .map(|(step, count)| format!("{count} forecasts by {}", giver(*step)))
        .collect();
    let given = if given.is_empty() {
        "nobody can answer yet".into()
    } else {
        given.join(", ")
    };
    let _ = write!(
        html,
        "<p>From the window that starts at {}: {given}. A forecast is the mean of the window of {} that starts at the time above \
         it, with its 80 % interval; minutes count from the start of the last window used.</p>",
        issue.origin, issue.step
    );
    table(state, &issue, html);
}

/// Hours and minutes of an instant, UTC.
fn time_of_day(instant: Timestamp) -> String {
    let text = instant.to_string();
    text.get(11..16).unwrap_or(&text).to_owned()
}

fn giver(step: LadderStep) -> &'static str {
    match step {
        LadderStep::Model => "the champion",
        LadderStep::Canary => "the canary",
        LadderStep::LastGood => "the champion before it",
        LadderStep::Profile => "the profile",
    }
}

fn table(state: &AppState, issue: &Issue, html: &mut String) {
    let Some(places) = issue.positions(&[0.1, 0.5, 0.9]) else {
        return;
    };
    let shown: Vec<usize> = STEPS_SHOWN
        .into_iter()
        .filter(|&step| step <= issue.horizon())
        .collect();
    html.push_str("<table><tr><th>key</th><th>data</th>");
    for step in &shown {
        let _ = write!(
            html,
            "<th>{} UTC<br>+{} min</th>",
            time_of_day(issue.target_time(*step)),
            *step as i64 * issue.step.0 / MINUTE
        );
    }
    html.push_str("</tr>");
    let now = state.clock.now();
    for key in 0..issue.keys.len().min(KEYS_SHOWN) {
        let fresh = issue.age(key, now).is_some_and(|age| age <= state.config.stale_after);
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td>",
            escape(&issue.keys[key]),
            if fresh { "fresh" } else { "stale" }
        );
        for &step in &shown {
            let value = |place: usize| issue.values[[key, step - 1, places[place]]];
            match issue.steps[[key, step - 1]] {
                Some(_) if fresh => {
                    let _ = write!(
                        html,
                        "<td class=\"n\">{:.1} ({:.1} to {:.1})</td>",
                        value(1),
                        value(0),
                        value(2)
                    );
                }
                _ => html.push_str("<td>refused</td>"),
            }
        }
        html.push_str("</tr>");
    }
    html.push_str("</table>");
    if issue.keys.len() > KEYS_SHOWN {
        let _ = write!(html, "<p>{} more keys.</p>", issue.keys.len() - KEYS_SHOWN);
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_become_markup() {
        assert_eq!(escape("<script>\"&"), "&lt;script&gt;&quot;&amp;");
    }
}
