//! Windows that come twice, and books that end in the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use proptest::prelude::*;

use super::town::{Strange, Town, at, rule, settings, slow};
use crate::alerts::{Alert, AlertBook, Cause, Incident, Reason, Signal, Suppression, Weather};

/// Something that happens: which sensors, when, how strange, and whether they are silent rather than slow.
#[derive(Debug, Clone)]
struct Happening {
    sensors: Range<usize>,
    steps: Range<i64>,
    score: f64,
    silent: bool,
}

const SENSORS: usize = 40;
const STEPS: i64 = 40;

fn happening() -> impl Strategy<Value = Happening> {
    let numbers = (
        0..SENSORS,
        1..14_usize,
        0..STEPS,
        1..12_i64,
        0.75..4.0_f64,
        prop::bool::weighted(0.2),
    );
    numbers.prop_map(|(sensor, width, step, length, score, silent)| Happening {
        sensors: sensor..sensor + width,
        steps: step..step + length,
        score,
        silent,
    })
}

fn history(town: &Town, happenings: &[Happening]) -> Vec<Vec<Signal>> {
    let say = |step: i64, sensor: usize| -> Option<Strange> {
        let mut on = happenings
            .iter()
            .filter(|one| one.sensors.contains(&sensor) && one.steps.contains(&step));
        let one = on.next()?;
        Some(if one.silent {
            rule(Reason::Silent(super::town::STEP), one.score)
        } else {
            slow(one.score)
        })
    };
    (0..STEPS)
        .map(|step| town.signals(step, |sensor| say(step, sensor)))
        .collect()
}

fn town() -> Town {
    let mut town = Town::line(SENSORS);
    town.around.weather = Some(Weather::default());
    town.around.suppressions = vec![Suppression {
        name: "works".into(),
        kinds: Vec::new(),
        zones: vec!["Z0".into(), "Z2".into()],
        keys: Vec::new(),
        from: at(8),
        until: at(20),
    }];
    town.around.incidents = vec![Incident {
        incident_id: "INC".into(),
        cause: Cause::Accident,
        severity: None,
        zone_id: Some("Z1".into()),
        road_id: Some("R1".into()),
        lat: None,
        lon: None,
        reported_at: at(10),
        estimated_duration: None,
        active: true,
    }];
    town
}

fn feed(book: &mut AlertBook, step: i64, history: &[Vec<Signal>], town: &Town) -> Vec<Alert> {
    book.window(town.topic, at(step), &history[step as usize], &town.around)
}

/// The newest revisions of all, as the table has them.
fn store(table: &mut BTreeMap<String, Alert>, revisions: Vec<Alert>) {
    for alert in revisions {
        if let Some(old) = table.get(&alert.alert_id) {
            assert!(
                alert.revision == old.revision + 1,
                "revision {} after {}",
                alert.revision,
                old.revision
            );
        }
        table.insert(alert.alert_id.clone(), alert);
    }
}

/// The last hour again, then on from `step`.
fn restart(table: &BTreeMap<String, Alert>, step: i64, history: &[Vec<Signal>], town: &Town) -> AlertBook {
    let mut book = AlertBook::restore(settings(), table.values().cloned().collect()).unwrap();
    for again in (step - 12).max(0)..step {
        let told = feed(&mut book, again, history, town);
        assert_eq!(told, [], "window {again} again, after the end in window {step}");
    }
    book
}

/// The table after all windows, where the book ends before each of `ends`.
fn table(ends: &BTreeSet<i64>, history: &[Vec<Signal>], town: &Town) -> BTreeMap<String, Alert> {
    let mut table = BTreeMap::new();
    let mut book = AlertBook::new(settings()).unwrap();
    for step in 0..STEPS {
        if ends.contains(&step) {
            book = restart(&table, step, history, town);
        }
        store(&mut table, feed(&mut book, step, history, town));
    }
    table
}

#[test]
fn a_jam_whose_sensors_are_silent_goes_on_over_a_restart_as_without_it() {
    let happening = |steps, score, silent| Happening {
        sensors: 2..8,
        steps,
        score,
        silent,
    };
    let town = town();
    // Silence that is an outage, and silence that nothing is told of; meanwhile the suppression of the zone begins and ends.
    for score in [1.5, 0.8] {
        let happenings = [happening(4..7, 1.5, false), happening(7..38, score, true)];
        let history = history(&town, &happenings);
        let straight = table(&BTreeSet::new(), &history, &town);
        let jam = straight.values().min_by_key(|alert| alert.opened_at).unwrap();
        assert_eq!(jam.closed_at, Some(at(31)), "{jam:#?}");
        assert!(jam.text.contains("no data since"), "{}", jam.text);
        for end in 1..STEPS {
            let broken = table(&BTreeSet::from([end]), &history, &town);
            assert_eq!(broken, straight, "after the end in window {end}");
        }
    }
}

#[test]
fn what_a_city_wide_alert_explained_until_it_ended_is_no_news_after_a_restart() {
    let happening = |sensors, steps, score| Happening {
        sensors,
        steps,
        score,
        silent: false,
    };
    let town = town();
    // The city's alert ends with window 22, in which two of its sensors are strange still.
    let happenings = [
        happening(11..16, 17..20, 2.07),
        happening(0..2, 16..23, 1.17),
        happening(20..25, 9..18, 2.0),
    ];
    let history = history(&town, &happenings);
    let mut table = BTreeMap::new();
    let mut book = AlertBook::new(settings()).unwrap();
    for step in 0..23 {
        store(&mut table, feed(&mut book, step, &history, &town));
    }
    let ended = |alert: &&Alert| alert.citywide && alert.closed_at == Some(at(23));
    assert_eq!(table.values().filter(ended).count(), 1, "{table:#?}");
    restart(&table, 23, &history, &town);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn feeding_windows_twice_changes_nothing(happenings in prop::collection::vec(happening(), 1..8)) {
        let mut town = town();
        let history = history(&town, &happenings);
        for step in 0..STEPS {
            let signals = &history[step as usize];
            town.book.window(town.topic, at(step), signals, &town.around);
            prop_assert_eq!(town.book.window(town.topic, at(step), signals, &town.around), vec![]);
            if step > 3 {
                let earlier = &history[step as usize - 3];
                prop_assert_eq!(town.book.window(town.topic, at(step - 3), earlier, &town.around), vec![]);
            }
        }
    }

    #[test]
    fn a_book_that_ends_anywhere_goes_on_with_the_same_alerts(
        happenings in prop::collection::vec(happening(), 1..8),
        ends in prop::collection::btree_set(1..STEPS, 1..4),
    ) {
        let town = town();
        let history = history(&town, &happenings);
        let straight = table(&BTreeSet::new(), &history, &town);
        prop_assert_eq!(table(&ends, &history, &town), straight);
    }

    #[test]
    fn revisions_of_one_window_that_were_written_in_part_are_made_again(
        happenings in prop::collection::vec(happening(), 1..8),
        end in 1..STEPS,
        written in any::<prop::sample::Index>(),
    ) {
        let town = town();
        let history = history(&town, &happenings);
        let mut straight = BTreeMap::new();
        let mut table = BTreeMap::new();
        let mut book = AlertBook::new(settings()).unwrap();
        for step in 0..=end {
            let told = feed(&mut book, step, &history, &town);
            store(&mut straight, told.clone());
            let part = if step == end && !told.is_empty() { written.index(told.len()) } else { told.len() };
            store(&mut table, told.into_iter().take(part).collect());
        }
        let mut again = restart(&table, end, &history, &town);
        store(&mut table, feed(&mut again, end, &history, &town));
        prop_assert!(table.keys().all(|id| straight.contains_key(id)), "a second alert of one event");
        for lost in straight.values().filter(|alert| alert.is_live()) {
            let mut found = table.values().filter(|alert| alert.is_live());
            prop_assert!(found.any(|alert| lost.keys.iter().any(|key| alert.has(key))), "{:?} was lost", lost.keys);
        }
    }
}

#[test]
fn windows_from_before_an_alert_are_not_taken_for_its_own() {
    let town = town();
    let silent = |sensors: Range<usize>, steps: Range<i64>| Happening {
        sensors,
        steps,
        score: 2.0,
        silent: true,
    };
    // A zone is silent for long; when most of the city is, half as many silent sensors are enough for that to go on.
    let history = history(&town, &[silent(30..37, 0..STEPS), silent(0..25, 18..STEPS)]);
    let mut table = BTreeMap::new();
    let mut book = AlertBook::new(settings()).unwrap();
    for step in 0..20 {
        store(&mut table, feed(&mut book, step, &history, &town));
    }
    assert_eq!(table.values().filter(|alert| alert.is_live()).count(), 2);
    restart(&table, 20, &history, &town);
}

#[test]
fn older_revisions_among_the_newest_do_no_harm() {
    let town = town();
    let happenings = [Happening {
        sensors: 3..9,
        steps: 2..6,
        score: 2.0,
        silent: false,
    }];
    let history = history(&town, &happenings);
    let mut book = AlertBook::new(settings()).unwrap();
    let all: Vec<Alert> = (0..20)
        .flat_map(|step| feed(&mut book, step, &history, &town))
        .collect();
    let restored = AlertBook::restore(settings(), all.into_iter().rev().collect()).unwrap();
    assert!(restored.alerts().eq(book.alerts()));
}
