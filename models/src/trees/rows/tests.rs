use arterial_datasets::panel::{Attributes, Channel, ChannelRole, Holidays};
use ndarray::{Array3, array};
use serde_json::{Value, json};

use super::super::covariate::sources;
use super::super::feature::constants;
use super::*;
use crate::scope::Scope;

/// Two series in steps of five minutes from a Friday, 22:50 in Copenhagen: `a` counts rows from 0, `b` is missing.
fn panel() -> Panel {
    let target = Channel {
        name: "speed".into(),
        role: ChannelRole::Target,
    };
    let values = Array3::from_shape_fn(
        (20, 2, 1),
        |(row, series, _)| {
            if series == 0 { row as f64 } else { f64::NAN }
        },
    );
    let panel = Panel::new(
        "2026-02-27T21:50:00Z".parse().unwrap(),
        "5m".parse().unwrap(),
        "Europe/Copenhagen",
        vec!["a".into(), "b".into()],
        vec![target],
        values,
    );
    panel.unwrap().with_attributes(Attributes {
        names: vec!["lanes".into(), "limit".into()],
        values: array![[2.0, 50.0], [3.0, f64::NAN]],
    })
}

/// The same with `rain`, which is observed, and `event`, which is known ahead: ten and a hundred times the row.
fn panel_with_covariates() -> Panel {
    let plain = panel();
    let channels = [
        ("speed", ChannelRole::Target),
        ("rain", ChannelRole::Observed),
        ("event", ChannelRole::KnownAhead),
    ];
    let channel = |(name, role): (&str, ChannelRole)| Channel {
        name: name.into(),
        role,
    };
    let factor = |channel: usize| [1.0, 10.0, 100.0][channel];
    let values = Array3::from_shape_fn((20, 2, 3), |(row, _, channel)| factor(channel) * row as f64);
    let names = plain.series().to_vec();
    let channels = channels.map(channel).to_vec();
    Panel::new(plain.start(), plain.step(), plain.timezone(), names, channels, values).unwrap()
}

fn description(features: &Value, time_of: &str) -> Description {
    let description = json!({
        "step": "5m", "horizon": 20, "strategy": "recursive", "features": features, "time_of": time_of,
        "output": "value"
    });
    serde_json::from_value(description).unwrap()
}

fn line(origin: usize, made: Vec<f64>) -> Line {
    Line {
        at: 0,
        origin,
        series: 0,
        made,
    }
}

/// What is read of `line` in `panel` to forecast `step` steps ahead.
fn read(panel: &Panel, description: &Description, line: &Line, step: usize) -> Vec<f32> {
    let constants = constants(&description.features, panel).unwrap();
    let sources = sources(&description.features, &Scope::of(panel)).unwrap();
    let rows = Rows::new(description, &constants, &sources, panel, &[line.origin], 20).unwrap();
    rows.table(std::slice::from_ref(line), step).into_raw_vec_and_offset().0
}

#[test]
fn lags_and_means_are_counted_back_from_the_origin_and_missing_before_the_first_row() {
    let features = json!([{"lag": 0}, {"lag": 3}, {"mean": [0, 3]}, {"mean": [2, 2]}, {"lag": 6}, {"mean": [4, 6]}]);
    let read = read(&panel(), &description(&features, "target"), &line(5, Vec::new()), 1);
    assert_eq!(read[..4].to_vec(), [5.0, 2.0, 3.5, 3.0]);
    assert!(read[4].is_nan() && read[5].is_nan(), "{read:?}");
}

#[test]
fn deviations_and_extremes_of_lags_are_those_of_pandas() {
    let features = json!([
        {"std": [0, 3]}, {"min": [1, 3]}, {"max": [1, 3]}, {"std": [0, 6]}, {"min": [0, 6]}, {"max": [4, 6]}
    ]);
    let read = read(&panel(), &description(&features, "target"), &line(5, Vec::new()), 1);
    assert_eq!(read[..3].to_vec(), [(5.0_f64 / 3.0).sqrt() as f32, 2.0, 4.0]);
    assert!(read[3..].iter().all(|value| value.is_nan()), "{read:?}");
}

#[test]
fn a_covariate_is_read_as_far_ahead_as_it_is_known() {
    let features = json!([
        {"lag": 0}, {"covariate": "rain", "lag": 0}, {"covariate": "rain", "lag": 2}, {"covariate": "event", "lag": 1},
        {"covariate": "event", "ahead": 2}, {"covariate": "event", "at": "target"}, {"covariate": "rain", "lag": 9}
    ]);
    let (panel, description) = (panel_with_covariates(), description(&features, "target"));
    let direct = read(&panel, &description, &line(5, Vec::new()), 4);
    assert_eq!(direct[..6].to_vec(), [5.0, 50.0, 30.0, 400.0, 700.0, 900.0]);
    assert!(direct[6].is_nan(), "before the first row");
    let recursive = read(&panel, &description, &line(5, vec![7.0]), 2);
    assert_eq!(recursive[2..6].to_vec(), [40.0, 500.0, 800.0, 700.0]);
    assert!(recursive[1].is_nan(), "nobody knows at row 5 how it rains at row 6");
    let last = read(&panel, &description, &line(19, Vec::new()), 1);
    assert!(
        last[4].is_nan() && last[5].is_nan(),
        "nothing is known ahead of the last row"
    );
}

#[test]
fn what_is_known_ahead_is_read_behind_the_last_row() {
    let features = json!([{"lag": 0}, {"covariate": "event", "ahead": 2}, {"covariate": "event", "at": "target"}]);
    let ahead = Array3::from_shape_fn((3, 2, 3), |(row, _, _)| 7.0 + row as f64);
    let panel = panel_with_covariates().with_ahead(ahead).unwrap();
    let read = read(&panel, &description(&features, "target"), &line(19, Vec::new()), 1);
    assert_eq!(read, [19.0, 8.0, 7.0]);
}

#[test]
fn a_covariate_that_is_not_there_or_not_known_ahead_is_refused_by_its_column() {
    let refusal = |panel: &Panel, covariate: Value| {
        let description = description(&json!([{"lag": 0}, covariate]), "target");
        let refused = sources(&description.features, &Scope::of(panel));
        refused.unwrap_err().to_string()
    };
    let message = refusal(&panel_with_covariates(), json!({"covariate": "wind", "lag": 0}));
    assert!(
        message.contains("`features[1].covariate` is `wind`") && message.contains("rain, event"),
        "{message}"
    );
    let message = refusal(&panel(), json!({"covariate": "rain", "lag": 0}));
    assert!(message.contains("a covariate of the panel: there is none"), "{message}");
    let message = refusal(&panel_with_covariates(), json!({"covariate": "rain", "ahead": 3}));
    let expected = "`features[1].ahead` is `3`, accepted: `lag`, as `rain` is not known ahead";
    assert!(message.contains(expected), "{message}");
    let message = refusal(&panel_with_covariates(), json!({"covariate": "rain", "at": "target"}));
    assert!(message.contains("`features[1].at` is `target`"), "{message}");
}

#[test]
fn forecasts_stand_in_for_the_rows_behind_the_origin() {
    let features = json!([{"lag": 0}, {"lag": 1}, {"lag": 2}, {"mean": [0, 3]}]);
    let line = line(5, vec![50.0, 51.0]);
    let read = read(&panel(), &description(&features, "target"), &line, 3);
    assert_eq!(read, [51.0, 50.0, 5.0, 27.5]);
}

#[test]
fn times_are_those_of_the_local_clock_at_the_target_or_at_the_origin() {
    let features = json!([
        "minute_of_day", "hour", "day_of_week", "is_weekend", "month", "time_of_day", "time_of_day_sine",
        "time_of_day_cosine", "horizon", {"lag": 0}
    ]);
    // Row 13 is Friday, 23:55; one step later it is Saturday.
    let at_target = read(&panel(), &description(&features, "target"), &line(13, Vec::new()), 1);
    assert_eq!(at_target, [0.0, 0.0, 5.0, 1.0, 2.0, 0.0, 0.0, 1.0, 1.0, 13.0]);
    let at_origin = read(&panel(), &description(&features, "origin"), &line(13, Vec::new()), 1);
    assert_eq!(at_origin[..6].to_vec(), [1435.0, 23.0, 4.0, 0.0, 2.0, 1435.0 / 1440.0]);
    let later = read(&panel(), &description(&features, "origin"), &line(13, vec![9.0]), 2);
    assert_eq!(
        later[..2].to_vec(),
        [0.0, 0.0],
        "the origin moves on with what was forecast"
    );
}

#[test]
fn a_holiday_keeps_its_day_of_the_week_and_is_told_by_itself() {
    let friday: jiff::civil::Date = "2026-02-27".parse().unwrap();
    let holidays: Holidays = [friday].into_iter().collect();
    let features = json!(["day_of_week", "is_weekend", "is_holiday", {"lag": 1}]);
    let description = description(&features, "origin");
    let with = panel().with_holidays(holidays);
    assert_eq!(read(&with, &description, &line(1, Vec::new()), 1), [4.0, 0.0, 1.0, 0.0]);
    assert_eq!(
        read(&panel(), &description, &line(1, Vec::new()), 1),
        [4.0, 0.0, 0.0, 0.0]
    );
    // Row 14 is Saturday, 00:00.
    assert_eq!(
        read(&with, &description, &line(14, Vec::new()), 1)[..3].to_vec(),
        [5.0, 1.0, 0.0]
    );
}

#[test]
fn what_does_not_change_is_told_by_series() {
    let features = json!([{"series": {"b": 1, "a": 7.5, "c": 3}}, {"static": "limit"}, {"lag": 0}]);
    let description = description(&features, "target");
    let constants = constants(&description.features, &panel()).unwrap();
    assert_eq!(constants.column(0).to_vec(), [7.5, 1.0]);
    assert_eq!(constants.column(1)[0].to_bits(), 50.0_f64.to_bits());
    assert!(constants.column(1)[1].is_nan());
    let read = read(&panel(), &description, &line(4, Vec::new()), 1);
    assert_eq!(read, [7.5, 50.0, 4.0]);
}

#[test]
fn a_series_without_a_number_and_an_unknown_attribute_are_refused_by_their_column() {
    let refusal = |features: &Value| {
        let description = description(features, "target");
        constants(&description.features, &panel()).unwrap_err().to_string()
    };
    let message = refusal(&json!([{"lag": 0}, {"series": {"a": 0}}]));
    let expected = "`features[1].series` is `nothing for `b``";
    assert!(message.contains(expected), "{message}");
    let message = refusal(&json!([{"static": "width"}]));
    assert!(
        message.contains("`features[0].static` is `width`") && message.contains("lanes, limit"),
        "{message}"
    );
}

#[test]
fn a_series_of_which_nothing_is_there_that_is_read_has_no_line() {
    let panel = panel();
    let description = description(&json!([{"lag": 2}, {"mean": [3, 4]}]), "target");
    let constants = constants(&description.features, &panel).unwrap();
    let rows = Rows::new(&description, &constants, &[None, None], &panel, &[1, 2], 4).unwrap();
    let lines = rows.lines(&[1, 2]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((lines[0].at, lines[0].origin, lines[0].series), (1, 2, 0));
}
