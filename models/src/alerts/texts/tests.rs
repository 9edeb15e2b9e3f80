use std::collections::BTreeSet;

use fluent_bundle::{FluentResource, FluentValue};

use super::measures::measure;
use super::words::Words;
use crate::alerts::Language;

const FILES: [(Language, &str); 3] = [
    (Language::English, include_str!("en.ftl")),
    (Language::Russian, include_str!("ru.ftl")),
    (Language::French, include_str!("fr.ftl")),
];

fn ids(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().filter(|line| !line.starts_with(['#', ' ']));
    lines.filter_map(|line| Some(line.split_once(" =")?.0)).collect()
}

#[test]
fn each_file_is_sound() {
    for (language, text) in FILES {
        let read = FluentResource::try_new(text.to_string());
        assert!(read.is_ok(), "{language}: {:?}", read.err().map(|(_, errors)| errors));
    }
}

#[test]
fn each_message_stands_in_each_language_and_takes_the_same_values() {
    let names = [
        "added",
        "alert",
        "by",
        "cause",
        "certainty",
        "clock",
        "count",
        "day",
        "distance",
        "end",
        "expected",
        "former",
        "gone",
        "high",
        "hours",
        "kept",
        "key",
        "known",
        "lasting",
        "left",
        "limit",
        "low",
        "moment",
        "month",
        "name",
        "near",
        "number",
        "percent",
        "place",
        "quantity",
        "reason",
        "revision",
        "road",
        "seen",
        "sent",
        "severity",
        "subject",
        "text",
        "things",
        "time",
        "usual",
        "value",
        "verdict",
        "what",
        "zone",
    ];
    let values: Vec<(&str, FluentValue)> = names.map(|name| (name, FluentValue::from(2))).to_vec();
    let english = ids(FILES[0].1);
    assert!(english.len() > 100, "{}", english.len());
    for (language, text) in FILES {
        assert_eq!(ids(text), english, "{language}");
        for id in &english {
            let said = Words::of(language).try_say(id, &values);
            assert!(said.is_ok(), "{language}: {said:?}");
        }
    }
}

#[test]
fn whatever_is_watched_by_default_has_a_name_and_a_unit_in_each_language() {
    let shipped: toml::Table = toml::from_str(include_str!("../../../../default.toml")).unwrap();
    let watched = shipped["alerts"]["watch"].as_array().unwrap();
    assert!(!watched.is_empty());
    for target in watched {
        let (_, field) = target.as_str().unwrap().split_once('.').unwrap();
        let (quantity, unit) = measure(field).unwrap_or_else(|| panic!("nobody has a name for {field}"));
        for language in Language::ALL {
            let words = Words::of(*language);
            assert!(words.try_say(quantity, &[]).is_ok(), "{language}: {quantity}");
            let written = words.try_say(unit, &[("value", FluentValue::from("7"))]);
            assert!(written.is_ok_and(|text| text.contains('7')), "{language}: {unit}");
        }
    }
}
