use arterial_datasets::stream::StreamCatalog;

use super::*;
use crate::alerts::{Reason, Subject};
use crate::detectors::rules::Rules;

const STEP: Duration = Duration(5 * MINUTE);
/// Windows in an hour and in a day.
const OF_HOUR: i64 = 12;
const OF_DAY: i64 = 24 * OF_HOUR;

fn at(window: i64) -> Timestamp {
    Timestamp(window * STEP.0)
}

/// A feed that ran before the window `end` wherever `runs` says so of the day and the hour.
fn feed(end: i64, runs: impl Fn(i64, i64) -> bool) -> Feed {
    let mut feed = Feed::new(STEP);
    for window in (0..end).filter(|window| runs(window / OF_DAY, window / OF_HOUR % 24)) {
        feed.hear(at(window));
    }
    feed
}

/// The first of `windows`, all of them silent, in which the feed is out.
fn out_in(feed: &mut Feed, mut windows: Range<i64>) -> Option<i64> {
    windows.find(|window| feed.missed_from(at(window + 1)).is_some())
}

fn runs_by_day(_day: i64, hour: i64) -> bool {
    hour >= 5
}

#[test]
fn a_feed_that_stops_where_it_ran_a_day_ago_is_out_until_it_is_heard_again() {
    let noon = 2 * OF_DAY + 12 * OF_HOUR;
    let mut feed = feed(noon, runs_by_day);
    assert_eq!(out_in(&mut feed, noon..noon + OF_HOUR), Some(noon + 2));
    assert!(feed.missed_from(at(3 * OF_DAY + OF_HOUR)).is_some(), "by night, too");
    feed.hear(at(3 * OF_DAY + 5 * OF_HOUR));
    assert!(feed.missed_from(at(3 * OF_DAY + 5 * OF_HOUR + 1)).is_none());
    assert!(feed.was_out());
}

#[test]
fn a_feed_of_which_no_day_is_known_is_not_out() {
    let end = 6 * OF_HOUR;
    assert_eq!(out_in(&mut feed(end, |_, _| true), end..end + 2 * OF_DAY), None);
    assert_eq!(out_in(&mut Feed::new(STEP), 0..OF_DAY), None, "it never reported");
}

#[test]
fn a_feed_that_ends_every_night_is_not_out_then_nor_where_it_begins_late() {
    let midnight = 3 * OF_DAY;
    let mut feed = feed(midnight, runs_by_day);
    assert_eq!(out_in(&mut feed, midnight..midnight + 12 * OF_HOUR), None);
}

#[test]
fn a_feed_that_does_not_begin_in_the_morning_is_out_once_a_week_is_known() {
    let midnight = 9 * OF_DAY;
    let found = out_in(&mut feed(midnight, runs_by_day), midnight..midnight + 12 * OF_HOUR);
    let hour = found.map(|window| window % OF_DAY / OF_HOUR);
    assert!(matches!(hour, Some(5 | 6)), "{found:?}");
}

#[test]
fn a_feed_that_was_silent_at_this_hour_a_week_ago_is_not_out() {
    let midnight = 9 * OF_DAY;
    let runs = |day: i64, hour: i64| day != 2 || hour >= 12;
    assert_eq!(
        out_in(&mut feed(midnight, runs), midnight..midnight + 10 * OF_HOUR),
        None
    );
}

#[test]
fn a_feed_that_comes_and_goes_is_not_out() {
    let mut feed = Feed::new(STEP);
    for window in (0..3 * OF_DAY).filter(|window| window % 3 > 0) {
        feed.hear(at(window));
    }
    assert_eq!(out_in(&mut feed, 3 * OF_DAY..4 * OF_DAY), None);
}

#[test]
fn a_feed_whose_alert_is_open_is_still_out_after_a_restart() {
    let (stopped, now) = (2 * OF_DAY, 2 * OF_DAY + 3 * OF_HOUR);
    let learned = |mut feed: Feed| {
        for window in now - OF_DAY..stopped {
            feed.hear(at(window));
        }
        feed
    };
    let mut feed = Feed::new(STEP);
    assert!(learned(feed.clone()).missed_from(at(now)).is_none());
    // One of its keys was silent half an hour earlier.
    feed.recall(at(stopped - OF_HOUR / 2));
    let mut again = learned(feed.clone());
    assert!(again.missed_from(at(now)).is_some());
    again.hear(at(now));
    assert!(again.missed_from(at(now + 3)).is_none(), "what is heard stands");
    // It stopped longer ago than anything is learned from.
    assert!(feed.missed_from(at(stopped + 3 * OF_DAY)).is_some());
}

#[test]
fn all_lines_of_a_feed_that_is_out_are_silent_and_say_when_they_are_back() {
    let catalog = StreamCatalog::built_in().unwrap();
    let mut rules = Rules::new(catalog.get("public-transport").unwrap()).unwrap();
    let row = vec![f64::NAN; rules.columns().len()];
    let subject = |key: &str, window| Subject {
        topic: "public-transport".into(),
        key: key.into(),
        zone: None,
        window: at(window),
        step: STEP,
    };
    let noon = OF_DAY + 12 * OF_HOUR;
    for window in 0..noon {
        for key in ["L-1", "L-2"] {
            assert!(rules.observe(&subject(key, window), &row, &[]).unwrap().is_empty());
        }
        if window < noon - 2 * OF_HOUR {
            rules.observe(&subject("ends early", window), &row, &[]).unwrap();
        }
        assert!(rules.silent(at(window + 1)).is_empty());
    }
    assert!(rules.silent(at(noon + 2)).is_empty());
    let silent = rules.silent(at(noon + 3));
    let keys: Vec<&str> = silent.iter().map(|signal| &*signal.key).collect();
    assert_eq!(keys, ["L-1", "L-2"]);
    for signal in &silent {
        assert!(signal.score.is_alert());
        assert_eq!(signal.reason, Reason::Silent(Duration(15 * MINUTE)));
    }
    let back = rules.observe(&subject("L-1", noon + 3), &row, &[]).unwrap();
    assert_eq!(back.len(), 1);
    assert!(!back[0].score.is_alert() && back[0].reason == Reason::Silent(Duration(0)));
    assert!(rules.silent(at(noon + 4)).is_empty());
}
