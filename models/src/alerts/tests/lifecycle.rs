//! Open, acknowledged, resolved, reopened; held back or not, and for whom.

use super::town::{Town, at, settings, slow};
use crate::alerts::{Alert, AlertBook, AlertSettings, QuietHours, Route, Severity, State, Suppression};

fn jam(sensor: usize) -> Option<super::town::Strange> {
    (5..9).contains(&sensor).then(|| slow(1.5))
}

fn open(town: &mut Town) -> Alert {
    town.feed(0, jam);
    town.only()
}

#[test]
fn an_alert_that_was_taken_on_says_by_whom_and_is_resolved_by_itself() {
    let mut town = Town::line(30);
    let alert = open(&mut town);
    let taken = town.book.acknowledge(&alert.alert_id, "ann", at(1)).unwrap();
    assert_eq!((taken.state, taken.revision), (State::Acknowledged, 1));
    assert_eq!(taken.acknowledged_by.as_deref(), Some("ann"));
    let again = town.book.acknowledge(&alert.alert_id, "ann", at(2)).unwrap();
    assert_eq!(again, taken);
    town.calm(1..5);
    assert_eq!(town.only().state, State::Resolved);
    let refused = town
        .book
        .acknowledge(&alert.alert_id, "ann", at(6))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("resolved") && refused.contains("open"), "{refused}");
    let unknown = town.book.acknowledge("nothing", "ann", at(6)).unwrap_err().to_string();
    assert!(unknown.contains("nothing"), "{unknown}");
}

#[test]
fn an_alert_stays_until_it_is_well_below_the_line() {
    let mut town = Town::line(30);
    open(&mut town);
    let all = |score: f64| move |sensor: usize| (5..9).contains(&sensor).then(|| slow(score));
    for step in 1..12 {
        town.feed(step, all(0.8));
    }
    assert!(town.only().is_live());
    town.feed(12, all(0.6));
    town.feed(13, all(0.6));
    assert!(town.only().is_live(), "calm for too short a time");
    town.feed(14, all(0.6));
    let alert = town.only();
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(15))));
}

#[test]
fn what_comes_back_soon_is_the_same_alert_and_later_another() {
    let mut town = Town::line(30);
    let alert = open(&mut town);
    town.calm(1..8);
    assert_eq!(town.only().state, State::Resolved);
    town.feed(8, jam);
    let again = town.only();
    assert_eq!(
        (again.state, &again.alert_id, again.closed_at),
        (State::Reopened, &alert.alert_id, None)
    );
    assert!(again.text.contains("came back"), "{}", again.text);
    town.calm(9..30);
    town.feed(30, jam);
    assert_eq!(town.alerts().len(), 2);
}

#[test]
fn an_alert_of_which_nothing_is_heard_is_closed_and_says_so() {
    let mut town = Town::line(30);
    open(&mut town);
    for step in 1..30 {
        town.book.window(town.topic, at(step), &[], &town.around);
    }
    let alert = town.only();
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(25))));
    assert!(alert.text.contains("no data"), "{}", alert.text);
}

#[test]
fn an_alert_that_was_calm_for_too_short_a_time_before_nothing_was_heard_is_not_told_as_back_to_normal() {
    let mut town = Town::line(30);
    open(&mut town);
    town.calm(1..2);
    for step in 2..30 {
        town.book.window(town.topic, at(step), &[], &town.around);
    }
    let alert = town.only();
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(26))));
    assert!(alert.text.contains("no data since 08:05"), "{}", alert.text);
}

#[test]
fn an_alert_that_was_calm_for_long_enough_is_told_as_back_to_normal() {
    let mut town = Town::line(30);
    open(&mut town);
    town.calm(1..4);
    let alert = town.only();
    assert_eq!((alert.state, alert.closed_at), (State::Resolved, Some(at(4))));
    assert!(alert.text.contains("Back to normal since 08:20"), "{}", alert.text);
}

#[test]
fn a_steady_alert_is_told_again_every_half_hour_only() {
    let mut town = Town::line(30);
    let told: usize = (0..25)
        .map(|step| town.feed(step, |sensor| (sensor < 9).then(|| slow(1.0))).len())
        .sum();
    assert!((5..=9).contains(&told), "{told} revisions in two hours");
}

#[test]
fn a_suppressed_alert_is_recorded_and_held_back_until_the_suppression_ends() {
    let mut town = Town::line(30);
    town.around.suppressions = vec![Suppression {
        name: "works on the ring".into(),
        kinds: Vec::new(),
        zones: vec!["Z0".into()],
        keys: Vec::new(),
        from: at(-5),
        until: at(3),
    }];
    let alert = open(&mut town);
    assert_eq!(alert.held_back_by.as_deref(), Some("works on the ring"));
    for step in 1..4 {
        town.feed(step, jam);
    }
    let alert = town.only();
    assert_eq!((alert.state, alert.held_back_by), (State::Open, None));
}

#[test]
fn suppressions_can_be_changed_while_alerts_go_on() {
    let mut town = Town::line(30);
    assert_eq!(open(&mut town).held_back_by, None);
    let works = |until| Suppression {
        name: "works on the ring".into(),
        kinds: Vec::new(),
        zones: vec!["Z0".into()],
        keys: Vec::new(),
        from: at(-5),
        until,
    };
    assert!(town.book.suppress(vec![works(at(-6))]).is_err());
    town.feed(1, jam);
    assert_eq!(town.only().held_back_by, None, "what is refused changes nothing");
    town.book.suppress(vec![works(at(20))]).unwrap();
    town.feed(2, jam);
    assert_eq!(town.only().held_back_by.as_deref(), Some("works on the ring"));
    town.book.suppress(Vec::new()).unwrap();
    town.feed(3, jam);
    assert_eq!(town.only().held_back_by, None);
}

#[test]
fn in_quiet_hours_only_severe_alerts_are_delivered() {
    let quiet = |from: &str, until: &str, except| AlertSettings {
        quiet_hours: Some(QuietHours {
            from: from.into(),
            until: until.into(),
            except,
        }),
        ..settings()
    };
    // The window ends at five past eight in Copenhagen.
    for (settings, held) in [
        (quiet("08:00", "09:00", Severity::Critical), true),
        (quiet("22:00", "08:30", Severity::Critical), true),
        (quiet("22:00", "08:00", Severity::Critical), false),
        (quiet("00:00", "24:00", Severity::Critical), true),
        (quiet("08:06", "24:00", Severity::Critical), false),
        (quiet("08:00", "09:00", Severity::Low), false),
    ] {
        let mut town = Town::line(30);
        town.book = AlertBook::new(settings).unwrap();
        assert_eq!(open(&mut town).held_back_by.is_some(), held);
    }
}

#[test]
fn an_alert_goes_to_the_sinks_of_every_route_that_takes_it() {
    let route = |sinks: &[&str], zones: &[&str], from_severity| Route {
        sinks: sinks.iter().map(ToString::to_string).collect(),
        kinds: Vec::new(),
        zones: zones.iter().map(ToString::to_string).collect(),
        keys: Vec::new(),
        from_severity,
    };
    let mut town = Town::line(30);
    let alert = open(&mut town);
    assert_eq!(settings().sinks(&alert), None);
    let routed = AlertSettings {
        routes: vec![
            route(&["kafka", "page"], &[], Severity::Low),
            route(&["telegram"], &["Z7"], Severity::Low),
            route(&["pager"], &["Z0"], Severity::Critical),
            route(&["page", "centre"], &["Z0"], Severity::Low),
        ],
        ..settings()
    };
    assert_eq!(routed.sinks(&alert).unwrap(), ["centre", "kafka", "page"]);
    // An alert without a zone is of each zone.
    let city = Alert { zone_id: None, ..alert };
    assert_eq!(routed.sinks(&city).unwrap(), ["centre", "kafka", "page", "telegram"]);
}

#[test]
fn a_suppression_of_a_zone_does_not_hold_back_what_has_no_zone() {
    let mut town = Town::line(30);
    let works = Suppression {
        name: "works on the ring".into(),
        kinds: Vec::new(),
        zones: vec!["Z0".into()],
        keys: Vec::new(),
        from: at(0),
        until: at(10),
    };
    let of_zone = open(&mut town);
    assert!(works.holds_back(&of_zone, at(1)));
    let of_city = Alert {
        zone_id: None,
        ..of_zone
    };
    assert!(!works.holds_back(&of_city, at(1)));
}

#[test]
fn settings_are_read_from_a_section_and_unknown_keys_are_refused() {
    let read = |text: &str| toml_settings(text);
    let settings = read(
        "persistence = 3\nresolve_after = \"20m\"\nlanguage = \"fr\"\n\
         [quiet_hours]\nfrom = \"22:00\"\nuntil = \"06:00\"\n\
         [[suppressions]]\nname = \"match\"\nzones = [\"Z1\"]\nfrom = \"2026-05-12T16:00:00Z\"\nuntil = \"2026-05-12T20:00:00Z\"\n\
         [[routes]]\nsinks = [\"telegram\"]\nkinds = [\"congestion\"]\nfrom_severity = \"high\"\n",
    )
    .unwrap();
    settings.check().unwrap();
    assert_eq!((settings.persistence, settings.routes.len()), (3, 1));
    for wrong in [
        "persistense = 3",
        "[[routes]]\nsinks = [\"a\"]\nzone = [\"Z1\"]",
        "language = \"de\"",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    for (wrong, field) in [
        ("persistence = 0", "persistence"),
        ("severity_vehicle_hours = [5, 5, 100]", "severity_vehicle_hours"),
        ("[quiet_hours]\nfrom = \"25:00\"\nuntil = \"06:00\"", "quiet_hours.from"),
        ("[quiet_hours]\nfrom = \"24:00\"\nuntil = \"06:00\"", "quiet_hours.from"),
        (
            "[quiet_hours]\nfrom = \"06:00\"\nuntil = \"06:00\"",
            "quiet_hours.until",
        ),
        ("[[routes]]\nsinks = []", "routes.sinks"),
        ("resolve_after = \"1s\"", "resolve_after"),
    ] {
        let error = read(wrong).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

fn toml_settings(text: &str) -> Result<AlertSettings, toml::de::Error> {
    toml::from_str(text)
}

#[test]
fn an_alert_survives_json() {
    let mut town = Town::line(30);
    let alert = open(&mut town);
    let text = serde_json::to_string(&alert).unwrap();
    assert!(
        text.contains("\"kind\":\"congestion\"") && text.contains("\"state\":\"open\""),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Alert>(&text).unwrap(), alert);
}
