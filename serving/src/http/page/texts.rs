//! The page's words: one JSON catalogue a language, the same keys in each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use arterial_models::alerts::Language;
use axum::http::{HeaderMap, header};

type Catalogue = BTreeMap<String, String>;

static ENGLISH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("texts/en.json")));
static RUSSIAN: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("texts/ru.json")));
static FRENCH: LazyLock<Catalogue> = LazyLock::new(|| read(include_str!("texts/fr.json")));

/// The catalogues are part of the program: what could be wrong with them, the tests below find.
fn read(text: &str) -> Catalogue {
    serde_json::from_str(text).unwrap_or_default()
}

/// The words of a language.
pub fn words(language: Language) -> &'static Catalogue {
    match language {
        Language::English => &ENGLISH,
        Language::Russian => &RUSSIAN,
        Language::French => &FRENCH,
    }
}

/// The text of that key with `values` in its places, `{name}`; the key itself where there is none.
pub fn say(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    let text = words(language).get(key).map_or(key, String::as_str);
    let put = |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{name}}}"), value);
    values.iter().fold(text.to_owned(), put)
}

/// The words for `name`, one of those of `group`; itself where there are none.
pub fn name(language: Language, group: &str, name: &str) -> String {
    let said = words(language).get(&format!("{group}.{name}"));
    said.map_or(name, String::as_str).to_owned()
}

/// The language to answer in: the one that is asked for, or the first of `Accept-Language` that there is, or English.
pub fn choose(asked: Option<&str>, headers: &HeaderMap) -> Language {
    if let Some(language) = asked.and_then(|name| name.parse().ok()) {
        return language;
    }
    let accepted = headers.get_all(header::ACCEPT_LANGUAGE);
    let mut ranked: Vec<(f64, Language)> = accepted
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(ranked)
        .collect();
    // Of the same rank the first one counts: the sort is stable.
    ranked.sort_by(|one, other| other.0.total_cmp(&one.0));
    ranked.first().map_or(Language::English, |(_, language)| *language)
}

/// One part of `Accept-Language`, such as `fr-CA;q=0.8`.
fn ranked(part: &str) -> Option<(f64, Language)> {
    let mut pieces = part.split(';').map(str::trim);
    let primary = pieces.next()?.split('-').next()?.to_ascii_lowercase();
    let rank = pieces.find_map(|piece| piece.strip_prefix("q="));
    let rank: f64 = rank.map_or(Some(1.0), |rank| rank.parse().ok())?;
    let language = primary.parse().ok()?;
    (rank > 0.0).then_some((rank, language))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use arterial_models::alerts::{Cause, Kind, Severity, State};

    use super::*;
    use crate::readiness::Reason;
    use crate::score::{LadderStep, RefusalCode};

    fn places(text: &str) -> BTreeSet<&str> {
        let inside = text.split('{').skip(1).filter_map(|rest| rest.split_once('}'));
        inside.map(|(name, _)| name).collect()
    }

    #[test]
    fn every_language_says_everything_with_the_same_values() {
        assert!(words(Language::English).len() > 100);
        for language in [Language::Russian, Language::French] {
            let keys = |of: Language| words(of).keys().collect::<BTreeSet<_>>();
            assert_eq!(keys(language), keys(Language::English), "{language:?}");
            for (key, text) in words(language) {
                assert!(!text.trim().is_empty(), "{language:?} {key}");
                assert_eq!(
                    places(text),
                    places(&words(Language::English)[key]),
                    "{language:?} {key}"
                );
            }
        }
    }

    #[test]
    fn russian_is_written_in_cyrillic_letters() {
        for (key, text) in words(Language::Russian) {
            let said = places(text)
                .iter()
                .fold(text.clone(), |said, place| said.replace(*place, ""));
            let cyrillic = said.chars().any(|letter| matches!(letter, 'а'..='я' | 'А'..='Я'));
            assert!(cyrillic || !said.chars().any(char::is_alphabetic), "{key}: {text}");
        }
    }

    #[test]
    fn every_name_that_the_service_uses_has_a_word() {
        let names = [
            ("cause", Cause::ALL.iter().map(|one| one.name()).collect::<Vec<_>>()),
            ("kind", Kind::ALL.iter().map(|one| one.name()).collect()),
            ("severity", Severity::ALL.iter().map(|one| one.name()).collect()),
            ("state", State::ALL.iter().map(|one| one.name()).collect()),
            ("giver", LadderStep::ALL.iter().map(|one| one.name()).collect()),
            ("reason", Reason::ALL.iter().map(|one| one.code()).collect()),
            (
                "refused",
                [
                    RefusalCode::Stale,
                    RefusalCode::NoData,
                    RefusalCode::OutOfDomain,
                    RefusalCode::UnknownKey,
                    RefusalCode::UnknownTarget,
                    RefusalCode::HorizonTooFar,
                ]
                .iter()
                .map(|one| one.name())
                .collect(),
            ),
        ];
        for (group, names) in names {
            for name in names {
                let key = format!("{group}.{name}");
                assert!(words(Language::English).contains_key(&key), "{key}");
            }
        }
    }

    #[test]
    fn what_is_watched_by_default_has_words_and_anything_else_keeps_its_name() {
        let (_, rest) = include_str!("../../../../default.toml")
            .split_once("watch = [")
            .unwrap();
        let (watched, _) = rest.split_once(']').unwrap();
        let targets: Vec<&str> = watched.split('"').skip(1).step_by(2).collect();
        assert!(targets.contains(&"public-transport.delay_minutes"), "{targets:?}");
        for target in targets {
            assert_ne!(name(Language::French, "target", target), target);
        }
        assert_eq!(name(Language::Russian, "unit", "km/h"), "км/ч");
        assert_eq!(name(Language::Russian, "unit", "furlongs"), "furlongs");
        assert_eq!(name(Language::English, "target", "own.field"), "own.field");
    }

    #[test]
    fn the_language_is_the_asked_one_or_the_reader_s_first_or_english() {
        let headers = |accepted: &str| HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
        assert_eq!(choose(None, &headers("de, fr-CA;q=0.8, ru;q=0.9")), Language::Russian);
        assert_eq!(choose(None, &headers("fr-FR,fr;q=0.9,en;q=0.8")), Language::French);
        assert_eq!(choose(None, &headers("de")), Language::English);
        assert_eq!(choose(Some("ru"), &headers("fr")), Language::Russian);
        assert_eq!(choose(Some("xx"), &headers("fr;q=nonsense, ru;q=0")), Language::English);
    }
}
