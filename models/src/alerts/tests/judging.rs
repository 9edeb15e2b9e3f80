//! What people say of alerts, what it does, and what it would do.

use arterial_datasets::time::{Duration, HOUR};

use super::town::{Strange, Town, at, rule, said, slow};
use crate::alerts::{
    Alert, FAINTEST, Judgement, Kind, Past, Preview, Reason, Signal, Symptom, Verdict, preview, preview_by_peaks, twin,
};

fn strange(sensor: usize, score: f64) -> impl Fn(usize) -> Option<Strange> {
    move |other| (other == sensor).then(|| slow(score))
}

/// Two strange windows of one sensor, then an hour of calm; gives the alerts that this opens.
fn episode(town: &mut Town, first: i64, score: f64) -> usize {
    let before = town.alerts().len();
    for step in first..first + 2 {
        town.feed(step, strange(5, score));
    }
    town.calm(first + 2..first + 14);
    town.alerts().len() - before
}

#[test]
fn a_false_alert_raises_the_line_of_its_kind_and_place_and_nowhere_else() {
    let mut town = Town::line(30);
    assert_eq!(episode(&mut town, 0, 1.1), 1);
    let id = town.only().alert_id;
    let judged = town.book.judge(&id, Verdict::False, "ann", at(14)).unwrap();
    assert_eq!((judged.judgements.len(), judged.revision), (1, town.only().revision));
    assert_eq!(episode(&mut town, 20, 1.1), 0);
    assert_eq!(episode(&mut town, 40, 1.3), 1);
    let elsewhere = town.alerts().len();
    town.feed(60, strange(20, 1.1));
    town.feed(61, strange(20, 1.1));
    assert_eq!(town.alerts().len(), elsewhere + 1);
}

#[test]
fn a_judgement_that_is_withdrawn_is_undone() {
    let mut town = Town::line(30);
    episode(&mut town, 0, 1.1);
    let id = town.only().alert_id;
    town.book.judge(&id, Verdict::False, "ann", at(14)).unwrap();
    let again = town.book.judge(&id, Verdict::False, "ann", at(15)).unwrap();
    assert_eq!(again.judgements.len(), 1);
    town.book.judge(&id, Verdict::Withdrawn, "ann", at(16)).unwrap();
    assert_eq!(episode(&mut town, 20, 1.1), 1);
}

#[test]
fn no_number_of_false_alerts_makes_a_place_deaf() {
    let mut town = Town::line(30);
    for round in 0..10 {
        let first = 30 * round;
        episode(&mut town, first, 2.9);
        let ids: Vec<String> = town.alerts().into_iter().map(|alert| alert.alert_id).collect();
        for id in ids {
            town.book.judge(&id, Verdict::False, "ann", at(first + 20)).unwrap();
        }
    }
    assert_eq!(episode(&mut town, 400, 2.6), 1);
}

#[test]
fn useful_alerts_lower_the_line() {
    let mut town = Town::line(30);
    for round in 0..3 {
        episode(&mut town, 30 * round, 1.2);
    }
    let ids: Vec<String> = town.alerts().into_iter().map(|alert| alert.alert_id).collect();
    assert_eq!(episode(&mut town, 200, 0.9), 0);
    for id in ids {
        town.book.judge(&id, Verdict::Useful, "ann", at(220)).unwrap();
    }
    assert_eq!(episode(&mut town, 240, 0.9), 1);
}

/// A sensor that says the same for long.
fn stuck(score: f64) -> impl Fn(usize) -> Option<Strange> {
    move |sensor| (sensor == 5).then(|| rule(Reason::Stuck(Duration(HOUR)), score))
}

#[test]
fn sensors_that_were_wrongly_told_as_broken_leave_the_line_of_jams_where_it_is() {
    let mut town = Town::line(30);
    for round in 0..4 {
        town.feed(30 * round, stuck(9.0));
        town.calm(30 * round + 1..30 * round + 14);
    }
    let ids: Vec<String> = town.alerts().into_iter().map(|alert| alert.alert_id).collect();
    assert_eq!(ids.len(), 4);
    for id in ids {
        town.book.judge(&id, Verdict::False, "ann", at(120)).unwrap();
    }
    assert_eq!(episode(&mut town, 130, 1.1), 1, "a jam");
    let before = town.alerts().len();
    town.feed(160, stuck(1.4));
    assert_eq!(town.alerts().len(), before, "the line of what was judged is higher");
}

#[test]
fn fast_traffic_that_was_wrongly_told_leaves_the_line_of_slow_traffic_where_it_is() {
    let mut town = Town::line(30);
    let fast = |sensor: usize| {
        let fast = Strange {
            seen: Some(80.0),
            ..said(Reason::Higher, 1.1)
        };
        (sensor == 5).then_some(fast)
    };
    town.feed(0, fast);
    town.feed(1, fast);
    town.calm(2..14);
    let id = town.only().alert_id;
    town.book.judge(&id, Verdict::False, "ann", at(14)).unwrap();
    assert_eq!(episode(&mut town, 20, 1.1), 1, "slow");
    let before = town.alerts().len();
    town.feed(40, fast);
    town.feed(41, fast);
    assert_eq!(town.alerts().len(), before, "fast");
}

#[test]
fn useful_alerts_do_not_let_a_rule_speak_below_its_own_line() {
    let mut town = Town::line(30);
    let full = |score: f64| move |park: usize| (park == 5).then(|| rule(Reason::OverCapacity(95.0), score));
    town.feed(0, full(1.01));
    town.calm(1..14);
    let id = town.only().alert_id;
    town.book.judge(&id, Verdict::Useful, "ann", at(14)).unwrap();
    town.feed(20, full(0.998));
    assert_eq!(town.alerts().len(), 1, "94.8 % are not above 95 %");
    town.feed(21, full(1.01));
    assert_eq!(town.alerts().len(), 2);
}

#[test]
fn a_preview_shows_that_a_verdict_on_a_broken_sensor_changes_no_jam() {
    let mut town = Town::line(30);
    let strange_at = |step: i64, sensor: usize| match step {
        0 => stuck(1.2)(sensor),
        30 | 31 => strange(5, 1.1)(sensor),
        _ => None,
    };
    let history: Vec<(i64, Vec<Signal>)> = (0..50)
        .map(|step| (step, town.signals(step, |sensor| strange_at(step, sensor))))
        .collect();
    for (step, signals) in &history {
        town.book.window(town.topic, at(*step), signals, &town.around);
    }
    let known = town.alerts();
    let broken = known.iter().find(|alert| alert.symptom == Symptom::Stuck).unwrap();
    let kept = kept(&history);
    let windows = windows(&kept);
    let keys = town.keys();
    let record = town.record(&keys, &windows);
    let settings = town.book.settings();
    let seen = preview(settings, &known, &broken.alert_id, Verdict::False, &record).unwrap();
    let peaks = preview_by_peaks(&known, &broken.alert_id, Verdict::False).unwrap();
    let symptoms = |alerts: &[Alert]| alerts.iter().map(|alert| alert.symptom).collect::<Vec<_>>();
    for seen in [seen, peaks] {
        assert_eq!(symptoms(&seen.gone), [Symptom::Stuck]);
        assert_eq!(symptoms(&seen.kept), [Symptom::Lower]);
    }
}

fn past(town: &Town) -> Vec<(i64, Vec<Signal>)> {
    let score = |step: i64| match step {
        0 | 1 => 1.1,
        30 | 31 => 1.2,
        60 | 61 => 1.5,
        _ => 0.2,
    };
    (0..80)
        .map(|step| (step, town.signals(step, strange(5, score(step)))))
        .collect()
}

/// What is kept of the past: what is not far from strange.
fn kept(history: &[(i64, Vec<Signal>)]) -> Vec<(i64, Vec<Signal>)> {
    let faint = |signals: &Vec<Signal>| {
        let loud = signals.iter().filter(|signal| f64::from(signal.score) >= FAINTEST);
        loud.cloned().collect::<Vec<_>>()
    };
    let kept = history.iter().map(|(step, signals)| (*step, faint(signals)));
    kept.filter(|(_, signals)| !signals.is_empty()).collect()
}

fn windows(kept: &[(i64, Vec<Signal>)]) -> Vec<Past<'_>> {
    kept.iter()
        .map(|(step, signals)| Past {
            start: at(*step),
            signals,
        })
        .collect()
}

#[test]
fn a_preview_shows_what_a_lower_line_would_add() {
    let mut town = Town::line(30);
    for round in 0..3 {
        episode(&mut town, 30 * round, 1.2);
    }
    // Three alerts that were useful bring the line to 0.95^3, below what was seen at step 200.
    let mut known = town.alerts();
    for alert in known.iter_mut().skip(1) {
        alert.judgements.push(Judgement {
            verdict: Verdict::Useful,
            by: "ann".into(),
            at: at(100),
        });
    }
    let score = |step: i64| match step {
        200 | 201 => 0.88,
        230 | 231 => 0.7,
        _ => 0.2,
    };
    let history: Vec<(i64, Vec<Signal>)> = (190..260)
        .map(|step| (step, town.signals(step, strange(5, score(step)))))
        .collect();
    let kept = kept(&history);
    assert_eq!(kept.len(), 4, "calm windows are not kept");
    let windows = windows(&kept);
    let keys = town.keys();
    let record = town.record(&keys, &windows);
    let seen = preview(
        town.book.settings(),
        &known,
        &known[0].alert_id,
        Verdict::Useful,
        &record,
    )
    .unwrap();
    assert_eq!((seen.kept.len(), seen.gone.len()), (0, 0));
    let [added] = seen.added.as_slice() else {
        panic!("{:?}", seen.added)
    };
    assert_eq!(
        (added.since, added.keys.as_slice()),
        (at(200), &["s005".to_owned()][..])
    );
    assert!(!added.is_live(), "calm windows that were not kept end it");
}

#[test]
fn a_preview_shows_what_a_verdict_would_change_and_changes_nothing() {
    let mut town = Town::line(30);
    let history = past(&town);
    for (step, signals) in &history {
        town.book.window(town.topic, at(*step), signals, &town.around);
    }
    let known = town.alerts();
    let kept = kept(&history);
    let windows = windows(&kept);
    let keys = town.keys();
    let record = town.record(&keys, &windows);
    let first = known.iter().min_by_key(|alert| alert.since).unwrap();
    let settings = town.book.settings();
    let seen = preview(settings, &known, &first.alert_id, Verdict::False, &record).unwrap();
    let since = |alerts: &[Alert]| {
        let mut since: Vec<_> = alerts.iter().map(|alert| alert.since).collect();
        since.sort();
        since
    };
    assert_eq!(since(&seen.gone), [at(0), at(30)]);
    assert_eq!(since(&seen.kept), [at(60)]);
    assert_eq!(town.alerts(), known);
    let peaks = preview_by_peaks(&known, &first.alert_id, Verdict::False).unwrap();
    assert_eq!(
        (since(&peaks.gone), since(&peaks.kept)),
        (since(&seen.gone), since(&seen.kept))
    );
    let nothing = preview(settings, &known, &first.alert_id, Verdict::Duplicate, &record).unwrap();
    assert_eq!(
        (nothing.gone, nothing.added),
        (Preview::default().gone, Preview::default().added)
    );
}

#[test]
fn a_sensor_that_disagrees_is_not_the_jam_that_it_is_in_and_a_jam_may_turn_out_to_be_an_incident() {
    let mut town = Town::line(30);
    episode(&mut town, 0, 1.1);
    let jam = town.only();
    let known_as = |kind: Kind| Alert {
        kind,
        alert_id: kind.name().into(),
        ..jam.clone()
    };
    let fault = known_as(Kind::SensorFault);
    let incident = known_as(Kind::IncidentSuspected);
    assert_eq!(twin([&fault, &incident].into_iter(), &jam), Some(&incident));
    assert_eq!(twin([&jam, &incident].into_iter(), &fault), None);
}
