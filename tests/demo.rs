//! The demonstration, whole: a simulated city through the Kafka client to forecasts that a lake holds.

use std::process::Command;

use serde_json::Value;

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
    for folder_name in [
        "lake/traffic_sensors_windows",
        "lake/forecasts",
        "lake/indices",
        "registry",
    ] {
        assert!(folder.path().join(folder_name).exists(), "{folder_name}");
    }
}
