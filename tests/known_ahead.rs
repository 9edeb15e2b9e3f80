//! Covariates of a file that is forecast: one that is known ahead counts for the rows to come, one that is observed does not.

use std::fmt::Write;
use std::process::Command;

use serde_json::Value;

/// Hours of the data.
const ROWS: usize = 600;
/// What is asked of each forecast.
const HORIZON: usize = 3;

/// Files of one test.
struct Files(tempfile::TempDir);

impl Files {
    /// The data and what was observed beside them.
    fn new() -> Self {
        let files = Self(tempfile::tempdir().unwrap());
        let wave = |hour: usize| (hour as f64 / 24.0 * std::f64::consts::TAU).sin();
        let speed = |hour: usize| 50.0 + 5.0 * wave(hour) + 10.0 * event(hour);
        files.write("speeds.csv", "a", ROWS, speed);
        files.write("weather.csv", "rain", ROWS, |hour| (hour % 5) as f64);
        files
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes `hours` values of one column.
    fn write(&self, name: &str, column: &str, hours: usize, value: impl Fn(usize) -> f64) {
        let mut text = format!("timestamp,{column}\n");
        for hour in 0..hours {
            writeln!(text, "{},{}", time(hour), value(hour)).unwrap();
        }
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Writes the events of the data and of `hours` more, each of which is `later`.
    fn write_events(&self, hours: usize, later: f64) {
        let value = |hour: usize| if hour < ROWS { event(hour) } else { later };
        self.write("events.csv", "event", ROWS + hours, value);
    }

    /// A command about the data and both covariates.
    fn about(&self, command: &str, options: &[&str]) -> Command {
        let mut process = Command::new(env!("CARGO_BIN_EXE_arterial"));
        process.args([command, "--data", &self.path("speeds.csv"), "--json"]);
        process.args(["--covariates", &self.path("weather.csv")]);
        process.args(["--known-covariates", &self.path("events.csv")]);
        process.args(["--horizon", &HORIZON.to_string()]).args(options);
        process
    }

    /// The medians beyond the last row, and what was said meanwhile.
    fn forecast(&self) -> (Vec<f64>, String) {
        let output = self.about("forecast", &["--model", "linear"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let forecasts = document["forecasts"].as_array().unwrap();
        let medians = forecasts.iter().map(|forecast| forecast["p50"].as_f64().unwrap());
        (medians.collect(), said)
    }
}

fn time(hour: usize) -> String {
    format!("2026-01-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24)
}

/// 1 in a third of the hours, which nothing but a calendar of them tells.
fn event(hour: usize) -> f64 {
    let mut bits = (hour as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    f64::from(u8::from((bits >> 40).is_multiple_of(3)))
}

/// How often it is said that a file known ahead is too short.
fn warnings(said: &str) -> usize {
    said.matches("known covariates end before the forecasts").count()
}

#[test]
fn what_is_known_of_the_rows_to_come_changes_their_forecasts() {
    let files = Files::new();
    let forecast = |later: f64| {
        files.write_events(HORIZON, later);
        let (medians, said) = files.forecast();
        assert_eq!((medians.len(), warnings(&said)), (HORIZON, 0), "{said}");
        medians
    };
    let (calm, busy) = (forecast(0.0), forecast(1.0));
    let higher = calm.iter().zip(&busy).all(|(calm, busy)| busy - calm > 1.0);
    assert!(higher, "{calm:?} {busy:?}");
}

#[test]
fn what_is_observed_behind_the_last_row_changes_nothing() {
    let files = Files::new();
    files.write_events(HORIZON, 1.0);
    let (before, _) = files.forecast();
    let rain = |hour: usize| if hour < ROWS { (hour % 5) as f64 } else { 1e6 };
    files.write("weather.csv", "rain", ROWS + 24, rain);
    assert_eq!(files.forecast().0, before);
}

#[test]
fn a_known_file_that_ends_before_the_forecasts_is_told_once() {
    let files = Files::new();
    files.write_events(1, 1.0);
    let (medians, said) = files.forecast();
    assert_eq!((medians.len(), warnings(&said)), (HORIZON, 1), "{said}");
    // Its last row holds for two hours, as any would that none follows.
    let (reach, end) = (time(ROWS + 2), time(ROWS + 1));
    let expected = format!("reach to {reach}, and are missing from there on: `event` ends at {end}");
    assert!(said.contains(&expected), "{said}");
    files.write_events(HORIZON, 1.0);
    assert_eq!(files.forecast().0[..2], medians[..2], "what is known counts");
}

#[test]
fn what_is_known_of_the_rows_to_come_changes_no_score() {
    let files = Files::new();
    let scores = || {
        let printed = arterial_testing::run(&mut files.about("backtest", &["--models", "linear"]));
        let document: Value = serde_json::from_str(&printed).unwrap();
        document["scores"].clone()
    };
    files.write_events(0, 0.0);
    let before = scores();
    assert!(before[0]["mae"].is_f64(), "{before}");
    files.write_events(48, 1.0);
    assert_eq!(scores(), before);
}
