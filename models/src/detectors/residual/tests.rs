use arterial_datasets::time::MINUTE;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

const STEP: Duration = Duration(5 * MINUTE);
const WEEK: i64 = 2016;
const LEVELS: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

fn subject(key: &str, window: i64) -> Subject {
    Subject {
        topic: "traffic-sensors".into(),
        key: key.into(),
        zone: None,
        window: Timestamp(1_767_571_200_000_000 + window * STEP.0),
        step: STEP,
    }
}

/// The quantiles of a normal distribution.
fn normal(mean: f64, deviation: f64) -> [f64; 7] {
    LEVELS.map(|level| mean - deviation * normal::upper_quantile(level))
}

fn bell(dice: &mut ChaCha8Rng) -> f64 {
    normal::upper_quantile(dice.random_range(1e-12..1.0))
}

/// Begins with `weeks` of 20 keys whose forecasts are calibrated, and counts the alerts of `key` in the last of them.
struct Trial {
    residual: Residual,
    dice: ChaCha8Rng,
    window: i64,
    /// True deviations of each key; forecasts always promise 1.
    deviations: Vec<f64>,
}

impl Trial {
    fn new(deviations: Vec<f64>) -> Self {
        Self {
            residual: Residual::new("speed_kmh", Settings::default()).unwrap(),
            dice: ChaCha8Rng::seed_from_u64(7),
            window: 0,
            deviations,
        }
    }

    /// Goes on for so many windows; `shift` is added to the value of key 0 by the number of the window. Gives the signals of
    /// each key.
    fn run(&mut self, windows: i64, shift: impl Fn(i64) -> f64) -> Vec<Vec<Signal>> {
        let mut signals = vec![Vec::new(); self.deviations.len()];
        for number in 0..windows {
            for (key, deviation) in self.deviations.iter().enumerate() {
                let moved = if key == 0 { shift(number) } else { 0.0 };
                let value = 50.0 + deviation * bell(&mut self.dice) + moved;
                let subject = subject(&format!("TS-{key}"), self.window);
                let signal = self.residual.observe(&subject, value, &LEVELS, &normal(50.0, 1.0));
                signals[key].extend(signal);
            }
            self.window += 1;
        }
        signals
    }
}

fn alerts(signals: &[Signal]) -> usize {
    signals.iter().filter(|signal| signal.score.is_alert()).count()
}

#[test]
fn calibrated_forecasts_give_about_as_many_false_alerts_as_stated() {
    let mut trial = Trial::new(vec![1.0; 20]);
    trial.run(WEEK, |_| 0.0);
    let signals = trial.run(4 * WEEK, |_| 0.0);
    // 20 keys in 4 weeks at half an alert a week: 40; a drift's alert spans several windows.
    let total: usize = signals.iter().map(|key| alerts(key)).sum();
    assert!(total < 120, "{total}");
}

#[test]
fn a_jump_is_found_at_once_and_says_its_side() {
    for (shift, reason) in [(-8.0, Reason::Lower), (8.0, Reason::Higher)] {
        let mut trial = Trial::new(vec![1.0; 5]);
        trial.run(WEEK, |_| 0.0);
        let signals = trial.run(1, |_| shift);
        assert!(signals[0][0].score.is_alert());
        assert_eq!(signals[0][0].reason, reason);
        let expected = signals[0][0].expected.unwrap();
        assert!((expected.middle - 50.0).abs() < 1e-9 && expected.low < 49.0 && expected.high > 51.0);
        assert!(signals[1..].iter().all(|key| alerts(key) == 0));
    }
}

#[test]
fn a_slow_drift_is_found_though_no_window_of_it_is_strange() {
    let mut trial = Trial::new(vec![1.0; 5]);
    trial.run(WEEK, |_| 0.0);
    let signals = trial.run(60, |number| 1.5f64.min(0.1 * number as f64));
    let first = signals[0].iter().position(|signal| signal.score.is_alert()).unwrap();
    assert!((6..50).contains(&first), "{first}");
    assert!(matches!(signals[0][first].reason, Reason::Drift(lasting) if lasting.0 >= 5 * STEP.0));
}

#[test]
fn the_alert_of_a_drift_ends_soon_after_it() {
    let mut trial = Trial::new(vec![1.0; 5]);
    trial.run(WEEK, |_| 0.0);
    let signals = trial.run(200, |number| if number < 100 { 2.0 } else { 0.0 });
    assert!(alerts(&signals[0][60..100]) > 30);
    assert_eq!(alerts(&signals[0][150..]), 0);
}

#[test]
fn a_key_whose_forecasts_promise_too_much_does_not_alert_all_day() {
    let mut deviations = vec![1.0; 10];
    deviations[3] = 4.0;
    let mut trial = Trial::new(deviations);
    trial.run(2 * WEEK, |_| 0.0);
    let signals = trial.run(WEEK, |_| 0.0);
    assert!(alerts(&signals[3]) <= 5, "{}", alerts(&signals[3]));
    let signals = trial.run(1, |_| 8.0);
    assert!(
        signals[0][0].score.is_alert(),
        "the others stay as sensitive as they were"
    );
}

#[test]
fn a_missing_value_or_forecast_gives_no_score() {
    let mut residual = Residual::new("speed_kmh", Settings::default()).unwrap();
    let fine = normal(50.0, 1.0);
    assert!(residual.observe(&subject("a", 0), f64::NAN, &LEVELS, &fine).is_none());
    assert!(
        residual
            .observe(&subject("a", 0), f64::INFINITY, &LEVELS, &fine)
            .is_none()
    );
    assert!(
        residual
            .observe(&subject("a", 0), 50.0, &LEVELS, &[f64::NAN; 7])
            .is_none()
    );
    assert!(residual.observe(&subject("a", 0), 50.0, &[], &[]).is_none());
    assert_eq!(residual.keys(), 0);
    assert!(residual.observe(&subject("a", 0), 50.0, &LEVELS, &fine).is_some());
}

#[test]
fn a_window_is_judged_and_learned_once() {
    let mut residual = Residual::new("speed_kmh", Settings::default()).unwrap();
    let fine = normal(50.0, 1.0);
    assert!(residual.observe(&subject("a", 5), 50.0, &LEVELS, &fine).is_some());
    for window in [5, 4] {
        assert!(residual.observe(&subject("a", window), 90.0, &LEVELS, &fine).is_none());
    }
    assert!(residual.observe(&subject("a", 6), 50.0, &LEVELS, &fine).is_some());
}

#[test]
fn keys_that_are_gone_are_forgotten() {
    let mut residual = Residual::new("speed_kmh", Settings::default()).unwrap();
    let fine = normal(50.0, 1.0);
    residual.observe(&subject("gone", 0), 50.0, &LEVELS, &fine);
    residual.observe(&subject("a", 5 * WEEK), 50.0, &LEVELS, &fine);
    assert_eq!(residual.keys(), 1);
}

#[test]
fn extreme_values_and_collapsed_forecasts_give_finite_scores() {
    let mut residual = Residual::new("speed_kmh", Settings::default()).unwrap();
    for (window, value) in [0.0, 0.0, 1e300, -1e300, 0.0, 1e-300].into_iter().enumerate() {
        let signal = residual
            .observe(&subject("a", window as i64), value, &LEVELS, &[0.0; 7])
            .unwrap();
        assert!(f64::from(signal.score).is_finite());
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    for settings in [
        Settings {
            false_alerts_per_week: 0.0,
            ..Settings::default()
        },
        Settings {
            allowance: f64::NAN,
            ..Settings::default()
        },
        Settings {
            memory: Duration(0),
            ..Settings::default()
        },
    ] {
        assert!(Residual::new("speed_kmh", settings).is_err());
    }
}
