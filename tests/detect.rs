//! `arterial detect` as a person meets it.

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    command.arg("detect").args(arguments);
    command
}

fn detect(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_string_lossy().into_owned()
}

/// What a command that must end with 2 said.
fn refused(arguments: &[&str]) -> String {
    arterial_testing::refused(&mut command(arguments), 2)
}

/// A table whose row 150 lies far from the others.
fn table() -> String {
    let mut text = "x,y\n".to_owned();
    for row in 0..300_i32 {
        let (x, y) = if row == 150 { (900, -900) } else { (row % 17, row % 23) };
        writeln!(text, "{x},{y}").unwrap();
    }
    text
}

/// A noisy series at minutes whose row 900 jumps.
fn series() -> String {
    let mut text = "timestamp,speed\n".to_owned();
    for row in 0..1000_u32 {
        let (day, hour, minute) = (1 + row / 1440, row / 60 % 24, row % 60);
        let noise = f64::from(row * 7919 % 101) / 50.0;
        let value = if row == 900 { 400.0 } else { 50.0 + noise };
        writeln!(text, "2026-01-{day:02} {hour:02}:{minute:02}:00,{value}").unwrap();
    }
    text
}

#[test]
fn the_strangest_row_of_a_table_is_above_the_line_and_says_which_columns_make_it_so() {
    let folder = tempfile::tempdir().unwrap();
    let (data, out) = (write(folder.path(), "t.csv", &table()), folder.path().join("out.csv"));
    let out = out.to_string_lossy();
    let output = detect(&[
        "--data",
        &data,
        "--kind",
        "table",
        "--detector",
        "isolation-forest",
        "--out",
        &out,
        "--json",
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let scores = document["scores"].as_array().unwrap();
    let score = |row: usize| scores[row]["score"].as_f64().unwrap();
    assert!(score(150) >= 1.0 && (0..300).all(|row| score(row) <= score(150)));
    let reason = scores[150]["reason"].as_str().unwrap();
    assert!(reason.contains("x is 900") || reason.contains("y is -900"), "{reason}");
    let csv = std::fs::read_to_string(out.as_ref()).unwrap();
    assert_eq!(csv.lines().next(), Some("row,score,alert,reason"));
    assert_eq!(csv.lines().count(), 301);
}

#[test]
fn a_series_is_scored_row_by_row_and_its_prefix_gets_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    let whole = series();
    let prefix: String = whole
        .lines()
        .take(951)
        .fold(String::new(), |text, line| text + line + "\n");
    let (whole, prefix) = (
        write(folder.path(), "a.csv", &whole),
        write(folder.path(), "b.csv", &prefix),
    );
    let lines = |data: &str| {
        let output = detect(&["--data", data, "--kind", "series"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (whole, prefix) = (lines(&whole), lines(&prefix));
    assert_eq!(whole[0], "timestamp,score,alert,reason");
    assert_eq!(whole[..951], prefix[..]);
    assert!(
        whole[901].starts_with("2026-01-01 15:00:00,") && whole[901].contains(",true,"),
        "{}",
        whole[901]
    );
    assert!(whole[901].contains("speed"), "{}", whole[901]);
}

#[test]
fn times_that_repeat_or_go_back_are_scored_and_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let text = "timestamp,a\n2026-01-01 00:05,1\n2026-01-01 00:05,2\n2026-01-01 00:00,3\n";
    let data = write(folder.path(), "a.csv", text);
    let output = detect(&["--data", &data, "--kind", "series"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("1 rows repeat") && said.contains("1 rows lie before"),
        "{said}"
    );
    assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), 4);
}

#[test]
fn a_column_without_any_value_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let text = "timestamp,a,b\n2026-01-01 00:00,1,\n2026-01-01 00:05,2,NaN\n";
    let data = write(folder.path(), "a.csv", text);
    let output = detect(&["--data", &data, "--kind", "series"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("columns without any value are not judged: `b`\n"),
        "{said}"
    );
}

#[test]
fn a_time_decades_from_all_others_is_scored_and_told_of_with_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), "a.csv", &(series() + "1990-01-01 00:00:00,50\n"));
    let output = detect(&["--data", &data, "--kind", "series"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("a.csv: row 1001: 1990-01-01T00:00:00Z lies far from the other times"),
        "{said}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1002);
    assert!(text.lines().last().unwrap().starts_with("1990-01-01 00:00:00,"));
}

#[test]
fn help_says_which_detector_is_recommended_and_which_is_the_weakest() {
    let output = detect(&["--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    let said = help.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("auto (the one we recommend)"), "{said}");
    assert!(
        said.contains("autoencoder (of those for tables the weakest in our exam, benches/anomaly.md)"),
        "{said}"
    );
}

#[test]
fn more_columns_than_a_detector_can_judge_are_refused_with_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..900).map(|number| format!("s{number}")).collect();
    let (header, row) = (names.join(","), ["1"; 900].join(","));
    let text = format!("timestamp,{header}\n2026-01-01 00:00,{row}\n");
    let data = write(folder.path(), "wide.csv", &text);
    for (detector, most) in [("isolation-forest", 819), ("autoencoder", 512)] {
        let said = refused(&["--data", &data, "--kind", "series", "--detector", detector]);
        let accepted = format!("`number of columns` is `900`, accepted: 1 to {most} for `{detector}`");
        assert!(said.contains(&accepted), "{said}");
    }
}

#[test]
fn bad_input_names_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let data = write(folder.path(), "t.csv", &table());
    let said = refused(&["--data", &data, "--kind", "table", "--detector", "oracle"]);
    assert!(said.contains("oracle") && said.contains("isolation-forest"), "{said}");
    let said = refused(&["--data", &data, "--kind", "series"]);
    assert!(said.contains("timestamp"), "{said}");
    let said = refused(&["--data", &data, "--kind", "table", "--train-share", "1.5"]);
    assert!(
        said.contains("--train-share") && said.contains("between 0 and 1"),
        "{said}"
    );
    let text = write(folder.path(), "text.csv", "x,road\n1,ring\n");
    let said = refused(&["--data", &text, "--kind", "table"]);
    assert!(
        said.contains("road") && said.contains("ring") && said.contains("--ignore"),
        "{said}"
    );
    let other = write(folder.path(), "other.csv", "p,q\n1,2\n3,4\n");
    let said = refused(&["--data", &data, "--kind", "table", "--train", &other]);
    assert!(said.contains("p, q"), "{said}");
    assert!(refused(&["--data", "absent.csv", "--kind", "table"]).contains("absent.csv"));
}
