//! The demonstration, whole: a simulated city through the Kafka client to forecasts that a lake holds.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use arterial_testing::signal;
use serde_json::Value;

use crate::notebooks::run_notebooks;
use crate::{Demo, get, pause};

#[test]
fn the_demo_ends_with_forecasts_of_a_window_that_came_in_live() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["demo", "--once", "--json", "--days", "8", "--speed", "300x"])
        .args(["--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let summary: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(summary["synthetic"], true);
    assert_eq!(summary["quarantined"], 0, "every simulated event fits its stream");
    assert!(summary["events"].as_u64() > Some(100_000), "{}", summary["events"]);
    let forecasts = summary["forecasts"].as_array().unwrap();
    assert!(!forecasts.is_empty());
    for forecast in forecasts {
        let quantile = |name: &str| forecast[name].as_f64().unwrap();
        assert!(
            quantile("p10") <= quantile("p50") && quantile("p50") <= quantile("p90"),
            "{forecast}"
        );
        assert_eq!(forecast["topic"], "traffic-sensors");
        // The eighth day after 2026-01-05 at nine: what came in live, not the history.
        assert!(
            forecast["origin"].as_str() >= Some("2026-01-13T09:00:00Z"),
            "{forecast}"
        );
    }
    tells_of_the_scheduled_accident(&summary);
    for folder_name in [
        "lake/alerts",
        "lake/traffic_sensors_windows",
        "lake/forecasts",
        "lake/indices",
        "registry",
    ] {
        assert!(folder.path().join(folder_name).exists(), "{folder_name}");
    }
}

#[test]
fn ctrl_c_ends_a_demo_that_still_reads_its_history_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["demo", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"])
        .env("TMPDIR", folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(process.stderr.take().unwrap())
        .lines()
        .map_while(Result::ok);
    assert!(said.any(|line| line.starts_with("page: http://127.0.0.1:")));
    signal(&process, "INT");
    assert_eq!(said.last().as_deref(), Some("interrupted"));
    assert_eq!(process.wait().unwrap().code(), Some(130));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// One alert names the accident that the simulator says it made, at its road and with its sensor among the keys.
fn tells_of_the_scheduled_accident(summary: &Value) {
    let scheduled = &summary["scheduled"];
    let alerts = summary["alerts"].as_array().unwrap();
    let names = |alert: &&Value| {
        let evidence = alert["evidence"].as_array().unwrap();
        alert["topic"] == "traffic-sensors"
            && alert["cause"] == scheduled["type"]
            && evidence.iter().any(|one| one["subject"] == scheduled["incident_id"])
    };
    let alert = alerts
        .iter()
        .find(names)
        .unwrap_or_else(|| panic!("no alert of {scheduled}: {alerts:?}"));
    assert_eq!(alert["road_id"], scheduled["road_id"], "{alert}");
    assert_eq!(alert["zone_id"], scheduled["zone_id"], "{alert}");
    assert!(alert["opened_at"].as_str() >= scheduled["start"].as_str(), "{alert}");
    assert!(!alert["text"].as_str().unwrap().is_empty());
}

/// The alert of the accident, once `fits`, as the service tells it over HTTP; five minutes at most.
fn alert_of_the_accident(http: &str, fits: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..1200 {
        let answer = get(&format!("http://{http}/v1/alerts"));
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        let page: Value = serde_json::from_str(body).unwrap();
        let found = page["alerts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|alert| alert["topic"] == "traffic-sensors" && alert["cause"] == "accident" && fits(alert));
        if let Some(alert) = found {
            return alert.clone();
        }
        pause();
    }
    panic!("the alert of the accident never came to that");
}

/// What the list of a zone's alerts says beside them.
fn said_beside_the_list(demo: &Demo, zone: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_arterial"))
        .args(["alerts", "list", "--zone", zone, "--endpoint", demo.address("grpc")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_demo_raises_an_alert_for_its_accident_and_closes_it_while_the_notebooks_run() {
    let folder = tempfile::tempdir().unwrap();
    // At the pace that the notebooks speak of, at which no forecast becomes stale while they train.
    let demo = Demo::start(folder.path(), "60x");
    let http = demo.address("http");
    let raised = alert_of_the_accident(http, |_| true);
    let said = said_beside_the_list(&demo, "Z99");
    assert!(said.contains("no zone Z99 is known"), "{said}");
    let said = said_beside_the_list(&demo, raised["zone_id"].as_str().unwrap());
    assert!(!said.contains("is known"), "{said}");
    run_notebooks(folder.path());
    let closed = alert_of_the_accident(http, |alert| {
        alert["alert_id"] == raised["alert_id"] && alert["state"] == "resolved"
    });
    assert!(closed["closed_at"].as_str() > raised["opened_at"].as_str(), "{closed}");
}
