//! What an operator reads.

use std::sync::Arc;

use arterial_datasets::time::{Duration, HOUR};
use jiff::tz::TimeZone;

use super::town::{Strange, Town, at, name, rule, said, settings, slow};
use crate::alerts::{
    Alert, AlertBook, AlertSettings, Cause, Incident, Kind, Language, Place, Places, Reason, Severity, State, Verdict,
    Weather, counted_label, label, tell_evidence,
};
use crate::registry::Target;

fn told(language: Language, prepare: impl Fn(&mut Town), sensors: std::ops::Range<usize>) -> String {
    let mut town = Town::line(100);
    town.book = AlertBook::new(AlertSettings { language, ..settings() }).unwrap();
    prepare(&mut town);
    for step in 0..3 {
        town.feed(step, |sensor| sensors.contains(&sensor).then(|| slow(1.7)));
    }
    let mut alerts = town.alerts();
    alerts.remove(0).text
}

fn crash(town: &mut Town) {
    let place = town.around.places.get(&name(26)).unwrap();
    town.around.incidents = vec![Incident {
        incident_id: "INC-12".into(),
        cause: Cause::Accident,
        severity: None,
        zone_id: None,
        road_id: None,
        lat: place.lat,
        lon: place.lon,
        reported_at: at(0),
        estimated_duration: Some("1h".parse().unwrap()),
        active: true,
    }];
}

#[test]
fn a_crash_is_told_in_three_languages() {
    assert_eq!(
        told(Language::English, crash, 20..25),
        "Traffic is slower than expected on Ring Road, zone Z2 (5 sensors). Since 08:00 (Europe/Copenhagen). Seen: speed 12 km/h; \
         expected: 42 to 58 km/h. Likely cause: accident INC-12, 800 m away, known since 08:00. About 25 vehicle-hours \
         lost so far. Probably over by 09:00. Certainty 94%. What to do: make sure that help is on its way, divert traffic and warn drivers."
    );
    assert_eq!(
        told(Language::Russian, crash, 20..25),
        "Движение медленнее ожидаемого: Ring Road, зона Z2 (5 датчиков). С 08:00 (Europe/Copenhagen). Наблюдалось: скорость 12 км/ч; \
         ожидалось: от 42 до 58 км/ч. Вероятная причина: ДТП INC-12, расстояние 800 м, известно с 08:00. Потеряно \
         примерно 25 машино-часов. Вероятно, закончится к 09:00. Уверенность 94\u{a0}%. Что делать: убедиться, \
         что помощь в пути, направить поток в объезд и предупредить водителей."
    );
    assert_eq!(
        told(Language::French, crash, 20..25),
        "Le trafic est plus lent que prévu\u{a0}: Ring Road, zone Z2 (5 capteurs). Depuis 8\u{a0}h\u{a0}00 (Europe/Copenhagen). \
         Observé\u{a0}: vitesse 12 km/h\u{a0}; prévu\u{a0}: de 42 à 58 km/h. Cause probable\u{a0}: accident INC-12, à 800 m, signalement\u{a0}: \
         8\u{a0}h\u{a0}00. Environ 25 heures-véhicule perdues jusqu'ici. Fin probable vers 9\u{a0}h\u{a0}00. \
         Certitude 94\u{a0}%. Que faire\u{a0}: vérifier que les secours sont en route, dévier le trafic et avertir les conducteurs."
    );
}

fn evidence(alert: &Alert, language: Language) -> Vec<String> {
    tell_evidence(alert, language, &TimeZone::get("Europe/Copenhagen").unwrap())
}

#[test]
fn what_speaks_for_a_cause_is_told_in_three_languages() {
    let mut town = Town::line(100);
    crash(&mut town);
    town.around.weather = Some(Weather {
        precipitation_mm: Some(7.5),
        ..Weather::default()
    });
    for step in 0..3 {
        town.feed(step, |sensor| (20..25).contains(&sensor).then(|| slow(1.7)));
    }
    let alert = town.only();
    assert_eq!(
        evidence(&alert, Language::English),
        ["accident INC-12, 800 m away, since 08:00", "rain, 7.5 mm an hour"]
    );
    assert_eq!(
        evidence(&alert, Language::Russian),
        ["ДТП INC-12, расстояние 800 м, с 08:00", "дождь, 7,5 мм в час"]
    );
    assert_eq!(
        evidence(&alert, Language::French),
        [
            "accident INC-12, à 800 m, depuis 8\u{a0}h\u{a0}00",
            "pluie, 7,5 mm par heure"
        ]
    );
}

#[test]
fn evidence_says_how_many_neighbours_are_normal_and_how_many_sensors_are_silent() {
    let mut drifting = Town::line(30);
    for step in 0..3 {
        let drift = || said(Reason::Drift(Duration(HOUR)), 1.4);
        drifting.feed(step, |sensor| (sensor == 7).then(drift));
    }
    assert_eq!(
        evidence(&drifting.only(), Language::English),
        ["faulty sensor s007, 4 neighbours are normal, since 08:00"]
    );
    let mut silent = Town::line(100);
    silent.feed(0, |sensor| {
        let is_dead = (20..29).contains(&sensor);
        is_dead.then(|| rule(Reason::Silent(Duration(HOUR)), 2.0))
    });
    assert_eq!(
        evidence(&silent.only(), Language::Russian),
        ["сбой источника данных, 9 датчиков, с 07:05"]
    );
}

#[test]
fn what_is_watched_is_told_by_its_name_and_its_unit() {
    let say = |topic, target, language| {
        let mut town = Town::line(5);
        town.topic = topic;
        town.book = AlertBook::new(AlertSettings { language, ..settings() }).unwrap();
        let strange = Strange {
            target,
            seen: Some(61.0),
            ..said(Reason::Higher, 1.5)
        };
        for step in 0..2 {
            town.feed(step, |sensor| (sensor == 2).then_some(strange));
        }
        town.only().text
    };
    for (topic, target, language, told) in [
        (
            "air-quality",
            "pm25",
            Language::English,
            "Seen: PM2.5 61 µg/m³; expected: 42 to 58 µg/m³.",
        ),
        (
            "parking",
            "occupied_spaces",
            Language::Russian,
            "Наблюдалось: число занятых мест 61; ожидалось: от 42 до 58.",
        ),
        (
            "bike-share",
            "available_bikes",
            Language::French,
            "Plus de vélos disponibles que prévu\u{a0}: Ring Road",
        ),
    ] {
        let text = say(topic, target, language);
        assert!(text.contains(told), "{text}");
    }
}

/// What is told of a line whose vehicles are late, in the eyes of a detector that knows what is usual or does not yet.
fn late(learning: Vec<Target>) -> String {
    let mut town = Town::line(5).without_positions();
    town.topic = "public-transport";
    town.around.learning = learning;
    let late = Strange {
        target: "delay_minutes",
        seen: Some(61.0),
        ..said(Reason::Higher, 1.5)
    };
    for step in 0..2 {
        town.feed(step, |line| (line == 2).then_some(late));
    }
    town.only().text
}

#[test]
fn a_line_that_runs_late_is_told_as_such() {
    let text = late(Vec::new());
    assert!(
        text.starts_with("Vehicles run later than expected on line s002, zone Z0."),
        "{text}"
    );
    assert!(
        text.ends_with("What to do: ask the control centre what holds the vehicles up, and tell passengers."),
        "{text}"
    );
    assert!(!text.contains("learning"), "{text}");
}

#[test]
fn what_a_detector_finds_that_is_still_learning_is_told_with_that() {
    let target = |topic: &str| Target {
        topic: topic.into(),
        field: "delay_minutes".into(),
    };
    let text = late(vec![target("public-transport")]);
    assert!(
        text.contains("is still learning what is usual, so it may be wrong."),
        "{text}"
    );
    assert!(!late(vec![target("trains")]).contains("learning"), "of another stream");
}

#[test]
fn a_silent_sensor_is_told_by_its_road_and_asks_for_power_and_connection() {
    let mut town = Town::line(30);
    let silent = || rule(Reason::Silent(Duration(HOUR)), 1.4);
    town.feed(0, |sensor| (sensor == 7).then(silent));
    let text = town.only().text;
    assert!(
        text.starts_with("No data for 60 minutes at s007 on Ring Road, zone Z0."),
        "{text}"
    );
    assert!(text.contains("Since 07:05"), "an hour before the window ended: {text}");
    assert!(
        text.contains("Likely cause: the sensor itself or its connection; 4 neighbours are normal."),
        "{text}"
    );
    assert!(
        text.contains("What to do: have its power and its connection checked"),
        "{text}"
    );
}

#[test]
fn a_place_is_told_by_the_name_that_people_call_it() {
    let mut town = Town::line(5);
    town.topic = "parking";
    let place = Place {
        name: Some("Station Square".into()),
        zone_id: Some("Z1".into()),
        ..Place::default()
    };
    town.around.places = Arc::new(Places::new([(name(2), place)].into(), &[]));
    let full = || rule(Reason::OverCapacity(95.0), 1.4);
    town.feed(0, |park| (park == 2).then(full));
    let text = town.only().text;
    assert!(
        text.starts_with("As good as full (above 95%) at Station Square (s002), zone Z1."),
        "{text}"
    );
}

#[test]
fn fewer_people_than_expected_ask_for_nothing_at_once() {
    let say = |target, is_below: bool| {
        let mut town = Town::line(5);
        town.topic = "parking";
        let (reason, seen) = if is_below {
            (Reason::Lower, 12.0)
        } else {
            (Reason::Higher, 61.0)
        };
        let strange = Strange {
            target,
            seen: Some(seen),
            ..said(reason, 1.5)
        };
        for step in 0..2 {
            town.feed(step, |park| (park == 2).then_some(strange));
        }
        town.only().text
    };
    for (target, is_below, told, advice) in [
        ("occupied_spaces", false, "More spaces taken", "check capacity"),
        ("occupied_spaces", true, "Fewer spaces taken", "nothing at once"),
        ("available_spaces", true, "Fewer free spaces", "check capacity"),
        ("available_spaces", false, "More free spaces", "nothing at once"),
        ("available_bikes", true, "Fewer bikes", "bring bikes"),
        ("charge", true, "Less than expected: charge", "nothing at once"),
    ] {
        let text = say(target, is_below);
        let asked = format!("What to do: {advice}");
        assert!(text.starts_with(told) && text.contains(&asked), "{text}");
    }
}

#[test]
fn russian_counts_sensors_as_russian_does() {
    let count = |sensors: usize| told(Language::Russian, |_| (), 20..20 + sensors);
    assert!(count(3).contains("(3 датчика)"), "{}", count(3));
    assert!(count(5).contains("(5 датчиков)"));
    assert!(count(11).contains("(11 датчиков)"));
    assert!(count(21).contains("(21 датчик)"));
    assert!(count(22).contains("(22 датчика)"));
}

#[test]
fn a_cause_that_is_not_known_is_said_to_be_unknown() {
    assert!(told(Language::English, |_| (), 20..25).contains("The cause is not known."));
}

#[test]
fn a_storm_is_told_for_the_whole_city() {
    let mut town = Town::grid(12);
    town.around.weather = Some(Weather {
        precipitation_mm: Some(7.5),
        ..Weather::default()
    });
    town.feed(0, |sensor| (sensor % 2 == 0).then(|| slow(1.6)));
    let text = town.only().text;
    assert!(
        text.starts_with("Traffic is slower than expected all over the city (72 sensors)."),
        "{text}"
    );
    assert!(text.contains("Likely cause: rain, 7.5 mm an hour."), "{text}");
}

#[test]
fn times_of_another_day_are_told_with_the_day() {
    let mut town = Town::line(30);
    for step in 0..250 {
        town.feed(step, |sensor| {
            (sensor == 3).then(|| rule(Reason::SevereCongestion(5.0), 1.2))
        });
    }
    assert!(
        town.only().text.contains("Since 08:00 on 12 May (Europe/Copenhagen)."),
        "{}",
        town.only().text
    );
}

#[test]
fn readings_that_scatter_are_told_as_that_and_not_as_a_value() {
    let say = |language| {
        let mut town = Town::line(30);
        town.book = AlertBook::new(AlertSettings { language, ..settings() }).unwrap();
        let scattering = Strange {
            seen: Some(61.0),
            ..rule(Reason::Erratic(30.5), 1.4)
        };
        town.feed(0, |sensor| (sensor == 7).then_some(scattering));
        town.only().text
    };
    for (language, told) in [
        (Language::English, "Readings scatter by 61 km/h, usually 2."),
        (Language::Russian, "Разброс показаний 61 км/ч, обычно 2."),
        (Language::French, "Les mesures se dispersent de 61 km/h, d'habitude 2."),
    ] {
        assert!(say(language).contains(told), "{}", say(language));
    }
}

#[test]
fn labels_stand_beside_the_sentences_in_each_language() {
    assert_eq!(
        label("severity-high", &[], Language::Russian).as_deref(),
        Some("высокая")
    );
    let range = label("range", &[("low", "1"), ("high", "2")], Language::French);
    assert_eq!(range.as_deref(), Some("de 1 à 2"));
    let cause = label("why-power_outage", &[], Language::English);
    assert_eq!(cause.as_deref(), Some("power outage"));
    assert_eq!(label("none", &[], Language::English), None);
}

#[test]
fn what_is_counted_stands_in_the_form_of_its_number() {
    let lost = |hours, language| counted_label("show-lost", hours, language).unwrap();
    assert_eq!(lost(22.0, Language::Russian), "22 машино-часа");
    assert_eq!(lost(9.97, Language::Russian), "10 машино-часов");
    assert_eq!(lost(1.5, Language::French), "1,5 heure-véhicule");
    assert_eq!(counted_label("none", 1.0, Language::English), None);
}

#[test]
fn whatever_an_alert_can_be_has_a_word() {
    let kinds = Kind::ALL.iter().map(|one| format!("kind-{one}"));
    let severities = Severity::ALL.iter().map(|one| format!("severity-{one}"));
    let states = State::ALL.iter().map(|one| format!("state-{one}"));
    let causes = Cause::ALL.iter().map(|one| format!("why-{one}"));
    let verdicts = Verdict::ALL.iter().map(|one| format!("judged-{one}"));
    for id in kinds.chain(severities).chain(states).chain(causes).chain(verdicts) {
        assert!(label(&id, &[], Language::English).is_some(), "{id}");
    }
}
