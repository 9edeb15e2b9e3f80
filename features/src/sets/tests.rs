use std::cell::Cell;
use std::sync::OnceLock;

use arterial_datasets::feature::{
    FeatureMatrix, FeatureSet, FeatureSetId, FeatureState, PreparedFeatures, Waits, Wanted,
};
use arterial_datasets::panel::{Attributes, Channel, ChannelRole, Graph, Holidays, Panel};
use arterial_datasets::time::{DAY, Duration, HOUR, Timestamp};
use ndarray::{Array2, Array3};
use sha2::{Digest, Sha256};

use super::feature::{Feature, Stages};
use super::layout::Layout;
use super::*;

const SERIES: usize = 4;

/// A reproducible number between 0 and 1 for a cell.
fn noise(row: usize, series: usize) -> f64 {
    let mut bits =
        (row as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (series as u64 + 7).wrapping_mul(0xd1b5_4a32_d192_ed03);
    bits ^= bits >> 29;
    bits = bits.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

fn channel(name: &str, role: ChannelRole) -> Channel {
    Channel {
        name: name.into(),
        role,
    }
}

/// A city of four sensors with gaps, weather and a calendar, from `start` in Copenhagen.
fn city(start: &str, step: &str, rows: usize) -> Panel {
    let channels = vec![
        channel("y", ChannelRole::Target),
        channel("rain", ChannelRole::Observed),
        channel("event", ChannelRole::KnownAhead),
    ];
    let names = (0..SERIES).map(|series| format!("sensor-{series}")).collect();
    let values = Array3::from_shape_fn((rows, SERIES, 3), |(row, series, place)| match place {
        0 if noise(row, series + 40) < 0.05 => f64::NAN,
        0 => 50.0 + 10.0 * (row as f64 / 15.0).sin() + 5.0 * noise(row, series) + series as f64,
        1 => noise(row / 6, 99),
        _ => f64::from(u8::from(noise(row / 12, 77) < 0.1)),
    });
    let panel = Panel::new(
        start.parse().unwrap(),
        step.parse().unwrap(),
        "Europe/Copenhagen",
        names,
        channels,
        values,
    );
    panel.unwrap().with_graph(Graph {
        edges: vec![(0, 1, 1.0), (1, 2, 0.5), (2, 3, 0.25)],
    })
}

/// Fifteen-minute rows over ten weeks and more, through the clock change of October, and what was learned on a part.
fn october() -> &'static (Panel, FeatureState) {
    static PANEL: OnceLock<(Panel, FeatureState)> = OnceLock::new();
    PANEL.get_or_init(|| {
        let panel = city("2026-08-09T22:00:00Z", "15m", 96 * 80);
        let state = standard().learn(&panel.rows(0..96 * 60)).unwrap();
        (panel, state)
    })
}

#[test]
fn no_feature_reads_a_row_behind_its_origin() {
    let (panel, state) = october();
    // Mid-day, around midnight, and around the repeated hour of 2026-10-25 (row 7396 is 01:00 UTC).
    for origin in [40, 96 * 30 + 50, 96 * 70 - 1, 96 * 70, 96 * 70 + 1, 7393, 7397] {
        for horizon in [1, 24, 100] {
            assert_eq!(guard::leaks(&*standard(), state, panel, origin, horizon).unwrap(), []);
        }
    }
}

#[test]
fn rows_are_tampered_with_under_the_calendar_and_the_attributes_of_their_panel() {
    let (panel, _) = october();
    let days = ["2026-10-12", "2026-10-13"].map(|day| day.parse().unwrap());
    let attributes = Attributes {
        names: vec!["lanes".into()],
        values: Array2::from_shape_fn((SERIES, 1), |(series, _)| series as f64),
    };
    let panel = panel.clone().with_holidays(Holidays::from_iter(days));
    let panel = panel.with_attributes(attributes);
    let leaks = guard::leaks(&*standard(), &FeatureState::default(), &panel, 96 * 70, 4);
    assert_eq!(leaks.unwrap(), []);
}

#[test]
fn a_channel_known_ahead_is_read_behind_the_last_row_as_far_as_it_is_known_and_no_other_one_is() {
    let (panel, state) = october();
    let origin = 96 * 70;
    let ended = panel.rows(0..origin + 1);
    let ahead = Array3::from_elem((24, SERIES, 3), 7.0);
    let otherwise = ended.clone().with_ahead(ahead).unwrap();
    let matrix = |panel: &Panel, horizon: usize| {
        let prepared = standard().prepare(panel, state).unwrap();
        prepared.matrix(&[origin], horizon).unwrap()
    };
    for horizon in [1, 24] {
        let differences = guard::differences(&matrix(&ended, horizon), &matrix(&otherwise, horizon));
        assert_eq!(differences, [("event_ahead".to_owned(), 0)], "{horizon} ahead");
    }
    let beyond = matrix(&otherwise, 25);
    let column = beyond.columns.iter().position(|name| name == "event_ahead").unwrap();
    assert!(beyond.values.column(column).iter().all(|value| value.is_nan()));
}

/// The standard set with one column too many.
struct Planted;

struct PlantedColumns(Vec<String>, Array2<f32>);

const PLANTED: Stages = Stages {
    frame: "planted",
    stages: &[&[Feature {
        name: "planted",
        expression: |layout| layout.ago("y", -1),
    }]],
    kept: &["planted"],
};

impl FeatureSet for Planted {
    fn id(&self) -> FeatureSetId {
        FeatureSetId {
            name: "planted".into(),
            version: 1,
            hash: String::new(),
        }
    }

    fn learn_while(&self, _: &Panel, _: Waits<'_>) -> arterial_datasets::Result<FeatureState> {
        Ok(FeatureState::default())
    }

    fn prepare_while(
        &self,
        panel: &Panel,
        _: &FeatureState,
        _: Option<Wanted<'_>>,
        waits: Waits<'_>,
    ) -> arterial_datasets::Result<Box<dyn PreparedFeatures>> {
        let mut columns = frame::compute(&PLANTED, Layout::NOMINAL, &[("y", panel.target())], waits)?;
        Ok(Box::new(PlantedColumns(vec!["planted".into()], columns.remove(0))))
    }
}

impl PreparedFeatures for PlantedColumns {
    fn columns(&self) -> &[String] {
        &self.0
    }

    fn matrix(&self, origins: &[usize], _horizon: usize) -> arterial_datasets::Result<FeatureMatrix> {
        let row = self.1.row(origins[0]);
        let values = row.to_owned().insert_axis(ndarray::Axis(1));
        let series = (0..row.len() as u32).collect();
        Ok(FeatureMatrix {
            columns: self.0.clone(),
            series,
            origins: vec![origins[0] as u32; row.len()],
            values,
        })
    }
}

#[test]
fn a_planted_future_column_is_caught() {
    let (panel, _) = october();
    let leaks = guard::leaks(&Planted, &FeatureState::default(), panel, 500, 1).unwrap();
    for tampering in guard::TAMPERINGS {
        assert!(
            leaks
                .iter()
                .any(|leak| leak.column == "planted" && leak.tampering == tampering),
            "{tampering:?}"
        );
    }
}

fn digests(matrix: &FeatureMatrix) -> Vec<String> {
    let digest = |row: ndarray::ArrayView1<f32>| {
        let mut hash = Sha256::new();
        for value in row {
            hash.update(value.to_bits().to_le_bytes());
        }
        format!("{:x?}", hash.finalize())
    };
    matrix.values.rows().into_iter().map(digest).collect()
}

#[test]
fn a_day_replayed_row_by_row_gives_the_features_of_the_whole_file() {
    let (panel, state) = october();
    let offline = standard().prepare(panel, state).unwrap();
    let first = 96 * 78;
    let history = 96 * (history_days(panel.step()) + 2);
    let (mut compared, mut mismatches) = (0, 0);
    for origin in first..first + 96 {
        let live = panel.rows(origin - history..origin + 1);
        let online = standard().prepare(&live, state).unwrap();
        let wanted = Wanted {
            origins: &[history],
            horizon: 24,
        };
        let just_enough = standard().prepare_for(&live, state, wanted).unwrap();
        for horizon in [1, 24] {
            let expected = digests(&offline.matrix(&[origin], horizon).unwrap());
            for features in [&online, &just_enough] {
                let seen = digests(&features.matrix(&[history], horizon).unwrap());
                compared += expected.len();
                mismatches += expected.iter().zip(&seen).filter(|(left, right)| left != right).count();
            }
        }
    }
    assert_eq!((compared, mismatches), (96 * 2 * 2 * SERIES, 0));
}

#[test]
fn what_was_not_asked_for_is_refused_and_what_was_has_the_bits_of_the_whole_panel() {
    let (panel, state) = october();
    let whole = standard().prepare(panel, state).unwrap();
    // Noon, the night in which the clock is set back, and midnight: slots with gaps between them, of several days.
    let origins = [96 * 70 + 48, 96 * 76 + 2, 96 * 77 + 5];
    let wanted = Wanted {
        origins: &origins,
        horizon: 9,
    };
    let some = standard().prepare_for(panel, state, wanted).unwrap();
    assert_eq!(some.columns(), whole.columns());
    for horizon in [1, 9] {
        let [all, part] = [&whole, &some].map(|features| features.matrix(&origins, horizon).unwrap());
        assert_eq!(guard::differences(&all, &part), []);
    }
    let refused = [some.matrix(&origins, 10).err(), some.matrix(&[96 * 77 + 6], 1).err()];
    let refused = refused.map(|error| error.unwrap().to_string());
    assert!(refused[0].contains("at most 9 steps"), "{}", refused[0]);
    assert!(refused[1].contains("as prepared"), "{}", refused[1]);
}

/// A panel whose value is the local hour.
fn hours(start: &str, rows: usize) -> Panel {
    let start: Timestamp = start.parse().unwrap();
    let zone = jiff::tz::TimeZone::get("Europe/Copenhagen").unwrap();
    let values = Array3::from_shape_fn((rows, 1, 1), |(row, _, _)| {
        let instant = jiff::Timestamp::from_microsecond(start.0 + row as i64 * HOUR).unwrap();
        f64::from(instant.to_zoned(zone.clone()).hour())
    });
    let channels = vec![channel("y", ChannelRole::Target)];
    Panel::new(
        start,
        "1h".parse().unwrap(),
        "Europe/Copenhagen",
        vec!["a".into()],
        channels,
        values,
    )
    .unwrap()
}

#[test]
fn profiles_follow_the_local_clock_through_both_clock_changes() {
    for (start, change) in [
        ("2026-03-08T23:00:00Z", "2026-03-29"),
        ("2026-10-04T22:00:00Z", "2026-10-25"),
    ] {
        let panel = hours(start, 24 * 30);
        let prepared = standard().prepare(&panel, &FeatureState::default()).unwrap();
        let place = |name: &str| prepared.columns().iter().position(|column| column == name).unwrap();
        for origin in 24 * 3..24 * 29 {
            for horizon in [1, 5, 20] {
                let matrix = prepared.matrix(&[origin], horizon).unwrap();
                let hour = panel.target()[[origin + horizon, 0]] as f32;
                let seen = ["profile", "hour", "deviation"].map(|name| matrix.values[[0, place(name)]]);
                assert_eq!(
                    seen.map(f32::to_bits),
                    [hour, hour, 0.0].map(f32::to_bits),
                    "{change}, row {origin}, {horizon} ahead"
                );
            }
        }
    }
}

#[test]
fn the_profile_is_the_mean_of_the_days_before_shrunk_towards_its_kind_of_day() {
    // A Monday first; the value is 10 on work days and 20 at weekends, one row a day.
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let values = Array3::from_shape_fn((30, 1, 1), |(row, _, _)| if row % 7 < 5 { 10.0 } else { 20.0 });
    let channels = vec![channel("y", ChannelRole::Target)];
    let panel = Panel::new(
        start,
        arterial_datasets::time::Duration(DAY),
        "UTC",
        vec!["a".into()],
        channels,
        values,
    )
    .unwrap();
    let prepared = standard().prepare(&panel, &FeatureState::default()).unwrap();
    let place = |name: &str| prepared.columns().iter().position(|column| column == name).unwrap();
    let profile =
        |origin: usize, horizon: usize| prepared.matrix(&[origin], horizon).unwrap().values[[0, place("profile")]];
    assert!(profile(0, 1).is_nan(), "nothing is known on the first day");
    assert!((profile(3, 1) - 10.0).abs() < 1e-6);
    // On Friday the 16th, for Saturday: two weekend days (20) and nine work days (10) before it, one Saturday among them.
    let kind = (2.0 * 20.0 + 130.0 / 11.0) / 3.0;
    let expected = (20.0 + 2.0 * kind) / 3.0;
    assert!(
        (f64::from(profile(11, 1)) - expected).abs() < 1e-4,
        "{} {expected}",
        profile(11, 1)
    );
}

#[test]
fn columns_have_names_and_the_set_has_one_hash() {
    let (panel, state) = october();
    let prepared = standard().prepare(panel, state).unwrap();
    let mut names = prepared.columns().to_vec();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), prepared.columns().len(), "each name once");
    let matrix = prepared.matrix(&[3000, 4000], 8).unwrap();
    assert_eq!(matrix.values.dim(), (2 * SERIES, names.len()));
    assert_eq!((matrix.series[5], matrix.origins[5]), (1, 4000));
    for (place, name) in matrix.columns.iter().enumerate() {
        let there = matrix
            .values
            .column(place)
            .iter()
            .filter(|value| value.is_finite())
            .count();
        assert!(there > 0, "{name} is never there");
    }
    let id = standard().id();
    assert_eq!((id.to_string().as_str(), id.hash.len()), ("standard@1", 64));
    assert!(by_hash(&id.hash).is_some() && by_hash("no such").is_none());
}

#[test]
fn a_holiday_has_the_profile_of_days_without_work() {
    let start: Timestamp = "2026-03-01T23:00:00Z".parse().unwrap();
    let rows = 28 * 24;
    // Work days are at 40, weekends at 90; 2026-03-27 is a Friday.
    let plain = |holidays: Holidays| {
        let values = Array3::from_shape_fn((rows, 1, 1), |(row, _, _)| if row / 24 % 7 < 5 { 40.0 } else { 90.0 });
        let channels = vec![channel("y", ChannelRole::Target)];
        Panel::new(
            start,
            Duration(HOUR),
            "Europe/Copenhagen",
            vec!["a".into()],
            channels,
            values,
        )
        .unwrap()
        .with_holidays(holidays)
    };
    let set = standard();
    let profile = |panel: &Panel| {
        let matrix = set
            .prepare(panel, &FeatureState::default())
            .unwrap()
            .matrix(&[25 * 24 + 6], 4)
            .unwrap();
        let column = matrix.columns.iter().position(|name| name == "profile").unwrap();
        matrix.values[[0, column]]
    };
    let friday = Holidays::from_iter(["2026-03-27".parse().unwrap()]);
    let (usual, holiday) = (profile(&plain(Holidays::default())), profile(&plain(friday)));
    assert!(usual < 45.0 && holiday > 55.0, "{usual} {holiday}");
}

#[test]
fn static_attributes_are_learned_with_the_series_and_need_not_be_brought_again() {
    let set = standard();
    let bare = hours("2026-03-02T00:00:00Z", 48);
    let attributes = Attributes {
        names: vec!["lanes".into()],
        values: Array2::from_shape_fn((bare.series().len(), 1), |(series, _)| 2.0 + series as f64),
    };
    let state = set.learn(&bare.clone().with_attributes(attributes)).unwrap();
    let matrix = set.prepare(&bare, &state).unwrap().matrix(&[30], 3).unwrap();
    let column = matrix.columns.iter().position(|name| name == "static_lanes").unwrap();
    for (row, series) in matrix.series.iter().enumerate() {
        assert_eq!(matrix.values[[row, column]].to_bits(), (2.0 + *series as f32).to_bits());
    }
    let mut broken = state;
    broken.0["attributes"]["lanes"] = serde_json::json!([]);
    assert!(set.prepare(&bare, &broken).is_err());
}

#[test]
fn what_does_not_fit_is_refused() {
    let (panel, state) = october();
    let prepared = standard().prepare(panel, state).unwrap();
    assert!(prepared.matrix(&[0], 0).unwrap_err().to_string().contains("horizon"));
    assert!(
        prepared
            .matrix(&[panel.steps()], 1)
            .unwrap_err()
            .to_string()
            .contains("origin")
    );
    let other = hours("2026-03-08T23:00:00Z", 48);
    let refused = standard().prepare(&other, state).err().unwrap().to_string();
    assert!(refused.contains("`a`") && refused.contains("sensor-0"), "{refused}");
    let mut foreign = state.clone();
    foreign.0["feature_set"] = "abc".into();
    assert!(
        standard()
            .prepare(panel, &foreign)
            .err()
            .unwrap()
            .to_string()
            .contains("abc")
    );
}

#[test]
fn short_and_empty_panels_have_features_too() {
    for rows in [1, 2, 5, 100] {
        let panel = city("2026-08-09T22:00:00Z", "15m", rows);
        let state = standard().learn(&panel).unwrap();
        let matrix = standard()
            .prepare(&panel, &state)
            .unwrap()
            .matrix(&[rows - 1], 4)
            .unwrap();
        assert_eq!(matrix.values.nrows(), SERIES);
    }
    let empty = city("2026-08-09T22:00:00Z", "15m", 0);
    assert!(
        standard()
            .prepare(&empty, &FeatureState::default())
            .unwrap()
            .matrix(&[], 1)
            .unwrap()
            .values
            .is_empty()
    );
}

type Work<'a> = &'a dyn Fn(Waits<'_>) -> arterial_datasets::Result<()>;

/// What `work` says where nobody waits any more after `most` questions, and how often it asked in all.
fn given_up<T>(most: usize, work: impl Fn(Waits<'_>) -> arterial_datasets::Result<T>) -> (bool, usize) {
    let asked = Cell::new(0);
    let waits = || {
        asked.set(asked.get() + 1);
        asked.get() <= most
    };
    let found = work(Waits::new(&waits));
    (matches!(found, Err(arterial_datasets::Error::Cancelled)), asked.get())
}

#[test]
fn features_that_nobody_waits_for_are_given_up_at_the_next_question() {
    let panel = city("2026-08-09T22:00:00Z", "15m", 96 * 3);
    let state = FeatureState::default();
    let wanted = Wanted {
        origins: &[200],
        horizon: 4,
    };
    for set in [standard(), without(standard(), "calendar")] {
        let learn = |waits: Waits<'_>| set.learn_while(&panel, waits).map(drop);
        let prepare = |waits: Waits<'_>| set.prepare_while(&panel, &state, None, waits).map(drop);
        let prepare_some = |waits: Waits<'_>| set.prepare_while(&panel, &state, Some(wanted), waits).map(drop);
        let works: [Work<'_>; 3] = [&learn, &prepare, &prepare_some];
        for (number, work) in works.into_iter().enumerate() {
            let (is_given_up, whole) = given_up(usize::MAX, work);
            assert!(!is_given_up && whole > 100, "work {number} asks {whole} times");
            for most in [0, 1, whole / 2, whole - 1] {
                assert_eq!(given_up(most, work), (true, most + 1), "work {number}");
            }
        }
    }
}

#[test]
fn neighbours_that_go_before_are_learned() {
    // Series 1 repeats series 0 three steps later; series 2 has nothing to do with them.
    let deviations = Array2::from_shape_fn((3000, 3), |(row, series)| match series {
        0 => noise(row + 3, 0) as f32,
        1 => noise(row, 0) as f32,
        _ => noise(row, 5) as f32,
    });
    let neighbours = neighbours::learn(&deviations.view(), Waits::FOR_EVER).unwrap();
    assert_eq!(neighbours.0[1].first().map(|(place, _)| *place), Some(0));
    assert!(neighbours.0[2].iter().all(|(_, weight)| *weight < 0.2));
}
