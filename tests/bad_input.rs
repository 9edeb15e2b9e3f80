//! What nobody can use, given to `arterial detect`, `hotspots` and `alerts`: each says what is wrong and what is accepted, or honestly how
//! little it knows. No score is ever no number.

use std::fmt::Write;
use std::process::{Command, Output};

use arterial_datasets::time::{MINUTE, Timestamp};

/// Detectors by name: for series, and for tables.
const FOR_SERIES: [&str; 6] = ["auto", "knn", "residual", "rules", "isolation-forest", "autoencoder"];
const FOR_TABLES: [&str; 4] = ["auto", "knn", "isolation-forest", "autoencoder"];
/// Rows that take long where each is compared with all others.
const MANY: usize = 100_000;

/// Files of one test.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// The path of a file of that name.
    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_string_lossy().into_owned()
    }

    /// Writes the file, and gives its path.
    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    for variable in ["ARTERIAL_ENDPOINT", "ARTERIAL_TOKEN_FILE", "ARTERIAL_LANGUAGE"] {
        command.env_remove(variable);
    }
    command.args(arguments);
    command
}

fn arterial(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// What a command that must end with `code` and print nothing said.
fn ends_with(code: i32, arguments: &[&str]) -> String {
    arterial_testing::refused(&mut command(arguments), code)
}

/// The same of one that finds its input bad.
fn refused(arguments: &[&str]) -> String {
    ends_with(2, arguments)
}

/// What a command prints that must end well.
fn printed(arguments: &[&str]) -> String {
    let output = arterial(arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains("NaN"), "{arguments:?}: {text}");
    text
}

/// The scores of a series by that detector: each a number.
fn scores(data: &str, detector: &str) -> Vec<f64> {
    let text = printed(&["detect", "--data", data, "--kind", "series", "--detector", detector]);
    let score = |line: &str| line.split(',').nth(1).unwrap().parse::<f64>().unwrap();
    let scores: Vec<f64> = text.lines().skip(1).map(score).collect();
    assert!(scores.iter().all(|score| score.is_finite()), "{detector}");
    scores
}

/// A series of those cells, one a minute.
fn series<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = "timestamp,speed\n".to_owned();
    for (row, cell) in (0..).zip(cells) {
        writeln!(text, "{},{cell}", Timestamp(1_767_225_600_000_000 + row * MINUTE)).unwrap();
    }
    text
}

/// A table of those cells, which are places, too.
fn table<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    cells
        .into_iter()
        .fold("lat,lon\n".to_owned(), |text, cell| text + cell + ",7\n")
}

#[test]
fn a_series_that_never_changes_or_never_has_a_value_gives_scores_and_hardly_an_alert() {
    let files = Files::new();
    for (cell, most) in [("50", 4), ("", 0)] {
        let data = files.write("series.csv", series(vec![cell; 400]));
        for detector in FOR_SERIES {
            let scores = scores(&data, detector);
            assert_eq!(scores.len(), 400);
            let alerts = scores.iter().filter(|score| **score >= 1.0).count();
            assert!(alerts <= most, "{detector} on `{cell}`: {alerts}");
        }
    }
}

#[test]
fn a_series_that_never_has_a_value_is_said_to_be_too_little_to_judge() {
    let files = Files::new();
    let data = files.write("series.csv", series(vec![""; 400]));
    for (detector, rows) in [
        ("auto", 150),
        ("knn", 150),
        ("residual", 100),
        ("isolation-forest", 300),
        ("autoencoder", 300),
    ] {
        let output = arterial(&["detect", "--data", &data, "--kind", "series", "--detector", detector]);
        let text = String::from_utf8(output.stdout).unwrap();
        let reason = format!("learning: 0 of {rows} rows");
        for line in [text.lines().nth(1).unwrap(), text.lines().next_back().unwrap()] {
            assert!(line.ends_with(&format!(",0,false,{reason}")), "{detector}: {line}");
        }
        let said = String::from_utf8(output.stderr).unwrap();
        let summary = format!("not enough data: `{detector}` judged none of 400 rows ({reason})");
        assert!(said.contains(&summary), "{said}");
    }
    let data = files.write("known.csv", series(vec!["50"; 400]));
    let output = arterial(&["detect", "--data", &data, "--kind", "series"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(" of 400 rows are above the line of `auto`"), "{said}");
}

#[test]
fn three_rows_are_a_series_of_which_little_is_known_and_no_table_to_learn_from() {
    let files = Files::new();
    let data = files.write("series.csv", series(["50", "51", "49"]));
    for detector in FOR_SERIES {
        let scores = scores(&data, detector);
        assert_eq!(scores.len(), 3);
        assert!(scores.iter().all(|score| *score < 1.0), "{detector}");
    }
    let data = files.write("table.csv", table(["50", "51", "49"]));
    for detector in FOR_TABLES {
        let said = refused(&["detect", "--data", &data, "--kind", "table", "--detector", detector]);
        assert!(said.contains("at least 10 rows, there are 3"), "{said}");
    }
}

#[test]
fn a_share_that_leaves_no_rows_to_learn_from_is_refused_rather_than_forgotten() {
    let files = Files::new();
    let data = files.write("table.csv", table(vec!["50"; 100]));
    for (share, rows) in [("0.001", 0), ("0.05", 5)] {
        let said = refused(&["detect", "--data", &data, "--kind", "table", "--train-share", share]);
        assert!(said.contains(&format!("there are {rows}")), "{said}");
    }
}

#[test]
fn a_table_of_one_value_is_scored_and_one_without_any_is_refused() {
    let files = Files::new();
    let data = files.write("constant.csv", table(vec!["50"; 100]));
    let text = printed(&["detect", "--data", &data, "--kind", "table"]);
    assert_eq!(text.lines().filter(|line| line.contains(",false,")).count(), 100);
    let data = files.write("missing.csv", format!("speed\n{}", "na\n".repeat(100)));
    for detector in FOR_TABLES {
        let said = refused(&["detect", "--data", &data, "--kind", "table", "--detector", detector]);
        assert!(
            said.contains("missing values only") && said.contains("at least one number"),
            "{said}"
        );
    }
}

#[test]
fn a_header_without_rows_is_not_enough_data_and_holds_no_hot_spots() {
    let files = Files::new();
    let data = files.write("series.csv", "timestamp,speed\n");
    for (detector, rows) in [("auto", 150), ("rules", 200), ("autoencoder", 300)] {
        let said = refused(&["detect", "--data", &data, "--kind", "series", "--detector", detector]);
        assert!(
            said.contains("not enough data") && said.contains("has no rows"),
            "{said}"
        );
        assert!(said.contains(&format!("more than {rows} rows")), "{said}");
    }
    let data = files.write("table.csv", "lat,lon\n");
    let train = files.write("train.csv", table(vec!["50"; 100]));
    for more in [vec![], vec!["--train", train.as_str()]] {
        let said = refused(&[&["detect", "--data", &data, "--kind", "table"][..], &more].concat());
        assert!(said.contains("has no rows, accepted: at least 10 rows"), "{said}");
    }
    let text = printed(&["hotspots", "--data", &data, "--eps-km", "1", "--json"]);
    assert!(text.contains("\"features\": []"), "{text}");
}

#[test]
fn a_hundred_thousand_rows_of_one_value_are_all_alike() {
    let files = Files::new();
    let data = files.write("series.csv", series(vec!["50"; MANY]));
    let scores = scores(&data, "rules");
    assert!(scores.len() == MANY && scores.iter().all(|score| *score < 1.0));
    let data = files.write("table.csv", table(vec!["50"; MANY]));
    let text = printed(&["detect", "--data", &data, "--kind", "table"]);
    assert_eq!(text.lines().filter(|line| line.contains(",false,")).count(), MANY);
    let data = files.write("places.csv", format!("lat,lon\n{}", "55.95,-3.19\n".repeat(MANY)));
    let text = printed(&["hotspots", "--data", &data, "--eps-km", "0.2"]);
    assert!(text.contains("hot-spot-1"), "{text}");
    assert!(text.contains("100000"), "{text}");
}

#[test]
fn infinities_and_text_are_refused_with_their_row_and_column() {
    let files = Files::new();
    for (cell, words) in [
        ("inf", "not finite"),
        ("-Infinity", "not finite"),
        ("1e999", "not finite"),
        ("fast", "no number"),
        ("1,000", "cells"),
    ] {
        let cells = [vec!["50"; 20], vec![cell], vec!["50"; 20]].concat();
        let timed = files.write("series.csv", series(cells.iter().copied()));
        let bare = files.write("table.csv", table(cells.iter().copied()));
        for (kind, data) in [("series", &timed), ("table", &bare)] {
            let said = refused(&["detect", "--data", data, "--kind", kind]);
            assert!(said.contains(words) && said.contains("row 21"), "{cell}: {said}");
        }
        let said = refused(&["hotspots", "--data", &bare, "--eps-km", "1"]);
        assert!(said.contains(words) && said.contains("row 21"), "{cell}: {said}");
        assert!(!said.contains("--ignore"), "hotspots has no such option: {said}");
    }
}

#[test]
fn a_file_that_is_missing_empty_or_torn_is_refused_by_name() {
    let files = Files::new();
    let mut torn = b"PAR1".to_vec();
    torn.extend([0x15; 500]);
    let mut wrong_end = torn.clone();
    wrong_end.extend(b"\xff\xff\xff\x7fPAR1");
    let (absent, folder) = (files.path("absent.csv"), files.path(""));
    for (data, words) in [
        (absent, "a file that exists"),
        (folder, "not a folder"),
        (files.write("empty.csv", ""), "not empty"),
        (files.write("torn.parquet", torn), "an intact Parquet file"),
        (files.write("end.parquet", wrong_end), "an intact Parquet file"),
        (files.write("start.parquet", "PAR1"), "an intact Parquet file"),
        (files.write("torn.csv.gz", b"\x1f\x8b\x08\x00torn"), "intact"),
        (files.write("bytes.csv", b"timestamp,\xff\xfe\n"), "UTF-8"),
    ] {
        for kind in ["series", "table"] {
            let said = refused(&["detect", "--data", &data, "--kind", kind]);
            assert!(said.contains(words), "{data}: {said}");
        }
        let said = refused(&["hotspots", "--data", &data, "--eps-km", "1"]);
        assert!(said.contains(words), "{data}: {said}");
    }
}

#[test]
fn unknown_detectors_and_wrong_options_of_detect_are_refused_with_what_is_accepted() {
    let files = Files::new();
    let data = files.write("series.csv", series(["50", "51", "49"]));
    for (options, words) in [
        (&["--kind", "series", "--detector", "oracle"][..], "residual"),
        (&["--kind", "graph"], "series"),
        (&["--kind", "series", "--train-share", "1"], "between 0 and 1"),
        (&["--kind", "series", "--train-share", "NaN"], "between 0 and 1"),
        (&["--kind", "table", "--alert-share", "0"], "between 0 and 1"),
        (&["--kind", "series", "--timezone", "Mars/Olympus"], "Mars/Olympus"),
        (&["--kind", "series", "--utc-offset", "noon"], "noon"),
        (&["--kind", "series", "--ignore", "speeds"], "timestamp, speed"),
        (&["--kind", "series", "--ignore", "speed"], "at least one column"),
        (&["--kind", "series", "--train", "absent.csv"], "absent.csv"),
        (&["--kind", "series", "--seed", "x"], "--seed"),
        (&["--kind", "series", "--json", "--out", "-"], "`--out` is `-`"),
    ] {
        let said = refused(&[&["detect", "--data", &data][..], options].concat());
        assert!(said.contains(words), "{options:?}: {said}");
    }
    let data = files.write("table.csv", table(["50", "51", "49"]));
    let said = refused(&["detect", "--data", &data, "--kind", "table", "--detector", "rules"]);
    assert!(said.contains("knn"), "{said}");
}

#[test]
fn places_and_weights_that_are_none_are_refused_and_missing_ones_are_counted() {
    let files = Files::new();
    let odd = files.write("odd.csv", "lat,lon,weight\n55,200,1\n");
    let negative = files.write("negative.csv", "lat,lon,weight\n55,10,-1\n");
    let huge = files.write("huge.csv", "lat,lon,weight\n55,10,1e308\n55,10,1e308\n");
    for (data, options, words) in [
        (&odd, &["--eps-km", "1"][..], "-180 to 180"),
        (&odd, &["--eps-km", "NaN"], "`--eps-km`"),
        (&odd, &["--eps-km", "1", "--min-points", "0"], "`--min-points` is `0`"),
        (&negative, &["--eps-km", "1", "--weight", "weight"], "not negative"),
        (&huge, &["--eps-km", "1", "--weight", "weight"], "finite sum"),
        (&negative, &["--eps-km", "1", "--previous", "gone.json"], "gone.json"),
    ] {
        let said = refused(&[&["hotspots", "--data", data][..], options].concat());
        assert!(said.contains(words), "{options:?}: {said}");
    }
    let missing = files.write("missing.csv", "lat,lon\n,\nna,10\n55,\n");
    let output = arterial(&["hotspots", "--data", &missing, "--eps-km", "1", "--json"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("3 of 3 rows have no place"), "{said}");
}

#[test]
fn wrong_options_of_alerts_are_found_before_anybody_is_asked() {
    for (arguments, words) in [
        (&["list", "--since", "soon"][..], "`--since` is `soon`"),
        (&["list", "--until", "2026-13-01T00:00:00Z"], "RFC 3339"),
        (&["list", "--limit", "0"], "--limit"),
        (&["list", "--language", "tlh"], "en, ru, fr"),
        (&["list", "--token-file", "absent"], "`--token-file` is `absent`"),
        (&["watch", "--since", "soon"], "`--since` is `soon`"),
        (&["watch", "--resume-after", "x"], "--resume-after"),
        (&["show"], "<ALERT>"),
        (&["acknowledge", "3f2a", "--by", " "], "`--by`"),
        (&["judge", "3f2a", "splendid"], "useful, false, duplicate, withdrawn"),
        (&["preview", "3f2a"], "<VERDICT>"),
        (&["dead-letters"], "retry"),
    ] {
        let said = refused(&[&["alerts"][..], arguments].concat());
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let said = refused(&["alerts", "list", "--endpoint", "no address"]);
    assert!(said.contains("`endpoint` is `no address`"), "{said}");
}

#[test]
fn where_no_service_answers_alerts_say_so_and_end_with_1() {
    for arguments in [
        &["list", "--json"][..],
        &["watch"],
        &["show", "3f2a"],
        &["acknowledge", "3f2a", "--by", "ann"],
        &["judge", "3f2a", "false", "--by", "ann"],
        &["preview", "3f2a", "false", "--by", "ann"],
        &["preview", "3f2a", "false"],
        &["dead-letters", "list"],
    ] {
        let all = [&["alerts"][..], arguments, &["--endpoint", "http://127.0.0.1:1"]].concat();
        let said = ends_with(1, &all);
        assert!(said.contains("no service answers at `http://127.0.0.1:1`"), "{said}");
    }
}
