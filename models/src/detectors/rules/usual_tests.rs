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

/// One car park and the rules of `parking`.
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
        let columns = self.rules.columns().to_vec();
        let value = |name: &String| {
            if name.starts_with("occupancy_rate") {
                occupancy
            } else {
                f64::NAN
            }
        };
        let row: Vec<f64> = columns.iter().map(value).collect();
        let mut last = None;
        for _ in 0..3 {
            let subject = Subject {
                topic: "parking".into(),
                key: "P-1".into(),
                zone: None,
                window: Timestamp(1_767_571_200_000_000 + self.window * STEP.0),
                step: STEP,
            };
            self.window += 1;
            let signals = self.rules.observe(&subject, &row, &[usual]).unwrap();
            last = signals
                .into_iter()
                .find(|one| matches!(one.reason, Reason::OverCapacity(_)));
        }
        last.unwrap()
    }
}

#[test]
fn rules_say_of_which_columns_they_ask_what_is_usual() {
    assert_eq!(CarPark::new().rules.asked(), ["occupancy_rate_mean"]);
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
