//! Rules that leave out what is usual.

use arterial_datasets::stream::StreamCatalog;
use arterial_datasets::time::MINUTE;

use super::*;

const STEP: Duration = Duration(5 * MINUTE);
const FULL_BY_NIGHT: Option<Expected> = Some(Expected {
    low: 88.0,
    middle: 97.0,
    high: 99.0,
});
const FREE_BY_DAY: Option<Expected> = Some(Expected {
    low: 30.0,
    middle: 45.0,
    high: 60.0,
});

/// How much readings differ within five minutes: where cars come and go all the time, and where most of them stay.
const LIVELY: Option<Expected> = Some(Expected {
    low: 0.4,
    middle: 1.5,
    high: 4.0,
});
const QUIET: Option<Expected> = Some(Expected {
    low: 0.0,
    middle: 0.0,
    high: 0.5,
});
/// Windows in an hour.
const HOUR: usize = 12;

/// One car park of 100 spaces and the rules of `parking`.
struct CarPark {
    rules: Rules,
    window: i64,
}

impl CarPark {
    fn new() -> Self {
        let catalog = StreamCatalog::built_in().unwrap();
        Self {
            rules: Rules::new(catalog.get("parking").unwrap()).unwrap(),
            window: 0,
        }
    }

    /// What the rule says of three more windows with that occupancy: the score of the last one.
    fn stays(&mut self, occupancy: f64, usual: Option<Expected>) -> Signal {
        let mut last = None;
        for _ in 0..3 {
            let value = |name: &str| name.starts_with("occupancy_rate").then_some(occupancy);
            let signals = self.observe(value, "occupancy_rate_mean", usual);
            last = signals
                .into_iter()
                .find(|one| matches!(one.reason, Reason::OverCapacity(_)));
        }
        last.unwrap()
    }

    /// The highest score of a sensor that stands still after so many more windows in which `taken` does not change at all.
    fn stands_still(&mut self, windows: usize, taken: f64, scatter: Option<Expected>) -> f64 {
        let value = |name: &str| {
            let free = || name.starts_with("available_spaces").then_some(100.0 - taken);
            name.starts_with("occupied_spaces").then_some(taken).or_else(free)
        };
        let mut highest = 0.0;
        for _ in 0..windows {
            let signals = self.observe(value, "occupied_spaces_std", scatter);
            assert!(signals.iter().all(|one| one.expected.is_none()), "{signals:?}");
            let stuck = signals.iter().filter(|one| matches!(one.reason, Reason::Stuck(_)));
            highest = stuck.map(|one| f64::from(one.score)).fold(0.0, f64::max);
        }
        highest
    }

    /// What the rules say of the next window, where `usual` is known of one column.
    fn observe(&mut self, value: impl Fn(&str) -> Option<f64>, column: &str, usual: Option<Expected>) -> Vec<Signal> {
        let columns = self.rules.columns().iter();
        let row: Vec<f64> = columns.map(|name| value(name).unwrap_or(f64::NAN)).collect();
        let asked = self.rules.asked().iter();
        let usual: Vec<Option<Expected>> = asked.map(|name| usual.filter(|_| name == column)).collect();
        let subject = Subject {
            topic: "parking".into(),
            key: "P-1".into(),
            zone: None,
            window: Timestamp(1_767_571_200_000_000 + self.window * STEP.0),
            step: STEP,
        };
        self.window += 1;
        self.rules.observe(&subject, &row, &usual).unwrap()
    }
}

#[test]
fn rules_say_of_which_columns_they_ask_what_is_usual() {
    let car_park = CarPark::new();
    assert_eq!(car_park.rules.asked(), ["occupied_spaces_std", "occupancy_rate_mean"]);
    let catalog = StreamCatalog::built_in().unwrap();
    let vehicles = Rules::new(catalog.get("public-transport").unwrap()).unwrap();
    assert_eq!(vehicles.asked(), ["occupancy_rate_max", "occupancy_rate_mean"]);
    let roads = Rules::new(catalog.get("traffic-sensors").unwrap()).unwrap();
    assert_eq!(roads.asked(), [""; 0], "a standstill is told of, however usual");
}

#[test]
fn a_car_park_that_is_full_when_it_always_is_gives_no_alert() {
    let mut park = CarPark::new();
    let signal = park.stays(98.0, FULL_BY_NIGHT);
    assert!(!signal.score.is_alert());
    assert_eq!(signal.expected, FULL_BY_NIGHT);
}

#[test]
fn a_car_park_that_is_full_when_it_never_is_gives_one_that_says_what_is_usual() {
    let mut park = CarPark::new();
    let signal = park.stays(98.0, FREE_BY_DAY);
    assert!(signal.score.is_alert());
    assert_eq!(
        (signal.reason, signal.seen, signal.expected),
        (Reason::OverCapacity(95.0), Some(98.0), FREE_BY_DAY)
    );
}

#[test]
fn where_nobody_knows_what_is_usual_the_rule_speaks() {
    assert!(CarPark::new().stays(98.0, None).score.is_alert());
}

#[test]
fn far_beyond_what_is_usual_is_told_with_the_line_that_was_passed() {
    let signal = CarPark::new().stays(130.0, FULL_BY_NIGHT);
    assert!(signal.score.is_alert());
    assert_eq!(signal.reason, Reason::OverCapacity(1.25 * 99.0));
}

#[test]
fn what_becomes_usual_is_calm_at_once_and_what_stays_full_beyond_its_hours_is_told() {
    let mut park = CarPark::new();
    assert!(park.stays(98.0, FREE_BY_DAY).score.is_alert());
    assert!(f64::from(park.stays(98.0, FULL_BY_NIGHT).score) < 0.1);
    assert!(park.stays(98.0, FREE_BY_DAY).score.is_alert());
}

#[test]
fn a_car_park_that_stands_still_while_cars_usually_come_and_go_is_stuck_after_an_hour() {
    let mut park = CarPark::new();
    assert!(park.stands_still(HOUR - 1, 60.0, LIVELY) < 1.0);
    assert!(park.stands_still(1, 60.0, LIVELY) >= 1.0);
}

#[test]
fn where_cars_mostly_stay_or_nobody_knows_yet_a_car_park_is_stuck_after_six_hours() {
    for usual in [QUIET, None] {
        let mut park = CarPark::new();
        assert!(park.stands_still(6 * HOUR - 1, 60.0, usual) < 1.0);
        assert!(park.stands_still(1, 60.0, usual) >= 1.0);
    }
}

#[test]
fn a_car_park_that_is_full_every_night_is_not_stuck() {
    let mut park = CarPark::new();
    for _ in 0..3 {
        assert!(park.stands_still(14 * HOUR, 100.0, QUIET) < 1.0);
        assert!(
            park.stands_still(5 * HOUR, 100.0, LIVELY) < 1.0,
            "the first car leaves late"
        );
        assert!(park.stands_still(1, 99.0, LIVELY) < 1.0);
    }
}

#[test]
fn a_car_park_that_is_full_without_any_change_for_six_hours_of_coming_and_going_is_stuck() {
    let mut park = CarPark::new();
    assert!(park.stands_still(14 * HOUR, 100.0, QUIET) < 1.0);
    assert!(park.stands_still(6 * HOUR - 1, 100.0, LIVELY) < 1.0);
    assert!(park.stands_still(1, 100.0, LIVELY) >= 1.0);
}
