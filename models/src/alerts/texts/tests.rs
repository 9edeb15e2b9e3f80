use std::collections::BTreeSet;

use fluent_bundle::{FluentResource, FluentValue};

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
        "alert",
        "by",
        "cause",
        "certainty",
        "clock",
        "count",
        "day",
        "distance",
        "expected",
        "high",
        "hours",
        "key",
        "lasting",
        "limit",
        "low",
        "moment",
        "month",
        "number",
        "percent",
        "place",
        "quantity",
        "revision",
        "road",
        "seen",
        "subject",
        "things",
        "time",
        "usual",
        "value",
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
