use arterial_datasets::panel::{Attributes, Channel, ChannelRole, Holidays};
use ndarray::{Array3, array};
use serde_json::{Value, json};

use super::super::feature::constants;
use super::*;

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
    let rows = Rows::new(description, &constants, panel, &[line.origin], 20).unwrap();
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
fn holidays_are_weekend() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"2026-02-27\n").unwrap();
    let panel = panel().with_holidays(Holidays::read(file.path()).unwrap());
    let features = json!(["day_of_week", "is_weekend", {"lag": 0}]);
    let read = read(&panel, &description(&features, "origin"), &line(0, Vec::new()), 1);
    assert_eq!(read, [6.0, 1.0, 0.0]);
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
    let rows = Rows::new(&description, &constants, &panel, &[1, 2], 4).unwrap();
    let lines = rows.lines(&[1, 2]);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((lines[0].at, lines[0].origin, lines[0].series), (1, 2, 0));
}
