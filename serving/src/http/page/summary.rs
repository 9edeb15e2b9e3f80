//! The page's tables as HTML: what is shown until scripts have taken over, and to those who have none.

use std::collections::BTreeMap;
use std::fmt::Write;

use arterial_datasets::time::{MINUTE, Timestamp};
use arterial_models::alerts::{Alert, Language};
use arterial_models::registry::Target;
use jiff::tz::TimeZone;

use super::index::escape;
use super::now::Now;
use super::texts::{name, say};
use super::{models as standing, resolved, status};
use crate::alerts::{AlertRevision, Watched, told};
use crate::live::Place;
use crate::score::{LadderStep, tally};
use crate::state::AppState;

/// Horizons of the table of roads, in steps.
const STEPS_SHOWN: [usize; 3] = [3, 6, 12];
/// Alerts and roads shown: scripts show all of them.
const ROWS_SHOWN: usize = 200;
/// Keys that are named where an alert has no other place.
const KEYS_SHOWN: usize = 3;

/// What keeps the service from being ready; nothing where nothing does.
pub fn trouble(state: &AppState, language: Language) -> String {
    let reasons = state.readiness.reasons();
    let line = |code: &str| format!("<p>{}</p>", escape(&say(language, &format!("reason.{code}"), &[])));
    reasons.keys().map(|reason| line(reason.code())).collect()
}

/// The alerts that go on, and those that were resolved lately.
pub fn alerts(state: &AppState, language: Language) -> String {
    let text = |key: &str| escape(&say(language, key, &[]));
    if state.alerts.config.watch.is_empty() {
        return format!("<p>{}</p>", text("alerts.unwatched"));
    }
    if state.alerts.ready(state).is_err() {
        return format!("<p>{}</p>", text("alerts.unread"));
    }
    let (live, watch) = (state.alerts.store.live(), status::Watch::of(state));
    let hints = hints(state, &watch, language);
    let past = past(state, language);
    if live.is_empty() {
        let said = if watch.is_complete() {
            "alerts.none"
        } else {
            "alerts.none-open"
        };
        return format!("<p>{}</p>{hints}{past}", text(said));
    }
    let items: String = live
        .iter()
        .take(ROWS_SHOWN)
        .map(|one| alert(state, one, language))
        .collect();
    format!("<ul class=\"alerts\">{items}</ul>{hints}{past}")
}

/// What the alerts do not tell of yet.
fn hints(state: &AppState, watch: &status::Watch, language: Language) -> String {
    let learner = |one: &Watched| {
        let (there, all) = (one.learned.to_string(), one.needed.to_string());
        let what = name(language, "target", &one.target.to_string());
        let values = [("what", what.as_str()), ("there", &there), ("all", &all)];
        say(language, "alerts.learner", &values)
    };
    let learners: Vec<String> = watch.learning.iter().map(learner).collect();
    let learning = (!learners.is_empty()).then(|| say(language, "alerts.learning", &[("what", &learners.join(", "))]));
    let behind = watch
        .behind_since
        .map(|end| say(language, "alerts.behind", &[("time", &clock(state, end))]));
    let mut html = String::new();
    for hint in [behind, learning].into_iter().flatten() {
        let _ = write!(html, "<p class=\"hint\">{}</p>", escape(&hint));
    }
    html
}

/// Those that were resolved lately; nothing where none was.
fn past(state: &AppState, language: Language) -> String {
    let item = |one: &Alert| {
        let (since, until) = (
            clock(state, one.since),
            clock(state, one.closed_at.unwrap_or(one.updated_at)),
        );
        let lasted = say(language, "alerts.lasted", &[("from", &since), ("until", &until)]);
        let kind = name(language, "kind", one.kind.name());
        let said = [place(one, language), kind, lasted].join(" · ");
        format!("<li class=\"past\">{}</li>", escape(&said))
    };
    let over = resolved::lately(state);
    if over.is_empty() {
        return String::new();
    }
    let items: String = over.iter().map(|one| item(&one.alert)).collect();
    let head = escape(&say(language, "alerts.lately", &[]));
    format!("<h3 class=\"past-head\">{head}</h3><ul class=\"past-alerts\">{items}</ul>")
}

/// Where it is: the road, the zone, or the keys that it is about.
fn place(alert: &Alert, language: Language) -> String {
    if alert.citywide {
        return say(language, "alerts.city", &[]);
    }
    let named = alert.place.road_name.as_ref().or(alert.zone_id.as_ref());
    named.cloned().unwrap_or_else(|| keys(alert, language))
}

fn keys(alert: &Alert, language: Language) -> String {
    let (named, others) = alert.keys.split_at(alert.keys.len().min(KEYS_SHOWN));
    let named = named.join(", ");
    if others.is_empty() {
        return named;
    }
    let count = others.len().to_string();
    say(language, "alerts.keys-more", &[("keys", &named), ("count", &count)])
}

fn alert(state: &AppState, revision: &AlertRevision, language: Language) -> String {
    let alert = &revision.alert;
    let said = told(state, alert, language);
    let word = |group: &str, name: &str| escape(&say(language, &format!("{group}.{name}"), &[]));
    let cause = match said.reference.as_str() {
        "" => word("cause", alert.cause.name()),
        reference => format!("{} ({})", word("cause", alert.cause.name()), escape(reference)),
    };
    format!(
        "<li class=\"alert\" data-severity=\"{severity}\"><p><strong class=\"chip\">{}</strong> {} · {} · {} · {}</p><p>{}</p><p>{}: {cause}</p></li>",
        word("severity", alert.severity.name()),
        escape(&place(alert, language)),
        word("kind", alert.kind.name()),
        word("state", alert.state.name()),
        clock(state, alert.since),
        escape(&said.text),
        escape(&say(language, "alerts.cause", &[])),
        severity = alert.severity.name(),
    )
}

/// Who is in charge of each target.
pub fn models(state: &AppState, language: Language) -> String {
    let targets = standing::targets(state);
    // Before the service is ready, who will be in charge is not known.
    let nobody = |otherwise: &str| {
        let key = if state.readiness.is_starting() {
            "models.not-ready"
        } else {
            otherwise
        };
        escape(&say(language, key, &[]))
    };
    if targets.is_empty() {
        return format!("<p>{}</p>", nobody("models.no-target"));
    }
    let mut html = String::from("<ul>");
    for target in targets {
        let said = match state.champions.get(&target) {
            None => nobody("models.none"),
            Some(models) => match &models.failure {
                None => format!("<strong>{}</strong>", escape(&models.wanted.to_string())),
                Some(failure) => format!(
                    "<strong>{}</strong> <span class=\"bad\">{}</span>",
                    escape(&models.wanted.to_string()),
                    escape(&say(language, "models.failure", &[("failure", failure)]))
                ),
            },
        };
        let given = given(state, &target, language);
        let _ = write!(
            html,
            "<li><code>{}</code>: {said} {}</li>",
            escape(&target.to_string()),
            escape(&given)
        );
    }
    html.push_str("</ul>");
    html
}

/// Who gave the newest forecasts.
fn given(state: &AppState, target: &Target, language: Language) -> String {
    let Some(issue) = state.scores.get(target).and_then(|scores| scores.newest()) else {
        return say(language, "models.no-forecast", &[]);
    };
    let part = |(step, count): (&LadderStep, &usize)| {
        let giver = say(language, &format!("giver.{}", step.name()), &[]);
        say(
            language,
            "models.given",
            &[("count", &count.to_string()), ("giver", &giver)],
        )
    };
    let parts: Vec<String> = tally(&issue).iter().map(part).collect();
    if parts.is_empty() {
        return say(language, "models.nobody", &[]);
    }
    let time = clock(state, issue.origin);
    say(
        language,
        "models.given-all",
        &[("time", &time), ("parts", &parts.join(", "))],
    )
}

/// How fresh each stream is.
pub fn freshness(state: &AppState, language: Language) -> String {
    let text = |key: &str| escape(&say(language, key, &[]));
    let mut html = head(
        language,
        &[
            "freshness.stream",
            "freshness.keys",
            "freshness.newest",
            "freshness.age",
        ],
    );
    for one in status::streams(state) {
        let newest = one.newest.as_deref().and_then(|newest| newest.parse().ok());
        let newest = newest.map_or_else(|| text("freshness.nothing"), |newest| clock(state, newest));
        let (class, age) = match one.age {
            Some(age) if one.stale => (
                " class=\"bad\"",
                format!("{} · {}", age.in_words(), text("freshness.stale")),
            ),
            Some(age) => ("", age.in_words()),
            None => ("", String::from("–")),
        };
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td>{newest}</td><td{class}>{age}</td></tr>",
            escape(&one.topic),
            one.keys
        );
    }
    html.push_str("</tbody></table>");
    html
}

/// The roads, the most congested first: now and at a few horizons.
pub fn roads(state: &AppState, now: &Now, language: Language) -> String {
    let text = |key: &str| escape(&say(language, key, &[]));
    let Some(window) = now.window else {
        return format!("<p>{}</p>", text("roads.none"));
    };
    let unit = escape(&name(language, "unit", &super::now::unit(state)));
    let mut rows = grouped(state, now);
    let first = |keys: &Vec<usize>| mean(keys.iter().map(|&key| now.congestion(key, 0)));
    rows.sort_by(|(_, one), (_, other)| {
        first(other)
            .partial_cmp(&first(one))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let mut html = head(
        language,
        &["roads.road", "roads.sensors", "roads.speed", "roads.congestion"],
    );
    let shown: Vec<usize> = STEPS_SHOWN.into_iter().filter(|&step| step <= now.horizons()).collect();
    let column = |step: &usize| {
        let minutes = (*step as i64 * now.step.0 / MINUTE).to_string();
        let text = escape(&say(language, "roads.ahead", &[("minutes", &minutes)]));
        format!("<th scope=\"col\">{text}</th>")
    };
    let ahead: String = shown.iter().map(column).collect();
    html = html.replace("</tr></thead>", &format!("{ahead}</tr></thead>"));
    for (name, keys) in rows.iter().take(ROWS_SHOWN) {
        let at = |place: usize| percent(mean(keys.iter().map(|&key| now.congestion(key, place))), language);
        let speed = mean(
            keys.iter()
                .map(|&key| now.speeds.get(key).and_then(|speeds| speeds.first().copied().flatten())),
        );
        let speed = speed.map_or_else(|| text("none"), |speed| format!("{speed:.0} {unit}"));
        let cell = |step: &usize| format!("<td class=\"n\">{}</td>", at(*step));
        let ahead: String = shown.iter().map(cell).collect();
        let _ = write!(
            html,
            "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td class=\"n\">{speed}</td><td class=\"n\">{}</td>{ahead}</tr>",
            escape(name),
            keys.len(),
            at(0)
        );
    }
    html.push_str("</tbody></table>");
    let window = say(language, "roads.window", &[("time", &clock(state, window))]);
    format!("<p>{}</p>{html}", escape(&window))
}

/// The positions of the keys of each road; a key without one stands for itself.
fn grouped(state: &AppState, now: &Now) -> Vec<(String, Vec<usize>)> {
    let stream = state.live.stream(&super::target().topic).ok();
    let places: Vec<Place> = stream
        .map(|stream| stream.with(|live| live.places().to_vec()))
        .unwrap_or_default();
    let mut by_road: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, key) in now.keys.iter().enumerate() {
        let place = places.get(at);
        let named = place.and_then(|place| place.road_name.clone().or_else(|| place.road_id.clone()));
        by_road
            .entry(named.unwrap_or_else(|| key.clone()).to_string())
            .or_default()
            .push(at);
    }
    by_road.into_iter().collect()
}

fn head(language: Language, columns: &[&str]) -> String {
    let cell = |key: &&str| format!("<th scope=\"col\">{}</th>", escape(&say(language, key, &[])));
    let cells: String = columns.iter().map(cell).collect();
    format!("<table><thead><tr>{cells}</tr></thead><tbody>")
}

/// The mean of what is there.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let (sum, count) = values
        .flatten()
        .fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn percent(share: Option<f64>, language: Language) -> String {
    share.map_or_else(
        || escape(&say(language, "none", &[])),
        |share| format!("{:.0} %", 100.0 * share),
    )
}

/// Day, hours and minutes of an instant on the city's clock.
fn clock(state: &AppState, instant: Timestamp) -> String {
    let zone = TimeZone::get(&state.config.timezone).unwrap_or(TimeZone::UTC);
    match instant.to_jiff() {
        Ok(instant) => zone.to_datetime(instant).strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => instant.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerts::revision_example;

    #[test]
    fn an_alert_is_where_its_road_its_zone_or_its_keys_are_and_the_whole_city_only_where_it_says_so() {
        let mut alert = revision_example().alert;
        alert.place.road_name = None;
        alert.zone_id = None;
        alert.keys = ["L1", "L2", "L3", "L4", "L5"].map(String::from).into();
        assert_eq!(place(&alert, Language::English), "L1, L2, L3 and 2 more");
        alert.keys.truncate(1);
        assert_eq!(place(&alert, Language::English), "L1");
        alert.zone_id = Some("Z01".into());
        assert_eq!(place(&alert, Language::English), "Z01");
        alert.place.road_name = Some("Ring".into());
        assert_eq!(place(&alert, Language::English), "Ring");
        alert.citywide = true;
        assert_eq!(place(&alert, Language::French), "Toute la ville");
    }
}
