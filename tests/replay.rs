//! `arterial replay --lake` as a person meets it.

use std::path::Path;
use std::process::{Command, Output};

use arrow::array::AsArray;
use arrow::datatypes::Float64Type;
use arterial_datasets::lake::{Lake, LakeOptions, Scan, Table};
use arterial_datasets::time::{MINUTE, Timestamp};
use serde_json::Value;

fn replay(lake: &Path, data: &Path, stream: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["replay", "--json", "--stream", stream])
        .args(more)
        .arg("--data")
        .arg(data)
        .arg("--lake")
        .arg(lake)
        .env("ARTERIAL_LAKE__FSYNC", "false")
        .output()
        .unwrap()
}

fn replayed(lake: &Path, data: &Path, stream: &str, more: &[&str]) -> Value {
    let output = replay(lake, data, stream, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn in_table<T>(lake: &Path, name: &str, work: impl AsyncFnOnce(Table) -> T) -> T {
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let lake = Lake::open(&lake.to_string_lossy(), LakeOptions::default())
            .await
            .unwrap();
        work(lake.existing(name).await.unwrap().unwrap()).await
    })
}

/// Two car parks that report every five minutes from 2026-01-05 on, for so many hours.
fn car_parks(path: &Path, hours: i64) {
    let begin: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let event = |step: i64, name: &str| {
        let time = Timestamp(begin.0 + step * 5 * MINUTE);
        format!(
            r#"{{"parking_id":"{name}","timestamp":"{time}","total_spaces":90,"available_spaces":{}}}"#,
            step % 90
        )
    };
    let lines: Vec<String> = (0..hours * 12)
        .flat_map(|step| ["P1", "P2"].map(|name| event(step, name)))
        .collect();
    std::fs::write(path, lines.join("\n")).unwrap();
}

#[test]
fn the_same_file_again_adds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, file) = (folder.path().join("lake"), folder.path().join("history.jsonl"));
    car_parks(&file, 50);
    let first = replayed(&lake, &file, "parking", &[]);
    assert_eq!((&first["events"], &first["windows"]), (&1200.into(), &1200.into()));

    let copy = folder.path().join("copy.jsonl");
    std::fs::copy(&file, &copy).unwrap();
    for path in [&file, &copy] {
        let again = replayed(&lake, path, "parking", &[]);
        assert_eq!(
            (&again["events"], &again["windows"], &again["revisions"]),
            (&0.into(), &0.into(), &0.into())
        );
    }
    // The file has grown: what it told before is recognised.
    car_parks(&file, 51);
    let grown = replayed(&lake, &file, "parking", &[]);
    assert_eq!((&grown["events"], &grown["duplicates"]), (&24.into(), &1200.into()));
    let files = in_table(&lake, "parking_windows", async |table| table.files().0);
    assert!(files <= 6, "{files} files for three days and two commits");
}

#[test]
fn a_lake_that_takes_nothing_ends_the_replay_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (lake, file) = (folder.path().join("lake"), folder.path().join("history.jsonl"));
    car_parks(&file, 1);
    std::fs::create_dir(&lake).unwrap();
    std::fs::write(lake.join("parking_windows"), "a file where a folder belongs").unwrap();
    let output = replay(&lake, &file, "parking", &[]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty());
    assert!(
        said.contains("parking was not replayed to its end") && said.contains("parking_windows"),
        "{said}"
    );
}

#[test]
fn every_window_of_los_loop_is_complete() {
    let Some(data) = arterial_testing::data("traffic/losloop") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let summary = replayed(&lake, &data, "traffic-sensors", &["--mapping", "los-loop"]);
    assert_eq!(summary["windows"], 417_312);
    in_table(&lake, "traffic_sensors_windows", async |table| {
        assert!(table.files().0 <= 12, "{} files for eight days", table.files().0);
        let scan = Scan {
            columns: Some(vec!["quality".into()]),
            ..Scan::default()
        };
        for batch in table.scan(&scan).await.unwrap() {
            let quality = batch["quality"].as_primitive::<Float64Type>();
            assert_eq!(arrow::compute::min(quality), Some(1.0));
        }
    });
}
