//! `GET /`: the page with every number that there is at that moment, in the reader's language. Scripts then keep it up to date; without
//! them it is asked for again every half minute.

use std::sync::Arc;

use arterial_models::alerts::Language;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;

use super::now::{self, Now};
use super::summary;
use super::texts::{choose, say, words};
use super::{Page, target};
use crate::Result;
use crate::http::Problem;

const TEMPLATE: &str = include_str!("index.html");
/// Everything comes from here, and nothing that stands in the page itself is run.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Hours of history that can be chosen.
const HOURS: [i64; 4] = [3, 6, 12, 24];
/// Those that are chosen at first.
const HOURS_FIRST: i64 = 6;
/// A language that was asked for is remembered for a year.
const REMEMBERED: &str = "Path=/; Max-Age=31536000; SameSite=Strict; HttpOnly";

/// The page as it stands now.
pub async fn show(
    State(page): State<Arc<Page>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let asked = query.as_deref().and_then(asked);
    let remembered = remembered(&headers);
    let language = choose(asked.as_deref().or(remembered), &headers);
    let html = render(&page, language).await?;
    let head = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CONTENT_LANGUAGE, language.name()),
        (header::VARY, "Accept-Language, Cookie"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    let mut response = (head, Html(html)).into_response();
    if asked.is_some()
        && let Ok(cookie) = format!("language={}; {REMEMBERED}", language.name()).parse()
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// The language that the query names, by either of the names that people try.
fn asked(query: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut named = pairs.filter(|(name, _)| matches!(&**name, "language" | "lang"));
    let language = named.find_map(|(_, value)| value.parse::<Language>().ok())?;
    Some(language.name().to_owned())
}

/// The language that was asked for some time.
fn remembered(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == "language").map(|(_, value)| value)
}

async fn render(page: &Page, language: Language) -> Result<String> {
    let state = &page.app;
    let now = page.now.get(state).await?;
    let values = [
        ("language", language.name().to_owned()),
        ("site", escape(&state.config.site)),
        ("synthetic", synthetic(state.synthetic, language)),
        ("languages", languages(language)),
        ("trouble", summary::trouble(state, language)),
        ("map-drawn", map_drawn(&now)),
        ("map-waiting", map_waiting(language)),
        ("hours", hours(language)),
        ("alerts", summary::alerts(state, language)),
        ("models", summary::models(state, language)),
        ("freshness", summary::freshness(state, language)),
        ("roads", summary::roads(state, &now, language)),
        ("data", data(page, language)),
    ];
    Ok(fill(TEMPLATE, language, &values))
}

/// The template with texts for `{{t:KEY}}`, and values, which are HTML, for `{{NAME}}`.
fn fill(template: &str, language: Language, values: &[(&str, String)]) -> String {
    let mut html = String::with_capacity(4 * template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").unwrap_or((after, ""));
        html.push_str(before);
        match (name.strip_prefix("t:"), values.iter().find(|(known, _)| *known == name)) {
            (Some(key), _) => html.push_str(&escape(&say(language, key, &[]))),
            (None, Some((_, value))) => html.push_str(value),
            (None, None) => {}
        }
        rest = behind;
    }
    html.push_str(rest);
    html
}

/// Hides what stands in place of the map once there is something to draw.
fn map_drawn(now: &Now) -> String {
    let hidden = if now.keys.is_empty() { "" } else { " hidden" };
    hidden.to_owned()
}

/// What stands there before: what is waited for.
fn map_waiting(language: Language) -> String {
    escape(&say(language, "map.waiting", &[("topic", &target().topic)]))
}

fn synthetic(synthetic: bool, language: Language) -> String {
    if synthetic {
        format!(
            "<strong class=\"synthetic\">{}</strong>",
            escape(&say(language, "synthetic", &[]))
        )
    } else {
        String::new()
    }
}

/// A link to the page in each language; the present one is marked.
fn languages(present: Language) -> String {
    let link = |language: &Language| {
        let name = language.name();
        let current = if *language == present {
            " aria-current=\"true\""
        } else {
            ""
        };
        let own = say(*language, "name.language", &[]);
        format!(
            "<a href=\"/?language={name}\" lang=\"{name}\" hreflang=\"{name}\" title=\"{own}\"{current}><abbr title=\"{own}\">{}</abbr></a>",
            name.to_uppercase()
        )
    };
    Language::ALL.iter().map(link).collect()
}

fn hours(language: Language) -> String {
    let option = |hours: i64| {
        let chosen = if hours == HOURS_FIRST { " selected" } else { "" };
        let text = escape(&say(language, "detail.last-hours", &[("hours", &hours.to_string())]));
        format!("<option value=\"{hours}\"{chosen}>{text}</option>")
    };
    HOURS.into_iter().map(option).collect()
}

/// What scripts have to know: the words, and the city's clock. It stands in a data block, in which `<` is written as an escape, so
/// that no text can end it.
fn data(page: &Page, language: Language) -> String {
    let data = json!({
        "language": language.name(),
        "timezone": page.app.config.timezone,
        "unit": now::unit(&page.app),
        "texts": words(language),
    });
    data.to_string().replace('<', "\\u003c")
}

/// Text for HTML.
pub fn escape(text: &str) -> String {
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

    #[test]
    fn every_place_of_the_template_has_a_text_or_a_value() {
        for place in TEMPLATE.split("{{").skip(1).filter_map(|rest| rest.split_once("}}")) {
            match place.0.strip_prefix("t:") {
                Some(key) => assert!(words(Language::English).contains_key(key), "{key}"),
                None => assert_eq!(
                    fill(
                        &format!("{{{{{}}}}}", place.0),
                        Language::English,
                        &[(place.0, "x".into())]
                    ),
                    "x"
                ),
            }
        }
    }

    #[test]
    fn a_language_is_remembered_once_it_was_asked_for() {
        let headers = HeaderMap::from_iter([(header::COOKIE, "a=b; language=ru".parse().unwrap())]);
        assert_eq!(remembered(&headers), Some("ru"));
        assert_eq!(asked("x=1&language=fr"), Some("fr".into()));
        assert_eq!(asked("lang=xx&lang=fr"), Some("fr".into()));
        assert_eq!(asked("language=\r\nevil"), None);
    }
}
