//! `arterial hotspots` as a person meets it.

use std::fmt::Write;
use std::process::{Command, Output};

use serde_json::Value;

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_arterial"));
    command.arg("hotspots").args(arguments);
    command
}

fn hotspots(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

/// Ten accidents at a crossing and one far away, beside columns that nobody asks for.
fn accidents() -> String {
    let mut text = "id,street,lat,lon,injured\n".to_owned();
    for row in 0..10_u32 {
        writeln!(text, "A{row},High Street,{},-3.19,2", 55.95 + f64::from(row) * 1e-4).unwrap();
    }
    text + "A10,Back Lane,55.0,-3.0,1\nA11,Nowhere,,,1\n"
}

#[test]
fn hot_spots_are_geojson_and_keep_their_names_from_run_to_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("a.csv"), accidents()).unwrap();
    let output = hotspots(&[
        "--data",
        &path("a.csv"),
        "--eps-km",
        "0.2",
        "--json",
        "--labels",
        &path("labels.csv"),
    ]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("1 of 12 rows have no place"), "{said}");
    let geojson: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(geojson["type"], "FeatureCollection");
    assert_eq!(geojson["features"].as_array().unwrap().len(), 1);
    assert_eq!(geojson["next"], 2, "the number of the next new one");
    let feature = &geojson["features"][0];
    assert_eq!(
        (&feature["id"], &feature["properties"]["points"]),
        (&"hot-spot-1".into(), &10.into())
    );
    let labels = std::fs::read_to_string(path("labels.csv")).unwrap();
    assert!(
        labels.starts_with("row,label\n0,0\n") && labels.ends_with("\n10,-1\n11,-1\n"),
        "{labels}"
    );

    std::fs::write(path("before.geojson"), &output.stdout).unwrap();
    let later = accidents().replace("55.0,-3.0", "55.9512,-3.19");
    std::fs::write(path("b.csv"), later).unwrap();
    let output = hotspots(&[
        "--data",
        &path("b.csv"),
        "--eps-km",
        "0.2",
        "--previous",
        &path("before.geojson"),
        "--json",
    ]);
    let again: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(again["features"][0]["id"], "hot-spot-1");
    assert_eq!(
        again["features"][0]["properties"]["since"],
        feature["properties"]["since"]
    );
    assert_eq!(again["features"][0]["properties"]["points"], 11);

    let table = hotspots(&["--data", &path("a.csv"), "--eps-km", "0.2", "--weight", "injured"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("hot-spot-1") && table.contains("20"), "{table}");
}

#[test]
fn bad_input_is_refused_with_what_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("a.csv"), accidents()).unwrap();
    std::fs::write(path("off.csv"), "lat,lon\n95,0\n").unwrap();
    std::fs::write(path("odd.geojson"), "{}").unwrap();
    for (arguments, said) in [
        (vec!["--data", &path("a.csv"), "--eps-km", "0"], "`--eps-km` is `0`"),
        (
            vec!["--data", &path("a.csv"), "--eps-km", "1", "--lat", "latitude"],
            "id, street, lat",
        ),
        (vec!["--data", &path("off.csv"), "--eps-km", "1"], "-90 to 90"),
        (
            vec!["--data", &path("a.csv"), "--eps-km", "1", "--lat", "street"],
            "street",
        ),
        (
            vec![
                "--data",
                &path("a.csv"),
                "--eps-km",
                "1",
                "--previous",
                &path("odd.geojson"),
            ],
            "hotspots --json",
        ),
    ] {
        let text = arterial_testing::refused(&mut command(&arguments), 2);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn clusters_of_the_edinburgh_accidents_are_those_of_scikit_learn() {
    let Some(accidents) = arterial_testing::data("incidents/edinburgh_accidents_2010_2013.csv.gz") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let labels = folder.path().join("labels.csv");
    // What `DBSCAN(eps / 6371.0088, min_samples, metric="haversine")` gives: clusters, noise, and the sum over rows of
    // (row + 1)(label + 2) modulo 10^9 + 7, rows from 0.
    for (eps, least, clusters, noise, sum) in [
        ("0.05", "5", 170, 2360, 250_575_672_i64),
        ("0.2", "5", 119, 604, 163_833_124),
        ("0.5", "20", 10, 503, 19_880_023),
    ] {
        let output = hotspots(&[
            "--data",
            &accidents.to_string_lossy(),
            "--lat",
            "latitude",
            "--lon",
            "longitude",
            "--eps-km",
            eps,
            "--min-points",
            least,
            "--labels",
            &labels.to_string_lossy(),
        ]);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = std::fs::read_to_string(&labels).unwrap();
        let found: Vec<i64> = text
            .lines()
            .skip(1)
            .map(|line| line.split_once(',').unwrap().1.parse().unwrap())
            .collect();
        assert_eq!(found.len(), 4074);
        assert_eq!(found.iter().max(), Some(&(clusters - 1)));
        assert_eq!(found.iter().filter(|label| **label < 0).count(), noise);
        let weigh = |total: i64, (row, label): (i64, &i64)| (total + (row + 1) * (label + 2)) % 1_000_000_007;
        assert_eq!((0..).zip(&found).fold(0, weigh), sum);
    }
}
